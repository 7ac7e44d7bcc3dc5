#include "initiator/cli/mounted.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/descriptor.h"
#include "initiator/cli/connection.h"

namespace aoe::initiator {
namespace {

Failed failure(const std::string& path) {
  return Failed(fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

/// Writes in one go, as the files of the tree want it.
void write_file(const std::string& path, const std::string& text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) throw failure(path);
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) throw failure(path);
}

}  // namespace

void discover_in_tree(const std::string& folder) {
  write_file(folder + "/dev/etherd/discover", "discover\n");
}

void interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces) {
  if (!interfaces.empty()) {
    return write_file(folder + "/dev/etherd/interfaces",
                      fmt::format("{}\n", fmt::join(interfaces, " ")));
  }
  const std::string path = folder + "/sys/module/aoe/parameters/aoe_iflist";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw failure(path);
  std::array<char, 4096> text;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) throw failure(path);
  fmt::print("{}", std::string_view(text.data(), static_cast<std::size_t>(size)));
}

void revalidate_in_tree(const std::string& folder, const std::string& device) {
  write_file(folder + "/dev/etherd/revalidate", device + "\n");
}

void flush_in_tree(const std::string& folder, const std::string& device) {
  write_file(folder + "/dev/etherd/flush", device + "\n");
}

}  // namespace aoe::initiator
