#include "harness/run/fault_control.h"

#include "base/check.h"

namespace aoe::harness {

/// What a world does as a fault of an end begins, and as it ends. What could be done can be undone;
/// where it can't, the world is broken and says so itself.
struct FaultControl::Switch {
  FaultControl& control;
  bool on;
  World& world = control.world_;

  Control operator()(const MacChangeSpec& spec) const {
    return on ? change(spec.end, &Link::mac, spec.mac) : Control();
  }
  Control operator()(const LinkDownSpec& spec) const { return change(spec.end, &Link::up, !on); }
  Control operator()(const MtuSpec& spec) const {
    return change(spec.end, &Link::mtu, on ? spec.mtu : control.given_.mtu);
  }
  Control operator()(const PauseSpec&) const { return world.target().pause(on); }
  Control operator()(const KillSpec& spec) const {
    if (on) {
      auto killed = world.target().kill();
      if (killed && spec.restart_after) control.restart_due_ = world.now() + *spec.restart_after;
      return killed;
    }
    const bool is_back = spec.restart_after && control.restart_due_ == never;
    if (!is_back) control.restart();
    return {};
  }
  Control operator()(const DiskErrorSpec& spec) const {
    return world.target().set_disk_faults(on ? std::optional(spec.faults) : std::nullopt);
  }
  template <class FrameSpec>
  Control operator()(const FrameSpec&) const {
    AOE_CHECK(false && "a fault of frames is the stage's");
  }

  template <class Value>
  Control change(End end, Value Link::*what, Value value) const {
    Link link = world.link(end);
    link.*what = value;
    return world.set_link(end, link);
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

void FaultControl::restart() {
  restart_due_ = never;
  world_.start_target();
}

void FaultControl::tick() {
  if (world_.now() >= restart_due_) restart();
}

}  // namespace aoe::harness
