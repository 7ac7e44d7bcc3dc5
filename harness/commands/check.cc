// `aoe-harness check`: names what is wrong in a capture of any initiators and targets.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/standard_streams.h"
#include "base/whole_file.h"
#include "harness/capture/capture_reader.h"
#include "harness/commands/check_view.h"
#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/report/capture_report.h"
#include "harness/run/exit_status.h"
#include "harness/run/interruption.h"

namespace aoe::harness {
namespace {

struct CheckOptions {
  CaptureReportOptions report;  // its file: the capture, "-": standard input
  bool json = false;
  bool follow = false;
  std::string html;  // where the page goes; empty: nowhere
};

/// Lets the first Ctrl-C end only the program that writes the pipe that is read, so that what it
/// wrote is still judged; a second one ends this program.
void leave_first_interrupt_to_writer() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

/// Ends the reading of a pipe after Ctrl-C: once nothing came for a moment, because the program that
/// writes it got the signal, too, and may still write what it holds; at the latest a second later.
class EndOfFollowing {
 public:
  /// Nothing came. Returns true if more is to be waited for.
  bool waits() { return !interrupted() || !std::exchange(is_quiet_, true); }
  bool is_over() {
    if (!interrupted()) return false;
    if (!since_) since_ = std::chrono::steady_clock::now();
    return std::chrono::steady_clock::now() - *since_ > std::chrono::seconds(1);
  }

 private:
  bool is_quiet_ = false;
  std::optional<std::chrono::steady_clock::time_point> since_;
};

/// Has frames of a pipe that are held judged a second after they came, even if no other comes.
class SecondOfHolding {
 public:
  /// Called often, while frames come and while none comes.
  void look(CaptureCheck& check) {
    const auto now = std::chrono::steady_clock::now();
    if (check.holds() && !began_) began_ = now;
    if (began_ && now - *began_ > std::chrono::seconds(1)) check.release_held();
    if (!check.holds()) began_.reset();
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> began_;  // with the first that is held
};

void add(CaptureCheck& check, const CaptureReader::Record& record) {
  if (const auto& frame = record.frame) {
    check.add({record.time, frame->bytes, frame->original_size, frame->has_destination});
  } else {
    check.add_unreadable();
  }
}

/// Returns the program's exit status.
int check_capture(CheckOptions options) {
  if (options.report.file != "-")
    refuse_same_files({{"the capture", options.report.file}, {"--html", options.html}});
  const bool follows = options.follow;
  if (follows) {
    note_interruptions();
  } else if (options.report.file == "-") {
    leave_first_interrupt_to_writer();
  }
  std::error_code error;
  CaptureCheck check({.folder = std::filesystem::temp_directory_path(error).string(),
                      .findings_kept = options.json ? 0 : options.report.findings_shown,
                      .leaves_out_copies = true});
  CheckView view(check, options.report, follows);
  if (follows && !options.json) check.watch([&](const Finding& finding) { view.found(finding); });
  EndOfFollowing end;
  SecondOfHolding holding;
  FileSource::Idle idle;
  if (follows) {
    idle = [&] {
      holding.look(check);
      view.idle();
      return end.waits();
    };
  }
  const auto reader = must(CaptureReader::open(options.report.file, idle), exit_environment);
  while (!follows || !end.is_over()) {
    const auto record = reader->next();
    if (!record) options.report.cut_off = record.error();
    if (!record || !*record) break;
    add(check, **record);
    if (follows) holding.look(check);
    view.frame(*reader);
  }
  check.set_dropped(reader->dropped());
  check.finish();
  view.clear();
  if (!options.html.empty())
    must(write_whole(options.html, capture_html(check, options.report)), exit_environment);
  if (options.json) {
    if (!write_output(capture_json(check, options.report))) return exit_environment;
  } else if (check.counts().aoe > 0) {
    const std::string findings =
        follows ? hidden_text(shown_findings(check, options.report), options.report)
                : findings_text(check, options.report);
    if (!write_output(notes_text(check, options.report) + findings +
                      summary_text(check, options.report)))
      return exit_environment;
  }
  if (check.counts().aoe == 0) {
    complain(no_aoe_text(check, options.report));
    return exit_environment;
  }
  return count_findings(check, options.report.level).empty() ? exit_passed : exit_failed;
}

}  // namespace

void add_check_command(CLI::App& app, Action& action) {
  using Ladder = CaptureReportOptions::Ladder;
  const auto given = std::make_shared<CheckOptions>();
  CLI::App* check =
      app.add_subcommand("check", "Find what is wrong in a capture, no matter who made it");
  check->option_defaults()->always_capture_default(false);
  check
      ->add_option("capture", given->report.file,
                   "pcap or pcapng, may be compressed (-: standard input)")
      ->required()
      ->option_text("FILE");
  check->add_option("--limit", given->report.findings_shown, "Tell so many of a kind (10); 0: all")
      ->option_text("N");
  add_choice_option<Level>(
      *check, "--level", given->report.level,
      {{"must", Level::must}, {"should", Level::should}, {"info", Level::info}},
      "Leave out what is below (default info)");
  add_choice_option<Ladder>(*check, "--ladder", given->report.ladder,
                            {{"around", Ladder::around}, {"all", Ladder::all}},
                            "Show the frames around each finding, or all there are");
  check->add_flag("--follow", given->follow,
                  "Tell each finding when it is found, until Ctrl-C: for the pipe of a tcpdump");
  check->add_flag("--json", given->json, "Print one JSON object instead");
  check->add_option("--html", given->html, "Write a page with ladders and plots, too")
      ->option_text("FILE");
  check->footer(
      "Ends with 0 if nothing was found, 1 if something was, 3 if the file can't be read or has "
      "no\n"
      "frame of AoE, or the results can't be written.\n"
      "Examples: aoe-harness check --ladder around trouble.pcap\n"
      "          tcpdump -U -w - -i eth1 ether proto 0x88a2 | aoe-harness check --follow -");
  check->callback([given, &action] { action = [given] { return check_capture(*given); }; });
}

}  // namespace aoe::harness
