#include "harness/run/run_case.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <span>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/printable.h"
#include "base/whole_file.h"
#include "harness/judge/finding.h"
#include "harness/language/abilities.h"
#include "harness/run/draw.h"
#include "harness/run/interruption.h"
#include "harness/run/must_fail.h"
#include "harness/run/passive_case.h"
#include "harness/run/runner.h"
#include "harness/run/timeline.h"
#include "harness/run/wire_case.h"
#include "harness/selftest/mutants.h"
#include "harness/world/live_world.h"
#include "harness/world/passive_world.h"
#include "harness/world/sim_world.h"
#include "harness/world/wire_discovery.h"
#include "harness/world/wire_guard.h"
#include "initiator/client/live_session.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

using Failed = tl::unexpected<std::string>;

/// As much of a log as a report takes.
constexpr std::streamoff log_shown = 16 << 10;
/// Bytes of the frames that a failure may show.
constexpr std::size_t frames_kept = 8 << 20;

std::string where(const Scenario& scenario, const Mark& mark) {
  return mark.line > 0 ? fmt::format("{}:{}", mark.file, mark.line) : scenario.file;
}

std::string end_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - log_shown));
  std::string text(std::istreambuf_iterator<char>(file), {});
  return size > log_shown ? "...\n" + text.substr(text.find('\n') + 1) : text;
}

/// What programs have printed; where there are several nodes, each under its name.
std::string logs_of(const Scenario& scenario, const fs::path& folder) {
  if (scenario.network.is_of_two()) return end_of_file(folder / "sut.log");
  std::string logs;
  for (const Node& node : scenario.network.nodes) {
    const std::string log = end_of_file(folder / node.name / "sut.log");
    if (!log.empty()) logs += fmt::format("{}:\n{}\n", node.name, log);
  }
  return logs;
}

/// Of a run that repeats another: what was to be struck and never came.
void tell_missed(const std::vector<Decision>& missed, CaseRecord& record) {
  constexpr std::size_t shown = 5;
  for (const Decision& decision : std::span(missed).first(std::min(shown, missed.size()))) {
    record.notes.push_back("never came: " + describe(decision));
  }
  if (missed.size() > shown) {
    record.notes.push_back(fmt::format("and {} more that never came", missed.size() - shown));
  }
}

/// Returns what keeps a scenario from a real wire before its world is made; empty: nothing that its
/// steps show.
std::string refused_on_wire(const Scenario& scenario, const CaseOptions& options) {
  if (std::string reason = out_of_reach(scenario); !reason.empty()) return reason;
  for (const Step& step : scenario.steps) {
    const auto* send = std::get_if<SendStep>(&step.what);
    const auto* query = std::get_if<QueryStep>(&step.what);
    if (send == nullptr && query == nullptr) continue;
    const FrameSpec& frame = send != nullptr ? send->frame : query->query.request;
    if (frame.direction != Direction::to_target) continue;
    const std::string refusal = refusal_on_wire(
        encode(frame, {.initiator = initiator_mac, .target = {target_mac, scenario.lun().address}}),
        options.interface, options.write_ok);
    if (!refusal.empty()) return "it " + refusal;
  }
  return {};
}

/// Asks the disk on the wire how large it is, and returns why the scenario can't be played on it. A
/// disk that does not tell is taken for one of the scenario's size; what else is wrong on the wire, the
/// world tells.
std::string unfit_for_disk(const Scenario& scenario, const CaseOptions& options) {
  const auto sectors = sectors_on(options.interface, scenario.lun().address);
  return sectors && *sectors ? unfit_for_size(scenario, **sectors) : "";
}

/// Returns what the scenario needs that the implementation does not have; empty: nothing.
std::string lacking(const Scenario& scenario, const Implementation& implementation) {
  const auto lacks = abilities_lacking(implementation);
  for (const std::string& need : abilities_needed(scenario)) {
    const auto reason = lacks.find(need);
    if (reason == lacks.end()) continue;
    return fmt::format("{} has no {}: {}", implementation.name, need, reason->second);
  }
  return {};
}

/// Returns what the scenario needs and does not find here; empty: nothing.
std::string lacking(const Scenario& scenario, const CaseOptions& options) {
  if (!scenario.worlds.empty() && std::ranges::count(scenario.worlds, text(options.world)) == 0) {
    return fmt::format("it is for another world ({})", fmt::join(scenario.worlds, ", "));
  }
  if (std::string lack = lacking(scenario, options.sut); !lack.empty()) return lack;
  // The peer has no part in frames by hand.
  if (options.peer && plays_initiator(scenario)) {
    if (std::string lack = lacking(scenario, *options.peer); !lack.empty()) return lack;
  }
  if (options.world == WorldKind::interface && !options.passive) {
    std::string reason = options.at ? unfit_for_wire(scenario) : "";
    if (reason.empty()) reason = refused_on_wire(scenario, options);
    if (reason.empty()) reason = unfit_for_disk(scenario, options);
    if (!reason.empty()) return reason;
  }
  if (options.is_on_wire() && !scenario.network.is_of_two())
    return "it has more nodes than a wire has ends";
  const bool is_sim = options.world == WorldKind::sim;
  return scenario.mutant && !is_sim ? "its mutant lives in the sim world" : "";
}

/// A load of a thousand requests takes minutes where each is a process.
constexpr std::uint32_t processes_max = 64;

void shorten_loads(Scenario& scenario) {
  for (Step& step : scenario.steps) {
    auto* const warmup = std::get_if<WarmupStep>(&step.what);
    auto* const io = warmup != nullptr ? &warmup->reads : std::get_if<IoStep>(&step.what);
    if (io != nullptr) io->requests = std::min(io->requests, processes_max);
  }
}

/// Returns the scenario as it is played with these options; or why it can't be.
tl::expected<Scenario, std::string> fitted(const Scenario& scenario, const CaseOptions& options) {
  constexpr Address usual{1, 1};
  if (options.passive) return as_passive(scenario, options.at.value_or(usual), *options.passive);
  Scenario fit = scenario;
  if (options.world == WorldKind::interface && options.at) move_to(*options.at, fit);
  if (options.has_requests_as_processes()) shorten_loads(fit);
  return fit;
}

FailureRecord told(const Scenario& scenario, const Finding& finding, const Ledger& ledger) {
  return {.where = where(scenario, finding.mark),
          .rule = finding.rule,
          .clause = finding.clause,
          .field = finding.field,
          .expected = finding.expected,
          .actual = finding.actual,
          .ladder = ladder_of(ledger, finding.frames),
          .sectors = finding.sectors};
}

void tell(const Scenario& scenario, const Verdict& verdict, const Ledger& ledger,
          const Parties& parties, CaseRecord& record) {
  record.outcome = verdict.outcome;
  record.reason = verdict.reason;
  record.notes = verdict.notes;
  record.took = verdict.took;
  record.steps = verdict.steps;
  record.dues = verdict.dues;
  record.requests = verdict.requests;
  record.frames = ledger.size();
  record.retransmissions = parties.retransmissions();
  draw_timeline(ledger, parties.first(), record);
  for (const Finding& finding : verdict.failures) {
    record.failures.push_back(told(scenario, finding, ledger));
  }
}

/// Plays the case and fills in what came of it, and what its answers broke where that is wanted;
/// `trace` gets each decision of a sim world's engines.
tl::expected<void, std::string> play(const Scenario& scenario, const CaseOptions& options,
                                     const fs::path& folder, CaseRecord& record, Aside* aside,
                                     const Trace& trace = {}) {
  if (record.reason = lacking(scenario, options); !record.reason.empty()) {
    record.outcome = Outcome::unsupported;
    return {};
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Failed(fmt::format("{}: {}", folder.string(), error.message()));
  auto captures = Captures::create(folder.string(), scenario.network);
  if (!captures) return Failed(captures.error());
  const std::uint64_t seed = record.seed;
  Ledger ledger(
      options.world == WorldKind::sim ? SimWorld::origin_of(scenario) : initiator::monotonic_now(),
      folder.string());
  ledger.keep_bytes(frames_kept);
  if (!scenario.network.is_of_two()) {
    std::vector<std::string> names;
    for (std::size_t port = 0; port < scenario.network.ports.size(); ++port)
      names.push_back(scenario.network.name_of(static_cast<PortIndex>(port)));
    ledger.name_ports(std::move(names));
  }
  Parties parties(ledger, scenario);
  FaultStage stage(ledger, parties, *std::move(captures), seed, scenario.network);
  if (options.plan) stage.follow(*options.plan);
  auto world = make_world(scenario, options, folder.string(), seed, stage, parties, trace);
  if (!world) return Failed(world.error());

  Verdict verdict = play_scenario(scenario, **world, ledger, parties, seed,
                                  aside != nullptr ? EachAnswer::judged : EachAnswer::unjudged);
  judge_must_fail(scenario, verdict);
  tell(scenario, verdict, ledger, parties, record);
  if (aside != nullptr) {
    for (const Finding& finding : verdict.answers)
      aside->broken.push_back(told(scenario, finding, ledger));
    for (const RequestKind kind : verdict.answered) aside->answered.insert(text(kind));
    if (verdict.failures.size() == 1 && verdict.failures.front().unanswered)
      aside->unanswered = text(*verdict.failures.front().unanswered);
  }
  tell_missed(stage.missed(), record);
  if (stage.decisions().size() < decisions_max) {  // else not all of them are known
    const Schedule schedule{.scenario = scenario.yaml,
                            .seed = seed,
                            .world = std::string(text(options.world)),
                            .sut = options.sut.given,
                            .peer = options.peer ? options.peer->given : "",
                            .failure = record.failures.empty() ? "" : record.failures.front().rule,
                            .decisions = stage.decisions()};
    auto written = write_whole((folder / "schedule.yaml").string(), to_yaml(schedule));
    if (!written) return written;
  }
  if (auto written = ledger.write((folder / "ledger.jsonl").string()); !written) return written;
  return stage.captures().flush();
}

/// Writes each decision of both engines to trace.log, up to trace_size_max: plays the failed case
/// again in a folder of its own, which in virtual time is the same to the last frame. What goes
/// wrong with that is a note.
void write_trace(const Scenario& scenario, const CaseOptions& options, const fs::path& folder,
                 CaseRecord& record) {
  constexpr std::size_t trace_size_max = 64 << 20;
  std::string lines;
  const Trace trace([&](std::string_view line) {
    if (lines.size() < trace_size_max) (lines += line) += '\n';
  });
  const fs::path again = folder / "again";
  CaseRecord same = case_record(scenario, options, record.seed);
  auto done = play(scenario, options, again, same, nullptr, trace);
  std::error_code ignored;
  fs::remove_all(again, ignored);
  if (done && same.failures != record.failures)
    done = Failed("it failed otherwise when played again");
  if (done) done = write_whole((folder / "trace.log").string(), lines);
  if (!done) record.notes.push_back("no trace.log: " + done.error());
}

/// Removes the captures of a case that passed where they are larger than anyone will look at, and
/// notes it. What did not pass keeps them whole.
void leave_out_captures(const Scenario& scenario, const CaseOptions& options,
                        const fs::path& folder, CaseRecord& record) {
  if (record.outcome != Outcome::passed || options.keeps_captures) return;
  std::vector<fs::path> captures;
  for (std::size_t port = 0; port < scenario.network.ports.size(); ++port)
    captures.push_back(folder / capture_name(scenario.network, static_cast<PortIndex>(port)));
  std::uintmax_t size = 0;
  std::error_code error;
  for (const fs::path& capture : captures) {
    const std::uintmax_t bytes = fs::file_size(capture, error);
    if (!error) size += bytes;
  }
  if (size <= captures_kept_max) return;
  for (const fs::path& capture : captures) fs::remove(capture, error);
  record.notes.push_back(
      fmt::format("captures of {} MiB left out, for it passed (--keep-captures)", size >> 20));
}

std::string reproducing_command(const Scenario& scenario, const CaseOptions& options,
                                std::uint64_t seed) {
  std::string command = "aoe-harness run " + shell_quoted(scenario.file);
  if (scenario.id.find('[') != std::string::npos) command += " " + shell_quoted(scenario.id);
  return command + played_as(options) + fmt::format(" --seed {}", seed);
}

/// Where the program was started: paths of a command line begin there. Asked as it starts, before
/// it has a mount namespace of its own.
const fs::path started_in = [] {
  std::error_code error;
  return fs::current_path(error);
}();

/// Returns a script that plays the case again from what is in its folder. A scenario with a program
/// of its own beside it is taken from where it was.
std::string repro_script(const Scenario& scenario, const CaseOptions& options,
                         const CaseRecord& record) {
  const bool has_program = std::ranges::any_of(scenario.steps, [](const Step& step) {
    return std::holds_alternative<ScapyStep>(step.what);
  });
  std::string what = "run \"$here/scenario.yaml\"";
  if (options.plan) {
    what = "replay \"$here/schedule.yaml\"";
  } else if (has_program) {
    what = fmt::format("run {} {}", shell_quoted(fs::absolute(scenario.file).string()),
                       shell_quoted(scenario.id));
  }
  what += played_as(options);
  if (!options.plan) what += fmt::format(" --seed {}", record.seed);
  return fmt::format(
      "#!/bin/sh\n"
      "# Plays {} again: 0 it passes, 1 it fails (man aoe-harness, EXIT STATUS).\n"
      "# Options that follow are added, such as --out DIR (default: runs, beside this).\n"
      "here=$(CDPATH= cd -- \"$(dirname -- \"$0\")\" && pwd) || exit 3\n"
      "harness={}\n"
      "[ -x \"$harness\" ] || harness=aoe-harness\n"
      "cd {} 2>/dev/null || :  # where paths of the command line begin\n"
      "case \" $*\" in *' --out'*) ;; *) set -- --out \"$here/runs\" \"$@\" ;; esac\n"
      "exec \"$harness\" {} \"$@\"\n",
      one_line(scenario.id), shell_quoted(find_program("aoe-harness")),
      shell_quoted(started_in.string()), what);
}

}  // namespace

std::string_view text(WorldKind kind) {
  switch (kind) {
    case WorldKind::sim: return "sim";
    case WorldKind::veth: return "veth";
    case WorldKind::interface: return "interface";
    case WorldKind::remote: return "remote";
  }
  AOE_CHECK(false && "a world without a name");
}

std::string CaseOptions::conflict() const {
  if (peer && world != WorldKind::veth) {
    return fmt::format("--peer {}: it needs --world veth, where both ends are programs",
                       peer->given);
  }
  if (peer && peer->role == sut.role) {
    return fmt::format("--peer {}: expected {}, as what is tested is {} too: {}", peer->given,
                       sut.role == Implementation::Role::target ? "an initiator" : "a target",
                       sut.role == Implementation::Role::target ? "a target" : "an initiator",
                       sut.name);
  }
  if (world == WorldKind::sim && !is_engine()) {
    return fmt::format("{} is a program: it needs --world veth", sut.name);
  }
  if ((world == WorldKind::remote) != !remote.empty())
    return "--world remote and --remote need each other";
  if (world == WorldKind::remote && interface.empty())
    return "--world remote: --interface has to name the one that leads to the other machine";
  if (is_on_wire() != !interface.empty())
    return "--world interface and --interface need each other";
  if (write_ok && world != WorldKind::interface) return "--write-ok is for --world interface";
  if (at && world != WorldKind::interface) return "--at is for --world interface";
  if (passive && world != WorldKind::interface) return "--passive is for --world interface";
  if (passive && write_ok) return "--write-ok is for targets: --passive serves a disk of its own";
  return {};
}

bool CaseOptions::has_requests_as_processes() const {
  const auto makes_them = [](const Implementation& implementation) {
    return implementation.use() == Implementation::Use::requests;
  };
  return makes_them(sut) || (peer && makes_them(*peer));
}

bool CaseOptions::is_engine() const {
  return sut.name == "aoe-target" || sut.name == "aoe-initiator";
}

WorldKind CaseOptions::fitting_world() const {
  if (!remote.empty()) return WorldKind::remote;
  if (!interface.empty()) return WorldKind::interface;
  return is_engine() && !peer ? WorldKind::sim : WorldKind::veth;
}

std::string CaseOptions::tested() const {
  if (passive) return "the initiator on " + interface;
  const bool wire = world == WorldKind::interface && sut.role == Implementation::Role::target;
  return wire ? "what answers on " + interface : sut.name;
}

WorldKind world_named(std::string_view name) {
  for (const WorldKind kind : {WorldKind::veth, WorldKind::interface, WorldKind::remote}) {
    if (name == text(kind)) return kind;
  }
  return WorldKind::sim;
}

unsigned jobs_in(WorldKind world, unsigned processors) {
  switch (world) {
    case WorldKind::sim: return std::max(1U, processors);
    case WorldKind::veth: return 4 * std::max(1U, processors);
    case WorldKind::interface:
    case WorldKind::remote: return 1;
  }
  AOE_CHECK(false && "a world without a number of jobs");
}

std::string played_as(const CaseOptions& options) {
  std::string text;
  if (options.world != WorldKind::sim)
    text += fmt::format(" --world {}", harness::text(options.world));
  if (options.world == WorldKind::interface) {
    text += fmt::format(" --interface {}{}", shell_quoted(options.interface),
                        options.write_ok ? " --write-ok" : "");
    if (options.at) text += fmt::format(" --at {}", *options.at);
    if (options.passive) text += fmt::format(" --passive --for {}", describe(*options.passive));
  }
  if (options.world == WorldKind::remote) {
    text += fmt::format(" --interface {} --remote {}", shell_quoted(options.interface),
                        shell_quoted(options.remote));
    // The far half has its own.
    if (options.sut.role == Implementation::Role::target) return text;
  }
  if (!options.passive && options.sut.name != our_target().name)
    text += " --sut " + shell_quoted(options.sut.given);
  if (options.peer) text += " --peer " + shell_quoted(options.peer->given);
  return text;
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+=:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

tl::expected<std::unique_ptr<World>, std::string> make_world(const Scenario& scenario,
                                                             const CaseOptions& options,
                                                             const std::string& folder,
                                                             std::uint64_t seed, FaultStage& stage,
                                                             Parties& parties, const Trace& trace) {
  if (options.world == WorldKind::sim) {
    return std::make_unique<SimWorld>(scenario, stage, parties, seed, mutant_of(scenario), trace);
  }
  if (options.passive)
    return PassiveWorld::create(scenario, options.interface, seed, stage, parties);
  return LiveWorld::create(scenario,
                           {options.sut, options.peer, folder, seed, options.interface,
                            options.write_ok, options.remote},
                           stage, parties);
}

CaseRecord case_record(const Scenario& scenario, const CaseOptions& options, std::uint64_t seed) {
  CaseRecord record;
  record.id = scenario.id;
  record.title = scenario.title;
  record.file = scenario.file;
  record.clauses = scenario.clauses;
  record.tags = scenario.tags;
  if (scenario.level) record.level = text(*scenario.level);
  record.yaml = scenario.yaml;
  record.seed = seed;
  record.reproduce =
      options.reproduce.empty() ? reproducing_command(scenario, options, seed) : options.reproduce;
  return record;
}

CaseRecord run_case(const Scenario& scenario, const CaseOptions& options, std::uint64_t given_seed,
                    const fs::path& folder, Aside* aside) {
  const std::uint64_t seed = scenario.seed.value_or(given_seed);
  const auto note = [](const tl::expected<void, std::string>& done, CaseRecord& record) {
    if (done) return;
    record.outcome = Outcome::broken;
    record.reason = done.error();
  };
  if (scenario.explore) {
    const auto drawn = draw(scenario, seed, (folder / "scenario.yaml").string());
    CaseRecord record = drawn ? run_case(*drawn, options, seed, folder, aside)
                              : case_record(scenario, options, seed);
    record.file = scenario.file;
    if (!drawn) note(tl::unexpected(drawn.error()), record);
    return record;
  }
  const auto started = std::chrono::steady_clock::now();
  const auto fit = fitted(scenario, options);
  CaseRecord record = case_record(scenario, options, seed);
  if (fit) {
    note(play(*fit, options, folder, record, aside), record);
  } else {
    record.outcome = Outcome::unsupported;
    record.reason = fit.error();
  }
  leave_out_captures(scenario, options, folder, record);
  if (options.world == WorldKind::sim && record.outcome == Outcome::failed && !interrupted()) {
    write_trace(*fit, options, folder, record);
  }
  record.log = logs_of(scenario, folder);
  record.real = std::chrono::steady_clock::now() - started;
  note(write_whole((folder / "scenario.yaml").string(), scenario.yaml), record);
  note(write_whole((folder / "repro.sh").string(), repro_script(scenario, options, record)),
       record);
  std::error_code error;
  fs::permissions(folder / "repro.sh",
                  fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                  fs::perm_options::add, error);
  return record;
}

}  // namespace aoe::harness
