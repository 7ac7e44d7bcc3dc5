#include "harness/commands/options.h"

#include <filesystem>
#include <random>
#include <system_error>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {

std::string not_negative(const std::string& given) {
  if (!given.starts_with('-')) return {};
  return fmt::format("expected a whole number from 0 on, got '{}'", given);
}

void add_world_options(CLI::App& command, CaseOptions& options) {
  add_choice_option<WorldKind>(command, "--world", options.world,
                               {{"sim", WorldKind::sim},
                                {"veth", WorldKind::veth},
                                {"interface", WorldKind::interface},
                                {"remote", WorldKind::remote}},
                               "sim: virtual time (default); veth; interface: a wire; remote");
  command.add_option("--interface", options.interface, "Test what answers on this interface")
      ->option_text("IF");
  command
      .add_option("--remote", options.remote,
                  "Of world remote: what runs aoe-harness remote on the other machine")
      ->option_text("COMMAND");
  command.add_flag("--write-ok", options.write_ok, "There: what answers may be changed");
}

void add_own_world_option(CLI::App& command, CaseOptions& options) {
  add_choice_option<WorldKind>(command, "--world", options.world,
                               {{"sim", WorldKind::sim}, {"veth", WorldKind::veth}},
                               "sim: virtual time; veth: programs");
}

void take_from(const Schedule& schedule, const CLI::App& command, CaseOptions& options) {
  const bool is_told_sut = command.count("--sut") > 0;
  const bool is_told_world = command.count("--world") > 0;
  if (!is_told_sut && !schedule.sut.empty()) {
    auto found = find_implementation(schedule.sut);
    if (!found) {
      throw Failed{exit_usage, fmt::format("the schedule's sut: {}; --sut says another",
                                           std::move(found).error())};
    }
    options.sut = *std::move(found);
  }
  const bool is_told_peer = command.get_option_no_throw("--peer") && command.count("--peer") > 0;
  if (!is_told_peer && !schedule.peer.empty()) {
    auto found = find_implementation(schedule.peer);
    if (!found) {
      throw Failed{exit_usage, fmt::format("the schedule's peer: {}; --peer says another",
                                           std::move(found).error())};
    }
    options.peer = *std::move(found);
  }
  if (!is_told_world) {
    options.world = world_named(schedule.world);
    // What the schedule says of its world is of its own implementation.
    if (is_told_sut && options.world == WorldKind::sim) options.world = options.fitting_world();
  }
  if (const std::string conflict = options.conflict(); !conflict.empty())
    throw Failed{exit_usage, conflict};
}

void add_sut_option(CLI::App& command, CaseOptions& options) {
  command
      .add_option_function<std::string>(
          "--sut",
          [&options](const std::string& given) {
            auto found = find_implementation(given);
            if (!found) throw CLI::ValidationError("--sut: " + found.error());
            options.sut = *std::move(found);
          },
          "What is tested: see suts/README.md (default aoe-target)")
      ->option_text("NAME|COMMAND");
}

void add_peer_option(CLI::App& command, CaseOptions& options) {
  command
      .add_option_function<std::string>(
          "--peer",
          [&options](const std::string& given) {
            auto found = find_implementation(given);
            if (!found) throw CLI::ValidationError("--peer: " + found.error());
            options.peer = *std::move(found);
          },
          "In veth: what plays the other end (default our engine)")
      ->option_text("NAME|COMMAND");
}

void add_case_options(CLI::App& command, CaseOptions& options) {
  add_sut_option(command, options);
  add_peer_option(command, options);
  add_world_options(command, options);
}

void add_run_arguments(CLI::App& command, RunArguments& arguments) {
  RunOptions& options = arguments.options;
  command.option_defaults()->always_capture_default(false);
  command
      .add_option("--exclude", options.selection.excluded,
                  "Leave these out: names, patterns, tags, clauses")
      ->option_text("ID|TAG...");
  add_world_options(command, options.cases);
  command
      .add_option_function<std::string>(
          "--at",
          [&options](const std::string& given) {
            options.cases.at = parse_address(given);
            if (!options.cases.at || !options.cases.at->is_exact())
              throw CLI::ValidationError("--at: expected an address such as e0.2");
          },
          "On a wire: the disk (conform: the only one that answers)")
      ->option_text("eSHELF.SLOT");
  command.add_flag("--passive", arguments.is_passive,
                   "On a wire: serve a disk, and judge the initiator that uses it");
  command
      .add_option_function<std::string>(
          "--for",
          [&arguments](const std::string& given) {
            arguments.wait = parse_duration(given);
            if (!arguments.wait || *arguments.wait == Duration{})
              throw CLI::ValidationError("--for: expected a time such as 60s");
          },
          "There: how long its user has for each thing (default 60s)")
      ->option_text("TIME");
  command
      .add_option("--seed", arguments.seed, "Repeat the run with this seed (default: a new one)")
      ->check(not_negative)
      ->type_name("N");
  command
      .add_option("-j,--jobs", options.jobs,
                  "Cases at a time (default: as many as the world bears; on a wire one)")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  add_shard_option(command, options.shard, "Only this part of the cases: 3/8, the third of eight");
  command.add_option("--repeat", arguments.repeat, "Each case this often, with seeds N, N+1, ...")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("TIMES");
  command
      .add_option("--retry", options.retry,
                  "A case that failed up to this often again: FLAKY if it passes then")
      ->check(CLI::Range(1, 1'000))
      ->option_text("TIMES");
  command.add_flag("--strict", options.strict,
                   "Flaky and inconclusive cases are no success: exit 5");
  command.add_option("--timeout", arguments.patience, "Seconds that a case may take (default 600)")
      ->check(CLI::Range(1, 86'400))
      ->option_text("S");
  command.add_option("--out", options.out, "Folder for records and evidence (default runs)")
      ->type_name("DIR");
  command.add_flag("--keep-captures", options.cases.keeps_captures,
                   "Keep long captures of cases that pass, too");
  add_choice_option<std::optional<Level>>(
      command, "--level", options.selection.level,
      {{"must", Level::must}, {"should", Level::should}, {"profile", Level::profile}},
      "Only what is as strict as this");
  add_verbosity_options(command, options.verbosity);
}

void add_shard_option(CLI::App& command, Shard& shard, const std::string& what) {
  command
      .add_option_function<std::string>(
          "--shard",
          [&shard](const std::string& text) {
            const auto parsed = parse_shard(text);
            if (!parsed) throw CLI::ValidationError("--shard", parsed.error());
            shard = *parsed;
          },
          what)
      ->option_text("PART/PARTS");
}

void add_suite_options(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--scenarios", arguments.options.selection.wanted,
                  "The suite (default: scenarios/target, scenarios/initiator)")
      ->option_text("PATH|ID|TAG|CLAUSE...");
  command
      .add_option("--expect", arguments.options.expectations,
                  "File of failures that are known (default: its own in suts/), or none")
      ->option_text("FILE");
}

void add_report_option(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--report", arguments.reports, "Write reports, such as junit=a.xml,html=b.html")
      ->option_text("KIND=FILE,...");
}

void add_reports(const std::vector<std::string>& lists, std::vector<Output>& outputs) {
  for (const std::string& list : lists) {
    if (auto parsed = parse_outputs(list, outputs); !parsed)
      throw Failed{exit_usage, "--report: " + parsed.error()};
  }
}

void refuse_same_files(std::initializer_list<GivenFile> files) {
  namespace fs = std::filesystem;
  const auto is_same = [](const std::string& one, const std::string& other) {
    std::error_code error;
    if (fs::exists(one, error) && fs::exists(other, error))
      return fs::is_regular_file(one, error) && fs::equivalent(one, other, error);
    return fs::weakly_canonical(fs::absolute(one, error), error) ==
           fs::weakly_canonical(fs::absolute(other, error), error);
  };
  for (const GivenFile* file = files.begin(); file != files.end(); ++file) {
    for (const GivenFile* before = files.begin(); before != file; ++before) {
      if (file->path.empty() || before->path.empty() || !is_same(file->path, before->path))
        continue;
      throw Failed{exit_usage, fmt::format("{}: {} is {}, too: give another file", file->which,
                                           file->path, before->which)};
    }
  }
}

void add_verbosity_options(CLI::App& command, int& verbosity) {
  command.add_flag_callback(
      "-v,--verbose", [&verbosity] { verbosity = 2; }, "Tell each step, and all that was measured");
  command.add_flag_callback(
      "-q,--quiet",
      [&verbosity] {
        if (verbosity == 0) verbosity = -1;
      },
      "Tell only what is not well");
}

void RunArguments::finish() {
  if (wait && !is_passive) throw Failed{exit_usage, "--for is for --passive"};
  if (is_passive) {
    if (options.cases.sut.name != our_target().name) {
      throw Failed{exit_usage,
                   "--sut: with --passive the initiator on the wire is tested; leave it out"};
    }
    options.cases.passive = wait.value_or(std::chrono::seconds(60));
    options.cases.sut = {.name = "the initiator on " + options.cases.interface,
                         .role = Implementation::Role::initiator};
  }
  add_reports(reports, options.reports);
  options.seed = seed ? *seed : std::random_device()();
  options.patience = std::chrono::seconds(patience);
  if (repeat) {
    options.repeat = *repeat;
  } else if (options.until_fail) {
    options.repeat = for_ever;
  }
}

}  // namespace aoe::harness
