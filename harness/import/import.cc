#include "harness/import/import.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/import/initiator_scenario.h"
#include "harness/import/target_scenario.h"
#include "harness/judge/capture_check.h"

namespace aoe::harness {
namespace {

std::string line_of(const CapturedCase& shown) {
  return fmt::format("frame {}: {}: {} [{}, AoEr11 §{}]", shown.frame,
                     text(level_of(shown.finding)), one_line(shown.finding.actual),
                     shown.finding.rule, shown.finding.clause);
}

std::vector<CapturedBytes> frames_of(const CapturedCase& shown,
                                     const std::vector<std::size_t>& places) {
  std::map<std::uint64_t, CapturedBytes> frames;
  const auto add = [&frames](const CapturedRequest& request) {
    frames.emplace(request.number, request);
    for (const CapturedBytes& reply : request.replies) frames.emplace(reply.number, reply);
  };
  for (const std::size_t place : places) add(shown.requests[place]);
  for (const CapturedBytes& frame : shown.telling) frames.emplace(frame.number, frame);
  for (const CapturedBytes& frame : shown.after) frames.emplace(frame.number, frame);
  if (shown.announcement) frames.emplace(shown.announcement->number, *shown.announcement);
  std::vector<CapturedBytes> list;
  for (auto& [number, frame] : frames) list.push_back(std::move(frame));
  return list;
}

/// Does `check` find it in these?
bool show(const std::vector<CapturedBytes>& frames, const CapturedCase& shown) {
  CaptureCheck check;
  for (const CapturedBytes& frame : frames) check.add({frame.at, frame.bytes, frame.bytes.size()});
  check.finish();
  return std::ranges::any_of(check.findings().kept(), [&](const Finding& finding) {
    const std::uint64_t number = check.number(finding.frame());
    return finding.rule == shown.finding.rule && finding.clause == shown.finding.clause &&
           frames[number - 1].number == shown.frame;
  });
}

}  // namespace

tl::expected<Imported, NotImported> import_capture(const std::string& path,
                                                   const CaptureChoice& choice,
                                                   const ImportOptions& options) {
  auto cases = read_captured_cases(path, choice);
  if (!cases) return tl::unexpected(NotImported{cases.error().is_unreadable, cases.error().why});
  Imported imported;
  for (std::size_t i = 0; i < cases->size(); ++i) {
    CapturedCase& shown = (*cases)[i];
    auto draft = shown.at_target ? make_target_scenario(shown, options)
                                 : make_initiator_scenario(shown, options);
    if (!draft) {
      imported.passed_over.push_back(
          fmt::format("{}: {}: not imported: {}", path, line_of(shown), draft.error()));
      continue;
    }
    imported.shown = std::move(shown);
    imported.draft = *std::move(draft);
    imported.others = cases->size() - i - 1;
    return imported;
  }
  std::string why;
  for (const std::string& line : imported.passed_over) why += (why.empty() ? "" : "\n") + line;
  return tl::unexpected(NotImported{false, std::move(why)});
}

std::vector<CapturedBytes> frames_that_show(const Imported& imported) {
  const CapturedCase& shown = imported.shown;
  std::vector<std::size_t> places = imported.draft.kept;
  std::vector<CapturedBytes> frames = frames_of(shown, places);
  if (show(frames, shown)) return frames;
  places.resize(shown.requests.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  return frames_of(shown, places);
}

}  // namespace aoe::harness
