#include "harness/world/world.h"

#include "harness/world/process.h"

namespace aoe::harness {

tl::expected<std::unique_ptr<Process>, std::string> World::start_beside(
    const std::vector<std::string>&, const std::string&) {
  return tl::unexpected(std::string("this world has no real interfaces"));
}

}  // namespace aoe::harness
