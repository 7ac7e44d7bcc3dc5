// The ends of a live world: engines of ours, processes, what answers on a wire, or nobody.
//
// Owned by their LiveWorld.
#pragma once

#include <optional>
#include <string>

#include "base/check.h"
#include "harness/world/world.h"

namespace aoe::harness {

/// How an end came to its own end, where it is a program.
class LiveEnd {
 public:
  /// Returns how it ended, as Process::end() has it. Empty while it works.
  virtual std::string end() { return {}; }
  /// Returns the last lines that it printed, up to `lines`, as ProgramLog::last_lines() has them.
  virtual std::string said(std::size_t) const { return "nothing"; }

  /// Returns why nothing more can come of it: "was killed by signal 9 (Killed); it said: …". Empty
  /// while it works.
  std::string broken(std::size_t lines = 1);

 protected:
  ~LiveEnd() = default;

  std::string why_not_;  // it could be started
};

class LiveInitiator : public InitiatorEnd, public LiveEnd {
 public:
  /// Returns whether it can be asked to search for disks.
  virtual bool is_ready() const { return true; }
};

class LiveTarget : public TargetEnd, public LiveEnd {
 public:
  /// Starts it where it does not run; some time may pass until it answers. The error says why it
  /// can't be started.
  virtual tl::expected<void, std::string> begin() { return {}; }
  Control start() final {
    if (auto begun = begin(); !begun) why_not_ = begun.error();
    return {};
  }
  /// Can it be left without an interface, and find it again?
  virtual bool can_lose_interface() const { return true; }
  /// Called when that interface of its own has another address, MTU or carrier.
  virtual void link_changed(const std::string& /*interface*/) {}
};

/// No initiator at all: for scenarios that spell every frame themselves.
class IdleInitiator final : public LiveInitiator {
 public:
  void discover(Address) override {}
  void submit(const initiator::IoRequest&, Done) override {
    AOE_CHECK(false && "an I/O of a scenario that has none");
  }
  std::string_view state(Address) const override { return {}; }
  bool open(Address) override { return false; }
  void close(Address) override {}
};

/// What answers on a real wire: it can only be asked, and has no faults.
class WireTarget final : public LiveTarget {
 public:
  Control pause(bool) override { return no("paused"); }
  Control kill() override { return no("killed"); }
  Control stop() override { return no("ended"); }
  Control set_disk_faults(std::size_t, const std::optional<DiskFaults>&) override {
    return no("given faults");
  }
  Control read_store(std::size_t, std::uint64_t, MutableBytes) override {
    return no("looked into");
  }

 private:
  static Control no(const char* what) {
    return tl::unexpected(Unsupported{std::string("what is on the wire can't be ") + what});
  }
};

}  // namespace aoe::harness
