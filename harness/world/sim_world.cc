#include "harness/world/sim_world.h"

#include <algorithm>
#include <utility>

#include "harness/world/sim_nodes.h"

namespace aoe::harness {

SimWorld::SimWorld(const Scenario& scenario, FaultStage& stage, Parties& parties,
                   std::uint64_t seed, const MakeMutant& make_mutant, const Trace& trace)
    : stage_(stage),
      parties_(parties),
      network_(scenario.network),
      one_way_(scenario.given.rtt / 2),
      now_(origin_of(scenario)),
      disks_(make_disks(scenario.network, seed, [this] { return now_; })),
      initiators_(scenario.network.nodes.size()),
      targets_(scenario.network.nodes.size()),
      deadlines_(scenario.network.nodes.size(), never) {
  const Network& network = scenario.network;
  for (std::size_t i = 0; i < network.ports.size(); ++i) {
    const auto& [node, segment, mac, mtu] = network.ports[i];
    Port& port = *ports_.emplace_back(
        std::make_unique<Port>(*this, static_cast<PortIndex>(i), Link{mac, mtu, true}));
    const bool is_target = network.nodes[node].role == Node::Role::target;
    const bool is_mutant = scenario.mutant && scenario.mutant->node == node;
    port.put_before(is_mutant ? make_mutant : MakeMutant(),
                    is_target && Guise::is_wanted(scenario, node)
                        ? std::make_unique<Guise>(network.nodes[node].target)
                        : nullptr);
  }
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    if (network.nodes[node].role == Node::Role::target) {
      targets_[node] = std::make_unique<Target>(*this, scenario, node, trace);
    } else {
      initiators_[node] = std::make_unique<Initiator>(*this, scenario, node, seed + node, trace);
    }
  }
}

SimWorld::~SimWorld() = default;

InitiatorEnd& SimWorld::initiator(NodeIndex node) {
  return *initiators_[node];
}

TargetEnd& SimWorld::target(NodeIndex node) {
  return *targets_[node];
}

void SimWorld::begin() {
  if (std::exchange(has_begun_, true)) return;
  for (const auto& port : ports_) stage_.fabric().came_up(port->index(), now_);
  for (const auto& target : targets_) {
    if (target != nullptr) target->begin();
  }
  for (const auto& initiator : initiators_) {
    if (initiator != nullptr) initiator->begin();
  }
}

void SimWorld::inject(PortIndex from, Bytes frame) {
  begin();
  enter(from, frame, Origin::scenario);
}

void SimWorld::enter(PortIndex from, Bytes frame, Origin origin) {
  entering_.clear();
  stage_.enter(from, frame, now_, entering_, origin);
  for (Delivery& delivery : entering_) {
    const Instant due = now_ + one_way_ + delivery.delay;
    const bool on_time = delivery.delay == Duration{};
    (on_time ? on_time_ : late_).push_back({due, next_order_++, std::move(delivery)});
    if (!on_time) std::ranges::push_heap(late_, std::greater<>());
  }
}

const Held* SimWorld::next_arrival() const {
  const Held* const on_time =
      on_time_begin_ < on_time_.size() ? &on_time_[on_time_begin_] : nullptr;
  const Held* const late = late_.empty() ? nullptr : &late_.front();
  if (on_time == nullptr || late == nullptr) return on_time == nullptr ? late : on_time;
  return *on_time > *late ? late : on_time;
}

Held SimWorld::take_next_arrival() {
  if (!late_.empty() && next_arrival() == &late_.front()) {
    std::ranges::pop_heap(late_, std::greater<>());
    Held next = std::move(late_.back());
    late_.pop_back();
    return next;
  }
  Held next = std::move(on_time_[on_time_begin_++]);
  if (2 * on_time_begin_ > on_time_.size()) {
    on_time_.erase(on_time_.begin(),
                   on_time_.begin() + static_cast<std::ptrdiff_t>(on_time_begin_));
    on_time_begin_ = 0;
  }
  return next;
}

void SimWorld::deliver(Held&& arrival) {
  Delivery& delivery = arrival.delivery;
  Port& port = *ports_[delivery.to];
  if (const Link link = port.link(); carries(link, delivery.bytes)) {
    if (stage_.leave(delivery, link.mac, now_)) port.arrive(delivery.bytes);
  } else {
    stage_.lose(delivery, link);
  }
  stage_.recycle(std::move(delivery));
}

bool SimWorld::run_until(const std::function<bool()>& done, Instant deadline) {
  begin();
  while (!done()) {
    const Held* const first = next_arrival();
    const Instant arrival = first == nullptr ? never : first->due;
    const auto timer = std::ranges::min_element(deadlines_);
    const Instant next = std::min(arrival, *timer);
    if (next > deadline) {
      now_ = std::max(now_, deadline);
      return done();
    }
    now_ = std::max(now_, next);
    if (arrival == next) {  // an answer that comes just in time is in time
      deliver(take_next_arrival());
    } else {
      const auto node = static_cast<std::size_t>(timer - deadlines_.begin());
      initiators_[node] != nullptr ? initiators_[node]->tick() : targets_[node]->tick();
    }
  }
  return true;
}

Link SimWorld::link(PortIndex port) const {
  return ports_[port]->link();
}

Control SimWorld::set_link(PortIndex index, const Link& link) {
  begin();
  Port& port = *ports_[index];
  const bool comes_up = link.up && !port.link().up;
  port.set_link(link);
  if (comes_up) stage_.fabric().came_up(index, now_);
  for (const auto& initiator : initiators_) {
    if (initiator != nullptr && initiator->has(port)) initiator->link_changed(port);
  }
  for (const auto& target : targets_) {
    if (target != nullptr && target->has(port)) target->link_changed(port);
  }
  return {};
}

Control SimWorld::set_present(PortIndex index, bool present, std::optional<SegmentIndex> on) {
  begin();
  Port& port = *ports_[index];
  Fabric& fabric = stage_.fabric();
  const auto& [node, home, mac, mtu] = network_.ports[index];
  fabric.move(index, present ? std::optional(on.value_or(home)) : std::nullopt);
  Link link = port.link();
  link.up = present;
  port.set_link(link);
  if (present) fabric.came_up(index, now_);
  if (initiators_[node] != nullptr) {
    initiators_[node]->set_present(port, present);
  } else {
    targets_[node]->set_present(port, present);
  }
  return {};
}

void SimWorld::says(NodeIndex target, const Says& says, bool announce) {
  begin();
  targets_[target]->says(says, announce);
}

}  // namespace aoe::harness
