#include "harness/report/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "harness/report/text.h"

namespace aoe::harness {
namespace {

// The terminal's own palette, so that it fits dark and light ones.
constexpr int bold = 1;
constexpr int faint = 2;
constexpr int red = 31;
constexpr int green = 32;
constexpr int yellow = 33;

constexpr std::size_t case_columns = 28;
constexpr std::size_t time_columns = 8;
constexpr std::size_t verdict_columns = 12;
constexpr std::size_t clause_columns = 22;
constexpr std::string_view erase_line = "\r\x1b[K";

/// Returns the first `columns` characters, the last of which is "…" if more follow.
std::string clipped(const std::string& text, std::size_t columns) {
  if (width(text) <= columns) return text;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (begins && seen++ == columns - 1) break;
  }
  return text.substr(0, end) + "…";
}

/// Returns a line of a word and its text.
std::string item(std::string_view word, std::string_view what) {
  return fmt::format("  {}  {}\n", padded(std::string(word), 8), one_line(what));
}

}  // namespace

TerminalStyle terminal_style(int descriptor, int verbosity) {
  TerminalStyle style{.verbosity = verbosity};
  const char* kind = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool clever =
      isatty(descriptor) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
  style.progress = clever;
  style.colour = clever && (no_colour == nullptr || *no_colour == '\0');
  winsize size{};
  if (isatty(descriptor) == 1 && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.columns = std::max<std::size_t>(size.ws_col, 60);
  return style;
}

std::string Terminal::header(const RunRecord& run) {
  std::string text = fmt::format("seed {}  world {}", run.seed, one_line(run.world));
  if (run.slack > Duration{}) text += "  slack " + brief(run.slack);
  text += "  sut " + one_line(run.sut);
  if (!run.peer.empty()) text += "  peer " + one_line(run.peer);
  if (run.parts > 1) text += fmt::format("  part {}/{}", run.part, run.parts);
  text += "\n";
  is_suite_ = !run.suite.empty();
  if (!is_suite_ || style_.verbosity < 0) return instead(text);
  for (const ProbeRecord& probe : run.probes) {
    text += fmt::format("  {}  {}  asked {}; {}\n",
                        painted(probe.has ? "has  " : "lacks", probe.has ? green : yellow),
                        padded(one_line(probe.ability), 13), one_line(probe.asked),
                        one_line(probe.answered));
  }
  return instead(text);
}

std::string Terminal::progress(std::size_t done, std::size_t total, const std::string& running) {
  if (!style_.progress) return {};
  const std::string text =
      clipped(fmt::format("  {} of {}  {}", done, total, one_line(running)), style_.columns - 1);
  std::string shown = instead(painted(text, faint));
  line_shown_ = true;
  return shown;
}

std::string Terminal::finished(const CaseRecord& record) {
  if (is_well(record.outcome) && style_.verbosity < (is_suite_ ? 1 : 0)) return {};
  std::string text = line(record);
  const bool well = is_well(record.outcome);
  if (style_.verbosity > 1) text += steps(record);
  if (style_.verbosity > 0) {
    for (const std::string& note : record.notes)
      text += fmt::format("        {}\n", one_line(note));
  }
  if (style_.verbosity > 0 || !well) {
    text += this->rules(record);
    for (const FailureRecord& failure : record.failures) text += this->failure(record, failure);
  }
  if (record.outcome == Outcome::broken && record.failures.empty() && !record.log.empty()) {
    const auto end =
        std::string_view(record.log)
            .substr(record.log.size() - std::min<std::size_t>(record.log.size(), 1000));
    text += item("log", end);
  }
  if (!well && !record.reproduce.empty()) text += item("repro", record.reproduce);
  return instead(text);
}

std::string Terminal::line(const CaseRecord& record) const {
  const std::string word = padded(verdict(record), 4);
  std::string text = fmt::format("{} {:>{}}", padded(one_line(record.id), case_columns),
                                 brief(record.took), time_columns);
  if (!record.reason.empty()) {
    text += "  " + one_line(record.reason);
  } else if (style_.verbosity > 0) {
    text += fmt::format("  {}, {}, {}", quantity(record.requests, "request"),
                        quantity(record.frames, "frame"),
                        quantity(record.retransmissions, "retransmission"));
  } else {
    std::string notes;
    for (const std::string& note : record.notes) notes += "  " + one_line(note);
    const std::size_t taken = 2 + width(word) + 2 + width(text);
    if (taken < style_.columns) text += clipped(notes, style_.columns - taken);
  }
  return fmt::format("  {}  {}\n", painted(word, look_of(standing_of(record.outcome)).colour),
                     text);
}

std::string Terminal::steps(const CaseRecord& record) const {
  std::string text;
  for (const StepRecord& step : record.steps) {
    const std::string line = fmt::format("  {:>12}  {}: {}", in_milliseconds(step.began),
                                         one_line(step.word), one_line(step.text));
    text += painted(clipped(line, style_.columns), step.met ? faint : red) + "\n";
  }
  return text;
}

std::string Terminal::rules(const CaseRecord& record) const {
  if (record.failures.empty()) return {};
  std::string text = item("title", record.title);
  for (const std::string& id : record.clauses) {
    const Clause* const clause = clause_catalogue().find(id);
    if (clause == nullptr) continue;
    text +=
        item("clause", fmt::format("{} ({}): {}", id, harness::text(clause->level), clause->rule));
  }
  return text;
}

std::string Terminal::failure(const CaseRecord& record, const FailureRecord& failure) const {
  std::string text =
      fmt::format("        {}{}\n", one_line(failure.where.empty() ? record.file : failure.where),
                  about(failure));
  text += item("expected", failure.expected) + item("actual", failure.actual);
  for (const LadderText& row : ladder_text(failure.ladder)) {
    const bool red_line = row.line != nullptr && row.line->struck;
    const bool bold_line = row.line != nullptr && row.line->guilty;
    text += painted(row.text, red_line ? red : bold_line ? bold : 0) + "\n";
  }
  return text;
}

std::string Terminal::clauses(const RunRecord& run, const Coverage& coverage) const {
  std::string text;
  for (const Section& section : clause_catalogue().sections) {
    std::string lines;
    for (const ClauseCoverage* of : coverage.of_section(section.id)) {
      const bool is_shown = style_.verbosity >= 0 || of->verdict != ClauseVerdict::kept;
      if (is_shown) lines += clause(run, *of);
    }
    if (lines.empty()) continue;
    text += painted(fmt::format("{}  {}", section.id, section.title), bold) + "\n" + lines;
  }
  return text;
}

std::string Terminal::clause(const RunRecord& run, const ClauseCoverage& coverage) const {
  const Clause& clause = *coverage.clause;
  const bool kept = coverage.verdict == ClauseVerdict::kept;
  const bool broken = coverage.verdict == ClauseVerdict::broken;
  std::string text =
      fmt::format("  {}  {}  {:<7}  {}\n",
                  painted(padded(std::string(harness::text(coverage.verdict)), verdict_columns),
                          kept     ? green
                          : broken ? red
                                   : yellow),
                  padded(clause.id, clause_columns), harness::text(clause.level),
                  kept ? clause.rule : describe(coverage));
  if (kept) return text;
  text += "        " + clause.rule + "\n";
  for (const std::size_t i : coverage.cases) {
    const CaseRecord& record = run.cases[i];
    if (!needs_story(record.outcome)) continue;
    text += fmt::format("        {}  {}\n", padded(verdict(record), 5), one_line(record.id));
    if (record.outcome == Outcome::expected_failure)
      text += fmt::format("               {}\n", one_line(record.reason));
  }
  if (coverage.verdict == ClauseVerdict::unsupported)
    text += fmt::format("        {}\n", one_line(run.cases[coverage.cases.front()].reason));
  return text;
}

std::string Terminal::summary(const RunRecord& run, const std::string& where) {
  std::string text;
  std::string levels;
  if (!run.suite.empty()) {
    const Coverage coverage = coverage_of(run);
    text = clauses(run, coverage);
    levels = describe(coverage.levels()) + "\n";
  }
  if (run.interrupted) {
    text += painted(fmt::format("interrupted: {} not run", quantity(run.not_run.size(), "case")),
                    yellow) +
            "\n";
  }
  return instead(text +
                 fmt::format("{} in {}  {}\n",
                             painted(describe(count(run)), is_well(run) ? green : red),
                             brief(run.real), one_line(where)) +
                 levels);
}

std::string Terminal::instead(std::string text) {
  if (!line_shown_) return text;
  line_shown_ = false;
  return std::string(erase_line) + text;
}

std::string Terminal::painted(const std::string& text, int colour) const {
  if (!style_.colour || colour == 0) return text;
  return fmt::format("\x1b[{}m{}\x1b[m", colour, text);
}

}  // namespace aoe::harness
