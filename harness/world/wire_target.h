// What answers on a real wire: it can only be asked, and has no faults.
#pragma once

#include "harness/world/live_target.h"

namespace aoe::harness {

class WireTarget final : public LiveTarget {
 public:
  tl::expected<void, std::string> start() override { return {}; }
  std::string broken() override { return {}; }
  Control pause(bool) override { return no("paused"); }
  Control kill() override { return no("killed"); }
  Control set_disk_faults(const std::optional<DiskFaults>&) override { return no("given faults"); }
  Control read_store(std::uint64_t, MutableBytes) override { return no("looked into"); }

 private:
  static Control no(const char* what) {
    return tl::unexpected(Unsupported{std::string("what is on the wire can't be ") + what});
  }
};

}  // namespace aoe::harness
