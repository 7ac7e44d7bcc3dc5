#include "harness/world/live_world.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "harness/world/engine_initiator.h"
#include "harness/world/faulty_file.h"
#include "harness/world/initiator_under_test.h"
#include "harness/world/wire_discovery.h"
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

/// The bridge's interface to a node has another number than that node's eth0. Where both are 2, the
/// kernel takes neither for the other's end, and notices the carrier only a second later.
unsigned bridge_index(PortIndex port) {
  return 1001 + port;
}

std::chrono::steady_clock::time_point on_steady_clock(Instant instant) {
  return std::chrono::steady_clock::time_point(instant.time_since_epoch());
}

tl::expected<void, std::string> ip(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), find_program("ip"));
  return run_program(arguments);
}

bool is_target(const Network& network, NodeIndex node) {
  return network.nodes[node].role == Node::Role::target;
}

}  // namespace

tl::expected<std::unique_ptr<LiveWorld>, std::string> LiveWorld::create(const Scenario& scenario,
                                                                        const Options& options,
                                                                        FaultStage& stage,
                                                                        Parties& parties) {
  std::unique_ptr<LiveWorld> world(new LiveWorld(scenario, options, stage, parties));
  if (auto built = world->build(); !built) return tl::unexpected(built.error());
  return world;
}

LiveWorld::LiveWorld(const Scenario& scenario, const Options& options, FaultStage& stage,
                     Parties& parties)
    : scenario_(scenario),
      options_(options),
      stage_(stage),
      parties_(parties),
      places_(network().nodes.size()),
      cables_(network().ports.size()),
      watcher_(loop_),
      bridge_(loop_, stage, [this](Delivery&& delivery) { send(std::move(delivery)); }),
      heartbeat_(loop_),
      heard_(network().nodes.size()),
      maker_(loop_, scenario, options.seed, [this](NodeIndex node) { return player(node); }),
      targets_(network().nodes.size()),
      initiators_(network().nodes.size()) {}

LiveWorld::~LiveWorld() {
  initiators_.clear();
  targets_.clear();
  end_orphans();
}

LiveWorld::Result LiveWorld::build() {
  adopt_orphans();
  if (auto laid = lay_cables(); !laid) return laid;
  const std::vector<NodeIndex> targets = network().all(Node::Role::target);
  const std::vector<NodeIndex> initiators = network().all(Node::Role::initiator);
  for (const NodeIndex node : targets) {
    for (const PortIndex port : network().nodes[node].ports) watch(port);
  }
  heartbeat_due_ = now() + heartbeat;
  beat();
  for (const NodeIndex node : targets) {
    if (auto made = make_target(node); !made) return made;
  }
  if (auto there = await_targets(); !there) return there;
  for (const NodeIndex node : initiators) {
    if (auto up = await_link(node); !up) return up;
    if (auto made = make_initiator(node); !made) return made;
  }
  // What they have sent already waits until now, for faults to be armed.
  for (const NodeIndex node : initiators) {
    for (const PortIndex port : network().nodes[node].ports) watch(port);
  }
  for (std::size_t port = 0; port < cables_.size(); ++port)
    stage_.fabric().came_up(static_cast<PortIndex>(port), now());
  lateness_ = {};  // all of it was our own, and is over
  return {};
}

void LiveWorld::watch(PortIndex port) {
  watcher_.watch(cables_[port].port->descriptor(), [this, port] { forward(port); });
}

LiveWorld::Result LiveWorld::lay_cables() {
  Link wire{};
  for (std::size_t i = 0; i < network().ports.size(); ++i) {
    const NodeIndex node = network().ports[i].node;
    if (!is_target(network(), node) || !Guise::is_wanted(scenario_, node)) continue;
    cables_[i].guise = std::make_unique<Guise>(network().nodes[node].target);
    if (is_found()) refused_ = "what is on the wire says of itself what it says";
  }
  if (is_wire()) {
    if (auto joined = join_wire(); !joined) return joined;
    wire = cables_[target_port].link;  // the initiator's interface stands for ours
  }
  if (auto entered = enter_network_namespace(); !entered) return entered;
  if (auto entered = enter_mount_namespace(); !entered) return entered;
  if (scenario_.given.clock) {
    if (auto set = set_clock_of_programs(*scenario_.given.clock); !set) refused_ = set.error();
  }
  for (std::size_t i = 0; i < network().ports.size(); ++i) {
    const auto port = static_cast<PortIndex>(i);
    if (is_wire() && port == target_port) continue;
    const Link link =
        is_found() ? wire : Link{network().ports[i].mac, network().ports[i].mtu, true};
    if (auto laid = lay_cable(port, link); !laid) return laid;
  }
  return {};
}

std::string LiveWorld::interface_name(PortIndex port) const {
  const auto& ports = network().node_of(port).ports;
  return fmt::format("eth{}", std::ranges::find(ports, port) - ports.begin());
}

LiveWorld::Result LiveWorld::lay_cable(PortIndex index, const Link& link) {
  const NodeIndex node = network().ports[index].node;
  if (places_[node] == nullptr) {
    auto where = NetworkNamespace::create();
    if (!where) return tl::unexpected(where.error());
    places_[node] = std::make_unique<NetworkNamespace>(*std::move(where));
  }
  Cable& cable = cables_[index];
  cable.link = link;
  cable.interface = interface_name(index);
  const std::string name = fmt::format("port{}", index);
  if (auto made =
          ip({"link", "add", "name", name, "index", std::to_string(bridge_index(index)), "mtu",
              std::to_string(bridge_mtu), "type", "veth", "peer", "name", cable.interface, "mtu",
              std::to_string(link.mtu), "netns", places_[node]->name()});
      !made) {
    return made;
  }
  if (auto up = ip({"link", "set", name, "up"}); !up) return up;
  {
    const NetworkNamespace::Visit inside(*places_[node]);
    if (auto up =
            ip({"link", "set", cable.interface, "address", fmt::format("{}", link.mac), "up"});
        !up)
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
  PacketPort::Options promiscuous;
  promiscuous.promiscuous = !is_found();  // the initiator there has addresses of the scenario
  auto port = PacketPort::open(options_.interface, promiscuous);
  if (!port) return tl::unexpected(port.error());
  Cable& wire = cables_[target_port];
  wire.port = *std::move(port);
  wire.link = wire.port->link();
  if (!wire.link.up) return tl::unexpected(fmt::format("{}: it is down", options_.interface));
  return is_found() ? Result() : meet_far_half();
}

/// Done before this process leaves its network, through which the far half may be reached.
LiveWorld::Result LiveWorld::meet_far_half() {
  const auto own = link_for_tests(options_.interface);
  if (!own) return tl::unexpected(own.error());
  const bool is_tested = player(target_node) == &options_.implementation;
  auto met = RemoteTarget::connect(
      options_.remote, fmt::format("{}/{}", options_.folder, is_tested ? "sut.log" : "peer.log"));
  if (!met) return tl::unexpected(met.error());
  far_ = met->get();
  targets_[target_node] = *std::move(met);
  const std::uint16_t carried = std::min(far_->greeting().link.mtu, own->mtu);
  cables_[target_port].link = {network().ports[target_port].mac, carried, true};
  for (const Port& port : network().ports) {
    if (port.mtu <= carried) continue;
    refused_ = fmt::format("its interfaces have an MTU of {}, and those on the wire {}", port.mtu,
                           carried);
  }
  return {};
}

// Nodes.

const Implementation* LiveWorld::player(NodeIndex node) const {
  using Role = Implementation::Role;
  if (network().nodes[node].ours) return nullptr;
  const bool is_tested =
      (options_.implementation.role == Role::target) == is_target(network(), node);
  if (is_tested) return &options_.implementation;
  return options_.peer ? &*options_.peer : nullptr;
}

std::string LiveWorld::folder_of(NodeIndex node) const {
  return network().is_of_two() ? options_.folder
                               : options_.folder + "/" + network().nodes[node].name;
}

std::string LiveWorld::log_of(const Implementation& program) const {
  return options_.peer && &program == &*options_.peer ? "peer.log" : "sut.log";
}

LiveWorld::Result LiveWorld::make_target(NodeIndex node) {
  const Node& it = network().nodes[node];
  if (is_found()) {
    targets_[node] = std::make_unique<WireTarget>();
    return {};
  }
  if (far_ != nullptr) {
    if (auto opened = far_->open(scenario_, options_.seed); !opened) return opened;
    return far_->begin();
  }
  const Implementation* const program = player(node);
  ProcessTarget::Place place{places_[node].get(),
                             {},
                             cables_[it.ports.front()].link,
                             folder_of(node),
                             program == nullptr ? "sut.log" : log_of(*program)};
  for (const PortIndex port : it.ports) place.interfaces.push_back(cables_[port].interface);
  auto made = maker_.make(node, place);
  if (!made) return tl::unexpected(made.error());
  targets_[node] = *std::move(made);
  return it.standby ? Result() : targets_[node]->begin();
}

LiveWorld::Result LiveWorld::await_targets() {
  const Instant deadline = now() + target_patience;
  any_will_do_ = now() + answer_patience;
  const std::vector<NodeIndex> targets = network().all(Node::Role::target);
  const auto ended = [&] {
    return std::ranges::find_if(
        targets, [this](NodeIndex node) { return !targets_[node]->broken().empty(); });
  };
  const auto settled = [&] {
    return are_targets_heard() || ended() != targets.end() || !lost().empty();
  };
  const Duration interval = is_found() ? wire_call_interval : call_interval;
  do {
    for (const NodeIndex node : targets) call_target(node);
  } while (!run_until(settled, std::min(now() + interval, deadline)) && now() < deadline);
  if (!lost().empty()) return tl::unexpected(lost());
  const auto broken = ended();
  if (are_targets_heard() && broken == targets.end()) return {};
  const std::string silence = fmt::format("sent nothing in {}", describe(target_patience));
  if (is_found()) {
    return tl::unexpected(
        fmt::format("{}: {} {}", options_.interface, scenario_.lun().address, silence));
  }
  const auto silent =
      std::ranges::find_if(targets, [this](NodeIndex node) { return !is_heard(node); });
  const NodeIndex guilty = broken != targets.end() ? *broken : *silent;
  const Implementation* const program = player(guilty);
  return tl::unexpected(trouble(program == nullptr ? network().nodes[guilty].name : program->name,
                                *targets_[guilty], silence));
}

bool LiveWorld::is_heard(NodeIndex target) const {
  const Node& node = network().nodes[target];
  return node.standby || heard_[target].size() >= node.target.luns.size();
}

bool LiveWorld::are_targets_heard() const {
  return std::ranges::all_of(network().all(Node::Role::target),
                             [this](NodeIndex node) { return is_heard(node); });
}

std::string LiveWorld::trouble(const std::string& name, LiveEnd& tested, const std::string& lack) {
  constexpr std::size_t lines = 3;
  std::string how = tested.broken(lines);
  if (how.empty()) how = fmt::format("{}; it said: {}", lack, tested.said(lines));
  return fmt::format("{} {}", name, how);
}

void LiveWorld::call_target(NodeIndex target) {
  if (is_heard(target)) return;
  const std::vector<Lun>& luns = network().nodes[target].target.luns;
  const NodeIndex initiator = network().first(Node::Role::initiator);
  std::array<std::uint8_t, frame_size_min> bytes{};
  encode({.destination = Mac::broadcast(),
          .source = cables_[network().nodes[initiator].ports.front()].link.mac,
          .address = luns.size() > 1 ? Address::everyone() : luns.front().address,
          .tag = call_tag},
         ConfigRequest{}, bytes);
  const Outgoing frame{bytes, {}};
  cables_[network().nodes[target].ports.front()].port->send({&frame, 1});
}

/// The kernel may take a second to notice a carrier: not a second of the initiator's.
LiveWorld::Result LiveWorld::await_link(NodeIndex initiator) {
  const auto is_up = [this](const Cable& cable) {
    const auto found = choose_interfaces({cable.interface});
    return found && found->front().link.up;
  };
  for (const PortIndex port : network().nodes[initiator].ports) {
    const Cable& cable = cables_[port];
    const auto up = [&] {
      const NetworkNamespace::Visit inside(*places_[initiator]);
      return is_up(cable);
    };
    if (run_until(up, now() + link_patience)) continue;
    return tl::unexpected(fmt::format("{}'s {} is not up after {}", network().nodes[initiator].name,
                                      cable.interface, describe(link_patience)));
  }
  return {};
}

LiveWorld::Result LiveWorld::make_initiator(NodeIndex node) {
  const Node& it = network().nodes[node];
  const NetworkNamespace::Visit inside(*places_[node]);
  const auto gave_up = [this, node](Address device) {
    for (const PortIndex port : network().nodes[node].ports) {
      while (forward(port) > 0) {  // what it sent before it gave up
      }
    }
    parties_.of(node).abandon(device);
  };
  std::vector<std::string> interfaces;
  for (const PortIndex port : it.ports) interfaces.push_back(cables_[port].interface);
  const Implementation* const program = player(node);
  const bool is_tested = program == &options_.implementation;
  if (!is_tested && !plays_initiator(scenario_)) {
    initiators_[node] = std::make_unique<IdleInitiator>();
    return {};
  }
  if (program != nullptr) {
    const InitiatorPlace place{interfaces, cables_[it.ports.front()].link, folder_of(node),
                               log_of(*program)};
    auto made = start_initiator(loop_, *program, scenario_, node, place, *places_[node], gave_up);
    if (!made) return tl::unexpected(made.error());
    LiveInitiator& started = **made;
    initiators_[node] = *std::move(made);
    return await_initiator(started, *program);
  }
  auto made = EngineInitiator::open(loop_, scenario_.given, interfaces, gave_up);
  if (!made) return tl::unexpected(made.error());
  initiators_[node] = *std::move(made);
  return {};
}

LiveWorld::Result LiveWorld::await_initiator(LiveInitiator& started,
                                             const Implementation& program) {
  const auto settled = [&] { return started.is_ready() || !started.broken().empty(); };
  run_until(settled, now() + program.ready_within);
  if (started.is_ready()) return {};
  return tl::unexpected(
      trouble(program.name, started,
              fmt::format("can't be told to discover in {}", describe(program.ready_within))));
}

// Frames and time.

Instant LiveWorld::now() const {
  return initiator::monotonic_now();
}

std::size_t LiveWorld::forward(PortIndex from) {
  std::array<Bytes, batch_size> frames;
  const Cable& cable = cables_[from];
  const std::size_t count = cable.port->receive(frames);
  for (const Bytes frame : std::span(frames).first(count)) {
    const std::vector<std::uint8_t> readdressed = from_far(from, frame);
    const Bytes sent = readdressed.empty() ? frame : Bytes(readdressed);
    if (cable.guise == nullptr) {
      if (concerns(from, sent)) bridge_.pass(from, sent, Origin::end);
      continue;
    }
    for (const auto& seen : cable.guise->sent(sent)) {
      if (concerns(from, seen)) bridge_.pass(from, seen, Origin::end);
    }
  }
  return count;
}

std::vector<std::uint8_t> LiveWorld::from_far(PortIndex from, Bytes frame) const {
  if (far_ == nullptr || from != target_port || !layout::has(Field::source, frame)) return {};
  if (layout::get<Field::source>(frame) != far_->greeting().link.mac) return {};
  std::vector<std::uint8_t> readdressed(frame.begin(), frame.end());
  layout::set<Field::source>(readdressed, cables_[target_port].link.mac);
  return readdressed;
}

void LiveWorld::to_far(PortIndex to, MutableBytes frame) const {
  if (far_ == nullptr || to != target_port || !layout::has(Field::destination, frame)) return;
  if (layout::get<Field::destination>(frame) == cables_[target_port].link.mac)
    layout::set<Field::destination>(frame, far_->greeting().link.mac);
}

void LiveWorld::inject(PortIndex from, Bytes frame) {
  const bool may = stage_.outward(from) == Direction::to_initiator || concerns(from, frame);
  if (may) bridge_.pass(from, frame, Origin::scenario);
}

bool LiveWorld::concerns(PortIndex from, Bytes frame) {
  if (stage_.outward(from) == Direction::to_target) {
    if (!is_wire()) return true;
    const bool may_write = options_.write_ok || !is_found();
    const std::string refusal = refusal_on_wire(frame, options_.interface, may_write);
    if (!refusal.empty() && refused_.empty()) refused_ = "it " + refusal;
    return refusal.empty();
  }
  const auto decoded = decode(frame);
  if (is_wire() && !is_targets(frame, decoded)) return false;
  hear(network().ports[from].node, decoded);
  if (is_wire() && !is_from_far(frame) && is_strangers(*decoded)) {
    ++strangers_replies_;
    return false;
  }
  if (decoded) heard_from_ = decoded->header.source;
  return !(decoded && decoded->response && decoded->header.tag == call_tag);
}

bool LiveWorld::is_targets(Bytes frame, const Decoded& decoded) const {
  if (is_from_far(frame)) return true;
  return decoded && decoded->response && decoded->header.address == scenario_.lun().address;
}

bool LiveWorld::is_from_far(Bytes frame) const {
  return far_ != nullptr && layout::has(Field::source, frame) &&
         layout::get<Field::source>(frame) == cables_[target_port].link.mac;
}

bool LiveWorld::is_strangers(const Frame& reply) const {
  if (tags_sent_.contains(reply.header.tag) || reply.header.tag == call_tag) return false;
  const Mac to = reply.header.destination;
  const bool is_ours = to == cables_[initiator_port].link.mac || to.is_multicast();
  return !is_ours || reply.command != static_cast<std::uint8_t>(Command::config);
}

void LiveWorld::hear(NodeIndex target, const Decoded& frame) {
  const bool is_answer = frame && frame->response && frame->header.tag == call_tag;
  if (!is_answer && now() < any_will_do_) return;
  // What is no frame is a sign of life all the same.
  heard_[target].insert(frame ? frame->header.address
                              : network().nodes[target].target.luns.front().address);
}

void LiveWorld::send(Delivery&& delivery) {
  Cable& to = cables_[delivery.to];
  if (carries(to.link, delivery.bytes)) {
    const bool is_heard = stage_.leave(delivery, to.link.mac, now());
    if (to.guise != nullptr) delivery.bytes = to.guise->arrived(delivery.bytes);
    if (is_wire() && delivery.direction == Direction::to_target &&
        layout::has(Field::tag, delivery.bytes))
      tags_sent_.insert(layout::get<Field::tag>(delivery.bytes));
    to_far(delivery.to, delivery.bytes);
    const Outgoing frame{delivery.bytes, {}};
    // A veth interface hears what a network card would not hand on.
    if (is_heard) to.port->send({&frame, 1});
  } else {
    stage_.lose(delivery, to.link);
  }
  stage_.recycle(std::move(delivery));
}

/// A timer that notices how late it is: as late as anything else in this process may be. And whether
/// the nodes still live.
void LiveWorld::beat() {
  heartbeat_.expires_at(on_steady_clock(heartbeat_due_));
  heartbeat_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    lateness_ = std::max(lateness_, now() - heartbeat_due_);
    parties_.allow(slack());
    heartbeat_due_ = now() + heartbeat;
    for (std::size_t node = 0; broken_.empty() && node < network().nodes.size(); ++node) {
      const std::string name =
          (network().is_of_two() ? "the " : "") + network().nodes[node].name + ' ';
      if (targets_[node] != nullptr && !targets_[node]->broken().empty())
        broken_ = name + targets_[node]->broken();
      if (initiators_[node] != nullptr && !initiators_[node]->broken().empty())
        broken_ = name + initiators_[node]->broken();
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

bool LiveWorld::has_known_timeouts() const {
  const std::vector<NodeIndex> initiators = network().all(Node::Role::initiator);
  return std::ranges::all_of(initiators,
                             [this](NodeIndex node) { return player(node) == nullptr; });
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

Link LiveWorld::link(PortIndex port) const {
  Link link = cables_[port].link;
  if (port == target_port && is_found()) link.mac = heard_from_;
  return link;
}

Control LiveWorld::set_link(PortIndex port, const Link& link) {
  Cable& cable = cables_[port];
  const NodeIndex node = network().ports[port].node;
  if (places_[node] == nullptr) {
    return tl::unexpected(Unsupported{is_found()
                                          ? "the interface of what is on the wire is its own affair"
                                          : "the far half's interface keeps its settings"});
  }
  const bool moves = link.mac != cable.link.mac;
  if (moves && is_found()) {
    return tl::unexpected(Unsupported{options_.interface + " keeps its address"});
  }
  std::vector<std::string> settings{"link", "set", cable.interface, "mtu",
                                    std::to_string(link.mtu)};
  if (moves) settings.insert(settings.end(), {"address", fmt::format("{}", link.mac)});
  settings.emplace_back(link.up ? "up" : "down");
  const NetworkNamespace::Visit inside(*places_[node]);
  if (auto changed = ip(settings); !changed) broken_ = changed.error();
  const bool comes_up = link.up && !cable.link.up;
  cable.link = link;
  if (comes_up) stage_.fabric().came_up(port, now());
  if (targets_[node] != nullptr) {
    targets_[node]->link_changed(cable.interface);
  } else {
    while (forward(port) > 0) {  // what it sent before
    }
    parties_.of(node).port_changed(now());
  }
  return {};
}

Control LiveWorld::set_present(PortIndex port, bool present, std::optional<SegmentIndex> on) {
  const auto& [node, home, mac, mtu] = network().ports[port];
  if (places_[node] == nullptr ||
      (targets_[node] != nullptr && !targets_[node]->can_lose_interface()))
    return tl::unexpected(Unsupported{network().nodes[node].name + " keeps its interfaces"});
  if (limbo_ == nullptr) {
    auto created = NetworkNamespace::create();
    if (!created) return tl::unexpected(Unsupported{created.error()});
    limbo_ = std::make_unique<NetworkNamespace>(*std::move(created));
  }
  const Cable& cable = cables_[port];
  const NetworkNamespace& from = present ? *limbo_ : *places_[node];
  const NetworkNamespace& to = present ? *places_[node] : *limbo_;
  tl::expected<void, std::string> moved;
  {
    const NetworkNamespace::Visit inside(from);
    moved = ip({"link", "set", cable.interface, "netns", to.name()});
  }
  if (moved && present) {
    const NetworkNamespace::Visit inside(to);
    moved = ip({"link", "set", cable.interface, "mtu", std::to_string(cable.link.mtu), "address",
                fmt::format("{}", cable.link.mac), "up"});
    loop_.poll();  // an engine opens what is there in the namespace of the thread that hears of it
  }
  if (!moved) broken_ = moved.error();
  stage_.fabric().move(port, present ? std::optional(on.value_or(home)) : std::nullopt);
  if (present) stage_.fabric().came_up(port, now());
  if (initiators_[node] != nullptr) parties_.of(node).port_changed(now());
  return {};
}

Control LiveWorld::rename(PortIndex port, const std::optional<std::string>& name) {
  const NodeIndex node = network().ports[port].node;
  if (places_[node] == nullptr)
    return tl::unexpected(Unsupported{network().nodes[node].name + "'s interface keeps its name"});
  Cable& cable = cables_[port];
  const std::string to = name.value_or(interface_name(port));
  {
    const NetworkNamespace::Visit inside(*places_[node]);
    // Linux before 6.2 renames none that is up.
    if (auto renamed = ip({"link", "set", cable.interface, "name", to}); !renamed)
      return tl::unexpected(Unsupported{renamed.error()});
    loop_.poll();  // as above
  }
  cable.interface = to;
  return {};
}

void LiveWorld::says(NodeIndex target, const Says& says, bool announce) {
  for (const PortIndex port : network().nodes[target].ports) {
    Guise& guise = *cables_[port].guise;
    guise.change(says);
    if (!announce) continue;
    for (const auto& frame : guise.announce()) bridge_.pass(port, frame, Origin::end);
  }
}

}  // namespace aoe::harness
