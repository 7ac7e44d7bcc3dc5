#include "harness/run/fault_control.h"

#include "base/check.h"

namespace aoe::harness {

/// What a world does as a fault of an end begins.
struct FaultControl::Arm {
  FaultControl& control;
  World& world = control.world_;

  Control operator()(const MacChangeSpec& spec) const { return world.set_mac(spec.end, spec.mac); }
  Control operator()(const LinkDownSpec& spec) const { return world.set_link(spec.end, false); }
  Control operator()(const MtuSpec& spec) const { return world.set_mtu(spec.end, spec.mtu); }
  Control operator()(const PauseSpec&) const { return world.pause_target(true); }
  Control operator()(const KillSpec& spec) const {
    auto killed = world.kill_target();
    if (killed && spec.restart_after) control.restart_due_ = world.now() + *spec.restart_after;
    return killed;
  }
  Control operator()(const DiskErrorSpec& spec) const { return world.set_disk_faults(spec.faults); }
  template <class FrameSpec>
  Control operator()(const FrameSpec&) const {
    AOE_CHECK(false && "a fault of frames is the stage's");
  }
};

/// And as it ends. What could be done can be undone; where it can't, the world is broken and says
/// so itself.
struct FaultControl::Heal {
  FaultControl& control;
  World& world = control.world_;

  void operator()(const MacChangeSpec&) const {}
  void operator()(const LinkDownSpec& spec) const { (void)world.set_link(spec.end, true); }
  void operator()(const MtuSpec& spec) const { (void)world.set_mtu(spec.end, control.given_.mtu); }
  void operator()(const PauseSpec&) const { (void)world.pause_target(false); }
  void operator()(const KillSpec& spec) const {
    const bool is_back = spec.restart_after && control.restart_due_ == never;
    if (!is_back) control.restart();
  }
  void operator()(const DiskErrorSpec&) const { (void)world.set_disk_faults(std::nullopt); }
  template <class FrameSpec>
  void operator()(const FrameSpec&) const {}
};

Control FaultControl::arm(const FaultSpec& spec) {
  if (!spec.strikes_frames()) {
    if (auto done = std::visit(Arm{*this}, spec.kind); !done) return done;
    ends_.insert_or_assign(spec.id, spec);
  }
  world_.stage().arm(spec, world_.now());
  return {};
}

void FaultControl::heal(const std::string& id) {
  world_.stage().heal(id);
  if (const auto node = ends_.extract(id)) std::visit(Heal{*this}, node.mapped().kind);
}

void FaultControl::heal_all() {
  world_.stage().heal_all();
  while (!ends_.empty()) heal(ends_.begin()->first);
}

void FaultControl::restart() {
  restart_due_ = never;
  (void)world_.start_target();
}

void FaultControl::tick() {
  if (world_.now() >= restart_due_) restart();
}

}  // namespace aoe::harness
