#include "target/admin/default_serial.h"

#include <unistd.h>

#include <array>
#include <fstream>

#include <fmt/format.h>

#include "base/fnv.h"

namespace aoe::target {

std::string default_serial(const ImageIdentity& image, std::string_view machine) {
  const bool is_export = image.path.find("://") != image.path.npos;
  const std::string& here = image.object.empty() ? image.path : image.object;
  return fmt::format("aoe{:016x}",
                     fnv1a(is_export ? image.path : fmt::format("{}\n{}", machine, here)));
}

std::string default_serial(const ImageIdentity& image) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string machine_id;
  std::ifstream("/etc/machine-id") >> machine_id;
  return default_serial(image, fmt::format("{}\n{}", host.data(), machine_id));
}

}  // namespace aoe::target
