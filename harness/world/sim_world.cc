#include "harness/world/sim_world.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace aoe::harness {
namespace {

/// Frames that wait for a target that stands still, as in a socket's buffer.
constexpr std::size_t waiting_max = 4096;

initiator::Parameters parameters_of(const Scenario& scenario, const Mutant* mutant) {
  initiator::Parameters parameters = parameters_of(scenario.given);
  if (mutant != nullptr) mutant->tune(parameters);
  return parameters;
}

}  // namespace

/// One end of the link: what it sends enters the fault stage at once; what arrives is handed out
/// like a network card does, which lets frames for other addresses pass.
class SimWorld::Port final : public FramePort {
 public:
  Port(SimWorld& world, Direction outward, const Link& link)
      : world_(world), outward_(outward), link_(link) {}

  std::size_t receive(std::span<Bytes> frames) override {
    if (arrived_.empty()) return 0;
    frames[0] = std::exchange(arrived_, {});
    ++counters_.received;
    return 1;
  }
  void send(std::span<const Outgoing> frames) override {
    if (!link_.up) {
      counters_.send_dropped += frames.size();
      return;
    }
    counters_.sent += frames.size();
    world_.collect(outward_, frames);
  }
  int descriptor() const override { return -1; }
  Link link() const override { return link_; }
  PortCounters counters() const override { return counters_; }

  void set_link(const Link& link) { link_ = link; }
  /// A frame comes in, good until it is received. False: it is not for this card.
  bool take(Bytes frame) {
    if (frame.size() < ethernet_header_size) return false;
    Mac destination;
    std::ranges::copy(frame.first(6), destination.octets.begin());
    if (destination != link_.mac && !destination.is_multicast()) return false;
    arrived_ = frame;
    return true;
  }

 private:
  SimWorld& world_;
  const Direction outward_;
  Link link_;
  PortCounters counters_;
  Bytes arrived_;
};

SimWorld::SimWorld(const Scenario& scenario, FaultStage& stage, Exchanges& exchanges,
                   std::uint64_t seed, const MakeMutant& make_mutant, const Trace& trace)
    : stage_(stage),
      exchanges_(exchanges),
      one_way_(scenario.given.rtt / 2),
      plays_initiator_(plays_initiator(scenario)),
      mutant_outward_(scenario.mutant && scenario.mutant->at_target ? Direction::to_initiator
                                                                    : Direction::to_target),
      mutant_(make_mutant ? make_mutant(*this) : nullptr),
      guise_(Guise::is_wanted(scenario) ? std::make_unique<Guise>(scenario.target) : nullptr),
      initiator_port_(std::make_unique<Port>(*this, Direction::to_target,
                                             Link{initiator_mac, scenario.given.mtu, true})),
      target_port_(std::make_unique<Port>(*this, Direction::to_initiator,
                                          Link{target_mac, scenario.given.mtu, true})),
      session_(parameters_of(scenario, mutant_.get()), seed, trace),
      target_(scenario.target, *target_port_, seed, trace, [this] { return now_; }) {
  session_.listen([this](const initiator::Event& event) {
    if (event.kind == initiator::Event::Kind::device_down) exchanges_.abandon(event.device);
  });
}

SimWorld::~SimWorld() = default;

void SimWorld::begin() {
  if (session_port_) return;
  target_.start();
  session_port_ = session_.attach(*initiator_port_, now_);
}

void SimWorld::collect(Direction direction, std::span<const Outgoing> frames) {
  if (direction == Direction::to_target && !plays_initiator_) return;
  for (const Outgoing& frame : frames) {
    joined_.assign(frame.head.begin(), frame.head.end());
    joined_.insert(joined_.end(), frame.data.begin(), frame.data.end());
    is_mutants(direction) ? mutant_->sent(joined_) : leave_end(direction, joined_);
  }
}

void SimWorld::leave_end(Direction direction, Bytes frame) {
  if (guise_ == nullptr || direction == Direction::to_target)
    return enter(direction, frame, Origin::end);
  for (const auto& seen : guise_->sent(frame)) enter(direction, seen, Origin::end);
}

void SimWorld::enter(Direction direction, Bytes frame, Origin origin) {
  entering_.clear();
  stage_.enter(direction, frame, now_, entering_, origin);
  for (Delivery& delivery : entering_) {
    const Instant at = now_ + one_way_ + delivery.delay;
    const bool on_time = delivery.delay == Duration{};
    (on_time ? on_time_ : late_).push_back({at, next_order_++, std::move(delivery)});
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
  const End end = delivery.direction == Direction::to_target ? End::target : End::initiator;
  if (const Link link = port(end).link(); carries(link, delivery.bytes)) {
    stage_.leave(delivery, now_);
    if (guise_ != nullptr && delivery.direction == Direction::to_target)
      delivery.bytes = guise_->arrived(delivery.bytes);
    is_mutants(opposite(delivery.direction)) ? mutant_->arrived(delivery.bytes)
                                             : reach_end(delivery.direction, delivery.bytes);
  } else {
    stage_.lose(delivery, link);
  }
  stage_.recycle(std::move(delivery));
}

void SimWorld::reach_end(Direction direction, Bytes frame) {
  if (direction == Direction::to_initiator) {
    if (plays_initiator_ && initiator_port_->take(frame)) session_.receive(*session_port_, now_);
  } else if (paused_) {
    if (waiting_.size() < waiting_max) waiting_.emplace_back(frame.begin(), frame.end());
  } else if (target_port_->take(frame)) {
    target_.serve();
  }
}

bool SimWorld::run_until(const std::function<bool()>& done, Instant deadline) {
  begin();
  while (!done()) {
    const Held* const first = next_arrival();
    const Instant arrival = first == nullptr ? never : first->due;
    const Instant next = std::min(arrival, session_.deadline());
    if (next > deadline) {
      now_ = std::max(now_, deadline);
      return done();
    }
    now_ = std::max(now_, next);
    if (arrival == next) {  // an answer that comes just in time is in time
      deliver(take_next_arrival());
    } else {
      session_.tick(now_);
    }
  }
  return true;
}

void SimWorld::discover(Address whom) {
  begin();
  session_.call(now_, &initiator::Engine::discover, whom);
}

void SimWorld::submit(const initiator::IoRequest& request, Done done) {
  begin();
  session_.submit(request, std::move(done), now_);
}

bool SimWorld::open(Address device) {
  begin();
  const bool opened = session_.open(device);
  users_ += opened ? 1 : 0;
  return opened;
}

void SimWorld::close(Address device) {
  if (users_ == 0) return;
  --users_;
  begin();
  session_.call(now_, &initiator::Engine::close, device);
}

Link SimWorld::link(End end) const {
  return port(end).link();
}

Control SimWorld::set_link(End end, const Link& link) {
  begin();
  port(end).set_link(link);
  if (end == End::initiator) {
    exchanges_.port_changed(now_);
    session_.link_changed(*session_port_, now_);
  } else if (!paused_) {
    target_.link_changed();
  }
  return {};
}

Control SimWorld::pause(bool paused) {
  begin();
  paused_ = paused;
  while (!paused_ && !waiting_.empty()) {
    const std::vector<std::uint8_t> frame = std::move(waiting_.front());
    waiting_.pop_front();
    reach_end(Direction::to_target, frame);
  }
  return {};
}

Control SimWorld::kill() {
  begin();
  paused_ = false;
  waiting_.clear();
  target_.kill();
  return {};
}

void SimWorld::start_target() {
  begin();
  if (is_mutants(Direction::to_initiator)) mutant_->restarted();
  target_.start();
}

Control SimWorld::set_disk_faults(const std::optional<DiskFaults>& faults) {
  target_.disk().set_faults(faults);
  return {};
}

void SimWorld::says(const Says& says, bool announce) {
  begin();
  guise_->change(says);
  if (!announce) return;
  for (const auto& frame : guise_->announce()) enter(Direction::to_initiator, frame, Origin::end);
}

Control SimWorld::read_store(std::uint64_t offset, MutableBytes into) {
  copy(target_.disk().bytes().subspan(offset, into.size()), into);
  return {};
}

}  // namespace aoe::harness
