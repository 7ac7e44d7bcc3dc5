#include <map>
#include <string>

#include "harness/commands/commands.h"

namespace aoe::harness {

void add_world_options(CLI::App& command, CaseOptions& options) {
  command
      .add_option("--world", options.world,
                  "sim: virtual time (default); veth: programs; interface: a wire")
      ->type_name("WORLD")
      ->transform(CLI::CheckedTransformer(std::map<std::string, WorldKind>{
          {"sim", WorldKind::sim}, {"veth", WorldKind::veth}, {"interface", WorldKind::interface}}))
      ->option_text("sim|veth|interface");
  command.add_option("--interface", options.interface, "Test what answers on this interface")
      ->option_text("IF");
  command.add_flag("--write-ok", options.write_ok, "There: what answers may be changed");
}

void add_sut_option(CLI::App& command, CaseOptions& options) {
  command
      .add_option_function<std::string>(
          "--sut",
          [&options](const std::string& given) {
            auto found = find_implementation(given);
            if (!found) throw CLI::ValidationError(found.error());
            options.sut = *std::move(found);
          },
          "What is tested: see suts/README.md (default aoe-target)")
      ->option_text("NAME|COMMAND");
}

void add_case_options(CLI::App& command, CaseOptions& options) {
  add_sut_option(command, options);
  add_world_options(command, options);
}

}  // namespace aoe::harness
