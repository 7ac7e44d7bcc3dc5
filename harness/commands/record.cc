#include <memory>
#include <string>

#include "config/yaml_map.h"
#include "harness/commands/commands.h"
#include "harness/commands/record_command.h"

namespace aoe::harness {

void add_record_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<RecordOptions>();
  CLI::App* record =
      app.add_subcommand("record", "Keep the AoE frames of an interface in a capture");
  record->option_defaults()->always_capture_default(false);
  record->add_option("file", given->file, "The capture: made, or emptied")
      ->required()
      ->option_text("FILE");
  record->add_option("--interface", given->interface, "Where frames pass by")
      ->required()
      ->option_text("IF");
  record
      ->add_option_function<std::string>(
          "--for",
          [given](const std::string& text) {
            given->time = parse_duration(text);
            if (!given->time)
              throw CLI::ValidationError("--for: " + text + ": no time; one is 10s");
          },
          "End after this time, such as 10s or 2min")
      ->option_text("TIME");
  record->add_option("--count", given->count, "End after so many frames")->option_text("N");
  record->add_flag("-v,--verbose", given->verbose, "Print each frame");
  record->footer(
      "Without either it goes on until Ctrl-C. Needs CAP_NET_RAW.\n"
      "Example: aoe-harness record trouble.pcap --interface eth1 --for 10s -v");
  record->callback([given, &action] { action = [given] { return record_command(*given); }; });
}

}  // namespace aoe::harness
