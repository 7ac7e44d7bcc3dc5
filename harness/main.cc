// aoe-harness: runs scenarios of faults against AoE initiators and targets, and judges what they
// do.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>

#include <CLI/CLI.hpp>

#include "harness/run/run_command.h"

namespace aoe::harness {
namespace {

/// The aoe-target that was built or installed with this program; else the one on PATH.
std::string find_target_program() {
  std::error_code error;
  const auto beside =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "aoe-target";
  return !error && std::filesystem::exists(beside, error) ? beside.string() : "aoe-target";
}

int main(int argc, char** argv) {
  CLI::App app(
      "Runs scenarios of faults against AoE initiators and targets, and judges what they do.");
  app.name("aoe-harness");
  app.set_version_flag("--version", "aoe-harness " AOE_VERSION, "Show the version and exit");
  app.set_help_flag("--help", "Show this help and exit; after a command: that command's");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  aoe-harness run scenarios/retransmit.yaml\n"
      "  aoe-harness run scenarios/ --world veth --seed 7\n"
      "Exit status: 0 passed, 1 failed, 2 wrong use, 3 the environment is not fit,\n"
      "5 inconclusive: this machine was too busy to tell.");

  RunOptions options;
  std::optional<std::uint64_t> seed;
  CLI::App* run = app.add_subcommand("run", "Run scenarios");
  run->option_defaults()->always_capture_default(false);
  run->add_option("paths", options.paths, "Scenario files, or folders that hold them")
      ->required()
      ->type_name("PATH");
  run->add_option("--world", options.world, "sim: virtual time (default); veth: real interfaces")
      ->type_name("WORLD")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, WorldKind>{{"sim", WorldKind::sim}, {"veth", WorldKind::veth}}))
      ->option_text("sim|veth");
  run->add_option("--seed", seed, "Repeat the run with this seed (default: a new one)")
      ->type_name("N");
  run->add_option("--out", options.out, "Folder for captures and ledgers (default runs)")
      ->type_name("DIR");

  const auto is_named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && std::ranges::none_of(app.get_subcommands({}), is_named)) {
    complain(std::string(argv[1]) + ": no such command (aoe-harness --help lists them)");
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    complain(std::string(error.what()) + " (aoe-harness --help shows how)");
    return exit_usage;
  }
  options.seed = seed ? *seed : std::random_device()();
  options.target_program = find_target_program();
  return run_command(options);
}

}  // namespace
}  // namespace aoe::harness

int main(int argc, char** argv) {
  return aoe::harness::main(argc, argv);
}
