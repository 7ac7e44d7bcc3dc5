// Which scenarios a run is about: files and folders of them, narrowed down by name, tag and clause.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"

namespace aoe::harness {

struct Selection {
  /// Each is a file, a folder (with the folders in it), a scenario's name (of all its variants, or
  /// of one), a pattern of names ("reads*"), a tag, or a clause ("2.4/1"). All but files and folders
  /// are looked for in those that are there; where none is, in default_scenarios(). A clause selects
  /// no scenario with a mutant: that one is about the harness.
  std::vector<std::string> wanted{};
  std::vector<std::string> excluded{};  // names, patterns, tags and clauses
  std::optional<Level> level{};         // only of this one and the stricter ones

  /// All of its files and folders: nothing is left out by name, tag, clause or level.
  bool is_whole() const;
  /// Is a failure of this clause meant that came up in a scenario about others? Not where it is not
  /// as strict as asked for, where it or the case that tells it is excluded, and where other clauses
  /// were asked for and nothing else.
  bool takes_answers_about(const std::string& clause) const;
};

/// scenarios/ where the program is run, or else what was installed with it.
std::string default_scenarios();

/// They are in the files' order, each once. The error is one line a thing that is wrong: a file
/// that can't be read, a name that nothing has, nothing left to run.
tl::expected<std::vector<Scenario>, std::string> select(const Selection& selection);

}  // namespace aoe::harness
