#include "harness/run/selection.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/yaml_map.h"
#include "harness/judge/coverage.h"
#include "harness/judge/expectations.h"
#include "harness/language/clauses.h"
#include "harness/selftest/mutants.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

using Files = std::vector<std::string>;
using Failed = tl::unexpected<std::string>;

bool is_clause(const std::string& wanted) {
  return clause_catalogue().find(wanted) != nullptr;
}

/// Else it is a name, a pattern of names, a tag, or a clause.
bool is_path(const std::string& wanted) {
  std::error_code error;
  if (fs::exists(wanted, error)) return true;
  return !is_clause(wanted) && (wanted.find('/') != std::string::npos || wanted.ends_with(".yaml"));
}

/// "3.1/99: No such file or directory, nor a clause; did you mean '3.1/9'?"
std::string missing(const std::string& path, const std::string& error) {
  const std::string section = path.substr(0, path.find('/'));
  const ClauseCatalogue& catalogue = clause_catalogue();
  if (std::ranges::find(catalogue.sections, section, &Section::id) == catalogue.sections.end())
    return fmt::format("{}: {}", path, error);
  const std::string meant = nearest(path, catalogue.ids());
  return fmt::format("{}: {}, nor a clause{}", path, error,
                     meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
}

/// Those of a folder, and of the folders in it, by name.
tl::expected<Files, std::string> list_folder(const std::string& folder) {
  Files files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".yaml") files.push_back(entry->path().string());
  }
  if (error) return Failed(fmt::format("{}: {}", folder, error.message()));
  std::ranges::sort(files);
  return files;
}

tl::expected<Files, std::string> find_files(const Files& paths) {
  Files files;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) return Failed(missing(path, error.message()));
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
  if (files.empty()) return Failed(fmt::format("{}: no scenarios there", fmt::join(paths, ", ")));
  return files;
}

/// Loads them all, for a run to begin only when it can be carried through. Each leaves its evidence
/// in a folder of its name, so no two have the same.
tl::expected<std::vector<Scenario>, std::string> load_all(const Files& files) {
  std::vector<Scenario> scenarios;
  std::vector<std::string> complaints;
  for (const std::string& file : files) {
    auto loaded = load_scenarios(file).and_then(with_known_mutants);
    if (!loaded) {
      complaints.push_back(loaded.error());
      continue;
    }
    for (Scenario& scenario : *loaded) {
      const auto same = std::ranges::find(scenarios, scenario.id, &Scenario::id);
      if (same == scenarios.end()) {
        scenarios.push_back(std::move(scenario));
        continue;
      }
      complaints.push_back(
          fmt::format("{}: scenario '{}' is in {}, too", file, scenario.id, same->file));
    }
  }
  if (!complaints.empty()) return Failed(fmt::format("{}", fmt::join(complaints, "\n")));
  return scenarios;
}

/// "reads" of "reads[count=8]".
std::string_view name_of(std::string_view id) {
  return id.substr(0, id.find('['));
}

/// Is it what the word means: its name, a variant's, a pattern of either, a tag, a clause?
bool is_meant(const Scenario& scenario, const std::string& word) {
  if (is_clause(word)) {
    return !scenario.mutant && std::ranges::find(scenario.clauses, word) != scenario.clauses.end();
  }
  return matches(word, scenario.id) || matches(word, name_of(scenario.id)) ||
         std::ranges::find(scenario.tags, word) != scenario.tags.end();
}

bool is_as_strict(const Scenario& scenario, Level least) {
  return scenario.level && *scenario.level <= least;
}

std::string unknown_word(const std::string& word, const std::vector<Scenario>& scenarios) {
  if (is_clause(word)) return fmt::format("{}: no scenario there is about this clause", word);
  std::set<std::string> names;
  for (const Scenario& scenario : scenarios) {
    names.emplace(name_of(scenario.id));
    names.insert(scenario.tags.begin(), scenario.tags.end());
  }
  const std::string hint = nearest(word, names);
  return fmt::format("{}: no such file, nor a scenario of this name or tag{}", word,
                     hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint));
}

}  // namespace

std::string default_scenarios() {
  std::error_code error;
  return fs::is_directory("scenarios", error) ? "scenarios" : AOE_SCENARIOS_DIR;
}

bool Selection::is_whole() const {
  return std::ranges::all_of(wanted, is_path) && excluded.empty() && !level;
}

bool Selection::takes_answers_about(const std::string& clause) const {
  const Clause* known = clause_catalogue().find(clause);
  if (level && known != nullptr && known->level > *level) return false;
  const std::string id = every_answer_case(clause);
  const bool is_excluded = std::ranges::any_of(excluded, [&](const std::string& word) {
    return word == clause || matches(word, id) || matches(word, name_of(id));
  });
  if (is_excluded) return false;
  std::vector<std::string> words;
  std::ranges::copy_if(wanted, std::back_inserter(words), std::not_fn(is_path));
  return words.empty() || std::ranges::any_of(words, [&](const std::string& word) {
           return word == clause || !is_clause(word);
         });
}

tl::expected<std::vector<Scenario>, std::string> select(const Selection& selection) {
  Files paths;
  std::vector<std::string> words;
  for (const std::string& wanted : selection.wanted)
    (is_path(wanted) ? paths : words).push_back(wanted);
  if (paths.empty()) {
    paths.push_back(default_scenarios());
    std::error_code error;
    if (!words.empty() && !fs::is_directory(paths.front(), error)) {
      return Failed(fmt::format(
          "{}: no such file; nor can it be a name, tag or clause, for there are no scenarios here "
          "(scenarios/ or {})",
          words.front(), paths.front()));
    }
  }
  const auto files = find_files(paths);
  if (!files) return Failed(files.error());
  auto scenarios = load_all(*files);
  if (!scenarios) return scenarios;

  for (const auto& list : {words, selection.excluded}) {
    for (const std::string& word : list) {
      const auto means = [&](const Scenario& scenario) { return is_meant(scenario, word); };
      if (std::ranges::none_of(*scenarios, means)) return Failed(unknown_word(word, *scenarios));
    }
  }
  const auto is_any_of = [](const Scenario& scenario, const std::vector<std::string>& list) {
    return std::ranges::any_of(list, [&](const auto& word) { return is_meant(scenario, word); });
  };
  std::erase_if(*scenarios, [&](const Scenario& scenario) {
    return (!words.empty() && !is_any_of(scenario, words)) ||
           is_any_of(scenario, selection.excluded) ||
           (selection.level && !is_as_strict(scenario, *selection.level));
  });
  if (scenarios->empty()) return Failed("nothing is left to run of what was selected");
  return scenarios;
}

}  // namespace aoe::harness
