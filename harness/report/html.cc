#include "harness/report/html.h"

#include "harness/report/text.h"

namespace aoe::harness {

std::string to_html(const RunRecord& run, const RunRecord* /*earlier*/) {
  std::string html = "<!DOCTYPE html><title>aoe-harness</title><pre>";
  for (const CaseRecord& record : run.cases) html += markup(evidence_text(record));
  return html + "</pre>";
}

}  // namespace aoe::harness
