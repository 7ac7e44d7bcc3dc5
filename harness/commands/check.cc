#include <map>
#include <memory>
#include <string>

#include "harness/commands/check_command.h"
#include "harness/commands/commands.h"

namespace aoe::harness {

void add_check_command(CLI::App& app, Action& action) {
  using Ladder = CaptureReportOptions::Ladder;
  const auto given = std::make_shared<CheckOptions>();
  CLI::App* check = app.add_subcommand("check", "Find what is wrong in a capture, whoever made it");
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
      "Example: aoe-harness check --ladder around trouble.pcap");
  check->callback([given, &action] { action = [given] { return check_command(*given); }; });
}

}  // namespace aoe::harness
