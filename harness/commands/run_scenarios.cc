#include "harness/commands/run_scenarios.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "harness/commands/answer_cases.h"
#include "harness/commands/commands.h"
#include "harness/commands/silences.h"
#include "harness/report/terminal.h"
#include "harness/run/child_pool.h"
#include "harness/run/evidence_folder.h"
#include "harness/run/exit_status.h"
#include "harness/run/interruption.h"
#include "harness/run/probe.h"
#include "harness/run/tries.h"
#include "harness/world/disk_image.h"
#include "harness/world/process.h"
#include "harness/world/remote_target.h"
#include "harness/world/wire_discovery.h"
#include "wire/network_namespace.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

using Clock = std::chrono::steady_clock;

/// runs/<time>-<seed>, with runs/last leading to it.
tl::expected<fs::path, std::string> make_folder(const RunOptions& options) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string base = fmt::format("{:%Y%m%dT%H%M%S}-{}", fmt::localtime(now), options.seed);
  const fs::path out = options.out;
  std::error_code error;
  fs::create_directories(out, error);
  std::string name = base;
  for (int again = 2; !error && !fs::create_directory(out / name, error) && !error; ++again) {
    name = fmt::format("{}-{}", base, again);
  }
  // Moved into place, so that runs at the same time don't trip over each other.
  const fs::path next = out / (name + ".last");
  if (!error) fs::create_directory_symlink(name, next, error);
  if (!error) fs::rename(next, out / "last", error);
  if (error) return tl::unexpected(fmt::format("{}: {}", options.out, error.message()));
  return out / name;
}

/// Returns whether this outcome ends a run with --until-fail or --fail-fast.
bool is_red(Outcome outcome) {
  return outcome == Outcome::failed || outcome == Outcome::broken ||
         outcome == Outcome::unexpected_pass;
}

std::string now_as_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::string last_line(const fs::path& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

class Run {
 public:
  Run(RunOptions options, std::vector<Scenario> scenarios, Expectations expectations,
      fs::path folder)
      : options_(std::move(options)),
        scenarios_(std::move(scenarios)),
        expectations_(std::move(expectations)),
        folder_(std::move(folder)),
        tries_(scenarios_.size()) {
    std::set<std::string> taken;
    for (const Scenario& scenario : scenarios_) names_.push_back(file_name(scenario.id, taken));
    head_.version = AOE_VERSION;
    head_.started = now_as_text();
    head_.seed = options_.seed;
    head_.world = text(options_.cases.world);
    if (!options_.cases.interface.empty()) head_.world += " " + options_.cases.interface;
    if (options_.cases.at) head_.world += fmt::format(" {}", *options_.cases.at);
    head_.sut = options_.cases.tested();
    if (head_.sut == options_.cases.sut.name) head_.sut_version = version_of(options_.cases.sut);
    if (const auto& peer = options_.cases.peer) {
      head_.peer = peer->name;
      head_.peer_version = version_of(*peer);
    }
    head_.suite = options_.suite;
    head_.part = options_.shard.part;
    head_.parts = options_.shard.of;
  }

  /// Asks the implementation what it has, so that scenarios that require more are unsupported.
  /// Throws Failed where it can't be asked, or the run was interrupted.
  void ask();
  /// Returns the program's exit status.
  int play();

 private:
  /// One time that a scenario is played.
  struct Piece {
    std::size_t scenario;
    std::size_t number;  // of its tries, from 0
    std::uint64_t seed;
  };

  /// All scenarios are played as often as repeat says, one after another.
  Piece piece_of(std::size_t index) const {
    const std::size_t number = index / scenarios_.size();
    return {index % scenarios_.size(), number, options_.seed + number};
  }
  /// Whether each answer is judged: in the suite of targets.
  bool judges_answers() const { return options_.suite == "target"; }
  /// Scenarios times tries; as many as can be counted where it goes on for ever.
  std::size_t pieces() const {
    if (scenarios_.empty()) return 0;
    return std::min(options_.repeat, for_ever / scenarios_.size()) * scenarios_.size();
  }
  /// Where the evidence of a piece goes, within the run's folder.
  fs::path folder_of(const Piece& piece) const;

  /// Plays so many pieces, several at a time, and ends early where `stop` holds.
  void play(std::size_t count, const std::function<Piece(std::size_t)>& piece,
            const std::function<bool()>& stop);
  /// Plays those that failed in all of their tries again, until they pass or options_.retry is used up.
  void retry();
  /// Folds the cases that failed by one silence into a case that tells it.
  void judge_silences();
  /// Adds a case that is made of others.
  void add_beside(CaseRecord record);
  std::string work(const Piece& piece) const;
  void ended(const Piece& piece, const ChildEnd& end);
  void show(const std::string& text) const;
  RunRecord record(Duration real) const;
  tl::expected<void, std::string> write(const RunRecord& record) const;
  int status(const RunRecord& record) const;

  RunOptions options_;
  const std::vector<Scenario> scenarios_;
  Expectations expectations_;
  const fs::path folder_;
  std::vector<std::string> names_;  // of the folders of evidence, by scenario
  RunRecord head_;                  // what is known before any case is
  std::vector<Tries> tries_;        // by scenario
  AnswerCases answer_cases_;
  Silences silences_;
  std::map<std::size_t, std::string> not_judged_;  // why, by scenario, once all are played
  std::vector<CaseRecord> beside_;  // the cases that this run has beside its scenarios
  std::size_t done_ = 0;            // pieces
  Terminal terminal_{terminal_style(STDOUT_FILENO, options_.verbosity)};
  bool failed_ = false;
};

fs::path Run::folder_of(const Piece& piece) const {
  const fs::path folder = fs::path("cases") / names_[piece.scenario];
  const bool has_tries = options_.repeat > 1 || options_.retry > 0;
  return has_tries ? folder / fmt::format("try-{}", piece.number + 1) : folder;
}

/// Plays one case in the child process. What the child prints (a failed check, a sanitizer's
/// report) is evidence, too.
std::string Run::work(const Piece& piece) const {
  const fs::path folder = folder_ / folder_of(piece);
  std::error_code error;
  fs::create_directories(folder, error);
  const int log = ::open((folder / "harness.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (log >= 0) ::dup2(log, STDERR_FILENO);
  Handover handover;
  CaseRecord& record = handover.record;
  record = run_case(scenarios_[piece.scenario], options_.cases, piece.seed, folder,
                    judges_answers() ? &handover.aside : nullptr);
  if (::lseek(STDERR_FILENO, 0, SEEK_CUR) == 0) fs::remove(folder / "harness.log", error);
  record.folder = folder_of(piece).string();
  return to_text(handover);
}

void Run::ended(const Piece& piece, const ChildEnd& end) {
  CaseRecord record = case_record(scenarios_[piece.scenario], options_.cases, piece.seed);
  record.folder = folder_of(piece).string();
  record.outcome = Outcome::broken;
  Aside aside;
  if (end.death.empty()) {
    auto read = handover_from_text(end.output);
    if (read) {
      if (judges_answers()) answer_cases_.add(*read);
      record = std::move(read->record);
      aside = std::move(read->aside);
    } else {
      record.reason = "its record can't be read: " + read.error();
    }
  } else {
    remove_images((folder_ / record.folder).string());
    const std::string said = last_line(folder_ / record.folder / "harness.log");
    record.reason =
        fmt::format("the harness {}{}", end.death, said.empty() ? "" : "; it said: " + said);
  }
  expectations_.apply(head_, record);
  failed_ |= is_red(record.outcome);
  // Another part of the suite may have an answer to what this one has not.
  if (head_.suite == "target" && options_.shard.is_whole())
    silences_.add(piece.scenario, {record, aside});
  // What other cases may fail by, too, is told once all have been played.
  if (!silences_.is_suspect(piece.scenario)) show(terminal_.finished(record));
  ++done_;
  show(terminal_.progress(done_, std::max(pieces(), done_), record.id));
  tries_[piece.scenario].add(std::move(record));
}

void Run::show(const std::string& text) const {
  fmt::print("{}", text);
  std::fflush(stdout);
}

RunRecord Run::record(Duration real) const {
  RunRecord record = head_;
  record.interrupted = interrupted();
  record.real = real;
  for (std::size_t i = 0; i < scenarios_.size(); ++i) {
    if (tries_[i].empty()) {
      record.not_run.push_back(scenarios_[i].id);
    } else {
      record.cases.push_back(tries_[i].merged());
      const auto reason = not_judged_.find(i);
      if (reason == not_judged_.end()) continue;
      record.cases.back().outcome = Outcome::inconclusive;
      record.cases.back().reason = reason->second;
      record.cases.back().failures.clear();
    }
  }
  record.cases.insert(record.cases.end(), beside_.begin(), beside_.end());
  return record;
}

tl::expected<void, std::string> Run::write(const RunRecord& record) const {
  std::vector<Output> outputs = outputs_of_folder(folder_.string());
  outputs.insert(outputs.end(), options_.reports.begin(), options_.reports.end());
  return write_outputs(outputs, record);
}

int Run::status(const RunRecord& record) const {
  const auto counts = count(record);
  const auto of = [&](Outcome outcome) { return counts[static_cast<std::size_t>(outcome)]; };
  if (record.interrupted) return exit_interrupted;
  // What no clause forbids is told, and is no failure of the run.
  const auto is_told_only = [](const CaseRecord& each) {
    return each.outcome == Outcome::failed && each.level == text(Level::info) &&
           !each.clauses.empty();
  };
  const auto told_only =
      static_cast<std::size_t>(std::ranges::count_if(record.cases, is_told_only));
  if (of(Outcome::failed) + of(Outcome::unexpected_pass) > told_only) return exit_failed;
  if (of(Outcome::broken) > 0) return exit_environment;
  const bool is_empty_part = record.cases.empty() && !options_.shard.is_whole();
  if (of(Outcome::unsupported) == record.cases.size() && !is_empty_part) return exit_environment;
  const bool doubtful = of(Outcome::flaky) + of(Outcome::inconclusive) > 0;
  return doubtful && options_.strict ? exit_inconclusive : exit_passed;
}

void Run::ask() {
  auto probes = probe(options_.cases, options_.seed, folder_ / "probe");
  if (interrupted())
    throw Failed{exit_interrupted,
                 "interrupted while it was asked what it has: no case was played"};
  head_.probes = must(std::move(probes), exit_environment);
  for (const ProbeRecord& probe : head_.probes) {
    if (probe.has) continue;
    options_.cases.sut.cannot.emplace(
        probe.ability, fmt::format("asked {}, it answered {}", probe.asked, probe.answered));
  }
}

void Run::play(std::size_t count, const std::function<Piece(std::size_t)>& piece,
               const std::function<bool()>& stop) {
  ChildPool pool;
  const unsigned processors = std::thread::hardware_concurrency();
  // Where each request is a process, a case works as much as it waits.
  const bool works = !options_.cases.is_on_wire() && options_.cases.has_requests_as_processes();
  pool.jobs = options_.jobs ? *options_.jobs
                            : jobs_in(works ? WorldKind::sim : options_.cases.world, processors);
  pool.patience = options_.patience;
  pool.work = [&](std::size_t index) { return work(piece(index)); };
  pool.ended = [&](const ChildEnd& end) { ended(piece(end.index), end); };
  pool.stop = stop;
  pool.run(count);
}

void Run::judge_silences() {
  for (Silences::Cause& cause : silences_.causes()) {
    for (const std::size_t scenario : cause.cases) not_judged_[scenario] = cause.reason;
    add_beside(std::move(cause.record));
  }
  for (std::size_t i = 0; i < tries_.size(); ++i) {
    if (silences_.is_suspect(i) && !not_judged_.contains(i))
      show(terminal_.finished(tries_[i].merged()));
  }
}

void Run::add_beside(CaseRecord record) {
  expectations_.apply(head_, record);
  show(terminal_.finished(record));
  beside_.push_back(std::move(record));
}

void Run::retry() {
  for (std::size_t round = 0; round < options_.retry && !interrupted(); ++round) {
    std::vector<Piece> again;
    for (std::size_t i = 0; i < tries_.size(); ++i) {
      if (tries_[i].all_failed())
        again.push_back({i, options_.repeat + round, options_.seed + options_.repeat - 1});
    }
    play(
        again.size(), [&](std::size_t index) { return again[index]; }, [] { return false; });
    for (const Piece& piece : again) {
      const CaseRecord record = tries_[piece.scenario].merged();
      if (record.outcome == Outcome::flaky) show(terminal_.finished(record));
    }
  }
}

int Run::play() {
  const Clock::time_point began = Clock::now();
  show(terminal_.header(head_));
  play(
      pieces(), [this](std::size_t index) { return piece_of(index); },
      [this] { return failed_ && (options_.fail_fast || options_.until_fail); });
  retry();
  judge_silences();
  for (CaseRecord& record : answer_cases_.cases()) {
    if (options_.selection.takes_answers_about(record.clauses.front()))
      add_beside(std::move(record));
  }

  const RunRecord record = this->record(Clock::now() - began);
  const auto written = write(record);
  show(terminal_.summary(record, options_.out + "/last/index.html"));
  if (options_.selection.is_whole() && options_.shard.is_whole()) {
    for (const std::string& unused : expectations_.unused()) complain(unused);
  }
  must(written, exit_environment);
  return status(record);
}

/// Throws Failed where this machine gives no namespaces. Tries in a child process: one that enters a
/// namespace can't leave it.
void probe_namespaces() {
  std::string complaint;
  ChildPool pool;
  pool.work = [](std::size_t) {
    const auto entered = enter_network_namespace();
    return entered ? std::string() : entered.error();
  };
  pool.ended = [&](const ChildEnd& end) {
    complaint = end.death.empty() ? end.output : "a process that asks for namespaces " + end.death;
  };
  pool.run(1);
  if (!complaint.empty()) throw Failed{exit_environment, complaint};
}

}  // namespace

int carry_out(const Action& action) {
  try {
    return action();
  } catch (const Failed& failed) {
    complain(failed.complaint);
    return failed.status;
  }
}

void refuse_conflicts(const RunOptions& options) {
  if (std::string conflict = options.cases.conflict(); !conflict.empty())
    throw Failed{exit_usage, std::move(conflict)};
  if (options.cases.is_on_wire() && options.jobs.value_or(1) > 1) {
    throw Failed{exit_usage,
                 fmt::format("--jobs {}: cases on a wire share its disk, so they are played one at "
                             "a time",
                             *options.jobs)};
  }
}

void meet_far_half(CaseOptions& cases) {
  if (cases.world != WorldKind::remote) return;
  const bool is_target_tested = cases.sut.role == Implementation::Role::target;
  if (is_target_tested && cases.sut.given != our_target().given) {
    throw Failed{exit_usage,
                 fmt::format("--sut {}: the far half has what is tested: aoe-harness remote --sut",
                             cases.sut.given)};
  }
  note_interruptions();
  const auto far = must(RemoteTarget::connect(cases.remote, "/dev/null"), exit_environment);
  if (is_target_tested) cases.sut = far->greeting().target;
}

int run_selected(const RunOptions& given) {
  RunOptions options = given;
  Expectations expectations;
  if (!options.expectations.empty())
    expectations = must(Expectations::load(options.expectations), exit_usage);
  std::vector<Scenario> scenarios = must(select(options.selection), exit_usage);
  if (options.dry_run) {
    scenarios = options.shard.take(std::move(scenarios));
    for (const Scenario& scenario : scenarios) fmt::print("{}\n", scenario.id);
    return exit_passed;
  }
  refuse_conflicts(options);
  meet_far_half(options.cases);
  return run_scenarios(options, std::move(scenarios), std::move(expectations));
}

/// Throws Failed where a disk answers on the wire already that a scenario would take for its own.
void refuse_strangers(const CaseOptions& cases, const std::vector<Scenario>& scenarios) {
  for (const Address disk : must(disks_on(cases.interface), exit_environment)) {
    const auto has_it = [disk](const Scenario& scenario) {
      return std::ranges::count(scenario.target().luns, disk, &Lun::address) > 0;
    };
    const auto scenario = std::ranges::find_if(scenarios, has_it);
    if (scenario == scenarios.end()) continue;
    throw Failed{exit_environment,
                 fmt::format("{}: {} answers there already, and {} would write to it: end what "
                             "serves it, or use a wire without it",
                             cases.interface, disk, scenario->id)};
  }
}

int run_scenarios(const RunOptions& options, std::vector<Scenario> scenarios,
                  Expectations expectations) {
  refuse_conflicts(options);
  const std::size_t selected = scenarios.size();
  scenarios = options.shard.take(std::move(scenarios));
  // A part without cases is one: without it the parts could not be joined.
  if (scenarios.empty()) {
    complain(fmt::format("--shard {}/{}: only {} selected, so this part has none",
                         options.shard.part, options.shard.of, quantity(selected, "case")));
  }
  note_interruptions();
  if (options.cases.world == WorldKind::remote) refuse_strangers(options.cases, scenarios);
  if (options.cases.world != WorldKind::sim && !options.cases.passive) probe_namespaces();
  Run run(options, std::move(scenarios), std::move(expectations),
          must(make_folder(options), exit_environment));
  if (!options.suite.empty() && !options.cases.passive) run.ask();
  return run.play();
}

}  // namespace aoe::harness
