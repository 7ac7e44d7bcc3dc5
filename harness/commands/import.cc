// `aoe-harness import`: makes a scenario of what a capture shows to be wrong.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/standard_streams.h"
#include "base/whole_file.h"
#include "config/yaml_map.h"
#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/import/import.h"
#include "harness/run/exit_status.h"
#include "harness/run/replay_capture.h"
#include "harness/run/scratch_folder.h"
#include "wire/pcap_file.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

struct ImportGiven {
  std::string capture;
  std::string output;  // the scenario's file; empty: standard output
  std::string frames;  // capture of the frames that show it; empty: none
  std::string end;     // "target" or "initiator"; empty: either
  std::uint64_t frame = 0;
  ImportOptions options;
};

/// A name from a file's: "trouble" from "some/trouble.pcap.gz".
std::string name_from(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  name = name.substr(0, name.find('.', 1));
  for (char& c : name) {
    if (!is_name(std::string_view(&c, 1))) c = '-';
  }
  return name.empty() ? "imported" : name;
}

std::string file_name_of(const std::string& path) {
  return fs::path(path).filename().string();
}

/// The frames that show it, as a capture of their own, and what its import is: the same scenario,
/// whose comments have the numbers of these frames.
struct OwnCapture {
  std::string bytes;
  Imported imported;
};

/// `name`: of its file. Nothing is written but in a folder for temporary files.
OwnCapture import_from_frames(const std::string& name, const Imported& imported,
                              ImportOptions options) {
  const ScratchFolder folder("aoe-import");
  if (folder.path().empty())
    throw Failed{exit_environment, "no folder for temporary files can be made"};
  const std::string path = folder.path() + "/" + name;
  const std::vector<CapturedBytes> frames = frames_that_show(imported);
  const auto writer = must(PcapWriter::create(path), exit_environment);
  for (const CapturedBytes& frame : frames) writer->write(frame.at, frame.bytes);
  must(writer->flush(), exit_environment);
  const CapturedCase& shown = imported.shown;
  const auto about = std::ranges::find(frames, shown.frame, &CapturedBytes::number);
  const CaptureChoice same{.frame = static_cast<std::uint64_t>(about - frames.begin()) + 1,
                           .at_target = shown.at_target,
                           .rule = shown.finding.rule};
  options.capture = name;
  auto again = import_capture(path, same, options);
  if (!again) {
    throw Failed{exit_failed,
                 "the frames that show it do not show it alone, so nothing is written "
                 "(without --pcap, the scenario is)"};
  }
  std::ifstream file(path, std::ios::binary);
  return {{std::istreambuf_iterator<char>(file), {}}, *std::move(again)};
}

/// Throws Failed where a file is in the way that must not be lost.
void refuse_to_overwrite(const GivenFile& file) {
  std::error_code error;
  if (file.path.empty() || !fs::exists(file.path, error)) return;
  const bool is_free = fs::is_regular_file(file.path, error) &&
                       (fs::is_empty(file.path, error) || is_capture(file.path));
  if (is_free) return;
  throw Failed{exit_usage, fmt::format("{}: {} is not a capture; it is not overwritten", file.which,
                                       file.path)};
}

void make_folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error)
    throw Failed{exit_environment, fmt::format("{}: {}", folder.string(), error.message())};
}

int import_capture_file(ImportGiven given) {
  if (given.capture == "-")
    throw Failed{exit_usage, "-: a capture is read twice for this: give its file"};
  refuse_same_files(
      {{"the capture", given.capture}, {"-o", given.output}, {"--pcap", given.frames}});
  refuse_to_overwrite({"--pcap", given.frames});
  ImportOptions& options = given.options;
  if (options.name.empty())
    options.name = name_from(given.output.empty() ? given.capture : given.output);
  if (!is_name(options.name)) {
    throw Failed{exit_usage,
                 fmt::format("--name: expected letters, digits and - _ ., got '{}'", options.name)};
  }
  options.capture = file_name_of(given.capture);
  CaptureChoice choice;
  if (given.frame > 0) choice.frame = given.frame;
  if (!given.end.empty()) choice.at_target = given.end == "target";
  const auto imported = import_capture(given.capture, choice, options);
  if (!imported) {
    throw Failed{imported.error().is_unreadable ? exit_environment : exit_failed,
                 imported.error().why};
  }
  std::string yaml = imported->draft.yaml;
  if (!given.frames.empty()) {
    OwnCapture own = import_from_frames(file_name_of(given.frames), *imported, options);
    yaml = std::move(own.imported.draft.yaml);
    make_folder_of(given.frames);
    must(write_whole(given.frames, own.bytes), exit_environment);
  }
  make_folder_of(given.output);
  if (given.output.empty()) {
    if (!write_output(yaml)) return exit_environment;
  } else {
    must(write_whole(given.output, yaml), exit_environment);
  }
  for (const std::string& line : imported->passed_over) complain(line);
  const CapturedCase& shown = imported->shown;
  tell(fmt::format("{}: frame {} ({}, {}): {} of {} requests, found in {} runs\n", given.capture,
                   shown.frame, shown.finding.rule, shown.at_target ? "target" : "initiator",
                   imported->draft.kept.size(), shown.requests.size(), imported->draft.tries));
  if (imported->others > 0) {
    tell(
        fmt::format("{}: {} more kinds of findings (aoe-harness check lists them; --frame N takes "
                    "another)\n",
                    given.capture, imported->others));
  }
  return exit_passed;
}

}  // namespace

void add_import_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ImportGiven>();
  CLI::App* import = app.add_subcommand("import", "Make a scenario of what is wrong in a capture");
  import->option_defaults()->always_capture_default(false);
  import->add_option("capture", given->capture, "pcap or pcapng, may be compressed")
      ->required()
      ->option_text("FILE");
  import->add_option("-o,--output", given->output, "File for it (default: standard output)")
      ->option_text("FILE");
  import->add_option("--pcap", given->frames, "Write the frames that show it to a capture, too")
      ->option_text("FILE");
  import->add_option("--name", given->options.name, "The scenario's (default: the file's)")
      ->option_text("NAME");
  import
      ->add_option("--frame", given->frame,
                   "What is wrong with this frame, even if it is only info")
      ->check(CLI::PositiveNumber)
      ->option_text("N");
  import->add_option("--end", given->end, "What this end did wrong: target or initiator")
      ->check(CLI::IsMember({"target", "initiator"}))
      ->option_text("END");
  import->add_flag("--timing", given->options.keeps_timing,
                   "Keep the times between requests (default: one after the other)");
  import->add_flag("--whole", given->options.keeps_all,
                   "Keep all requests before it, whether or not it shows without them");
  import->footer(
      "Ends with 0 if there is a scenario, 1 if nothing wrong was found that can be played again,\n"
      "3 if the file can't be read or has no frame of AoE, or the scenario can't be written.\n"
      "Example: aoe-harness import trouble.pcap -o scenarios/regression/trouble.yaml");
  import->callback([given, &action] { action = [given] { return import_capture_file(*given);
};
}  // namespace aoe::harness
);
}

}  // namespace aoe::harness
