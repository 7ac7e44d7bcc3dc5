#include "suts/linux/archive.h"

#include <utility>

#include <fmt/format.h>

namespace aoe::guest {
namespace {

constexpr std::size_t alignment = 4;

void pad(std::string& bytes) {
  bytes.append((alignment - bytes.size() % alignment) % alignment, '\0');
}

}  // namespace

void Archive::add(std::string_view path, std::uint32_t mode, std::string_view content) {
  const std::uint32_t links = mode == folder_mode ? 2 : 1;
  bytes_ += "070701";
  // inode, mode, owner, group, links, time, size, two devices, length of the name, checksum
  for (const std::size_t field : std::initializer_list<std::size_t>{
           ++entries_, mode, 0, 0, links, 0, content.size(), 0, 0, 0, 0, path.size() + 1, 0}) {
    bytes_ += fmt::format("{:08x}", field);
  }
  bytes_ += path;
  bytes_ += '\0';
  pad(bytes_);
  bytes_ += content;
  pad(bytes_);
}

std::string Archive::finish() {
  add("TRAILER!!!", 0, {});
  return std::exchange(bytes_, {});
}

}  // namespace aoe::guest
