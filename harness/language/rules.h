// The rules that findings are filed under: the checks that hold for every run (`always` of a
// scenario) and what `aoe-harness check` looks for in a capture.
//
// One row a rule. A row names the clause of the catalogue (language/clauses.h) that the rule comes
// from. Code names a rule by its string; the compiler looks it up, so a misspelt name doesn't
// build.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aoe::harness {

/// How binding a rule is: AoEr11 demands it or advises it; or it is a trait of one implementation,
/// or only information. The strictest first.
enum class Level : std::uint8_t { must, should, profile, info };
/// The words for them, in this order.
inline const std::vector<std::string> level_words{"must", "should", "profile", "info"};
inline std::string_view text(Level level) {
  return level_words[static_cast<std::size_t>(level)];
}

struct RuleRow {
  std::string_view name;         // "window-respected"
  std::string_view clause;       // a finding may name a closer one; empty: no clause says it
  std::string_view demand{};     // what the rule asks for; empty: the clause's text
  std::optional<Level> level{};  // where it differs from the clause's
};

/// Nobody did wrong: a frame was lost or came twice, or a client tried something.
inline constexpr Level happened = Level::info;

/// The first rows are the checks, in the order of Check. Reports list findings in this order.
inline constexpr std::array rule_rows{
    RuleRow{"data-integrity", "2/38",
            "reads return, and the store holds, what was written and acknowledged"},
    RuleRow{"no-unasked-reply", "2/7",
            "a target answers what reached it, each copy at most once (AoEr11 §2)"},
    RuleRow{"tag-unique-in-flight", "2/31",
            "requests that wait for answers have different tags (AoEr11 §2)"},
    RuleRow{"window-respected", "3.2/31",
            "no more requests wait than the target has buffers, or maxout allows (AoEr11 §3.2)"},
    RuleRow{"reserved-zero", "2/30", "fields that are reserved are sent as zero (AoEr11 §2, §3)"},
    RuleRow{"no-early-retransmit", "profile/rexmit-timeout",
            "no request is repeated before its timeout (profile/rexmit-timeout)"},
    RuleRow{"flushed-survives", "3.1/27",
            "what was acknowledged before a flush is there after the target was killed (AoEr11 "
            "§3.1)"},
    RuleRow{"access-respected", "3.4/6",
            "mask lists and reservations hold for each initiator, from when the target has "
            "confirmed them (AoEr11 §3.3, §3.4)"},
    RuleRow{"liveness", "", "once everything is healed, all I/O is resolved in time"},
    // Of one frame in a capture.
    RuleRow{"unsupported-version", "2/4"},
    RuleRow{"unknown-command", "2.4/1", "", happened},
    RuleRow{"malformed", "2/12"},
    RuleRow{"short-frame", "2/15"},
    RuleRow{"reserved-field", "2/30"},
    RuleRow{"group-source", "2/2"},
    RuleRow{"request-with-error", "2/30"},
    RuleRow{"error-byte", "2/16"},
    RuleRow{"unknown-error", "2.4/3"},
    RuleRow{"wildcard-reply", "2/8"},
    RuleRow{"ata-flags", "3.1/40"},
    RuleRow{"zero-count", "3.1/40"},
    RuleRow{"bad-directive", "3.3/4", "", happened},
    RuleRow{"config-version", "3.2/13"},
    RuleRow{"bad-status", "3.1/4"},
    // Of a request, and those before it.
    RuleRow{"tag-in-use", "2/31"},
    RuleRow{"buffers-exceeded", "3.2/31"},
    RuleRow{"sectors-exceeded", "3.2/32"},
    RuleRow{"retransmitted", "2/38", "", happened},
    RuleRow{"unanswered", "2/14", "", happened},
    // Of a reply, and its request.
    RuleRow{"unasked-reply", "2/7"},
    RuleRow{"duplicate-answer", "2/36", "", happened},
    RuleRow{"wrong-command", "2/6"},
    RuleRow{"wrong-address", "2/10"},
    RuleRow{"wrong-destination", "2/1"},
    RuleRow{"wrong-source", "2/2"},
    RuleRow{"accepted", "3.1/5"},
    RuleRow{"wrong-error", "2.4/3"},
    RuleRow{"short-data", "3.1/1"},
    RuleRow{"sectors-left", "3.1/3"},
    RuleRow{"config-answer", "3.2/4"},
    // Of a reply, and what its device has said; another host, unseen, may have changed that.
    RuleRow{"config-changed", "3.2/16", "", happened},
    RuleRow{"masked-answer", "3.3/8", "", happened},
    RuleRow{"reservation-ignored", "3.4/6", "", happened},
};

/// The rule of that name; null for one that is not in the table, such as the word of a step.
constexpr const RuleRow* find_rule(std::string_view name) {
  for (const RuleRow& row : rule_rows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

/// A rule as code names it: `RuleName rule = "tag-in-use"`.
class RuleName {
 public:
  consteval RuleName(const char* name) : row_(find_rule(name)) {
    if (row_ == nullptr) throw "no such rule";
  }
  constexpr const RuleRow* operator->() const { return row_; }
  bool operator==(const RuleName&) const = default;

 private:
  const RuleRow* row_;
};

/// The checks that a scenario's `always` chooses from.
enum class Check : std::uint8_t {
  data_integrity,
  no_unasked_reply,
  tag_unique_in_flight,
  window_respected,
  reserved_zero,
  no_early_retransmit,
  flushed_survives,
  access_respected,
  liveness,
};
inline constexpr int check_count = static_cast<int>(Check::liveness) + 1;

constexpr const RuleRow& row(Check check) {
  return rule_rows[static_cast<std::size_t>(check)];
}
/// Its name: "window-respected".
constexpr std::string_view text(Check check) {
  return row(check).name;
}
/// The check of that name, if there is one.
constexpr std::optional<Check> find_check(std::string_view name) {
  const RuleRow* const found = find_rule(name);
  const auto index = found - rule_rows.data();
  if (found == nullptr || index >= check_count) return std::nullopt;
  return static_cast<Check>(index);
}
/// Its name and what it demands: "window-respected: no more requests wait than …".
inline std::string rule(Check check) {
  return std::string(row(check).name) + ": " + std::string(row(check).demand);
}

}  // namespace aoe::harness
