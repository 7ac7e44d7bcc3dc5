// A world in real time: what is tested runs as a process, or is whatever answers on a wire.
//
//   [initiator: eth0] ==veth== [bridge with the fault stage] ==veth== [eth0: target]    veth
//   [initiator: eth0] ==veth== [bridge with the fault stage] ==eth1== a real wire       interface
//
// Each end and the bridge has a network namespace of its own. One of the ends is ours, as an engine
// in this process. One world a process: it moves into the namespaces of the bridge.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "harness/judge/exchanges.h"
#include "harness/language/implementation.h"
#include "harness/world/bridge.h"
#include "harness/world/guise.h"
#include "harness/world/live_ends.h"
#include "wire/asio_watcher.h"
#include "wire/network_namespace.h"
#include "wire/packet_port.h"

namespace aoe::harness {

class LiveWorld final : public World {
 public:
  struct Options {
    Implementation implementation;  // under test; ours is its peer
    std::string folder;             // of the case; for what the implementation prints: sut.log
    std::uint64_t seed = 0;
    std::string interface {};  // a real one: the target is what answers there
    bool write_ok = false;     // there: what would change the target may be sent
  };

  /// Builds the world and waits until the target is there. The error says what could not be had.
  static tl::expected<std::unique_ptr<LiveWorld>, std::string> create(const Scenario& scenario,
                                                                      const Options& options,
                                                                      FaultStage& stage,
                                                                      Exchanges& exchanges);
  ~LiveWorld() override;

  Instant now() const override;
  Duration slack() const override;
  std::string broken() const override { return broken_; }
  std::string unsupported() const override { return refused_; }
  std::uint64_t frames_lost() const override;
  std::uint64_t strangers_replies() const override { return strangers_replies_; }
  bool run_until(const std::function<bool()>& done, Instant deadline) override;
  InitiatorEnd& initiator() override { return *initiator_; }
  TargetEnd& target() override { return *target_; }
  void start_target() override;
  void says(const Says& says, bool announce) override;
  bool has_own_disk() const override { return !is_wire(); }
  bool has_known_timeouts() const override {
    return options_.implementation.role == Implementation::Role::target;
  }
  Link link(End end) const override;
  Control set_link(End end, const Link& link) override;
  const NetworkNamespace* place_of_initiator() const override {
    return cable(End::initiator).where.get();
  }
  void inject(Direction direction, Bytes frame) override {
    const bool may = direction == Direction::to_initiator || concerns(direction, frame);
    if (may) bridge_.pass(direction, frame, Origin::scenario);
  }
  FaultStage& stage() override { return stage_; }

 private:
  using Result = tl::expected<void, std::string>;

  /// What leads from the bridge to an end.
  struct Cable {
    std::unique_ptr<NetworkNamespace> where;  // of the end; null for a real wire
    std::unique_ptr<PacketPort> port;         // the bridge's
    Link link;                                // of the end
  };

  LiveWorld(const Scenario& scenario, const Options& options, FaultStage& stage,
            Exchanges& exchanges);

  Result build();
  /// Frames of this direction are forwarded from now on.
  void watch(Direction direction);
  Result lay_cable(End end, const Link& link);
  Result join_wire();
  Result make_target();
  Result await_target();
  Result await_link();
  Result make_initiator();
  Result await_initiator();
  /// Returns why what is tested can't be used: how it ended, else what it did not do.
  std::string trouble(LiveEnd& tested, const std::string& lack) const;
  bool is_wire() const { return !options_.interface.empty(); }

  Cable& cable(End end) { return cables_[static_cast<std::size_t>(end)]; }
  const Cable& cable(End end) const { return cables_[static_cast<std::size_t>(end)]; }
  /// The cable that frames of this direction come by.
  Cable& source(Direction direction) {
    return cable(direction == Direction::to_target ? End::initiator : End::target);
  }
  /// Takes some of the frames that wait; returns how many.
  std::size_t forward(Direction direction);
  /// Is the frame of this scenario? A wire has others.
  bool concerns(Direction direction, Bytes frame);
  /// On a wire: did no frame from here ask for the reply? A query's answer may also be an announcement,
  /// which nobody asks for.
  bool is_strangers(const Frame& reply) const;
  /// Sends a frame that has come through the fault stage.
  void send(Delivery&& delivery);
  void beat();
  bool target_heard() const { return slots_heard_.size() >= scenario_.target.luns; }
  /// Notes the slot that a frame of the target shows to be ready: an announcement only says that it
  /// is there, an answer that it hears. After a while any frame will do.
  void hear(const Decoded& frame);
  /// Asks the target to show up, past the fault stage.
  void call_target();

  const Scenario& scenario_;
  const Options options_;
  FaultStage& stage_;
  Exchanges& exchanges_;

  const std::unique_ptr<Guise> guise_;  // null: the target seems to be what it is
  boost::asio::io_context loop_;
  std::array<Cable, 2> cables_;  // by End
  AsioWatcher watcher_;          // of their ports
  Bridge bridge_;
  boost::asio::steady_timer heartbeat_;
  Instant heartbeat_due_{};
  Duration lateness_{};                          // the worst so far, of the heartbeat
  std::set<std::uint8_t> slots_heard_;           // of the target's
  Instant any_will_do_ = never;                  // as a sign of it
  Mac heard_from_ = Mac::broadcast();            // on a wire
  std::unordered_set<std::uint32_t> tags_sent_;  // there, by this case
  std::uint64_t strangers_replies_ = 0;
  std::string broken_;
  std::string refused_;  // to be sent on a wire

  std::unique_ptr<LiveTarget> target_;
  std::unique_ptr<LiveInitiator> initiator_;
};

}  // namespace aoe::harness
