// A world whose initiator is a stranger on a wire: the harness is its target, and does nothing but
// answer.
//
//   [a stranger] ==eth1== [fault stage, guise] -- [our target's engine]        interface, --passive
//
// What is sent goes to that interface only: answers to requests for the scenario's shelf and slot, and
// announcements of that disk. The first that asks for exactly this disk is the initiator that is
// judged; the frames of others are left alone. Works in one thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "harness/judge/parties.h"
#include "harness/world/bridge.h"
#include "harness/world/engine_target.h"
#include "harness/world/guise.h"
#include "harness/world/heartbeat.h"
#include "harness/world/live_ends.h"
#include "wire/asio_watcher.h"
#include "wire/memory_port.h"
#include "wire/packet_port.h"

namespace aoe::harness {

class PassiveWorld final : public World {
 public:
  /// Opens the interface and starts the target, which announces itself there. The references outlive
  /// this. The error says why the interface can't be used.
  static tl::expected<std::unique_ptr<PassiveWorld>, std::string> create(
      const Scenario& scenario, const std::string& interface, std::uint64_t seed, FaultStage& stage,
      Parties& parties);
  ~PassiveWorld() override;

  Instant now() const override;
  Duration slack() const override;
  std::string broken() const override { return {}; }
  std::uint64_t frames_lost() const override;
  bool run_until(const std::function<bool()>& done, Instant deadline) override;
  InitiatorEnd& initiator(NodeIndex) override { return stranger_; }
  TargetEnd& target(NodeIndex) override { return nobodys_; }
  void says(NodeIndex target, const Says& says, bool announce) override;
  bool has_own_disk() const override { return false; }
  bool has_known_timeouts() const override { return false; }
  Link link(PortIndex port) const override;
  Control set_link(PortIndex port, const Link& link) override;
  Control set_present(PortIndex, bool, std::optional<SegmentIndex>) override {
    return tl::unexpected(Unsupported{"the interface on the wire stays"});
  }
  Control rename(PortIndex, const std::optional<std::string>&) override {
    return tl::unexpected(Unsupported{"the interface on the wire keeps its name"});
  }
  void inject(PortIndex, Bytes) override {}
  FaultStage& stage() override { return stage_; }
  /// Writes it to standard output: a person reads it there.
  void ask_user(const std::string& what) override;

 private:
  PassiveWorld(const Scenario& scenario, std::unique_ptr<PacketPort> wire, std::uint64_t seed,
               FaultStage& stage, Parties& parties);

  void receive();
  /// Is the frame a request of the initiator that is judged, for this disk?
  bool concerns(Bytes frame);
  void send(Delivery&& delivery);
  /// Lets the target handle what has reached it, and takes what it answers to the link.
  void serve();

  const Scenario& scenario_;
  FaultStage& stage_;
  Parties& parties_;
  const std::unique_ptr<Guise> guise_;  // null: the target seems to be what it is
  boost::asio::io_context loop_;
  const std::unique_ptr<PacketPort> wire_;
  const std::pair<std::unique_ptr<MemoryPort>, std::unique_ptr<MemoryPort>>
      ports_;  // to the target
  std::deque<EngineDisk> disks_;
  EngineTarget target_;
  AsioWatcher watcher_;
  Bridge bridge_;
  Heartbeat heartbeat_;
  std::optional<Mac> initiator_;  // once one has asked for this disk
  IdleInitiator stranger_;        // it can't be told anything
  WireTarget nobodys_;            // nothing is done to it, either
};

}  // namespace aoe::harness
