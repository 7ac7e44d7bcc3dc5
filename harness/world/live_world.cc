#include "harness/world/live_world.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "harness/world/engine_initiator.h"
#include "harness/world/faulty_file.h"
#include "harness/world/initiator_under_test.h"
#include "harness/world/live_engine_target.h"
#include "harness/world/process_target.h"
#include "harness/world/wire_guard.h"
#include "proto/layout.h"
#include "wire/interfaces.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

constexpr Duration heartbeat = milliseconds(5);
constexpr Duration target_patience = std::chrono::seconds(10);
constexpr Duration call_interval = milliseconds(25);
constexpr Duration wire_call_interval = milliseconds(200);
/// Until a target that gives no right answer is taken for ready by whatever it sends.
constexpr Duration answer_patience = std::chrono::seconds(2);
constexpr std::uint32_t call_tag = 0x43414c4c;
constexpr Duration link_patience = std::chrono::seconds(10);
/// The bridge's own interfaces carry all that an end can send.
constexpr std::uint16_t bridge_mtu = 65535;

/// The bridge's interface to an end has another number than that end's eth0. Where both are 2, the
/// kernel takes neither for the other's end, and notices the carrier only a second later.
unsigned bridge_index(End end) {
  return 1001 + static_cast<unsigned>(end);
}

std::chrono::steady_clock::time_point on_steady_clock(Instant instant) {
  return std::chrono::steady_clock::time_point(instant.time_since_epoch());
}

tl::expected<void, std::string> ip(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), find_program("ip"));
  return run_program(arguments);
}

bool needs_disk_faults(const Scenario& scenario) {
  return std::ranges::any_of(scenario.steps, [](const Step& step) {
    const auto* arm = std::get_if<ArmStep>(&step.what);
    return arm != nullptr && std::holds_alternative<DiskErrorSpec>(arm->fault.kind);
  });
}

}  // namespace

tl::expected<std::unique_ptr<LiveWorld>, std::string> LiveWorld::create(const Scenario& scenario,
                                                                        const Options& options,
                                                                        FaultStage& stage,
                                                                        Exchanges& exchanges) {
  std::unique_ptr<LiveWorld> world(new LiveWorld(scenario, options, stage, exchanges));
  if (auto built = world->build(); !built) return tl::unexpected(built.error());
  return world;
}

LiveWorld::LiveWorld(const Scenario& scenario, const Options& options, FaultStage& stage,
                     Exchanges& exchanges)
    : scenario_(scenario),
      options_(options),
      stage_(stage),
      exchanges_(exchanges),
      guise_(Guise::is_wanted(scenario) ? std::make_unique<Guise>(scenario.target) : nullptr),
      watcher_(loop_),
      bridge_(loop_, stage, [this](Delivery&& delivery) { send(std::move(delivery)); }),
      heartbeat_(loop_) {}

LiveWorld::~LiveWorld() {
  initiator_.reset();
  target_.reset();
  end_orphans();
}

LiveWorld::Result LiveWorld::build() {
  adopt_orphans();
  Link near{initiator_mac, scenario_.given.mtu, true};
  if (is_wire() && guise_ != nullptr) {
    refused_ = "what is on the wire says of itself what it says";
  }
  if (is_wire()) {
    if (auto joined = join_wire(); !joined) return joined;
    near = cable(End::target).link;  // it stands for our interface
  }
  if (auto entered = enter_network_namespace(); !entered) return entered;
  if (auto entered = enter_mount_namespace(); !entered) return entered;
  if (auto laid = lay_cable(End::initiator, near); !laid) return laid;
  if (!is_wire()) {
    const Link far{target_mac, scenario_.given.mtu, true};
    if (auto laid = lay_cable(End::target, far); !laid) return laid;
  }
  watch(Direction::to_initiator);
  heartbeat_due_ = now() + heartbeat;
  beat();
  if (auto made = make_target(); !made) return made;
  if (auto up = await_link(); !up) return up;
  if (auto made = make_initiator(); !made) return made;
  watch(Direction::to_target);  // what it has sent already waits until now, for faults to be armed
  lateness_ = {};               // all of it was our own, and is over
  return {};
}

void LiveWorld::watch(Direction direction) {
  watcher_.watch(source(direction).port->descriptor(), [this, direction] { forward(direction); });
}

LiveWorld::Result LiveWorld::lay_cable(End end, const Link& link) {
  auto where = NetworkNamespace::create();
  if (!where) return tl::unexpected(where.error());
  Cable& cable = this->cable(end);
  cable.where = std::make_unique<NetworkNamespace>(*std::move(where));
  cable.link = link;
  const std::string name(text(end));
  if (auto made = ip({"link", "add", "name", name, "index", std::to_string(bridge_index(end)),
                      "mtu", std::to_string(bridge_mtu), "type", "veth", "peer", "name", "eth0",
                      "mtu", std::to_string(link.mtu), "netns", cable.where->name()});
      !made) {
    return made;
  }
  if (auto up = ip({"link", "set", name, "up"}); !up) return up;
  {
    const NetworkNamespace::Visit inside(*cable.where);
    if (auto up = ip({"link", "set", "eth0", "address", fmt::format("{}", link.mac), "up"}); !up)
      return up;
  }
  PacketPort::Options promiscuous;
  promiscuous.promiscuous = true;
  auto port = PacketPort::open(name, promiscuous);
  if (!port) return tl::unexpected(port.error());
  cable.port = *std::move(port);
  return {};
}

LiveWorld::Result LiveWorld::join_wire() {
  auto port = PacketPort::open(options_.interface);
  if (!port) return tl::unexpected(port.error());
  Cable& wire = cable(End::target);
  wire.port = *std::move(port);
  wire.link = wire.port->link();
  if (!wire.link.up) return tl::unexpected(fmt::format("{}: it is down", options_.interface));
  return {};
}

LiveWorld::Result LiveWorld::make_target() {
  if (is_wire()) {
    target_ = std::make_unique<WireTarget>();
    return await_target();
  }
  const Cable& cable = this->cable(End::target);
  if (options_.implementation.role == Implementation::Role::target) {
    auto made = ProcessTarget::create(options_.implementation, scenario_.target, cable.link,
                                      *cable.where, options_.folder, needs_disk_faults(scenario_));
    if (!made) return tl::unexpected(made.error());
    target_ = *std::move(made);
  } else {
    const NetworkNamespace::Visit inside(*cable.where);
    auto made = LiveEngineTarget::open(loop_, scenario_.target, options_.seed);
    if (!made) return tl::unexpected(made.error());
    target_ = *std::move(made);
  }
  if (auto started = target_->start(); !started) return started;
  return await_target();
}

LiveWorld::Result LiveWorld::await_target() {
  const Instant deadline = now() + target_patience;
  any_will_do_ = now() + answer_patience;
  const auto settled = [this] { return target_heard() || !target_->broken().empty(); };
  const Duration interval = is_wire() ? wire_call_interval : call_interval;
  do {
    call_target();
  } while (!run_until(settled, std::min(now() + interval, deadline)) && now() < deadline);
  if (target_heard() && target_->broken().empty()) return {};
  const std::string silence = fmt::format("sent nothing in {}", describe(target_patience));
  if (is_wire()) {
    return tl::unexpected(
        fmt::format("{}: {} {}", options_.interface, scenario_.target.address, silence));
  }
  return tl::unexpected(trouble(*target_, silence));
}

std::string LiveWorld::trouble(LiveEnd& tested, const std::string& lack) const {
  constexpr std::size_t lines = 3;
  std::string how = tested.broken(lines);
  if (how.empty()) how = fmt::format("{}; it said: {}", lack, tested.said(lines));
  return fmt::format("{} {}", options_.implementation.name, how);
}

void LiveWorld::call_target() {
  std::array<std::uint8_t, frame_size_min> bytes{};
  Address whom = scenario_.target.address;
  if (scenario_.target.luns > 1) whom.slot = Address::any_slot;
  encode({.destination = Mac::broadcast(),
          .source = cable(End::initiator).link.mac,
          .address = whom,
          .tag = call_tag},
         ConfigRequest{}, bytes);
  const Outgoing frame{bytes, {}};
  cable(End::target).port->send({&frame, 1});
}

/// The kernel may take a second to notice a carrier: not a second of the initiator's.
LiveWorld::Result LiveWorld::await_link() {
  const auto is_up = [this] {
    const NetworkNamespace::Visit inside(*cable(End::initiator).where);
    const auto found = choose_interfaces({"eth0"});
    return found && found->front().link.up;
  };
  if (run_until(is_up, now() + link_patience)) return {};
  return tl::unexpected(
      fmt::format("the initiator's eth0 is not up after {}", describe(link_patience)));
}

LiveWorld::Result LiveWorld::make_initiator() {
  const Cable& cable = this->cable(End::initiator);
  const auto gave_up = [this](Address device) {
    while (forward(Direction::to_target) > 0) {  // what it sent before it gave up
    }
    exchanges_.abandon(device);
  };
  if (options_.implementation.role == Implementation::Role::initiator) {
    auto made = start_initiator(loop_, options_.implementation, scenario_, cable.link, *cable.where,
                                options_.folder, gave_up);
    if (!made) return tl::unexpected(made.error());
    initiator_ = *std::move(made);
    return await_initiator();
  }
  const NetworkNamespace::Visit inside(*cable.where);
  if (!plays_initiator(scenario_)) {
    initiator_ = std::make_unique<IdleInitiator>();
  } else {
    auto made = EngineInitiator::open(loop_, scenario_.given, gave_up);
    if (!made) return tl::unexpected(made.error());
    initiator_ = *std::move(made);
  }
  return {};
}

LiveWorld::Result LiveWorld::await_initiator() {
  const Duration patience = options_.implementation.ready_within;
  const auto settled = [&] { return initiator_->is_ready() || !initiator_->broken().empty(); };
  run_until(settled, now() + patience);
  if (initiator_->is_ready()) return {};
  return tl::unexpected(
      trouble(*initiator_, fmt::format("can't be told to discover in {}", describe(patience))));
}

Instant LiveWorld::now() const {
  return initiator::monotonic_now();
}

std::size_t LiveWorld::forward(Direction direction) {
  std::array<Bytes, batch_size> frames;
  const std::size_t count = source(direction).port->receive(frames);
  for (const Bytes frame : std::span(frames).first(count)) {
    if (guise_ == nullptr || direction == Direction::to_target) {
      if (concerns(direction, frame)) bridge_.pass(direction, frame, Origin::end);
      continue;
    }
    for (const auto& seen : guise_->sent(frame)) {
      if (concerns(direction, seen)) bridge_.pass(direction, seen, Origin::end);
    }
  }
  return count;
}

bool LiveWorld::concerns(Direction direction, Bytes frame) {
  if (direction == Direction::to_target) {
    if (!is_wire()) return true;
    const std::string refusal = refusal_on_wire(frame, options_.interface, options_.write_ok);
    if (!refusal.empty() && refused_.empty()) refused_ = "it " + refusal;
    return refusal.empty();
  }
  const auto decoded = decode(frame);
  if (is_wire() &&
      !(decoded && decoded->response && decoded->header.address == scenario_.target.address)) {
    return false;
  }
  hear(decoded);
  if (is_wire() && is_strangers(*decoded)) {
    ++strangers_replies_;
    return false;
  }
  if (decoded) heard_from_ = decoded->header.source;
  return !(decoded && decoded->response && decoded->header.tag == call_tag);
}

bool LiveWorld::is_strangers(const Frame& reply) const {
  if (tags_sent_.contains(reply.header.tag) || reply.header.tag == call_tag) return false;
  const Mac to = reply.header.destination;
  const bool is_ours = to == cable(End::initiator).link.mac || to.is_multicast();
  return !is_ours || reply.command != static_cast<std::uint8_t>(Command::config);
}

void LiveWorld::hear(const Decoded& frame) {
  const bool is_answer = frame && frame->response && frame->header.tag == call_tag;
  if (!is_answer && now() < any_will_do_) return;
  // What is no frame is a sign of life all the same.
  slots_heard_.insert(frame ? frame->header.address.slot : scenario_.target.address.slot);
}

void LiveWorld::send(Delivery&& delivery) {
  Cable& to = cable(delivery.direction == Direction::to_target ? End::target : End::initiator);
  if (carries(to.link, delivery.bytes)) {
    stage_.leave(delivery, now());
    if (guise_ != nullptr && delivery.direction == Direction::to_target)
      delivery.bytes = guise_->arrived(delivery.bytes);
    if (is_wire() && delivery.direction == Direction::to_target &&
        layout::has(Field::tag, delivery.bytes))
      tags_sent_.insert(layout::get<Field::tag>(delivery.bytes));
    const Outgoing frame{delivery.bytes, {}};
    to.port->send({&frame, 1});
  } else {
    stage_.lose(delivery, to.link);
  }
  stage_.recycle(std::move(delivery));
}

/// A timer that notices how late it is: as late as anything else in this process may be. And
/// whether the two ends still live.
void LiveWorld::beat() {
  heartbeat_.expires_at(on_steady_clock(heartbeat_due_));
  heartbeat_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    lateness_ = std::max(lateness_, now() - heartbeat_due_);
    exchanges_.allow(slack());
    heartbeat_due_ = now() + heartbeat;
    if (broken_.empty() && target_ != nullptr && !target_->broken().empty()) {
      broken_ = "the target " + target_->broken();
    }
    if (broken_.empty() && initiator_ != nullptr && !initiator_->broken().empty()) {
      broken_ = "the initiator " + initiator_->broken();
    }
    beat();
  });
}

std::uint64_t LiveWorld::frames_lost() const {
  std::uint64_t lost = 0;
  for (const Cable& cable : cables_) {
    const PortCounters counters = cable.port->counters();
    lost += counters.receive_dropped + counters.send_dropped;
  }
  return lost;
}

Duration LiveWorld::slack() const {
  return milliseconds(20) + 2 * lateness_;
}

bool LiveWorld::run_until(const std::function<bool()>& done, Instant deadline) {
  while (!done()) {
    if (loop_.run_one_until(on_steady_clock(deadline)) > 0) continue;
    // What came while this process stood still came in time.
    constexpr int handlers_max = 1000;
    for (int i = 0; i < handlers_max && !done() && loop_.poll_one() > 0; ++i) {
    }
    return done();
  }
  return true;
}

Link LiveWorld::link(End end) const {
  Link link = cable(end).link;
  if (end == End::target && is_wire()) link.mac = heard_from_;
  return link;
}

Control LiveWorld::set_link(End end, const Link& link) {
  Cable& cable = this->cable(end);
  if (cable.where == nullptr) {
    return tl::unexpected(Unsupported{"the interface of what is on the wire is its own affair"});
  }
  const bool moves = link.mac != cable.link.mac;
  if (moves && is_wire()) {
    return tl::unexpected(Unsupported{options_.interface + " keeps its address"});
  }
  std::vector<std::string> settings{"link", "set", "eth0", "mtu", std::to_string(link.mtu)};
  if (moves) settings.insert(settings.end(), {"address", fmt::format("{}", link.mac)});
  settings.emplace_back(link.up ? "up" : "down");
  const NetworkNamespace::Visit inside(*cable.where);
  if (auto changed = ip(settings); !changed) broken_ = changed.error();
  cable.link = link;
  if (end == End::target) {
    target_->link_changed();
  } else {
    while (forward(Direction::to_target) > 0) {  // what it sent before
    }
    exchanges_.port_changed(now());
  }
  return {};
}

void LiveWorld::says(const Says& says, bool announce) {
  guise_->change(says);
  if (!announce) return;
  for (const auto& frame : guise_->announce())
    bridge_.pass(Direction::to_initiator, frame, Origin::end);
}

void LiveWorld::start_target() {
  if (auto started = target_->start(); !started && broken_.empty()) broken_ = started.error();
}

}  // namespace aoe::harness
