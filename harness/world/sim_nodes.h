// The nodes of the sim world: an interface each on its segments, and an engine behind them.
//
// Known to sim_world.cc alone.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "harness/world/engine_initiator.h"
#include "harness/world/guise.h"
#include "harness/world/sim_world.h"
#include "initiator/client/session.h"

namespace aoe::harness {

/// An interface. What its node sends goes through the mutant and the guise to the network, and what
/// arrives comes back that way; the node gets it as from a network card, which lets frames for other
/// addresses pass.
class SimWorld::Port final : public FramePort, Mutant::Sides {
 public:
  Port(SimWorld& world, PortIndex index, const Link& link)
      : world_(world), index_(index), link_(link) {}

  std::size_t receive(std::span<Bytes> frames) override;
  void send(std::span<const Outgoing> frames) override;
  int descriptor() const override { return -1; }
  Link link() const override { return link_; }
  PortCounters counters() const override { return counters_; }

  /// Makes what is between it and the network; null: nothing.
  void put_before(const MakeMutant& make, std::unique_ptr<Guise> guise);
  Mutant* mutant() { return mutant_.get(); }
  Guise* guise() { return guise_.get(); }
  PortIndex index() const { return index_; }

  void set_link(const Link& link) { link_ = link; }
  /// Who gets what arrives here: called with a frame waiting.
  void on_arrival(std::function<void()> arrived) { arrived_there_ = std::move(arrived); }
  /// Nobody is there: what the node sends is not sent.
  void mute() { muted_ = true; }
  /// Would the interface hand this frame on?
  bool hears(Bytes frame) const;
  /// A frame has left the network here.
  void arrive(Bytes frame);
  /// Hands a frame to the node, if it is for this card.
  void hand_on(Bytes frame);

 private:
  void to_link(Bytes frame) override;
  void to_end(Bytes frame) override { hand_on(frame); }

  SimWorld& world_;
  const PortIndex index_;
  Link link_;
  bool muted_ = false;
  PortCounters counters_;
  std::unique_ptr<Mutant> mutant_;  // null: the node is what it is
  std::unique_ptr<Guise> guise_;    // null: the target seems to be what it is
  std::function<void()> arrived_there_;
  std::vector<std::uint8_t> joined_;  // a frame in one piece
  Bytes waiting_;
};

class SimWorld::Initiator final : public InitiatorEnd {
 public:
  Initiator(SimWorld& world, const Scenario& scenario, NodeIndex node, std::uint64_t seed,
            const Trace& trace);

  NodeIndex node() const { return node_; }
  Instant deadline() const { return session_.deadline(); }
  void begin();
  void tick();
  bool has(const Port& port) const { return std::ranges::count(ports_, &port) > 0; }
  void link_changed(Port& port);
  void set_present(Port& port, bool present);

  void discover(Address whom) override;
  void submit(const initiator::IoRequest& request, Done done) override;
  std::string_view state(Address device) const override {
    return state_of(device, session_.engine());
  }
  bool open(Address device) override;
  void close(Address device) override;

 private:
  SimWorld& world_;
  const NodeIndex node_;
  std::vector<Port*> ports_;
  /// Of ports_, since the beginning; none while the port is gone.
  std::vector<std::optional<initiator::PortId>> session_ports_;
  initiator::Session session_;
  unsigned users_ = 0;  // of devices
};

class SimWorld::Target final : public TargetEnd {
 public:
  Target(SimWorld& world, const Scenario& scenario, NodeIndex node, const Trace& trace);

  NodeIndex node() const { return node_; }
  Instant deadline() const { return engine_.deadline(); }
  void begin();
  void tick();
  bool has(const Port& port) const { return std::ranges::count(ports_, &port) > 0; }
  void link_changed(Port& port);
  void set_present(Port& port, bool present);
  void says(const Says& says, bool announce);

  Control pause(bool paused) override;
  Control kill() override;
  Control stop() override;
  Control start() override;
  bool kill_loses_cache() const override { return true; }
  Control set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) override;
  Control read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) override;

 private:
  /// Frames that wait while it stands still, as in a socket's buffer.
  static constexpr std::size_t waiting_max = 4096;

  void arrived(Port& port);

  SimWorld& world_;
  const NodeIndex node_;
  const bool standby_;  // as the scenario begins
  std::vector<Port*> ports_;
  EngineTarget engine_;
  bool paused_ = false;
  std::deque<std::pair<Port*, std::vector<std::uint8_t>>> waiting_;
};

}  // namespace aoe::harness
