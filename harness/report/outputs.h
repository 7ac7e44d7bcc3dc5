// The files that a run is reported in, as asked for: "junit=a.xml,html=b.html".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/judge/record.h"

namespace aoe::harness {

enum class ReportKind : std::uint8_t { html, json, junit, markdown };

struct Output {
  ReportKind kind{};
  std::string path;  // "-": standard output
  bool operator==(const Output&) const = default;
};

/// Adds what is asked for to `outputs`. Error: "jnuit: no such report; did you mean 'junit'?".
/// Kinds: html, json, junit, md.
tl::expected<void, std::string> parse_outputs(const std::string& list,
                                              std::vector<Output>& outputs);

/// `earlier`: for the HTML, a run to compare with, or null.
std::string render(ReportKind kind, const RunRecord& run, const RunRecord* earlier = nullptr);

/// A file is there whole or, after an error, as it was before. Error: "a.xml: No such file or
/// directory"; the other outputs are written all the same.
tl::expected<void, std::string> write_outputs(const std::vector<Output>& outputs,
                                              const RunRecord& run,
                                              const RunRecord* earlier = nullptr);

/// Error: "runs/last/run.json: byte 17: this is no JSON". A folder stands for the run.json in it.
tl::expected<RunRecord, std::string> read_run(const std::string& path);

}  // namespace aoe::harness
