// The files that a run is reported in, as the user lists them: "junit=a.xml,html=b.html".
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

/// Adds the outputs of the list to `outputs`. Error: "jnuit: no such report; did you mean 'junit'?".
/// Kinds: html, json, junit, md.
tl::expected<void, std::string> parse_outputs(const std::string& list,
                                              std::vector<Output>& outputs);

/// What the folder of a run holds: run.json, junit.xml and index.html.
std::vector<Output> outputs_of_folder(const std::string& folder);

/// `earlier`: a run that the HTML compares with this one; null: none.
std::string render(ReportKind kind, const RunRecord& run, const RunRecord* earlier = nullptr);

/// Writes each output. After an error a file is as it was before, and the other outputs are written
/// all the same. Returns the first error: "a.xml: No such file or directory".
tl::expected<void, std::string> write_outputs(const std::vector<Output>& outputs,
                                              const RunRecord& run,
                                              const RunRecord* earlier = nullptr);

/// Reads a run.json, or the run.json of a folder. Error: "runs/last/run.json: byte 17: this is no
/// JSON".
tl::expected<RunRecord, std::string> read_run(const std::string& path);

}  // namespace aoe::harness
