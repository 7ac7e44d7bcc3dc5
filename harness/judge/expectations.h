// What an implementation is known to do wrong: a file that says which cases fail, and why, so that
// a run of it is red only for what is new.
//
//   expected-failures:
//     - case: flush-*              # an id; * stands for anything, ? for a character
//       reason: FLUSH CACHE syncs nothing
//       link: https://…            # optional, as are:
//       world: veth                # its first word
//       versions: ["20", "25"]     # of the implementation, both included; or one
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "harness/judge/record.h"

namespace aoe::harness {

/// Does an id match a pattern, in which * stands for anything and ? for one character?
bool matches(std::string_view pattern, std::string_view id);

/// The parts of a dotted number, compared as numbers: the first in a text such as "vblade 25-1".
std::vector<unsigned> version_in(std::string_view text);

class Expectations {
 public:
  /// Errors: "vblade.yaml:3:5: …".
  static tl::expected<Expectations, std::string> load(const std::string& path);
  static tl::expected<Expectations, std::string> parse(const std::string& text,
                                                       const std::string& file);

  /// Of a case that an entry speaks of, a failure becomes an expected one and a pass an unexpected
  /// one, with the entry's reason. `run` tells the world and the implementation's version; where
  /// that is unknown, an entry for some versions does not apply.
  void apply(const RunRecord& run, CaseRecord& record);

  /// Why a case of this id fails, in some world and version; empty where it is not known to.
  std::string reason_of(std::string_view id) const;

  /// Entries that no case was met by: "vblade.yaml:3: no case that was run is 'flush-*'".
  std::vector<std::string> unused() const;

 private:
  struct Entry {
    std::string where;  // file:line
    std::string pattern;
    std::string reason;
    std::string link;
    std::string world;
    std::vector<unsigned> least;  // versions; empty: any
    std::vector<unsigned> most;
    bool used = false;
  };
  static bool applies(const Entry& entry, const RunRecord& run, const CaseRecord& record);
  /// Of parse(): from the file's root on.
  class FileReader;

  std::vector<Entry> entries_;
};

}  // namespace aoe::harness
