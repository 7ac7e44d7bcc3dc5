// What an implementation is known to do wrong: a file of the cases that fail, with the reasons. A
// run of that implementation then fails only for what is new.
//
//   expected-failures:
//     - case: flush-*              # an id; * stands for anything, ? for a character
//       reason: FLUSH CACHE syncs nothing
//       link: https://…            # optional, as are:
//       failure: "reply: none *"   # what was said of it, or a list: see Entry::failures
//       world: veth                # its first word
//       versions: ["20", "25"]     # of the implementation, both included; or one
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "harness/judge/record.h"

namespace aoe::harness {

/// Returns true if the id matches the pattern, in which * stands for any text and ? for one
/// character.
bool matches(std::string_view pattern, std::string_view id);

/// Returns the parts of the first dotted number in the text: {25, 1} for "vblade 25.1-2".
std::vector<unsigned> version_in(std::string_view text);

class Expectations {
 public:
  struct Entry {
    std::string where;  // file:line
    std::string pattern;
    std::string reason;
    std::string link;
    std::string world;
    /// Patterns, as for a case. "rule: what was there instead" of each failure of the case matches one
    /// of them, else it is a failure like any other; empty: all match.
    std::vector<std::string> failures;
    std::vector<unsigned> least;  // versions; empty: any
    std::vector<unsigned> most;
    bool used = false;
  };

  Expectations() = default;
  explicit Expectations(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  /// Errors: "vblade.yaml:3:5: …".
  static tl::expected<Expectations, std::string> load(const std::string& path);
  static tl::expected<Expectations, std::string> parse(const std::string& text,
                                                       const std::string& file);

  /// If an entry applies to the case, turns a failure into an expected failure and a pass into an
  /// unexpected pass, with the entry's reason. `run` has the world and the implementation's version;
  /// if the version is unknown, an entry for certain versions does not apply.
  void apply(const RunRecord& run, CaseRecord& record);

  /// Returns why the case fails, in some world and version; empty if it is not known to fail.
  std::string reason_of(std::string_view id) const;

  /// Returns the entries that no case matched: "vblade.yaml:3: no case that was run is 'flush-*'".
  std::vector<std::string> unused() const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace aoe::harness
