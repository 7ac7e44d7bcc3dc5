#include "harness/report/text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::size_t log_shown = 2000;                   // bytes

/// The bytes of the character that `text` begins with; 0 where there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    const bool control = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
    return control ? 0 : 1;
  }
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  std::uint32_t code = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool control = code < 0xa0 || (code >= 0x202a && code <= 0x202e) ||  // of direction, too
                       (code >= 0x2066 && code <= 0x2069);
  const bool no_character = code == 0xfffe || code == 0xffff || code > 0x10ffff;
  return code < least[size] || surrogate || control || no_character ? 0 : size;
}

std::string plural(std::string_view noun) {
  return fmt::format("{}{}", noun, noun.ends_with("s") || noun.ends_with("x") ? "es" : "s");
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    result += size > 0 ? text.substr(0, size) : replacement;
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return result;
}

std::string one_line(std::string_view text) {
  std::string line = printable(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string markup(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += c;
    }
  }
  return result;
}

std::size_t width(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

std::string padded(std::string text, std::size_t columns) {
  const std::size_t has = width(text);
  if (has < columns) text.append(columns - has, ' ');
  return text;
}

std::string brief(Duration duration) {
  using std::chrono::seconds;
  if (duration < Duration{}) return "-" + brief(-duration);
  if (duration >= seconds(100)) {
    const auto whole = std::chrono::round<seconds>(duration).count();
    return fmt::format("{}min {}s", whole / 60, whole % 60);
  }
  struct Unit {
    std::string_view name;
    double size;
  };
  // What rounds up to a thousand of a unit is one of the next.
  constexpr std::array<Unit, 4> units{{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  for (const Unit& unit : units) {
    const double value = static_cast<double>(duration.count()) / unit.size;
    if (value < 999.5 || unit.name == "s") {
      if (value == std::floor(value)) return fmt::format("{:.0f}{}", value, unit.name);
      return fmt::format("{:.{}f}{}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit.name);
    }
  }
  AOE_CHECK(false && "seconds are the last unit");
}

std::string in_milliseconds(Duration duration) {
  return fmt::format("{:.3f}", static_cast<double>(duration.count()) / 1e6);
}

std::string quantity(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}", number, number == 1 ? std::string(noun) : plural(noun));
}

std::string describe(const Counts& counts) {
  const auto of = [&](Outcome outcome) { return counts[static_cast<std::size_t>(outcome)]; };
  std::string text = fmt::format("{} passed, {} failed", of(Outcome::passed), of(Outcome::failed));
  const auto add = [&](Outcome outcome, const std::string& words) {
    if (of(outcome) > 0) text += fmt::format(", {} {}", of(outcome), words);
  };
  add(Outcome::flaky, "flaky");
  add(Outcome::inconclusive, "inconclusive");
  add(Outcome::unsupported, "unsupported");
  add(Outcome::broken, of(Outcome::broken) == 1 ? "error" : "errors");
  add(Outcome::expected_failure, "failed as expected");
  add(Outcome::unexpected_pass, "passed unexpectedly");
  return text;
}

std::string verdict(const CaseRecord& record) {
  if (record.outcome != Outcome::flaky) return std::string(text(record.outcome));
  return fmt::format("{} {}/{}", text(record.outcome), record.tries_passed, record.tries);
}

bool is_well(Outcome outcome) {
  return outcome == Outcome::passed || outcome == Outcome::unsupported ||
         outcome == Outcome::expected_failure;
}

std::string scenario_of(const CaseRecord& record) {
  return record.id.substr(0, record.id.find('['));
}

std::string variant_of(const CaseRecord& record) {
  const auto open = record.id.find('[');
  if (open == std::string::npos) return {};
  const auto close = record.id.rfind(']');
  return record.id.substr(open + 1, close == std::string::npos ? close : close - open - 1);
}

std::vector<LadderText> ladder_text(const std::vector<LadderLine>& ladder) {
  std::size_t columns = width("frame");
  for (const LadderLine& line : ladder) columns = std::max(columns, 2 + width(one_line(line.what)));
  const auto row = [&](std::string_view at, std::string_view number, std::string what,
                       std::string_view fate) {
    std::string text =
        fmt::format("{:>12}  {:>5}  {}  {}", at, number, padded(std::move(what), columns), fate);
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::vector<LadderText> lines;
  if (ladder.empty()) return lines;
  lines.push_back({row("t(ms)", "#", "frame", "fate"), nullptr});
  for (const LadderLine& line : ladder) {
    if (line.gap_before) lines.push_back({row("...", "", "", ""), nullptr});
    lines.push_back({row(in_milliseconds(line.at - ladder.front().at), std::to_string(line.frame),
                         (line.to_target ? "→ " : "← ") + one_line(line.what), one_line(line.fate)),
                     &line});
  }
  return lines;
}

std::string failure_text(const FailureRecord& failure) {
  std::string text = fmt::format("expected  {}\nactual    {}\n", one_line(failure.expected),
                                 one_line(failure.actual));
  for (const LadderText& line : ladder_text(failure.ladder)) text += line.text + "\n";
  return text;
}

std::string clauses_text(const CaseRecord& record) {
  std::string text;
  for (const std::string& id : record.clauses) {
    const Clause* clause = clause_catalogue().find(id);
    if (clause != nullptr) text += fmt::format("clause    {}  {}\n", clause->id, clause->rule);
  }
  return text;
}

std::string evidence_text(const CaseRecord& record) {
  std::string text;
  if (!record.reason.empty()) text += one_line(record.reason) + "\n";
  for (const FailureRecord& failure : record.failures) {
    text += fmt::format("{}{}: {}\n{}", text.empty() ? "" : "\n", one_line(failure.where),
                        one_line(failure.rule), failure_text(failure));
  }
  if (record.failures.empty() && !record.log.empty()) {
    const std::size_t from = record.log.size() - std::min(record.log.size(), log_shown);
    text += printable(std::string_view(record.log).substr(from));
    if (!text.ends_with('\n')) text += '\n';
  }
  if (!record.failures.empty()) text += clauses_text(record);
  if (!record.reproduce.empty()) text += "repro     " + one_line(record.reproduce) + "\n";
  return text;
}

}  // namespace aoe::harness
