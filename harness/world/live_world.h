// A world in real time: what is tested runs as a process, or is whatever answers on a wire.
//
//   [initiator: eth0] ==veth== [          ] ==veth== [eth0: target]    veth
//   [i2: eth0, eth1]  ==veth== [  bridge  ] ==veth== [eth0: t2]
//
//   [initiator: eth0] ==veth== [  bridge  ] ==eth1== a real wire       interface
//
//   [initiator: eth0] ==veth== [  bridge  ] ==eth1== a real wire ==eth1== [target]      remote
//
// Each node and the bridge has a network namespace of its own. The bridge is every segment, with the
// fault stage in the middle. What is not tested is ours, as an engine in this process or as a peer
// program; behind a wire it is what answers there, or what another machine starts for this world
// (remote_target.h). One world a process: it moves into the namespaces of the bridge.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "harness/judge/parties.h"
#include "harness/language/implementation.h"
#include "harness/world/bridge.h"
#include "harness/world/guise.h"
#include "harness/world/live_ends.h"
#include "harness/world/remote_target.h"
#include "harness/world/target_maker.h"
#include "wire/asio_watcher.h"
#include "wire/network_namespace.h"
#include "wire/packet_port.h"

namespace aoe::harness {

class LiveWorld final : public World {
 public:
  struct Options {
    Implementation implementation;         // under test: it plays all nodes of its role but ours
    std::optional<Implementation> peer{};  // plays those of the other role; nothing: our engines
    std::string folder;                    // of the case; for what they print: sut.log, peer.log
    std::uint64_t seed = 0;
    std::string interface {};  // a real one: the target is what answers there
    bool write_ok = false;     // there: what would change the target may be sent
    std::string remote{};      // there: the command that leads to the half that starts the target
  };

  /// Builds the world and waits until the targets are there. The error says what could not be had.
  static tl::expected<std::unique_ptr<LiveWorld>, std::string> create(const Scenario& scenario,
                                                                      const Options& options,
                                                                      FaultStage& stage,
                                                                      Parties& parties);
  ~LiveWorld() override;

  Instant now() const override;
  Duration slack() const override;
  std::string broken() const override { return broken_; }
  std::string lost() const override { return far_ == nullptr ? "" : far_->lost(); }
  std::string unsupported() const override { return refused_; }
  std::uint64_t frames_lost() const override;
  std::uint64_t strangers_replies() const override { return strangers_replies_; }
  bool run_until(const std::function<bool()>& done, Instant deadline) override;
  InitiatorEnd& initiator(NodeIndex node) override { return *initiators_[node]; }
  TargetEnd& target(NodeIndex node) override { return *targets_[node]; }
  void says(NodeIndex target, const Says& says, bool announce) override;
  bool has_own_disk() const override { return !is_found(); }
  bool has_known_timeouts() const override;
  Link link(PortIndex port) const override;
  Control set_link(PortIndex port, const Link& link) override;
  Control set_present(PortIndex port, bool present, std::optional<SegmentIndex> on) override;
  Control rename(PortIndex port, const std::optional<std::string>& name) override;
  const NetworkNamespace* place_of(NodeIndex node) const override { return places_[node].get(); }
  void inject(PortIndex from, Bytes frame) override;
  FaultStage& stage() override { return stage_; }

 private:
  using Result = tl::expected<void, std::string>;

  /// What leads from the bridge to a node.
  struct Cable {
    std::string interface;             // of the node, as it is called now: eth0
    std::unique_ptr<PacketPort> port;  // the bridge's
    Link link;                         // of the node
    std::unique_ptr<Guise> guise;      // null: the target seems to be what it is
  };

  LiveWorld(const Scenario& scenario, const Options& options, FaultStage& stage, Parties& parties);

  Result build();
  Result lay_cables();
  /// Frames that come from this port are forwarded from now on.
  void watch(PortIndex port);
  /// The name of a node's interface at first.
  std::string interface_name(PortIndex port) const;
  Result lay_cable(PortIndex port, const Link& link);
  Result join_wire();
  Result meet_far_half();
  /// The program that plays a node; null: an engine of ours.
  const Implementation* player(NodeIndex node) const;
  Result make_target(NodeIndex node);
  Result await_targets();
  Result await_link(NodeIndex initiator);
  Result make_initiator(NodeIndex node);
  Result await_initiator(LiveInitiator& started, const Implementation& program);
  /// Where a node's files are.
  std::string folder_of(NodeIndex node) const;
  /// The name of the file there that gets what a node's program prints.
  std::string log_of(const Implementation& program) const;
  /// Returns why a program can't be used: how it ended, else what it did not do.
  static std::string trouble(const std::string& name, LiveEnd& tested, const std::string& lack);
  bool is_wire() const { return !options_.interface.empty(); }
  /// Is the target what happens to answer on a wire?
  bool is_found() const { return is_wire() && options_.remote.empty(); }
  const Network& network() const { return scenario_.network; }

  /// Takes some of the frames that wait; returns how many.
  std::size_t forward(PortIndex from);
  /// Is the frame of this scenario? A wire has others.
  bool concerns(PortIndex from, Bytes frame);
  /// On a wire: is the frame, which is not from here, of the target?
  bool is_targets(Bytes frame, const Decoded& decoded) const;
  /// On a wire: did no frame from here ask for the reply? A query's answer may also be an
  /// announcement, which nobody asks for.
  bool is_strangers(const Frame& reply) const;
  /// Has the other half of this world sent the frame?
  bool is_from_far(Bytes frame) const;
  // The target of the other half has the address of its interface there; here it has the scenario's.
  /// Returns a frame from that with the scenario's address; empty: nothing has to be changed.
  std::vector<std::uint8_t> from_far(PortIndex from, Bytes frame) const;
  /// Gives a frame for it the address of its interface.
  void to_far(PortIndex to, MutableBytes frame) const;
  /// Sends a frame that has come through the fault stage.
  void send(Delivery&& delivery);
  void beat();
  /// Has each LUN of a target been heard, or does it stand by?
  bool is_heard(NodeIndex target) const;
  bool are_targets_heard() const;
  /// Notes the LUN that a frame of a target shows to be ready: an announcement only says that it is
  /// there, an answer that it hears. After a while any frame will do.
  void hear(NodeIndex target, const Decoded& frame);
  /// Asks the target to show up, past the fault stage.
  void call_target(NodeIndex target);

  const Scenario& scenario_;
  const Options options_;
  FaultStage& stage_;
  Parties& parties_;

  boost::asio::io_context loop_;
  std::vector<std::unique_ptr<NetworkNamespace>> places_;  // by node; null: not here
  std::unique_ptr<NetworkNamespace> limbo_;  // of interfaces that are gone; null: none was
  std::vector<Cable> cables_;                // by port
  AsioWatcher watcher_;                      // of their ports
  Bridge bridge_;
  boost::asio::steady_timer heartbeat_;
  Instant heartbeat_due_{};
  Duration lateness_{};                          // the worst so far, of the heartbeat
  std::vector<std::set<Address>> heard_;         // LUNs, by node
  Instant any_will_do_ = never;                  // as a sign of a target
  Mac heard_from_ = Mac::broadcast();            // on a wire
  std::unordered_set<std::uint32_t> tags_sent_;  // there, by this case
  std::uint64_t strangers_replies_ = 0;
  std::string broken_;
  std::string refused_;  // to be sent on a wire

  TargetMaker maker_;
  RemoteTarget* far_ = nullptr;                       // the target, where another machine has it
  std::vector<std::unique_ptr<LiveTarget>> targets_;  // by node
  std::vector<std::unique_ptr<LiveInitiator>> initiators_;  // by node
};

}  // namespace aoe::harness
