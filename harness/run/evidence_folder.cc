#include "harness/run/evidence_folder.h"

#include <algorithm>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

constexpr std::string_view refused = "/\\:*?\"<>|";
/// Of 255 bytes that a file system takes; the rest is for a number behind it.
constexpr std::size_t name_size_max = 240;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace

std::string file_name(std::string_view text, std::set<std::string>& taken) {
  std::string name(text.substr(0, name_size_max));
  std::ranges::replace_if(
      name,
      [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || refused.find(c) != std::string_view::npos;
      },
      '-');
  std::string free = name;
  for (int again = 2; !taken.insert(lower(free)).second; ++again)
    free = fmt::format("{}-{}", name, again);
  return free;
}

}  // namespace aoe::harness
