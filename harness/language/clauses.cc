#include "harness/language/clauses.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "config/yaml_file.h"
#include "config/yaml_map.h"

namespace aoe::harness {

std::string_view clauses_yaml();  // made of clauses.yaml

namespace {

const std::vector<std::string> binds_words{"target", "initiator", "both"};

Clause parse_clause(YamlMap map, const ClauseCatalogue& before) {
  Clause clause;
  const YAML::Node id = map.require("id");
  clause.id = map.text("id");
  clause.section = clause.id.substr(0, clause.id.find('/'));
  if (std::ranges::find(before.sections, clause.section, &Section::id) == before.sections.end() ||
      clause.section.size() + 1 >= clause.id.size()) {
    map.fail(id, fmt::format("id: expected a section and a number, got '{}'", clause.id));
  }
  if (before.find(clause.id) != nullptr)
    map.fail(id, fmt::format("id: there is a clause {} already", clause.id));
  clause.binds = static_cast<Clause::Binds>(map.choice("binds", binds_words));
  clause.level = static_cast<Level>(map.choice("level", level_words));
  clause.rule = map.text("rule");
  if (map.has("room")) clause.room = map.text("room");
  if (map.has("untested")) clause.untested = map.text("untested");
  map.finish();
  return clause;
}

ClauseCatalogue read_clauses(const YAML::Node& root, const std::string& file) {
  ClauseCatalogue catalogue;
  YamlMap map(root, file, "catalogue");
  YamlMap sections = map.map("sections");
  for (const YAML::Node& key : sections.keys())
    catalogue.sections.push_back({key.Scalar(), sections.text(key.Scalar())});
  const YAML::Node clauses = map.require("clauses");
  if (!clauses.IsSequence()) map.fail(clauses, "clauses: expected a list of clauses");
  for (const YAML::Node& node : clauses)
    catalogue.clauses.push_back(parse_clause(YamlMap(node, file, "clause"), catalogue));
  map.finish();
  return catalogue;
}

}  // namespace

std::string_view text(Clause::Binds binds) {
  return binds_words[static_cast<std::size_t>(binds)];
}

const Clause* ClauseCatalogue::find(std::string_view id) const {
  const auto found = std::ranges::find(clauses, id, &Clause::id);
  return found == clauses.end() ? nullptr : &*found;
}

std::set<std::string> ClauseCatalogue::ids() const {
  std::set<std::string> ids;
  for (const Clause& clause : clauses) ids.insert(clause.id);
  return ids;
}

tl::expected<ClauseCatalogue, std::string> parse_clauses(const std::string& yaml,
                                                         const std::string& file) {
  return read_yaml(yaml, file, [&](const YAML::Node& root) { return read_clauses(root, file); });
}

const ClauseCatalogue& clause_catalogue() {
  static const ClauseCatalogue catalogue = [] {
    auto parsed = parse_clauses(std::string(clauses_yaml()), "clauses.yaml");
    AOE_CHECK(parsed.has_value());
    return *std::move(parsed);
  }();
  return catalogue;
}

Level strictest_of(const std::vector<std::string>& clauses) {
  Level strictest = Level::info;
  for (const std::string& id : clauses)
    strictest = std::min(strictest, clause_catalogue().find(id)->level);
  return strictest;
}

}  // namespace aoe::harness
