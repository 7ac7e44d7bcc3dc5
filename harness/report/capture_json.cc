#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/judge/thinning.h"
#include "harness/language/clauses.h"
#include "harness/report/capture_report.h"
#include "harness/report/page.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Station& station) {
  Json json{{"mac", fmt::format("{}", station.mac)}};
  if (station.vlan != 0) json["vlan"] = station.vlan;
  return json;
}

Json to_json(const CaptureCheck& check, const DeviceAccount& device) {
  Json json{{"device", fmt::format("{}", device.address)}};
  if (device.station) json["target"] = to_json(check.station(*device.station));
  json["requests"] = device.requests;
  json["answered"] = device.answered;
  json["unanswered"] = device.unanswered;
  json["pending"] = device.pending;
  json["retransmitted"] = device.retransmitted;
  json["duplicate_answers"] = device.duplicates;
  json["announcements"] = device.announcements;
  json["errors"] = device.errors;
  json["outstanding"] = device.outstanding;
  if (device.buffers) json["buffers"] = *device.buffers;
  if (device.sectors) json["sectors"] = *device.sectors;
  if (device.capacity) json["capacity"] = *device.capacity;
  const RoundTrips& times = device.round_trips;
  if (times.count() > 0) {
    json["round_trip_ns"] = {{"min", times.min().count()},
                             {"median", times.percentile(50).count()},
                             {"p99", times.percentile(99).count()},
                             {"max", times.percentile(100).count()}};
  }
  return json;
}

Json to_json(const CaptureCheck& check, const Finding& finding) {
  std::vector<std::uint64_t> frames;
  for (const FrameId id : finding.frames) frames.push_back(check.number(id));
  return {{"frame", check.number(finding.frame())},
          {"at_ns", check.at(finding.frame()).count()},
          {"kind", finding.rule},
          {"level", text(level_of(finding))},
          {"clause", finding.clause},
          {"rule", clause_catalogue().find(finding.clause)->rule},
          {"text", one_line(finding.actual)},
          {"frames", frames}};
}

/// All but findings and answers.
Json summary_json(const CaptureCheck& check, const CaptureReportOptions& options) {
  const CaptureCounts& counts = check.counts();
  Json json{{"file", printable(options.file)},
            {"frames", counts.frames},
            {"aoe", counts.aoe},
            {"tagged", counts.tagged},
            {"cut", counts.cut},
            {"unjudged", counts.unjudged},
            {"requests", counts.requests},
            {"replies", counts.replies},
            {"span_ns", check.span().count()}};
  if (!options.cut_off.empty()) json["cut_off"] = printable(options.cut_off);
  json["notes"] = notes_of(check);
  json["initiators"] = Json::array();
  for (const Station& station : check.initiators()) json["initiators"].push_back(to_json(station));
  json["devices"] = Json::array();
  for (const DeviceAccount& device : check.devices())
    json["devices"].push_back(to_json(check, device));
  json["findings"] = Json::array();
  return json;
}

/// What happened over time, and a failure with its ladder for each finding.
CaseRecord timeline_of(const CaptureCheck& check, const std::vector<const Finding*>& findings) {
  CaseRecord record;
  for (const Finding* finding : findings)
    record.failures.emplace_back().ladder = check.ladder(finding->frames);
  const Ledger& ledger = check.ledger();
  Spread incidents;
  for (FrameId id = 0; id < ledger.size(); ++id) {
    const auto repeated = ledger[id].repeats;
    if (!repeated) continue;
    incidents.add({check.at(id), check.number(id),
                   fmt::format("retransmission of {}", check.number(*repeated))});
  }
  Thinned samples(check.span());
  check.outstanding().for_each([&](const Dialogue::Outstanding& change) {
    samples.add({change.at - ledger.origin(), change.count, 0, {}});
  });
  record.samples = samples.finish();
  record.incidents = incidents.finish();
  return record;
}

/// [at_ns, took_ns] of each answer; one where a plot could not show more apart.
Json round_trips_of(const CaptureCheck& check) {
  constexpr Duration::rep places = 700;
  constexpr double places_in_ten = 30;  // from a time to ten times that
  Json trips = Json::array();
  std::set<std::pair<Duration::rep, int>> taken;
  const Ledger& ledger = check.ledger();
  for (FrameId id = 0; id < ledger.size(); ++id) {
    const auto request = ledger[id].answers;
    if (!request) continue;
    const Duration took = ledger[id].sent - ledger[*request].sent;
    const double power = std::log10(static_cast<double>(std::max(took.count(), Duration::rep{1})));
    const auto place = check.at(id) / std::max(check.span() / places, Duration(1));
    if (taken.emplace(place, static_cast<int>(power * places_in_ten)).second)
      trips.push_back({check.at(id).count(), took.count()});
  }
  return trips;
}

}  // namespace

std::string capture_json(const CaptureCheck& check, const CaptureReportOptions& options) {
  Json json = summary_json(check, options);
  for (const Finding& finding : check.findings().kept()) {
    if (is_at_least(level_of(finding), options.level))
      json["findings"].push_back(to_json(check, finding));
  }
  // Which reply answers which request, and how long after: [reply, request, ns].
  json["answers"] = Json::array();
  const Ledger& ledger = check.ledger();
  for (FrameId id = 0; id < ledger.size(); ++id) {
    const auto request = ledger[id].answers;
    if (!request) continue;
    json["answers"].push_back({check.number(id), check.number(*request),
                               (ledger[id].sent - ledger[*request].sent).count()});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string capture_html(const CaptureCheck& check, const CaptureReportOptions& options) {
  const ShownFindings findings = shown_findings(check, options);
  Json capture = summary_json(check, options);
  for (const Finding* finding : findings.shown)
    capture["findings"].push_back(to_json(check, *finding));
  std::size_t found = findings.shown.size();
  Json hidden = Json::object();
  for (const auto& [rule, count] : findings.hidden) {
    hidden[std::string(rule->name)] = count;
    found += count;
  }
  return page(options.file + " checked", "capture",
              fmt::format(R"("capture":{},"found":{},"hidden":{},"round_trips":{},"timeline":{})",
                          capture.dump(-1, ' ', false, Json::error_handler_t::replace), found,
                          hidden.dump(), round_trips_of(check).dump(),
                          to_json(timeline_of(check, findings.shown))),
              plain_section(options.file + " checked",
                            findings_text(check, options) + summary_text(check, options)));
}

}  // namespace aoe::harness
