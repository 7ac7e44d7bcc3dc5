#include "harness/run/runner.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/judge/pattern.h"
#include "harness/run/every_answer.h"
#include "harness/run/interruption.h"
#include "harness/run/play_step.h"

namespace aoe::harness {
namespace {

Check check_of(const WrongData& wrong) {
  return wrong.was_flushed ? Check::flushed_survives : Check::data_integrity;
}

/// Does it depend on times whether the scenario passes? Not where each frame is spelt by hand and
/// each has an answer, however late.
bool time_decides(const Scenario& scenario) {
  if (plays_initiator(scenario)) return true;
  return std::ranges::any_of(scenario.steps, [](const Step& step) {
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    const auto* query = std::get_if<QueryStep>(&step.what);
    if (query != nullptr) return query->query.reply.silence;
    return expect != nullptr &&
           ((expect->reply && (expect->reply->silence || expect->reply->within)) ||
            expect->replies || expect->announcement || expect->hits);
  });
}

class Runner {
 public:
  Runner(const Scenario& scenario, World& world, const Ledger& ledger, Parties& parties,
         std::uint64_t seed, EachAnswer each_answer)
      : state_(scenario, world, ledger, parties, seed) {
    if (each_answer == EachAnswer::judged) every_answer_.emplace(scenario, world, ledger);
  }

  Verdict run() {
    const Instant begun = state_.world.now();
    Verdict verdict;
    const auto keep = [&](std::optional<Finding> finding) {
      if (finding) verdict.failures.push_back(*std::move(finding));
    };
    const StepResult steps = play_steps(verdict.steps);
    if (const auto* failure = std::get_if<Finding>(&steps)) verdict.failures.push_back(*failure);
    const Mark last_step = state_.mark;
    state_.mark = {state_.scenario.file, 0, 0};
    state_.rule = "finally";
    keep(settle());
    if (const std::string broken = state_.world.broken(); !broken.empty()) {
      // What failed for want of a world is no finding of its own.
      state_.rule = "world";
      verdict.failures = {
          state_.fail_for_certain("both ends run until the scenario's end", broken)};
      verdict.failures.front().mark = last_step;
    }
    state_.rule = text(Check::data_integrity);
    keep(check_stores());
    keep(check_always());

    report_late_duplicates();
    report_strangers();
    judge(verdict, std::get_if<Unsupported>(&steps));
    if (every_answer_) {
      verdict.answers = every_answer_->findings();
      verdict.answered = every_answer_->answered_kinds();
    }
    verdict.notes = std::move(state_.notes);
    verdict.dues = std::move(state_.dues);
    verdict.took = state_.world.now() - begun;
    for (const Load& load : state_.loads) verdict.requests += load.completed();
    return verdict;
  }

 private:
  using Result = std::optional<Finding>;

  /// Plays the steps up to the first that does not pass, and returns how that ended.
  StepResult play_steps(std::vector<StepRecord>& played) {
    const Instant origin = state_.ledger.origin();
    for (const Step& step : state_.scenario.steps) {
      state_.mark = step.mark;
      state_.rule = step.word;
      const Duration began = state_.world.now() - origin;
      if (step.awaited) state_.world.ask_user(step.awaited->prompt);
      StepResult result = play_step(state_, step);
      played.push_back({.began = began,
                        .ended = state_.world.now() - origin,
                        .where = fmt::format("{}:{}", state_.mark.file, state_.mark.line),
                        .word = step.word,
                        .text = step.text,
                        .met = !std::holds_alternative<Finding>(result)});
      if (step.awaited && std::holds_alternative<Finding>(result)) {
        undone_ = step.awaited->missing;
        return Passed{};
      }
      if (!passed(result) || state_.is_over()) return result;
    }
    return Passed{};
  }

  /// Fills in the outcome and its reason. `step`: why a step could not be played, or null.
  void judge(Verdict& verdict, const Unsupported* step) const {
    const std::string doubt = this->doubt();
    const bool certain = std::ranges::any_of(verdict.failures, &Finding::certain);
    if (interrupted()) {
      verdict.outcome = Outcome::broken;
      verdict.reason = "interrupted";
      verdict.failures.clear();  // they are of what could not be brought to an end
    } else if (const std::string lost = state_.world.lost(); !lost.empty()) {
      verdict.outcome = Outcome::broken;
      verdict.reason = lost;
      verdict.failures.clear();  // for want of a world
    } else if (const std::string unsupported = state_.world.unsupported(); !unsupported.empty()) {
      verdict.outcome = Outcome::unsupported;
      verdict.reason = unsupported;
      verdict.failures.clear();  // for want of what was not done
    } else if (certain || (doubt.empty() && !verdict.failures.empty())) {
      verdict.outcome = Outcome::failed;
    } else if (step != nullptr) {
      verdict.outcome = Outcome::unsupported;
      verdict.reason = step->reason;
    } else if (!doubt.empty() && (!undone_.empty() || state_.world.frames_lost() > 0 ||
                                  !verdict.failures.empty() || time_decides(state_.scenario))) {
      verdict.outcome = Outcome::inconclusive;
      verdict.reason = doubt;
    } else if (!state_.flaky.empty()) {
      verdict.outcome = Outcome::flaky;
      verdict.reason = state_.flaky;
    }
  }

  /// Returns why this machine could not tell; empty where it could.
  std::string doubt() const {
    if (!undone_.empty()) return undone_;
    if (state_.world.slack() > slack_max) {
      return fmt::format("this machine was too busy: times are only known to {}, {} is the most",
                         describe(state_.world.slack()), describe(slack_max));
    }
    if (state_.world.frames_lost() > 0) {
      return fmt::format("{} frames were lost that no fault struck", state_.world.frames_lost());
    }
    return {};
  }

  void report_late_duplicates() {
    for (const DiskHistory& history : state_.histories) {
      const std::uint64_t count = history.late_duplicates();
      if (count == 0) continue;
      std::string note = "late duplicate: " + history.first_late_duplicate();
      if (count > 1) note += fmt::format(" (and {} more)", count - 1);
      state_.notes.push_back(std::move(note));
    }
  }

  void report_strangers() {
    const std::uint64_t replies = state_.world.strangers_replies();
    if (replies == 0) return;
    state_.notes.push_back(
        fmt::format("not judged: {} on the wire to what was not asked here, with tags of others",
                    quantity(replies, "answer")));
  }

  /// Returns the longest that nothing may complete once everything is healed.
  Duration standstill_max() const {
    // A request waits for its timeout, which has grown meanwhile, or until its device is given up.
    const Duration deadsecs = state_.scenario.given.deadsecs;
    const Duration wait =
        deadsecs > Duration{} ? std::min(deadsecs, RtoModel::most) : RtoModel::most;
    Duration rto{};
    for (const NodeIndex node : state_.scenario.network.all(Node::Role::initiator))
      rto = std::max(rto, state_.parties.of(node).rto());
    return wait + rto + state_.world.slack();
  }

  /// Heals everything and waits until all I/O is resolved.
  Result settle() {
    state_.faults.heal_all();
    const auto done = [this] { return std::ranges::all_of(state_.loads, &Load::done); };
    const auto completed = [this] {
      std::uint64_t count = 0;
      for (const Load& load : state_.loads) count += load.completed();
      return count;
    };
    if (state_.scenario.settle) {
      if (state_.wait(done, state_.world.now() + *state_.scenario.settle)) return std::nullopt;
    } else {
      for (std::uint64_t before = UINT64_MAX; !done() && completed() != before;) {
        before = completed();
        state_.wait([&] { return done() || completed() != before; },
                    state_.world.now() + standstill_max());
      }
      if (done() || !state_.is_always(Check::liveness)) return std::nullopt;
    }
    std::string open;
    for (const Load& load : state_.loads) {
      if (load.done()) continue;
      open += fmt::format("{}{} ({} of {} done)", open.empty() ? "" : ", ", load.id(),
                          load.completed(), load.requests());
    }
    if (state_.scenario.settle) {
      return state_.fail(
          fmt::format("all I/O resolved within {} of the end", describe(*state_.scenario.settle)),
          "outstanding: " + open);
    }
    state_.rule = text(Check::liveness);
    return state_.fail(rule(Check::liveness),
                       fmt::format("for {} nothing was resolved, outstanding: {}",
                                   describe(standstill_max()), open));
  }

  /// Sectors that were to hold something still hold it; for the history they hold what they began
  /// with.
  Result check_stated(const Device& device, std::uint64_t lba, MutableBytes bytes) {
    const Lun& lun = state_.scenario.network.lun(device);
    const auto& stated = state_.stated[lun.disk];
    const std::uint64_t end = lba + bytes.size() / sector_size;
    for (auto it = stated.lower_bound(lba); it != stated.end() && it->first < end; ++it) {
      const MutableBytes sector = bytes.subspan((it->first - lba) * sector_size, sector_size);
      if (!std::ranges::equal(sector, it->second) && !state_.wrong_data_seen) {
        state_.wrong_data_seen = true;
        Finding finding =
            state_.fail_for_certain("the store holds what it was last seen to hold",
                                    fmt::format("lba {} has changed since", it->first),
                                    frames_about(state_.ledger, lun.address, it->first));
        finding.sectors = {{it->first, to_hex(it->second), to_hex(sector)}};
        return finding;
      }
      const Content begun{.kind = Content::Kind::pattern};
      fill(begun, it->first, state_.scenario.network.disks[lun.disk].fill_pattern, sector);
    }
    return std::nullopt;
  }

  Finding about_data(const Device& device, const WrongData& wrong, std::string actual) {
    state_.rule = text(check_of(wrong));
    Finding finding = state_.about_data(std::string(rule(check_of(wrong))), device, wrong);
    finding.actual = std::move(actual);
    return finding;
  }

  bool read_store(const Device& device, std::uint64_t lba, MutableBytes into) {
    return state_.world.target(device.node)
        .read_store(device.lun, lba * sector_size, into)
        .has_value();
  }

  /// Compares what the store of a large disk holds with what it was seen to hold.
  Result check_stated_alone(const Device& device) {
    std::vector<std::uint8_t> bytes(sector_size);
    for (const auto& [lba, stated] : state_.stated[state_.scenario.network.lun(device).disk]) {
      if (!read_store(device, lba, bytes)) return std::nullopt;
      if (Result wrong = check_stated(device, lba, bytes)) return wrong;
    }
    return std::nullopt;
  }

  /// Compares a store with what was acknowledged.
  Result check_store_of(const Device& device) {
    constexpr std::uint64_t piece = 2048;  // sectors
    const std::uint64_t sectors = state_.scenario.network.disk(device).sectors;
    if (sectors > judged_sectors_max) return check_stated_alone(device);
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t lba = 0; lba < sectors; lba += piece) {
      bytes.resize(std::min(piece, sectors - lba) * sector_size);
      if (!read_store(device, lba, bytes)) return std::nullopt;
      if (Result wrong = check_stated(device, lba, bytes)) return wrong;
      if (const auto wrong = state_.history_of(device).verify(lba, bytes))
        return about_data(device, *wrong, "in the store, " + wrong->text);
    }
    return std::nullopt;
  }

  /// Is it known what a disk must hold? Where frames are spelt by hand that write, only what the steps
  /// say of it.
  bool is_judged(const Device& device) const {
    if (device == state_.scenario.network.first_device()) return true;
    const auto writes_by_hand = [](const Step& step) {
      const auto* send = std::get_if<SendStep>(&step.what);
      return send != nullptr && send->frame.data.kind != Content::Kind::none;
    };
    return std::ranges::none_of(state_.scenario.steps, writes_by_hand);
  }

  /// Each disk's store, past the first target that has it.
  Result check_stores() {
    if (!state_.is_always(Check::data_integrity)) return std::nullopt;
    const Network& network = state_.scenario.network;
    std::set<DiskIndex> checked;
    for (const NodeIndex target : network.all(Node::Role::target)) {
      const std::size_t luns = network.nodes[target].target.luns.size();
      for (std::size_t lun = 0; lun < luns; ++lun) {
        const Device device{target, static_cast<std::uint16_t>(lun)};
        if (!checked.insert(network.lun(device).disk).second || !is_judged(device)) continue;
        if (Result wrong = check_store_of(device)) return wrong;
      }
    }
    return std::nullopt;
  }

  /// Asks which of the scenario's checks the frames and reads broke.
  Result check_always() {
    // The first check that was broken, and how often that one.
    const auto counts = [this](const Finding& finding) {
      return state_.is_always(*find_check(finding.rule));
    };
    const std::vector<Finding> findings = state_.parties.findings();
    if (const auto first = std::ranges::find_if(findings, counts); first != findings.end()) {
      const auto more = state_.parties.count(*find_check(first->rule)) - 1;
      Finding finding = *first;
      finding.mark = state_.mark;
      if (more > 0) finding.actual += fmt::format(" (and {} more)", more);
      return finding;
    }
    if (!state_.is_always(Check::data_integrity) || state_.wrong_data_seen) return std::nullopt;
    for (const Load& load : state_.loads) {
      if (!load.wrong_data()) continue;
      return about_data(load.device(), *load.wrong_data(),
                        fmt::format("io {} read: {}", load.id(), load.wrong_data()->text));
    }
    return std::nullopt;
  }

  RunState state_;
  std::optional<EveryAnswer> every_answer_;
  std::string undone_;  // what the initiator's user did not do in time; empty: nothing
};

}  // namespace

Verdict play_scenario(const Scenario& scenario, World& world, const Ledger& ledger,
                      Parties& parties, std::uint64_t seed, EachAnswer each_answer) {
  return Runner(scenario, world, ledger, parties, seed, each_answer).run();
}

}  // namespace aoe::harness
