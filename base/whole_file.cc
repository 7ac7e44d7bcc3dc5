#include "base/whole_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <unistd.h>

#include <fmt/format.h>

namespace aoe {
namespace {

namespace fs = std::filesystem;

tl::unexpected<std::string> last_error(const std::string& path) {
  return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

}  // namespace

tl::expected<void, std::string> write_text(std::FILE* file, const std::string& name,
                                           const std::string& text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
  if (!written) return last_error(name);
  return {};
}

tl::expected<void, std::string> write_whole(const std::string& path, const std::string& text) {
  std::error_code error;
  if (fs::is_block_file(path, error)) {
    return tl::unexpected(path + ": a block device is not overwritten");
  }
  const bool replaceable = !fs::exists(path, error) || fs::is_regular_file(path, error);
  const std::string beside = replaceable ? fmt::format("{}.{}.new", path, ::getpid()) : path;
  std::FILE* file = std::fopen(beside.c_str(), "we");
  if (file == nullptr) return last_error(path);
  auto result = write_text(file, path, text);
  if (std::fclose(file) != 0 && result) result = last_error(path);
  if (result && replaceable && std::rename(beside.c_str(), path.c_str()) != 0)
    result = last_error(path);
  if (!result && replaceable) std::remove(beside.c_str());
  return result;
}

}  // namespace aoe
