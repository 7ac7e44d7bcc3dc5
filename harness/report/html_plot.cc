#include "harness/report/html_plot.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "harness/report/text.h"

namespace aoe::harness {
namespace {

// In the SVG's own units.
constexpr double plot_width = 760;
constexpr double left = 64;
constexpr double right = 748;
constexpr double steps_height = 18;
constexpr double requests_height = 110;
constexpr double rto_height = 56;
constexpr double strip_height = 14;
constexpr double name_height = 16;

class Axis {
 public:
  Axis(Duration from, Duration until) : from_(from), until_(std::max(until, from + Duration(1))) {}

  bool shows(Duration begin, Duration end) const { return end >= from_ && begin <= until_; }
  /// Times beyond the ends are at the ends.
  double x(Duration at) const {
    const double part = static_cast<double>((std::clamp(at, from_, until_) - from_).count()) /
                        static_cast<double>((until_ - from_).count());
    return left + part * (right - left);
  }
  /// Round times, eight or so.
  std::vector<Duration> ticks() const {
    const auto span = static_cast<double>((until_ - from_).count());
    const double power = std::pow(10, std::floor(std::log10(span / 8)));
    const double factor = span / 8 / power;
    const double step = power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
    const auto width = static_cast<Duration::rep>(std::max(step, 1.0));
    std::vector<Duration> ticks;
    for (Duration::rep at = (from_.count() + width - 1) / width * width; at <= until_.count();
         at += width)
      ticks.emplace_back(at);
    return ticks;
  }
  Duration from() const { return from_; }
  Duration until() const { return until_; }

 private:
  const Duration from_;
  const Duration until_;
};

/// A band of the plot with a scale of its own, from 0 at the bottom to `most` at the top.
struct Panel {
  double top = 0;
  double height = 0;
  double most = 1;
  double y(double value) const { return top + height * (1 - value / most); }
};

/// Samples that fall on the same place of the axis.
struct Column {
  double x;
  double least;
  double most;
  double last;
};

/// A value that holds until the next sample, with as many points as can be told apart.
std::string curve(const CaseRecord& record, const Axis& axis, const Panel& panel,
                  const std::function<double(const Sample&)>& value) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < record.samples.size(); ++i) {
    const Sample& sample = record.samples[i];
    const bool over = i + 1 < record.samples.size() && record.samples[i + 1].at <= axis.from();
    if (over || sample.at > axis.until()) continue;
    const double x = std::round(axis.x(sample.at));
    const double now = value(sample);
    if (columns.empty() || columns.back().x != x) columns.push_back({x, now, now, now});
    Column& column = columns.back();
    column = {x, std::min(column.least, now), std::max(column.most, now), now};
  }
  std::string path;
  for (const Column& column : columns) {
    path += path.empty() ? fmt::format("M{:.0f} {:.1f}", column.x, panel.y(column.least))
                         : fmt::format("H{:.0f}", column.x);
    if (column.most > column.least)
      path += fmt::format("V{:.1f}V{:.1f}", panel.y(column.least), panel.y(column.most));
    path += fmt::format("V{:.1f}", panel.y(column.last));
  }
  return path.empty() ? path : path + fmt::format("H{:.1f}", right);
}

double most_of(const CaseRecord& record, const std::function<double(const Sample&)>& value) {
  double most = 0;
  for (const Sample& sample : record.samples) most = std::max(most, value(sample));
  return most;
}

double outstanding(const Sample& sample) {
  return sample.outstanding;
}
double window(const Sample& sample) {
  return sample.window;
}
double rto(const Sample& sample) {
  return static_cast<double>(sample.rto.count());
}

std::string label(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)", x, y, anchor,
                     markup(text));
}

/// The panel's frame, its name, and what its top stands for.
std::string frame(const Panel& panel, std::string_view name, std::string_view most) {
  return fmt::format(R"(<rect class="panel" x="{}" y="{}" width="{}" height="{}"/>)", left,
                     panel.top, right - left, panel.height) +
         label(left - 6, panel.top + 9, "end", most) +
         label(left - 6, panel.top + panel.height, "end", "0") +
         label(left, panel.top - 4, "start", name);
}

std::string draw_steps(const CaseRecord& record, const Axis& axis) {
  std::string svg;
  for (const StepRecord& step : record.steps) {
    if (!axis.shows(step.began, step.ended)) continue;
    const double x = axis.x(step.began);
    const double wide = std::max(axis.x(step.ended) - x, 1.0);
    svg += fmt::format(R"(<g class="step{}"><title>{} {} ({})</title>)"
                       R"(<rect x="{:.1f}" y="0" width="{:.1f}" height="{}"/>)",
                       step.met ? "" : " unmet", markup(one_line(step.word)),
                       markup(one_line(step.text)), brief(step.ended - step.began), x, wide,
                       steps_height - 2);
    constexpr double character = 6.5;
    if (const std::string word = one_line(step.word);
        static_cast<double>(width(word)) * character + 6 < wide)
      svg += label(x + 4, 12, "start", word);
    svg += "</g>";
  }
  return svg;
}

/// Bands across the panels, and where in them it came.
std::string draw_dues(const CaseRecord& record, const Axis& axis, double top, double bottom) {
  std::string svg;
  for (const DueRecord& due : record.dues) {
    if (!axis.shows(due.since, due.came.value_or(due.latest))) continue;
    const double x = axis.x(due.earliest);
    const std::string came = due.came ? "came after " + brief(*due.came - due.since) : "never came";
    svg += fmt::format(R"(<g class="due{}"><title>{}: due {} to {} after, {}</title>)"
                       R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)",
                       due.met() ? "" : " unmet", markup(one_line(due.what)),
                       brief(due.earliest - due.since), brief(due.latest - due.since), came, x, top,
                       std::max(axis.x(due.latest) - x, 1.5), bottom - top);
    if (due.came && axis.shows(*due.came, *due.came)) {
      const double at = axis.x(*due.came);
      svg += fmt::format(R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>)", at, top,
                         bottom);
    }
    svg += "</g>";
  }
  return svg;
}

/// Marks on a strip: what was struck above, what was sent again below; one where more fall
/// together.
std::string draw_incidents(const CaseRecord& record, const Axis& axis, double top) {
  std::string svg;
  std::set<std::pair<int, bool>> taken;
  for (const Incident& incident : record.incidents) {
    if (!axis.shows(incident.at, incident.at)) continue;
    const bool again = incident.text.starts_with("retransmission");
    const double x = axis.x(incident.at);
    if (!taken.emplace(static_cast<int>(x), again).second) continue;
    const double y = again ? top + strip_height / 2 : top;
    svg += fmt::format(
        R"(<path class="{}" d="M{:.1f} {:.1f}v{:.1f}"><title>#{} {} at {}</title></path>)",
        again ? "again" : "struck", x, y, strip_height / 2, incident.frame,
        markup(one_line(incident.text)), brief(incident.at));
  }
  return svg;
}

std::string draw_times(const Axis& axis, double top, double bottom) {
  std::string svg;
  for (const Duration tick : axis.ticks()) {
    const double x = axis.x(tick);
    svg += fmt::format(R"(<path class="grid" d="M{:.1f} {:.1f}V{:.1f}"/>)", x, top, bottom);
    svg += label(x, bottom + 13, x > right - 20 ? "end" : "middle",
                 tick.count() == 0 ? "0" : brief(tick));
  }
  return svg;
}

/// The powers of ten around some times.
struct Decades {
  double least;
  double most;
};

Decades decades(const std::vector<RoundTrip>& trips) {
  const auto exponent = [](Duration took) {
    return std::log10(static_cast<double>(std::max(took, Duration(1)).count()));
  };
  const auto [shortest, longest] = std::ranges::minmax_element(trips, {}, &RoundTrip::took);
  const double least = std::floor(exponent(shortest->took));
  return {least, std::max(std::ceil(exponent(longest->took)), least + 1)};
}

}  // namespace

std::string plot_round_trips(const std::vector<RoundTrip>& trips, Duration from, Duration until) {
  if (trips.empty()) return {};
  const Axis axis(from, until);
  const Decades scale = decades(trips);
  const Panel panel{name_height, requests_height, scale.most - scale.least};
  const double bottom = panel.top + panel.height;
  std::string svg;
  for (double power = scale.least; power <= scale.most; ++power) {
    const double y = panel.y(power - scale.least);
    svg += fmt::format(R"(<path class="grid" d="M{} {:.1f}H{}"/>)", left, y, right);
    svg += label(left - 6, y + 4, "end", brief(Duration(std::llround(std::pow(10, power)))));
  }
  std::set<std::pair<int, int>> taken;  // places with a dot: more of them could not be told apart
  for (const RoundTrip& trip : trips) {
    if (!axis.shows(trip.at, trip.at)) continue;
    const double took = static_cast<double>(std::max(trip.took, Duration(1)).count());
    const double x = axis.x(trip.at);
    const double y = panel.y(std::log10(took) - scale.least);
    if (!taken.emplace(static_cast<int>(x), static_cast<int>(y)).second) continue;
    svg += fmt::format(R"(<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="1.5"/>)", x, y);
  }
  svg += fmt::format(R"(<rect class="panel" x="{}" y="{}" width="{}" height="{}"/>)", left,
                     panel.top, right - left, panel.height) +
         label(left, panel.top - 4, "start", "round trips");
  return fmt::format(
             R"(<div class="plot"><svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">)",
             plot_width, bottom + 18, quantity(trips.size(), "round trip")) +
         draw_times(axis, panel.top, bottom) + svg + "</svg></div>\n";
}

std::string plot(const CaseRecord& record, Duration from, Duration until) {
  if (record.samples.empty() && record.steps.empty()) return {};
  const Axis axis(from, until);
  double bottom = record.steps.empty() ? 0 : steps_height;
  const double top = bottom;
  std::string curves;
  if (!record.samples.empty()) {
    Panel requests{bottom + name_height, requests_height, 1};
    requests.most = std::max({most_of(record, outstanding), most_of(record, window), 1.0}) * 1.05;
    bottom = requests.top + requests.height;
    const std::string path = curve(record, axis, requests, outstanding);
    if (!path.empty()) {
      const std::size_t start = path.find_first_of(' ');
      curves +=
          fmt::format(R"(<path class="area" d="{0}V{1:.1f}H{2}Z"/><path class="open" d="{0}"/>)",
                      path, bottom, path.substr(1, start - 1));
    }
    if (most_of(record, window) > 0)
      curves +=
          fmt::format(R"(<path class="window" d="{}"/>)", curve(record, axis, requests, window));
    curves += frame(requests, "outstanding requests, and the window (dashed)",
                    fmt::format("{:.0f}", requests.most / 1.05));
  }
  if (const double most = most_of(record, rto); most > 0) {
    const Panel panel{bottom + name_height, rto_height, most * 1.15};
    bottom = panel.top + panel.height;
    curves += fmt::format(R"(<path class="rto" d="{}"/>)", curve(record, axis, panel, rto));
    curves +=
        frame(panel, "retransmission timeout", brief(Duration(static_cast<Duration::rep>(most))));
  }
  std::string incidents;
  if (!record.incidents.empty()) {
    incidents = draw_incidents(record, axis, bottom + 4);
    bottom += 4 + strip_height;
  }
  const double height = bottom + 18;
  return fmt::format(
             R"(<div class="plot"><svg viewBox="0 0 {} {:.0f}" role="img" aria-label="From {} to )"
             R"({} of the run: {} outstanding at most, {}, {}">)",
             plot_width, height, brief(axis.from()), brief(axis.until()),
             most_of(record, outstanding), quantity(record.incidents.size(), "incident"),
             quantity(record.steps.size(), "step")) +
         draw_times(axis, top, bottom) + draw_dues(record, axis, top, bottom) +
         draw_steps(record, axis) + curves + incidents + "</svg></div>\n";
}

}  // namespace aoe::harness
