#include "harness/run/draw_network.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/run/dice.h"
#include "harness/run/draw_fault.h"

namespace aoe::harness {
namespace {

/// Other numbers than those of an exploration of one link.
constexpr std::uint64_t network_stream = 0x21;

/// What initiators use: a target and its LUNs, and perhaps one that stands by for it.
struct Service {
  struct Lun {
    std::string address;
    std::uint64_t sectors = 0;
  };
  std::vector<std::size_t> targets;  // of NetworkDrawing::targets_: the one that serves first
  bool standby_was_killed = false;   // else it was demoted, or stood by from the beginning
  std::vector<Lun> luns;
};

struct DrawnNode {
  std::string name;
  std::vector<std::size_t> segments;
  std::vector<std::string> macs;  // on these, as they are by now
};

class NetworkDrawing {
 public:
  NetworkDrawing(const ExploreSpec& spec, std::uint64_t seed)
      : spec_(spec), dice_(seed ^ network_stream) {}

  DrawnNetwork draw() && {
    draw_segments();
    draw_targets();
    draw_initiators();
    number_ports();
    discover_all();
    for (round_ = 1; round_ <= spec_.rounds; ++round_) {
      // What is left over is the last one's.
      std::uint32_t requests = spec_.requests / spec_.rounds;
      if (round_ == spec_.rounds) requests += spec_.requests % spec_.rounds;
      if (requests > 0) draw_round(requests);
    }
    return std::move(drawn_);
  }

 private:
  /// An initiator, and a LUN that it can reach.
  struct Use {
    const DrawnNode& initiator;
    const Service& service;
    const Service::Lun& lun;
  };

  template <class... Arguments>
  void step(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    drawn_.steps.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  // Who there is.

  void draw_segments();
  void draw_targets();
  void draw_initiators();
  void number_ports();
  std::vector<std::size_t> some_segments();
  std::string on(const DrawnNode& node) const;
  bool meet(const DrawnNode& one, const DrawnNode& other) const;
  const DrawnNode& serving(const Service& service) const {
    return targets_[service.targets.front()];
  }
  /// Of what an initiator sees of a service, all; in the order of the names.
  std::vector<Use> uses() const;

  // What happens.

  void draw_round(std::uint32_t requests);
  void discover_all();
  void reserve();
  void lift_reservation();
  std::optional<std::string> arm();
  std::optional<std::string> end_of(const std::string& word);
  std::string device(const Use& use) const {
    return fmt::format("{}:{}", serving(use.service).name, use.lun.address);
  }
  void load(const std::string& id, std::uint32_t requests);
  void change_power();

  const ExploreSpec& spec_;
  Dice dice_;
  DrawnNetwork drawn_;
  std::size_t segments_ = 0;
  bool is_slow_to_forward_ = false;
  std::vector<DrawnNode> initiators_;
  std::vector<DrawnNode> targets_;
  std::vector<Service> services_;
  std::uint32_t round_ = 0;
  std::uint32_t faults_ = 0;
  // Of this round.
  std::optional<std::size_t> power_;     // the service whose targets go and come
  std::optional<std::size_t> reserved_;  // the service whose first LUN is
  std::size_t owner_ = 0;                // the initiator that has reserved it
  std::set<std::string> struck_;         // targets that stand still or are gone, ports that are
};

std::string segment_name(std::size_t segment) {
  return fmt::format("s{}", segment + 1);
}

void NetworkDrawing::draw_segments() {
  segments_ = dice_.from(1, 3);
  for (std::size_t i = 0; i < segments_; ++i) {
    const bool is_jumbo = dice_.chance(40);
    std::string keys = fmt::format("mtu: {}", is_jumbo ? 9000 : 1500);
    if (dice_.chance(40)) keys += fmt::format(", latency: {}us", dice_.from(10, 2000));
    if (dice_.chance(25)) keys += fmt::format(", rate: {}Mbit", dice_.from(10, 1000));
    if (is_jumbo && dice_.chance(25))
      keys += fmt::format(", lost-above: {}", dice_.from(1514, 9000));
    if (dice_.chance(20)) {
      keys += fmt::format(", forward-delay: {}ms", dice_.from(10, 2000));
      is_slow_to_forward_ = true;
    }
    if (dice_.chance(10)) keys += ", switch: floods";
    drawn_.network += fmt::format("{}: {{{}}}\n", segment_name(i), keys);
  }
}

std::vector<std::size_t> NetworkDrawing::some_segments() {
  std::vector<std::size_t> some;
  for (std::size_t i = 0; i < segments_; ++i) {
    if (dice_.chance(60)) some.push_back(i);
  }
  if (some.empty()) some.push_back(dice_.from(0, segments_ - 1));
  return some;
}

std::string NetworkDrawing::on(const DrawnNode& node) const {
  std::vector<std::string> names;
  for (const std::size_t segment : node.segments) names.push_back(segment_name(segment));
  return fmt::format("on: [{}]", fmt::join(names, ", "));
}

void NetworkDrawing::draw_targets() {
  static constexpr std::array<std::uint64_t, 3> sizes{256, 1024, 4096};  // KiB
  const std::size_t count = dice_.from(1, 3);
  const bool has_standby = count > 1 && dice_.chance(50);
  for (std::size_t i = 0; i < count; ++i) {
    DrawnNode target{.name = fmt::format("t{}", i + 1), .segments = some_segments(), .macs = {}};
    const bool stands_by = has_standby && i + 1 == count;
    if (stands_by) {
      target.segments = targets_[0].segments;
      services_[0].targets.push_back(i);
    } else {
      Service service{.targets = {i}, .luns = {}};
      const std::uint64_t luns = dice_.from(1, 3);
      for (std::uint64_t slot = 0; slot < luns; ++slot)
        service.luns.push_back({fmt::format("e{}.{}", i + 1, slot), 2 * dice_.one_of(sizes)});
      services_.push_back(std::move(service));
    }
    targets_.push_back(std::move(target));
  }
}

void NetworkDrawing::draw_initiators() {
  const std::size_t count = dice_.from(1, 4);
  for (std::size_t i = 0; i < count; ++i) {
    DrawnNode initiator{.name = fmt::format("i{}", i + 1), .segments = some_segments(), .macs = {}};
    const auto meets = [&](const DrawnNode& target) { return meet(initiator, target); };
    if (std::ranges::none_of(targets_, meets)) initiator.segments = dice_.one_of(targets_).segments;
    drawn_.nodes += fmt::format("{}: {{role: initiator, {}}}\n", initiator.name, on(initiator));
    initiators_.push_back(std::move(initiator));
  }
  for (const Service& service : services_) {
    const bool is_shared = service.targets.size() > 1;
    for (const std::size_t index : service.targets) {
      const bool stands_by = index != service.targets.front();
      std::vector<std::string> luns;
      for (const Service::Lun& lun : service.luns) {
        const auto dot = lun.address.find('.');
        std::string keys = fmt::format("shelf: {}, slot: {}", lun.address.substr(1, dot - 1),
                                       lun.address.substr(dot + 1));
        if (is_shared) keys += fmt::format(", disk: d{}", luns.size() + 1);
        if (!stands_by) keys += fmt::format(", size: {}KiB", lun.sectors / 2);
        luns.push_back(fmt::format("{{{}}}", keys));
      }
      drawn_.nodes += fmt::format("{}: {{role: target, {}{}, luns: [{}]}}\n", targets_[index].name,
                                  on(targets_[index]), stands_by ? ", standby: true" : "",
                                  fmt::join(luns, ", "));
    }
  }
}

/// Ports have their addresses by their number, in the order of the nodes.
void NetworkDrawing::number_ports() {
  std::size_t number = 0;
  const auto give = [&number](DrawnNode& node) {
    for (std::size_t i = 0; i < node.segments.size(); ++i)
      node.macs.push_back(fmt::format("02:00:00:01:00:{:02x}", ++number));
  };
  for (DrawnNode& initiator : initiators_) give(initiator);
  for (const Service& service : services_) {
    for (const std::size_t index : service.targets) give(targets_[index]);
  }
}

bool NetworkDrawing::meet(const DrawnNode& one, const DrawnNode& other) const {
  return std::ranges::any_of(one.segments, [&](std::size_t segment) {
    return std::ranges::count(other.segments, segment) > 0;
  });
}

std::vector<NetworkDrawing::Use> NetworkDrawing::uses() const {
  std::vector<Use> uses;
  for (const DrawnNode& initiator : initiators_) {
    for (const Service& service : services_) {
      if (!meet(initiator, serving(service))) continue;
      for (const Service::Lun& lun : service.luns) uses.push_back({initiator, service, lun});
    }
  }
  return uses;
}

void NetworkDrawing::discover_all() {
  for (const Use& use : uses())
    step("discover: {{by: {}, expect: {}, within: 20s}}", use.initiator.name, use.lun.address);
}

void NetworkDrawing::draw_round(std::uint32_t requests) {
  power_.reset();
  reserved_.reset();
  struck_.clear();
  if (dice_.chance(40)) {
    power_ = dice_.from(0, services_.size() - 1);
    for (const std::size_t index : services_[*power_].targets) struck_.insert(targets_[index].name);
  }
  if (dice_.chance(20)) reserve();
  std::vector<std::string> armed;
  for (std::uint64_t i = dice_.from(1, spec_.at_once); i > 0; --i) {
    if (auto id = arm()) armed.push_back(*std::move(id));
  }
  std::vector<std::string> loads;
  const std::uint32_t several =
      static_cast<std::uint32_t>(dice_.from(1, std::min<std::uint64_t>(4, requests)));
  for (std::uint32_t i = 0; i < several; ++i) {
    loads.push_back(fmt::format("load-{}-{}", round_, i + 1));
    load(loads.back(), requests / several + (i < requests % several ? 1 : 0));
  }
  if (!armed.empty() && dice_.chance(50)) {
    step("wait: {}ms", dice_.from(1, 500));
    step("heal: {}", armed.back());
    armed.pop_back();
  }
  if (power_) change_power();
  step("wait: {}ms", dice_.chance(80) ? dice_.from(1, 1500) : dice_.from(1500, 5000));
  if (!armed.empty()) step("heal: [{}]", fmt::join(armed, ", "));
  if (dice_.chance(50)) {
    const auto all = uses();
    const Use& use = dice_.one_of(all);
    loads.push_back(fmt::format("flush-{}", round_));
    step("io: {{id: {}, by: {}, to: \"{}\", op: flush}}", loads.back(), use.initiator.name,
         device(use));
  }
  for (const std::string& id : loads) step("expect: {{io: {{id: {}, result: any}}}}", id);
  // Longer than anything is on its way, or a port carries nothing.
  step("wait: {}", is_slow_to_forward_ ? "3s" : "1s");
  if (reserved_) lift_reservation();
  discover_all();
}

/// One initiator alone may use a LUN, unless it is on its way to another target.
void NetworkDrawing::reserve() {
  const std::size_t service = dice_.from(0, services_.size() - 1);
  if (power_ == service) return;
  for (owner_ = 0; owner_ < initiators_.size(); ++owner_) {
    if (meet(initiators_[owner_], serving(services_[service]))) break;
  }
  if (owner_ == initiators_.size()) return;
  reserved_ = service;
  // That is asked once, and each port must carry it.
  if (round_ == 1 && is_slow_to_forward_) step("wait: 3s");
  const DrawnNode& owner = initiators_[owner_];
  std::vector<std::string> macs;
  for (const std::string& mac : owner.macs) macs.push_back(fmt::format("\"{}\"", mac));
  step("reserve: {{by: {}, to: \"{}:{}\", op: set, macs: [{}]}}", owner.name,
       serving(services_[service]).name, services_[service].luns.front().address,
       fmt::join(macs, ", "));
}

void NetworkDrawing::lift_reservation() {
  const Service& service = services_[*reserved_];
  const std::string whom = fmt::format("by: {}, to: \"{}:{}\"", initiators_[owner_].name,
                                       serving(service).name, service.luns.front().address);
  step("alive: {{{}}}", whom);
  step("reserve: {{{}, op: force-set, macs: []}}", whom);
}

void NetworkDrawing::load(const std::string& id, std::uint32_t requests) {
  static constexpr std::array operations{"mixed", "mixed", "read", "write"};
  static constexpr std::array<std::uint64_t, 5> counts{1, 2, 3, 8, 16};
  const auto all = uses();
  const Use& use = dice_.one_of(all);
  const std::string operation = dice_.one_of(operations);
  std::uint64_t count = dice_.one_of(counts);
  std::string where;
  if (dice_.chance(30) || requests > use.lun.sectors) {  // requests overlap
    where = fmt::format(", span: {}KiB", dice_.from(8, use.lun.sectors / 2));
  } else {  // no block is used twice
    count = std::min(count, use.lun.sectors / requests);
  }
  step("io: {{id: {}, by: {}, to: \"{}\", op: {}, count: {}, requests: {}, depth: {}{}}}", id,
       use.initiator.name, device(use), operation, count, requests, dice_.from(1, 32), where);
}

/// Nothing where it would strike what is struck already.
std::optional<std::string> NetworkDrawing::arm() {
  const std::string& word = dice_.one_of(spec_.faults.empty() ? drawn_faults() : spec_.faults);
  std::string id = fmt::format("{}-{}", word, faults_ + 1);
  std::string keys;
  if (std::ranges::count(explored_faults(), word) > 0) {
    std::vector<std::string> match = draw_match(dice_);
    if (dice_.chance(30)) match.push_back("on: " + segment_name(dice_.from(0, segments_ - 1)));
    const std::string& initiator = dice_.one_of(initiators_).name;
    const std::string& target = dice_.one_of(targets_).name;
    const bool is_request = dice_.chance(50);
    if (dice_.chance(20)) match.push_back("from: " + (is_request ? initiator : target));
    if (dice_.chance(20)) match.push_back("to: " + (is_request ? target : initiator));
    keys = draw_fault_keys(dice_, word, match) + draw_selector(dice_, word, match);
  } else if (auto end = end_of(word)) {
    keys = *std::move(end);
  } else {
    return std::nullopt;
  }
  ++faults_;
  step("arm: {{fault: {}, id: {}{}}}", word, id, keys);
  return id;
}

/// The keys of a fault that strikes an end.
std::optional<std::string> NetworkDrawing::end_of(const std::string& word) {
  if (word == "disk-error" || word == "slow-disk") {
    const auto all = uses();
    const Use& use = dice_.one_of(all);
    return fmt::format(", to: \"{}\"{}", device(use), draw_fault_keys(dice_, word));
  }
  if (word == "pause" || word == "kill") {
    const std::string& name = serving(dice_.one_of(services_)).name;
    if (!struck_.insert(name).second) return std::nullopt;
    std::string keys = ", end: " + name;
    if (word == "kill" && dice_.chance(50))
      keys += fmt::format(", restart-after: {}ms", dice_.from(1, 2000));
    return keys;
  }
  std::vector<DrawnNode>& nodes = dice_.chance(40) ? initiators_ : targets_;
  DrawnNode& node = nodes[dice_.from(0, nodes.size() - 1)];
  const std::size_t port = dice_.from(0, node.segments.size() - 1);
  std::string keys = fmt::format(", end: {}, on: {}", node.name, segment_name(node.segments[port]));
  if (!struck_.insert(keys).second) return std::nullopt;
  if (word == "mac-change") {
    // Its own for good: two nodes of one address would be no fault of either.
    node.macs[port] = fmt::format("02:00:00:02:00:{:02x}", faults_ + 1);
    keys += fmt::format(", mac: \"{}\"", node.macs[port]);
  }
  return keys;
}

/// The target is gone for a while; where another stands by, that one serves from now on.
void NetworkDrawing::change_power() {
  Service& service = services_[*power_];
  const std::string before = serving(service).name;
  const bool has_standby = service.targets.size() > 1;
  step("wait: {}ms", dice_.from(1, 300));
  const bool is_killed = !has_standby || dice_.chance(50);
  step("{}: {}", is_killed ? "kill" : "demote", before);
  step("wait: {}ms", dice_.chance(80) ? dice_.from(1, 1000) : dice_.from(1000, 4000));
  if (!has_standby) return step("start: {}", before);
  std::ranges::rotate(service.targets, service.targets.begin() + 1);
  step("{}: {}", std::exchange(service.standby_was_killed, is_killed) ? "start" : "promote",
       serving(service).name);
}

}  // namespace

DrawnNetwork draw_network(const ExploreSpec& spec, std::uint64_t seed) {
  return NetworkDrawing(spec, seed).draw();
}

}  // namespace aoe::harness
