#include "harness/world/passive_world.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "initiator/client/live_session.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr std::uint64_t response_flag = 0x8;

}  // namespace

tl::expected<std::unique_ptr<PassiveWorld>, std::string> PassiveWorld::create(
    const Scenario& scenario, const std::string& interface, std::uint64_t seed, FaultStage& stage,
    Parties& parties) {
  auto wire = PacketPort::open(interface);
  if (!wire) return tl::unexpected(wire.error());
  if (!(*wire)->link().up) return tl::unexpected(fmt::format("{}: it is down", interface));
  return std::unique_ptr<PassiveWorld>(
      new PassiveWorld(scenario, *std::move(wire), seed, stage, parties));
}

PassiveWorld::PassiveWorld(const Scenario& scenario, std::unique_ptr<PacketPort> wire,
                           std::uint64_t seed, FaultStage& stage, Parties& parties)
    : scenario_(scenario),
      stage_(stage),
      parties_(parties),
      guise_(Guise::is_wanted(scenario, target_node) ? std::make_unique<Guise>(scenario.target())
                                                     : nullptr),
      wire_(std::move(wire)),
      ports_(MemoryPort::pair(wire_->link(), wire_->link())),
      disks_(make_disks(scenario.network, seed, initiator::monotonic_now)),
      target_(scenario.network, target_node, disks_, {ports_.second.get()}),
      watcher_(loop_),
      bridge_(loop_, stage, [this](Delivery&& delivery) { send(std::move(delivery)); }),
      heartbeat_(loop_, [this] { parties_.allow(slack()); }) {
  watcher_.watch(wire_->descriptor(), [this] { receive(); });
  for (const PortIndex port : {initiator_port, target_port}) stage_.fabric().came_up(port, now());
  target_.start();
  serve();
}

PassiveWorld::~PassiveWorld() {
  watcher_.unwatch(wire_->descriptor());
}

Instant PassiveWorld::now() const {
  return initiator::monotonic_now();
}

Duration PassiveWorld::slack() const {
  return heartbeat_.slack();
}

std::uint64_t PassiveWorld::frames_lost() const {
  const PortCounters counters = wire_->counters();
  return counters.receive_dropped + counters.send_dropped;
}

bool PassiveWorld::run_until(const std::function<bool()>& done, Instant deadline) {
  while (!done()) {
    const std::chrono::steady_clock::time_point until(deadline.time_since_epoch());
    if (loop_.run_one_until(until) > 0) continue;
    return done();
  }
  return true;
}

void PassiveWorld::receive() {
  std::array<Bytes, batch_size> frames;
  const std::size_t count = wire_->receive(frames);
  for (const Bytes frame : std::span(frames).first(count)) {
    if (concerns(frame)) bridge_.pass(initiator_port, frame, Origin::end);
  }
}

bool PassiveWorld::concerns(Bytes frame) {
  if (!layout::has(Field::tag, frame)) return false;
  if ((layout::get<Field::flags>(frame) & response_flag) != 0) return false;
  const Address own = scenario_.lun().address;
  const auto shelf = layout::get<Field::shelf>(frame);
  const auto slot = layout::get<Field::slot>(frame);
  if (shelf != own.shelf && shelf != Address::any_shelf) return false;
  if (slot != own.slot && slot != Address::any_slot) return false;
  const Mac source = layout::get<Field::source>(frame);
  if (!initiator_ && shelf == own.shelf && slot == own.slot) initiator_ = source;
  return !initiator_ || *initiator_ == source;
}

void PassiveWorld::send(Delivery&& delivery) {
  const bool to_target = delivery.direction == Direction::to_target;
  if (!carries(wire_->link(), delivery.bytes)) {
    stage_.lose(delivery, wire_->link());
  } else {
    stage_.leave(delivery, to_target ? wire_->link().mac : link(initiator_port).mac, now());
    if (to_target && guise_ != nullptr) delivery.bytes = guise_->arrived(delivery.bytes);
    const Outgoing frame{delivery.bytes, {}};
    to_target ? ports_.first->send({&frame, 1}) : wire_->send({&frame, 1});
  }
  stage_.recycle(std::move(delivery));
  // What this makes the target send enters the stage behind what is there already.
  if (to_target) boost::asio::post(loop_, [this] { serve(); });
}

void PassiveWorld::serve() {
  target_.serve(*ports_.second);
  std::array<Bytes, batch_size> frames;
  while (const std::size_t count = ports_.first->receive(frames)) {
    for (const Bytes frame : std::span(frames).first(count)) {
      if (guise_ == nullptr) {
        bridge_.pass(target_port, frame, Origin::end);
        continue;
      }
      for (const auto& seen : guise_->sent(frame)) bridge_.pass(target_port, seen, Origin::end);
    }
  }
}

Link PassiveWorld::link(PortIndex port) const {
  Link link = wire_->link();
  if (port == initiator_port) link.mac = initiator_.value_or(Mac::broadcast());
  return link;
}

Control PassiveWorld::set_link(PortIndex, const Link&) {
  return tl::unexpected(Unsupported{"the interfaces on a wire keep their addresses and settings"});
}

void PassiveWorld::says(NodeIndex, const Says& says, bool announce) {
  guise_->change(says);
  if (!announce) return;
  for (const auto& frame : guise_->announce()) bridge_.pass(target_port, frame, Origin::end);
}

void PassiveWorld::ask_user(const std::string& what) {
  fmt::print("  {}: {}\n", scenario_.id, what);
  std::fflush(stdout);
}

}  // namespace aoe::harness
