#include "harness/report/html_ladder.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/report/html_case.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::string_view lives = R"(<path class="life" d="M6 0V22M144 0V22"/>)";

/// A frame's way between the two ends: red and cut short where it was dropped.
std::string draw_wire(const LadderLine& line) {
  const bool dropped = line.fate.starts_with("dropped");
  std::string svg =
      R"(<svg viewBox="0 0 150 22" preserveAspectRatio="none" role="img" aria-label=")" +
      std::string(line.to_target ? "to the target" : "to the initiator") +
      (dropped ? ", lost" : "") + R"("><path class="life" d="M6 0V22M144 0V22"/>)";
  const double begin = line.to_target ? 6 : 144;
  const double end = dropped ? 75 : line.to_target ? 144 : 6;
  const int toward = line.to_target ? 1 : -1;
  svg += fmt::format(R"(<path class="wire{}" d="M{} 11H{}"/>)",
                     line.struck && !dropped ? " dashed" : "", begin, end);
  if (dropped) {
    svg += fmt::format(R"(<path class="lost" d="M{0} 5l12 12m0-12l-12 12"/>)", end - 6);
  } else {
    svg += fmt::format(R"(<path class="head" d="M{0} 11l{1} -4v8Z"/>)", end, -9 * toward);
  }
  return svg + "</svg>";
}

/// A row of the ladder, or an edge of a window that it passes.
struct Rung {
  Duration at{};
  const LadderLine* line = nullptr;
  std::string edge{};
};

}  // namespace

std::string draw_ladder(const std::vector<LadderLine>& ladder,
                        const std::vector<const DueRecord*>& dues) {
  if (ladder.empty()) return {};
  std::vector<Rung> rungs;
  for (const LadderLine& line : ladder) rungs.push_back({line.at, &line});
  for (const DueRecord* due : dues) {
    const bool late = !due->came || *due->came > due->latest;
    rungs.push_back({due->earliest, nullptr, plain(due->what) + " may come from here on"});
    rungs.push_back({due->latest, nullptr,
                     plain(due->what) + " is due by here" + (late ? ", and is not there" : "")});
  }
  std::ranges::stable_sort(rungs, {}, &Rung::at);
  const Duration first = ladder.front().at;
  const std::string nobody = fmt::format(
      "<svg viewBox=\"0 0 150 22\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{}</svg>",
      lives);
  std::string rows;
  for (const Rung& rung : rungs) {
    const std::string time = in_milliseconds(rung.at - first);
    const bool inside = std::ranges::any_of(dues, [&](const DueRecord* due) {
      return rung.at >= due->earliest && rung.at <= due->latest;
    });
    if (rung.line == nullptr) {
      rows += fmt::format(
          "<tr class=\"edge\"><td class=\"time\">{}</td><td></td><td>{}</td>"
          "<td colspan=\"2\">{}</td></tr>\n",
          time, nobody, rung.edge);
      continue;
    }
    const LadderLine& line = *rung.line;
    if (line.gap_before) {
      rows += fmt::format(
          "<tr class=\"gap\"><td class=\"time\">⋮</td><td></td><td>{}</td>"
          "<td colspan=\"2\">other frames</td></tr>\n",
          nobody);
    }
    rows += fmt::format(
        "<tr class=\"frame{}{}{}\"><td class=\"time\">{}</td><td "
        "class=\"number\">{}</td><td>{}</td>"
        "<td>{}</td><td>{}</td></tr>\n",
        line.struck ? " struck" : "", line.guilty ? " guilty" : "", inside ? " inside" : "", time,
        line.frame, draw_wire(line), plain(line.what),
        line.fate.empty() ? R"(<span class="soft">delivered</span>)" : plain(line.fate));
  }
  return table("ladder",
               "<th class=\"number\">t (ms)</th><th class=\"number\">#</th>"
               "<th><span class=\"ends\"><span>initiator</span><span>target</span></span></th>"
               "<th>frame</th><th>fate</th>",
               rows) +
         fmt::format("<p class=\"soft\">t counts from frame #{}, {} into the run.</p>\n",
                     ladder.front().frame, brief(first));
}

}  // namespace aoe::harness
