#include <fcntl.h>
#include <unistd.h>

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/descriptor.h"
#include "initiator/cli/commands.h"

namespace aoe::initiator {

void command_in_tree(const std::string& folder, std::string_view file, const std::string& line) {
  const std::string path = fmt::format("{}/dev/etherd/{}", folder, file);
  const Descriptor opened(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (opened.get() < 0) throw Failed(system_message(path));
  const std::string text = line + "\n";  // in one go, as the files of the tree want it
  const ssize_t written = ::write(opened.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) throw Failed(system_message(path));
}

void interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces) {
  if (!interfaces.empty()) {
    return command_in_tree(folder, "interfaces", fmt::format("{}", fmt::join(interfaces, " ")));
  }
  const std::string path = folder + "/sys/module/aoe/parameters/aoe_iflist";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Failed(system_message(path));
  std::array<char, 4096> text;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) throw Failed(system_message(path));
  fmt::print("{}", std::string_view(text.data(), static_cast<std::size_t>(size)));
}

}  // namespace aoe::initiator
