#include "harness/run/run_command.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tl/expected.hpp>

#include "harness/run/runner.h"
#include "harness/world/sim_world.h"
#include "harness/world/veth_world.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t frames_shown = 12;

using Files = std::vector<std::string>;

/// Those of a folder, and of the folders in it, by name.
tl::expected<Files, std::string> list_folder(const std::string& folder) {
  Files files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".yaml") files.push_back(entry->path().string());
  }
  if (error) return tl::unexpected(fmt::format("{}: {}", folder, error.message()));
  std::ranges::sort(files);
  return files;
}

tl::expected<Files, std::string> find_scenarios(const Files& paths) {
  Files files;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) return tl::unexpected(fmt::format("{}: {}", path, error.message()));
    Files found{path};
    if (fs::is_directory(status)) {
      auto listed = list_folder(path);
      if (!listed) return listed;
      found = *std::move(listed);
    }
    for (std::string& file : found) {
      const auto is_same = [&](const std::string& other) {
        return fs::path(other).lexically_normal() == fs::path(file).lexically_normal();
      };
      if (std::ranges::none_of(files, is_same)) files.push_back(std::move(file));
    }
  }
  if (files.empty())
    return tl::unexpected(fmt::format("{}: no scenarios there", fmt::join(paths, ", ")));
  return files;
}

/// Loads them all, for a run to begin only when it can be carried through. Each leaves its evidence
/// in a folder of its name, so no two have the same.
tl::expected<std::vector<Scenario>, std::string> load_all(const Files& files) {
  std::vector<Scenario> scenarios;
  for (const std::string& file : files) {
    auto loaded = load_scenarios(file);
    if (!loaded) return tl::unexpected(loaded.error());
    for (Scenario& scenario : *loaded) {
      const auto same = std::ranges::find(scenarios, scenario.id, &Scenario::id);
      if (same != scenarios.end()) {
        return tl::unexpected(
            fmt::format("{}: scenario '{}' is in {}, too", file, scenario.id, same->file));
      }
      scenarios.push_back(std::move(scenario));
    }
  }
  return scenarios;
}

/// A word as a shell takes it.
std::string quoted(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+=:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// What came of one scenario, and where the evidence lies.
struct CaseResult {
  Verdict verdict;
  Duration real{};
};

class Run {
 public:
  Run(const RunOptions& options, fs::path folder) : options_(options), folder_(std::move(folder)) {}

  /// The error: the world, the program under test or the folder can't be had.
  tl::expected<CaseResult, std::string> run(const Scenario& scenario) const;

 private:
  const RunOptions& options_;
  const fs::path folder_;
};

std::string_view text(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return "PASS";
    case Outcome::failed: return "FAIL";
    case Outcome::inconclusive: return "INCONCLUSIVE";
  }
  AOE_CHECK(false && "an outcome without a text");
}

void print_failure(const Scenario& scenario, const Failure& failure, const Ledger& ledger) {
  if (failure.mark.line > 0) {
    fmt::print("        {}:{}\n", failure.mark.file, failure.mark.line);
  } else {
    fmt::print("        {}\n", scenario.file);
  }
  fmt::print("  expected  {}\n  actual    {}\n", failure.expected, failure.actual);
  if (ledger.size() == 0) return;
  // What it is about, then what led to it.
  const FrameId last = failure.frames.empty() ? ledger.size() - 1 : failure.frames.back();
  fmt::print("       t(ms)     #  frame\n");
  for (const FrameId frame : failure.frames) {
    if (frame + frames_shown <= last) fmt::print("{}\n         ...\n", ledger.line(frame));
  }
  fmt::print("{}", ledger.tail(last, frames_shown));
}

tl::expected<CaseResult, std::string> Run::run(const Scenario& scenario) const {
  const fs::path folder = folder_ / "cases" / scenario.id;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return tl::unexpected(fmt::format("{}: {}", folder.string(), error.message()));
  auto captures = Captures::create(folder.string());
  if (!captures) return tl::unexpected(captures.error());

  const auto started = std::chrono::steady_clock::now();
  const bool sim = options_.world == WorldKind::sim;
  Ledger ledger(sim ? SimWorld::origin : initiator::monotonic_now());
  Exchanges exchanges(ledger, std::min(scenario.target.buffers, scenario.given.maxout));
  FaultStage stage(ledger, exchanges, *std::move(captures), options_.seed);
  std::unique_ptr<World> world;
  if (sim) {
    world = std::make_unique<SimWorld>(scenario, stage, exchanges, options_.seed);
  } else {
    auto built =
        VethWorld::create(scenario, {options_.target_program, folder.string()}, stage, exchanges);
    if (!built) return tl::unexpected(built.error());
    world = *std::move(built);
  }
  Runner runner(scenario, *world, ledger, exchanges, options_.seed);
  CaseResult result{runner.run(), {}};
  result.real = std::chrono::steady_clock::now() - started;

  const Verdict& verdict = result.verdict;
  fmt::print("  {}  {:<28} {:>8}  {} requests, {} frames, {} retransmissions\n",
             text(verdict.outcome), scenario.id, describe(verdict.took), verdict.requests,
             ledger.size(), exchanges.retransmissions());
  for (const std::string& note : verdict.notes) fmt::print("        {}\n", note);
  if (!verdict.doubt.empty()) fmt::print("        {}\n", verdict.doubt);
  for (const Failure& failure : verdict.failures) print_failure(scenario, failure, ledger);
  if (verdict.outcome != Outcome::passed) {
    fmt::print("  repeat    aoe-harness run {}{} --seed {}\n", quoted(scenario.file),
               sim ? "" : " --world veth", options_.seed);
  }

  if (auto written = ledger.write((folder / "ledger.jsonl").string()); !written) {
    return tl::unexpected(written.error());
  }
  if (auto flushed = stage.captures().flush(); !flushed) return tl::unexpected(flushed.error());
  return result;
}

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

}  // namespace

void complain(const std::string& line) {
  fmt::print(stderr, "aoe-harness: {}\n", line);
}

int run_command(const RunOptions& options) {
  const auto files = find_scenarios(options.paths);
  if (!files) {
    complain(files.error());
    return exit_usage;
  }
  const auto scenarios = load_all(*files);
  if (!scenarios) {
    complain(scenarios.error());
    return exit_failed;
  }
  if (options.world == WorldKind::veth) {
    if (auto entered = enter_network_namespace(); !entered) {
      complain(entered.error());
      return exit_environment;
    }
  }
  const auto folder = make_folder(options);
  if (!folder) {
    complain(folder.error());
    return exit_environment;
  }

  fmt::print("seed {}  world {}  initiator aoe-initiator  target aoe-target\n", options.seed,
             options.world == WorldKind::sim ? "sim" : "veth");
  std::fflush(stdout);
  const Run run(options, *folder);
  std::array<int, 3> counts{};  // by Outcome
  Duration real{};
  for (const Scenario& scenario : *scenarios) {
    const auto result = run.run(scenario);
    if (!result) {
      complain(fmt::format("{}: {}", scenario.id, result.error()));
      return exit_environment;
    }
    ++counts[static_cast<std::size_t>(result->verdict.outcome)];
    real += result->real;
    std::fflush(stdout);
  }
  const auto [passed, failed, inconclusive] = counts;
  fmt::print("{} passed, {} failed", passed, failed);
  if (inconclusive > 0) fmt::print(", {} inconclusive", inconclusive);
  fmt::print(" in {}  {}/last/cases\n", describe(real), options.out);
  if (failed > 0) return exit_failed;
  return inconclusive > 0 ? exit_inconclusive : exit_passed;
}

}  // namespace aoe::harness
