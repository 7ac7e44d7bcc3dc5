#include "harness/run/passive_case.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/language/abilities.h"

namespace aoe::harness {
namespace {

/// Firmware and installers refuse smaller disks than 16,065 sectors, which are of no use to them.
constexpr std::uint64_t disk_sectors_least = 16384;

/// Makes the steps of one scenario; ends with the first step that is not fit.
class Passive {
 public:
  Passive(const Scenario& scenario, Address at, Duration patience)
      : scenario_(scenario), at_(at), patience_(patience) {}

  tl::expected<Scenario, std::string> made() {
    std::string why = unfit();
    for (const Step& step : scenario_.steps) {
      if (!why.empty()) break;
      why = std::visit([&](const auto& what) { return add(step, what); }, step.what);
    }
    if (why.empty() && awaited_ == 0) why = "nothing in it is for an initiator's user to do";
    if (!why.empty()) return tl::unexpected(why);
    Scenario made = scenario_;
    made.steps = std::move(steps_);
    made.lun().address = at_;
    made.disk().sectors = std::max(made.disk().sectors, disk_sectors_least);
    // What a stranger has read, and what it was promised, it alone knows.
    std::erase_if(made.always, [](Check check) {
      return check == Check::data_integrity || check == Check::flushed_survives;
    });
    return made;
  }

 private:
  std::string unfit() const {
    for (const std::string& word : abilities_needed(scenario_)) {
      if (word == "deadsecs" || word == "maxout")
        return fmt::format("it sets the initiator's {}, which can't be done from here", word);
    }
    if (!scenario_.network.is_of_two()) return "it has more nodes than a wire has ends";
    if (scenario_.mutant) return "its mutant lives in the sim world";
    if (scenario_.given.names.contains("mtu")) return "the interfaces on a wire keep their MTU";
    if (scenario_.target().paths > 1) return "an interface has one address";
    if (scenario_.target().base > 0) return "it is about certain sectors";
    return scenario_.target().luns.size() > 1 ? "it is about several LUNs" : "";
  }

  void keep(const Step& step) { steps_.push_back(step); }

  /// Adds steps that wait until an answer of this kind has passed.
  void await(const Step& step, Traffic traffic, const std::string& prompt,
             const std::string& missing) {
    const std::string id = fmt::format("awaited-{}", ++awaited_);
    FaultSpec answers;
    answers.id = id;
    answers.selector.match.direction = Direction::to_initiator;
    answers.selector.match.traffic = traffic;
    answers.kind = CountSpec{};
    Step arm = step;
    arm.word = "arm";
    arm.text = fmt::format("{{fault: count, id: {}}}", id);
    arm.what = ArmStep{answers};
    keep(arm);
    Step expect = step;
    expect.word = "expect";
    expect.text = fmt::format("{{hits: {{of: {}, min: 1}}}}", id);
    ExpectStep hits;
    hits.hits = ExpectHits{.fault = id, .within = patience_};
    expect.what = hits;
    expect.awaited = Awaited{fmt::format("now {} ({})", prompt, describe(patience_)),
                             fmt::format("{} within {}", missing, describe(patience_))};
    keep(expect);
  }

  std::string add(const Step& step, const DiscoverStep& discover) {
    if (!discover.found) return "that a disk is not found only its user sees";
    if (std::exchange(is_found_, true)) return {};
    await(step, Traffic::identify, fmt::format("let the initiator find {}", at_),
          fmt::format("nobody asked {} to identify itself", at_));
    return {};
  }
  std::string add(const Step& step, const IoStep& io) {
    const bool mixed = io.operation == IoOperation::mixed;
    if (io.operation == IoOperation::flush || io.operation == IoOperation::trim)
      return "not everyone can be asked to flush or trim";
    if (2 * io.lba.value_or(0) >= scenario_.disk().sectors) return "it is about the disk's end";
    is_at_work_ = true;
    if (mixed || io.operation == IoOperation::write)
      await(step, Traffic::write, fmt::format("write something to {}", at_), "nothing was written");
    if (mixed || io.operation == IoOperation::read)
      await(step, Traffic::read, fmt::format("read something from {}", at_), "nothing was read");
    return {};
  }
  std::string add(const Step&, const WarmupStep& warmup) {
    return fmt::format("it needs {} reads first", warmup.reads.requests);
  }
  std::string add(const Step& step, const ArmStep& arm) {
    const Match& match = arm.fault.selector.match;
    if (!arm.fault.strikes_frames()) return "it is about what happens to an end";
    if (is_at_work_) return "its faults strike while requests are under way";
    if (arm.fault.selector.during) return "its faults strike at times of their own";
    if (match.lba || match.sectors) return "it is about certain sectors";
    if (match.mac || names_an_address(arm.fault)) return "it is about addresses of its own";
    keep(step);
    return {};
  }
  std::string add(const Step& step, const HealStep&) { return keep(step), ""; }
  std::string add(const Step& step, const WaitStep&) { return keep(step), ""; }
  std::string add(const Step& step, const SaysStep&) { return keep(step), ""; }
  std::string add(const Step& step, const ExpectStep& given) {
    ExpectStep expect = given;
    is_at_work_ = false;
    if (expect.io && (expect.io->result != IoResult::ok || expect.io->each_answered))
      return "it is about requests that fail, which only their user sees";
    if (expect.device) return "what state a device has only its user sees";
    if (expect.outstanding) return "it needs many requests at once";
    if (expect.hits && expect.hits->least > 1) return "it needs many requests";
    if (expect.retransmit && step.text.find("rto") != std::string::npos)
      return "it is about timeouts of our initiator";
    if (expect.reply || expect.replies || expect.announcement || expect.store)
      return "it is about a target";
    expect.io.reset();
    if (!expect.hits && !expect.retransmit) return {};
    Step kept = step;
    kept.what = expect;
    keep(kept);
    return {};
  }
  std::string add(const Step&, const HoldStep&) { return "only its user can open a disk"; }
  template <class Other>  // frames that the harness spells itself
  std::string add(const Step&, const Other&) {
    return "it is about a target";
  }

  static bool names_an_address(const FaultSpec& fault) {
    const auto* count = std::get_if<CountSpec>(&fault.kind);
    return count != nullptr &&
           std::ranges::any_of(count->conditions, [](const CountSpec::Condition& condition) {
             const bool is_mac =
                 condition.field == Field::destination || condition.field == Field::source;
             if (is_mac) return !layout::mac(condition.value).is_multicast();
             return (condition.field == Field::shelf && condition.value != Address::any_shelf) ||
                    (condition.field == Field::slot && condition.value != Address::any_slot);
           });
  }

  const Scenario& scenario_;
  const Address at_;
  const Duration patience_;
  std::vector<Step> steps_;
  unsigned awaited_ = 0;
  bool is_found_ = false;
  bool is_at_work_ = false;  // between an io and what is expected of it
};

}  // namespace

tl::expected<Scenario, std::string> as_passive(const Scenario& scenario, Address at,
                                               Duration patience) {
  return Passive(scenario, at, patience).made();
}

}  // namespace aoe::harness
