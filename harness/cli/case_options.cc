#include <filesystem>
#include <map>
#include <string>
#include <system_error>

#include "harness/cli/commands.h"

namespace aoe::harness {
namespace {

/// The aoe-target that was built or installed with this program; else the one on PATH.
std::string find_target_program() {
  std::error_code error;
  const auto beside =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "aoe-target";
  return !error && std::filesystem::exists(beside, error) ? beside.string() : "aoe-target";
}

}  // namespace

void add_case_options(CLI::App& command, CaseOptions& options) {
  command
      .add_option("--world", options.world, "sim: virtual time (default); veth: real interfaces")
      ->type_name("WORLD")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, WorldKind>{{"sim", WorldKind::sim}, {"veth", WorldKind::veth}}))
      ->option_text("sim|veth");
  options.target_program = find_target_program();
}

}  // namespace aoe::harness
