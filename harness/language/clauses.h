// The clauses that scenarios cite and reports are made by: what AoEr11 asks of either end, and
// traits of implementations that no standard demands (profile/…), in our own words.
//
// They are data: clauses.yaml beside this, which the library carries within it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/rules.h"

namespace aoe::harness {

struct Clause {
  enum class Binds : std::uint8_t { target, initiator, both };

  std::string id;       // "3.1/5"; "profile/window"
  std::string section;  // "3.1"; "profile"
  Binds binds = Binds::both;
  Level level = Level::must;
  std::string rule;      // what it asks for, in a sentence
  std::string room;      // where the text leaves room; empty: nowhere
  std::string untested;  // why no scenario is about it; empty: some are
};
std::string_view text(Clause::Binds binds);

struct Section {
  std::string id;     // "3.1"
  std::string title;  // "ATA commands"
};

struct ClauseCatalogue {
  std::vector<Section> sections;  // both in the file's order
  std::vector<Clause> clauses;

  /// Null for one that is not in it.
  const Clause* find(std::string_view id) const;
  std::set<std::string> ids() const;
};

/// The one that the library carries.
const ClauseCatalogue& clause_catalogue();

/// From text; the error is one line: "clauses.yaml:3:10: …".
tl::expected<ClauseCatalogue, std::string> parse_clauses(const std::string& yaml,
                                                         const std::string& file);

/// The strictest level of these; they are in the catalogue. With none, `info`.
Level strictest_of(const std::vector<std::string>& clauses);

}  // namespace aoe::harness
