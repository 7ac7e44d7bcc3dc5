#include "harness/world/sim_nodes.h"

#include <algorithm>
#include <array>

namespace aoe::harness {
namespace {

initiator::Parameters parameters_of(const Scenario& scenario, const Mutant* mutant) {
  initiator::Parameters parameters = parameters_of(scenario.given);
  if (mutant != nullptr) mutant->tune(parameters);
  return parameters;
}

std::vector<FramePort*> as_frame_ports(const auto& ports) {
  return {ports.begin(), ports.end()};
}

}  // namespace

// A port.

std::size_t SimWorld::Port::receive(std::span<Bytes> frames) {
  if (waiting_.empty()) return 0;
  frames[0] = std::exchange(waiting_, {});
  ++counters_.received;
  return 1;
}

void SimWorld::Port::send(std::span<const Outgoing> frames) {
  if (!link_.up) {
    counters_.send_dropped += frames.size();
    return;
  }
  counters_.sent += frames.size();
  if (muted_) return;
  for (const Outgoing& frame : frames) {
    joined_.assign(frame.head.begin(), frame.head.end());
    joined_.insert(joined_.end(), frame.data.begin(), frame.data.end());
    mutant_ != nullptr ? mutant_->sent(joined_) : to_link(joined_);
  }
}

void SimWorld::Port::put_before(const MakeMutant& make, std::unique_ptr<Guise> guise) {
  Mutant::Sides& sides = *this;
  if (make) mutant_ = make(sides);
  guise_ = std::move(guise);
}

void SimWorld::Port::to_link(Bytes frame) {
  if (guise_ == nullptr) return world_.enter(index_, frame, Origin::end);
  for (const auto& seen : guise_->sent(frame)) world_.enter(index_, seen, Origin::end);
}

bool SimWorld::Port::hears(Bytes frame) const {
  if (frame.size() < ethernet_header_size) return false;
  Mac destination;
  std::ranges::copy(frame.first(6), destination.octets.begin());
  return destination == link_.mac || destination.is_multicast();
}

void SimWorld::Port::arrive(Bytes frame) {
  if (mutant_ == nullptr && guise_ == nullptr) return hand_on(frame);
  const std::vector<std::uint8_t> seen =
      guise_ != nullptr ? guise_->arrived(frame)
                        : std::vector<std::uint8_t>(frame.begin(), frame.end());
  mutant_ != nullptr ? mutant_->arrived(seen) : hand_on(seen);
}

void SimWorld::Port::hand_on(Bytes frame) {
  if (!hears(frame)) return;
  waiting_ = frame;
  arrived_there_();
  waiting_ = {};
}

// An initiator.

SimWorld::Initiator::Initiator(SimWorld& world, const Scenario& scenario, NodeIndex node,
                               std::uint64_t seed, const Trace& trace)
    : world_(world),
      node_(node),
      session_(parameters_of(scenario,
                             world.ports_[scenario.network.nodes[node].ports.front()]->mutant()),
               seed, trace) {
  for (const PortIndex index : scenario.network.nodes[node].ports) {
    Port& port = *ports_.emplace_back(world.ports_[index].get());
    if (!plays_initiator(scenario)) port.mute();
    port.on_arrival([this, place = ports_.size() - 1] {
      session_.receive(*session_ports_[place], world_.now_);
      world_.note_deadline(*this);
    });
  }
  session_.listen([this](const initiator::Event& event) {
    if (event.kind == initiator::Event::Kind::device_down)
      world_.parties_.of(node_).abandon(event.device);
  });
}

void SimWorld::Initiator::begin() {
  for (Port* const port : ports_) session_ports_.push_back(session_.attach(*port, world_.now_));
  world_.note_deadline(*this);
}

void SimWorld::Initiator::tick() {
  session_.tick(world_.now_);
  world_.note_deadline(*this);
}

void SimWorld::Initiator::link_changed(Port& port) {
  world_.parties_.of(node_).port_changed(world_.now_);
  const auto place = static_cast<std::size_t>(std::ranges::find(ports_, &port) - ports_.begin());
  if (session_ports_[place]) session_.link_changed(*session_ports_[place], world_.now_);
  world_.note_deadline(*this);
}

void SimWorld::Initiator::set_present(Port& port, bool present) {
  world_.parties_.of(node_).port_changed(world_.now_);
  const auto place = static_cast<std::size_t>(std::ranges::find(ports_, &port) - ports_.begin());
  std::optional<initiator::PortId>& id = session_ports_[place];
  if (id) session_.detach(*std::exchange(id, std::nullopt), world_.now_);
  if (present) id = session_.attach(port, world_.now_);
  world_.note_deadline(*this);
}

void SimWorld::Initiator::discover(Address whom) {
  world_.begin();
  session_.call(world_.now_, &initiator::Engine::discover, whom);
  world_.note_deadline(*this);
}

void SimWorld::Initiator::submit(const initiator::IoRequest& request, Done done) {
  world_.begin();
  session_.submit(request, std::move(done), world_.now_);
  world_.note_deadline(*this);
}

bool SimWorld::Initiator::open(Address device) {
  world_.begin();
  const bool opened = session_.open(device);
  users_ += opened ? 1 : 0;
  return opened;
}

void SimWorld::Initiator::close(Address device) {
  if (users_ == 0) return;
  --users_;
  world_.begin();
  session_.call(world_.now_, &initiator::Engine::close, device);
  world_.note_deadline(*this);
}

// A target.

SimWorld::Target::Target(SimWorld& world, const Scenario& scenario, NodeIndex node,
                         const Trace& trace)
    : world_(world),
      node_(node),
      standby_(scenario.network.nodes[node].standby),
      ports_([&] {
        std::vector<Port*> ports;
        for (const PortIndex port : scenario.network.nodes[node].ports)
          ports.push_back(world.ports_[port].get());
        return ports;
      }()),
      engine_(scenario.network, node, world.disks_, as_frame_ports(ports_), trace,
              [&world] { return world.now_; }) {
  for (Port* const port : ports_) port->on_arrival([this, port] { arrived(*port); });
}

void SimWorld::Target::begin() {
  if (!standby_) engine_.start();
}

void SimWorld::Target::arrived(Port& port) {
  if (!paused_) {
    engine_.serve(port);
    return world_.note_deadline(*this);
  }
  std::array<Bytes, 1> frame;
  port.receive(frame);
  if (waiting_.size() < waiting_max)
    waiting_.emplace_back(&port, std::vector<std::uint8_t>(frame[0].begin(), frame[0].end()));
}

void SimWorld::Target::tick() {
  engine_.tick(world_.now_);
  world_.note_deadline(*this);
}

void SimWorld::Target::set_present(Port& port, bool present) {
  engine_.port_gone(port);
  if (present) link_changed(port);
}

void SimWorld::Target::link_changed(Port& port) {
  if (!paused_) engine_.link_changed(port);
}

void SimWorld::Target::says(const Says& says, bool announce) {
  for (Port* const port : ports_) {
    port->guise()->change(says);
    if (!announce) continue;
    for (const auto& frame : port->guise()->announce())
      world_.enter(port->index(), frame, Origin::end);
  }
}

Control SimWorld::Target::pause(bool paused) {
  world_.begin();
  paused_ = paused;
  while (!paused_ && !waiting_.empty()) {
    const auto [port, frame] = std::move(waiting_.front());
    waiting_.pop_front();
    port->hand_on(frame);
  }
  return {};
}

Control SimWorld::Target::kill() {
  world_.begin();
  paused_ = false;
  waiting_.clear();
  engine_.kill();
  world_.note_deadline(*this);
  return {};
}

Control SimWorld::Target::stop() {
  world_.begin();
  engine_.stop();
  world_.note_deadline(*this);
  return {};
}

Control SimWorld::Target::start() {
  world_.begin();
  for (Port* const port : ports_) {
    if (port->mutant() != nullptr) port->mutant()->restarted();
  }
  engine_.start();
  return {};
}

Control SimWorld::Target::set_disk_faults(std::size_t lun,
                                          const std::optional<DiskFaults>& faults) {
  engine_.disk(lun).set_faults(faults);
  return {};
}

Control SimWorld::Target::read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) {
  copy(engine_.disk(lun).bytes().subspan(offset, into.size()), into);
  return {};
}

}  // namespace aoe::harness
