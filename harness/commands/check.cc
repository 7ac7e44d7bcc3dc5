// `aoe-harness check`: names what is wrong in a capture of any initiators and targets.
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/whole_file.h"
#include "harness/commands/commands.h"
#include "harness/report/capture_report.h"
#include "harness/run/exit_status.h"
#include "wire/pcap_file.h"

namespace aoe::harness {
namespace {

struct CheckOptions {
  CaptureReportOptions report;  // its file: the capture, "-": standard input
  bool json = false;
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

/// Returns the program's exit status.
int check_capture(CheckOptions options) {
  if (options.report.file == "-") leave_first_interrupt_to_writer();
  const auto reader = must(PcapReader::open(options.report.file), exit_environment);
  std::error_code error;
  CaptureCheck check(std::filesystem::temp_directory_path(error).string());
  while (true) {
    const auto record = reader->next();
    if (!record) options.report.cut_off = record.error();
    if (!record || !*record) break;
    check.add({(*record)->time, (*record)->bytes, (*record)->original_size});
  }
  check.finish();
  if (!options.html.empty())
    must(write_whole(options.html, capture_html(check, options.report)), exit_environment);
  if (options.json) {
    fmt::print("{}", capture_json(check, options.report));
  } else {
    fmt::print("{}{}", findings_text(check, options.report), summary_text(check, options.report));
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
  check->add_option("capture", given->report.file, "pcap or pcapng (-: standard input)")
      ->required()
      ->option_text("FILE");
  check->add_option("--limit", given->report.findings_shown, "Tell so many of a kind (10); 0: all")
      ->option_text("N");
  check
      ->add_option("--level", given->report.level,
                   "Leave out what is below: must, should, info (default)")
      ->type_name("LEVEL")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Level>{
          {"must", Level::must}, {"should", Level::should}, {"info", Level::info}}))
      ->option_text("LEVEL");
  check
      ->add_option("--ladder", given->report.ladder,
                   "Show the frames around each finding, or all there are")
      ->type_name("WHICH")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Ladder>{{"around", Ladder::around}, {"all", Ladder::all}}))
      ->option_text("around|all");
  check->add_flag("--json", given->json, "Print one JSON object instead");
  check->add_option("--html", given->html, "Write a page with ladders and plots, too")
      ->option_text("FILE");
  check->footer(
      "Ends with 0 if nothing was found, 1 if something was, 3 if the file can't be read.\n"
      "Examples: aoe-harness check --ladder around trouble.pcap\n"
      "          tcpdump -U -w - -i eth1 ether proto 0x88a2 | aoe-harness check -");
  check->callback([given, &action] { action = [given] { return check_capture(*given); }; });
}

}  // namespace aoe::harness
