// Options that several commands have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "config/yaml_map.h"
#include "harness/commands/run_scenarios.h"

namespace aoe::harness {

/// Adds an option whose value is one of some words, each of which stands for a value: "sim|veth".
template <class Value>
CLI::Option* add_choice_option(CLI::App& command, const std::string& name, Value& into,
                               const std::vector<std::pair<std::string, Value>>& words,
                               const std::string& help) {
  std::vector<std::string> known;
  for (const auto& word : words) known.push_back(word.first);
  return command
      .add_option_function<std::string>(
          name,
          [name, words, known, &into](const std::string& given) {
            const auto meant = std::ranges::find(
                words, given, [](const auto& word) -> const auto& { return word.first; });
            if (meant == words.end())
              throw CLI::ValidationError(unknown_choice(name, given, known));
            into = meant->second;
          },
          help)
      ->option_text(fmt::format("{}", fmt::join(known, "|")));
}

/// Checks a number that can't be below 0. Returns what is wrong with it; empty: nothing.
std::string not_negative(const std::string& given);

/// Adds --world, --interface and --write-ok: where cases are played.
void add_world_options(CLI::App& command, CaseOptions& options);
/// Adds --sut: what is tested.
void add_sut_option(CLI::App& command, CaseOptions& options);
/// Adds --peer: the program at the other end.
void add_peer_option(CLI::App& command, CaseOptions& options);
/// Adds --sut, --peer, --world, --interface and --write-ok.
void add_case_options(CLI::App& command, CaseOptions& options);
/// Adds --world without real interfaces: sim or veth.
void add_own_world_option(CLI::App& command, CaseOptions& options);
/// Makes `options` what a schedule was recorded with, but for what the command line gave as --world,
/// --sut and --peer. Throws Failed where an implementation can't be found, or does not go with the
/// world.
void take_from(const Schedule& schedule, const CLI::App& command, CaseOptions& options);

/// What a person gave for RunOptions, before it is checked.
struct RunArguments {
  RunOptions options;
  std::vector<std::string> reports;
  std::optional<std::uint64_t> seed;
  std::optional<std::size_t> repeat;
  unsigned patience = 600;  // seconds
  bool is_passive = false;
  std::optional<Duration> wait;  // --for

  /// Fills in `options` once the command line is parsed. Throws Failed: "--report: …".
  void finish();
};

/// Adds what `run`, `conform` and `matrix` have in common.
void add_run_arguments(CLI::App& command, RunArguments& arguments);
/// Adds, for those that play a suite: which, and what is known of the implementation.
void add_suite_options(CLI::App& command, RunArguments& arguments);
/// Adds --shard: `what` says of what it is a part.
void add_shard_option(CLI::App& command, Shard& shard, const std::string& what);
/// Adds --report, for those that report on one run.
void add_report_option(CLI::App& command, RunArguments& arguments);
/// Adds what `lists` ask for, each of which was given as --report. Throws Failed: "--report: …".
void add_reports(const std::vector<std::string>& lists, std::vector<Output>& outputs);
/// A file of the command line: which it is ("the capture", "--pcap"), and its path; empty: none.
struct GivenFile {
  std::string_view which;
  const std::string& path;
};
/// Throws Failed where one of them is written over another: two that are one file. What is no file,
/// such as /dev/null, may be given twice.
void refuse_same_files(std::initializer_list<GivenFile> files);

/// Adds -v and -q, which choose a TerminalStyle::verbosity.
void add_verbosity_options(CLI::App& command, int& verbosity);

}  // namespace aoe::harness
