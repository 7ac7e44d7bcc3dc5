#include "harness/link/fault.h"

#include <algorithm>

#include "base/check.h"
#include "harness/link/corrupt.h"
#include "harness/link/count.h"
#include "harness/link/delay.h"
#include "harness/link/drop.h"
#include "harness/link/duplicate.h"
#include "harness/link/partition.h"
#include "harness/link/rate.h"
#include "harness/link/reorder.h"
#include "harness/link/truncate.h"

namespace aoe::harness {
namespace {

struct Make {
  const FaultSpec& spec;

  std::unique_ptr<Fault> operator()(const DropSpec&) const { return make<DropFault>(); }
  std::unique_ptr<Fault> operator()(const DuplicateSpec& duplicate) const {
    return make<DuplicateFault>(duplicate);
  }
  std::unique_ptr<Fault> operator()(const DelaySpec& delay) const {
    return make<DelayFault>(delay);
  }
  std::unique_ptr<Fault> operator()(const ReorderSpec& reorder) const {
    return make<ReorderFault>(reorder);
  }
  std::unique_ptr<Fault> operator()(const CorruptSpec& corrupt) const {
    return make<CorruptFault>(corrupt);
  }
  std::unique_ptr<Fault> operator()(const TruncateSpec& truncate) const {
    return make<TruncateFault>(truncate);
  }
  std::unique_ptr<Fault> operator()(const PartitionSpec&) const { return make<PartitionFault>(); }
  std::unique_ptr<Fault> operator()(const RateSpec& rate) const { return make<RateFault>(rate); }
  std::unique_ptr<Fault> operator()(const CountSpec& count) const {
    return make<CountFault>(count);
  }
  std::unique_ptr<Fault> operator()(const MacChangeSpec&) const { return nullptr; }
  std::unique_ptr<Fault> operator()(const LinkDownSpec&) const { return nullptr; }
  std::unique_ptr<Fault> operator()(const MtuSpec&) const { return nullptr; }
  std::unique_ptr<Fault> operator()(const PauseSpec&) const { return nullptr; }
  std::unique_ptr<Fault> operator()(const KillSpec&) const { return nullptr; }
  std::unique_ptr<Fault> operator()(const DiskErrorSpec&) const { return nullptr; }

  template <class Type, class... Kind>
  std::unique_ptr<Fault> make(const Kind&... kind) const {
    return std::make_unique<Type>(spec.id, spec.selector, kind...);
  }
};

}  // namespace

std::vector<std::uint8_t>& Passing::change() {
  AOE_CHECK(room != nullptr);
  changed = true;
  if (bytes.data() != room->data()) room->assign(bytes.begin(), bytes.end());
  return *room;
}

void Fault::arm(Instant now, const std::vector<std::string>& at_work) {
  armed_ = now;
  io_at_work_ = std::ranges::any_of(at_work, [this](const auto& io) { return is_for(io); });
}

bool Fault::is_during(Instant now) const {
  if (!selector_.during) return true;
  if (!selector_.during->io.empty()) return io_at_work_;
  const Duration since = now - armed_;
  return since >= selector_.during->from && since < selector_.during->until;
}

bool Fault::selects(const Passing& passing, Random& random) {
  if (!selector_.match.matches(passing.direction, passing.subject, passing.tag, passing.bytes))
    return false;
  if (!is_during(passing.now) || !can_strike(passing)) return false;
  ++matched_;
  if (selector_.nth) return matched_ == *selector_.nth;
  if (selector_.every) return matched_ % *selector_.every == 0;
  if (selector_.probability) {
    constexpr double range = 1.0 / static_cast<double>(1ULL << 53);
    return static_cast<double>(random() >> 11) * range < *selector_.probability;
  }
  return true;
}

bool Fault::meet(Passing& passing, Random& random) {
  if (!selects(passing, random)) return false;
  ++hits_;
  strike(passing, random);
  return true;
}

std::unique_ptr<Fault> make_fault(const FaultSpec& spec) {
  return std::visit(Make{spec}, spec.kind);
}

}  // namespace aoe::harness
