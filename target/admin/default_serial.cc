#include "target/admin/default_serial.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <random>

#include <fmt/format.h>

#include "base/fnv.h"

namespace aoe::target {
namespace {

std::string describe_machine() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string machine_id;
  std::ifstream("/etc/machine-id") >> machine_id;
  return fmt::format("{}\n{}", host.data(), machine_id);
}

std::string describe_process() {
  std::random_device random;
  return fmt::format("{}.{}.{}.{}", random(), random(), random(), random());
}

}  // namespace

std::string default_serial(const LunDefinition& lun, const ImageIdentity& image,
                           std::string_view machine, std::string_view process) {
  std::string named = fmt::format(
      "{}\n{}\n{}", machine, image.object.empty() ? image.path : image.object, lun.store.offset);
  if (lun.store.length) named += fmt::format("+{}", *lun.store.length);
  if (image.path.starts_with("memory:")) named += fmt::format("\n{}\n{}", lun.address, process);
  return fmt::format("aoe{:016x}", fnv1a(named));
}

std::string default_serial(const LunDefinition& lun, const ImageIdentity& image) {
  static const std::string machine = describe_machine();
  static const std::string process = describe_process();
  return default_serial(lun, image, machine, process);
}

}  // namespace aoe::target
