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

int failed(const std::string& path) {
  complain(fmt::format("{}: {}", path, std::generic_category().message(errno)));
  return exit_failure;
}

/// In one write, as the files of the tree want it.
int write_file(const std::string& path, const std::string& text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) return failed(path);
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : failed(path);
}

}  // namespace

int discover_in_tree(const std::string& folder) {
  return write_file(folder + "/dev/etherd/discover", "discover\n");
}

int interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces) {
  if (!interfaces.empty()) {
    return write_file(folder + "/dev/etherd/interfaces",
                      fmt::format("{}\n", fmt::join(interfaces, " ")));
  }
  const std::string path = folder + "/sys/module/aoe/parameters/aoe_iflist";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failed(path);
  std::array<char, 4096> text;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return failed(path);
  fmt::print("{}", std::string_view(text.data(), static_cast<std::size_t>(size)));
  return 0;
}

int revalidate_in_tree(const std::string& folder, const std::string& device) {
  return write_file(folder + "/dev/etherd/revalidate", device + "\n");
}

int flush_in_tree(const std::string& folder, const std::string& device) {
  return write_file(folder + "/dev/etherd/flush", device + "\n");
}

}  // namespace aoe::initiator
