#include "harness/run/fault_control.h"

#include <algorithm>

#include "base/check.h"

namespace aoe::harness {

/// What a world does as a fault of an end begins, and as it ends. What could be done can be undone;
/// where it can't, the world is broken and says so itself.
struct FaultControl::Switch {
  FaultControl& control;
  bool on;
  World& world = control.world_;

  Control operator()(const MacChangeSpec& spec) const {
    return on ? change(spec.port, &Link::mac, spec.mac) : Control();
  }
  Control operator()(const LinkDownSpec& spec) const { return change(spec.port, &Link::up, !on); }
  Control operator()(const MtuSpec& spec) const {
    return change(spec.port, &Link::mtu, on ? spec.mtu : control.network_.ports[spec.port].mtu);
  }
  Control operator()(const PauseSpec& spec) const { return world.target(spec.target).pause(on); }
  Control operator()(const KillSpec& spec) const {
    if (on) {
      auto killed = world.target(spec.target).kill();
      if (killed && spec.restart_after)
        control.restarts_due_[spec.target] = world.now() + *spec.restart_after;
      return killed;
    }
    const bool is_back = spec.restart_after && !control.restarts_due_.contains(spec.target);
    if (!is_back) control.restart(spec.target);
    return {};
  }
  Control operator()(const DiskErrorSpec& spec) const {
    return world.target(spec.device.node)
        .set_disk_faults(spec.device.lun, on ? std::optional(spec.faults) : std::nullopt);
  }
  Control operator()(const SlowDiskSpec& spec) const {
    return world.target(spec.device.node)
        .set_disk_faults(spec.device.lun, on ? std::optional(spec.faults) : std::nullopt);
  }
  Control operator()(const InterfaceGoneSpec& spec) const {
    return world.set_present(spec.port, !on, on ? std::nullopt : spec.to);
  }
  Control operator()(const InterfaceRenamedSpec& spec) const {
    return world.rename(spec.port, on ? std::optional(spec.name) : std::nullopt);
  }
  template <class FrameSpec>
  Control operator()(const FrameSpec&) const {
    AOE_CHECK(false && "a fault of frames is the stage's");
  }

  template <class Value>
  Control change(PortIndex port, Value Link::*what, Value value) const {
    Link link = world.link(port);
    link.*what = value;
    return world.set_link(port, link);
  }
};

Control FaultControl::arm(const FaultSpec& spec) {
  if (!spec.strikes_frames()) {
    if (auto done = std::visit(Switch{*this, true}, spec.kind); !done) return done;
    ends_.insert_or_assign(spec.id, spec);
  }
  world_.stage().arm(spec, world_.now());
  return {};
}

void FaultControl::heal(const std::string& id) {
  world_.stage().heal(id);
  if (const auto node = ends_.extract(id))
    (void)std::visit(Switch{*this, false}, node.mapped().kind);
}

void FaultControl::heal_all() {
  world_.stage().heal_all();
  while (!ends_.empty()) heal(ends_.begin()->first);
}

void FaultControl::restart(NodeIndex target) {
  restarts_due_.erase(target);
  (void)world_.target(target).start();
}

Instant FaultControl::deadline() const {
  Instant first = never;
  for (const auto& [target, due] : restarts_due_) first = std::min(first, due);
  return first;
}

void FaultControl::tick() {
  const Instant now = world_.now();
  const auto due =
      std::ranges::find_if(restarts_due_, [now](const auto& each) { return each.second <= now; });
  if (due != restarts_due_.end()) restart(due->first);
}

}  // namespace aoe::harness
