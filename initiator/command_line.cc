#include "initiator/command_line.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "initiator/help_formatter.h"

namespace aoe::initiator {
namespace {

/// The group of options that --help leaves out.
constexpr const char* not_shown = "";

bool has_command(const CLI::App* app, const std::string& name) {
  return std::ranges::any_of(app->get_subcommands([](const CLI::App*) { return true; }),
                             [&](const CLI::App* command) { return command->check_name(name); });
}

}  // namespace

CommandLine::CommandLine() {
  app_.name("aoe-initiator");
  app_.formatter(std::make_shared<CompactFormatter>());
  app_.set_version_flag("-V,--version", "aoe-initiator " AOE_VERSION, "Show the version and exit");
  app_.set_help_flag("-h,--help", "Show this help and exit");
  app_.require_subcommand(1);
  app_.footer("Example: aoe-initiator read e0.2 --interface eth1 > disk.copy");
  add_looking();
  add_disks();
  add_targets();
}

int CommandLine::run(int argc, char** argv) {
  if (argc > 2 && argv[1] == std::string_view("config") && argv[2][0] != '-') {
    const CLI::App* const config = app_.get_subcommand("config");
    if (!has_command(config, argv[2])) {
      throw Refused(fmt::format(
          "config {}: no such command (aoe-initiator config --help lists them)", argv[2]));
    }
  }
  if (argc > 1 && !is_known(argv[1])) {
    throw Refused(std::string(argv[1]) + ": no such command (aoe-initiator --help lists them)");
  }
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app_.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    throw Refused(std::string(error.what()) + " (aoe-initiator --help shows how)");
  }
  return status_;
}

/// CLI11 would say that a command is missing, and not which word it does not know.
bool CommandLine::is_known(const std::string& first) const {
  constexpr std::array<std::string_view, 4> known{"-h", "--help", "-V", "--version"};
  return std::ranges::find(known, first) != known.end() || has_command(&app_, first);
}

CLI::App* CommandLine::add(CLI::App* parent, const char* name, const char* help, const char* group,
                           Action action) {
  CommandOptions& options = arguments_.options;
  CLI::App* command = parent->add_subcommand(name, help)->group(group);
  command->callback([this, command, action = std::move(action)] {
    command->count("--mount") == 0 ? action() : in_tree_.at(command)();
  });
  command->option_defaults()->always_capture_default(false);
  const auto set_interfaces = [&options](const std::vector<std::string>& lists) {
    options.interfaces = interfaces_of(lists);
  };
  command
      ->add_option_function<std::vector<std::string>>("--interface", set_interfaces,
                                                      "Use this interface; again for more (all)")
      ->type_name("IF")
      ->option_text("IF")
      ->expected(1)
      ->take_all()
      ->check(check_interfaces);
  add_number(command, "--deadsecs", options.parameters.deadsecs, {0, 1'000'000},
             "Seconds until a silent device is down (180)");
  add_number(command, "--maxout", options.parameters.maxout, {1, 65535},
             "Most unanswered commands a target (128)");
  add_number(command, "--max-sectors", options.parameters.max_sectors, {1, 255},
             "Most sectors a command (what the path carries)");
  const auto set_profile = [&options](const std::string& name) {
    options.parameters.profile = name == "linux" ? Profile::linux_driver : Profile::rfc6298;
  };
  command
      ->add_option_function<std::string>("--profile", set_profile,
                                         "Timing: rfc6298 (default) or linux")
      ->option_text("NAME")
      ->check(CLI::IsMember({"rfc6298", "linux"}));
  add_seconds(command, "--wait", options.wait, "Seconds to wait for an answer (3)");
  command->add_flag("--verbose", options.verbose, "Show events on standard error");
  command->add_flag("--trace", options.trace, "Show each decision of the engine")
      ->envname("AOE_TRACE");
  command->add_option("--mount", arguments_.mount)->option_text("DIR")->group(not_shown);
  return command;
}

CLI::Option* CommandLine::add_device(CLI::App* command) {
  return command->add_option("DEVICE", arguments_.device, "eSHELF.SLOT, as in e0.2")
      ->option_text(" ")
      ->check(check_device);
}

void CommandLine::add_json(CLI::App* command) {
  command->add_flag("--json", arguments_.options.json, "Print JSON");
}

void CommandLine::in_tree(CLI::App* command, const char* help, Action action, bool prints_json) {
  CLI::Option* const mount = command->get_option("--mount");
  mount->description(help)->group("Options");
  // They are for the network, which the command does not use then.
  for (const char* name : {"--deadsecs", "--maxout", "--max-sectors", "--profile", "--wait"}) {
    mount->excludes(command->get_option(name));
  }
  if (command->get_name() != "interfaces") mount->excludes(command->get_option("--interface"));
  auto* json = command->get_option_no_throw("--json");
  if (json != nullptr && !prints_json) mount->excludes(json);
  in_tree_[command] = std::move(action);
}

void CommandLine::not_in_tree(CLI::App* command, std::string_view why) {
  in_tree_[command] = [name = command->get_name(), why = std::string(why)] {
    throw Refused(fmt::format("{}: not with --mount: {}", name, why));
  };
}

void CommandLine::add_seconds(CLI::App* command, const char* name, Duration& duration,
                              const char* help) {
  const auto set = [&duration](const std::string& text) { duration = *parse_seconds(text); };
  command->add_option_function<std::string>(name, set, help)
      ->option_text("N")
      ->check(check_seconds);
}

void CommandLine::add_extent(CLI::App* command) {
  add_size(command, "--offset", arguments_.copy.offset, "Where on the disk to begin (0)");
  add_size(command, "--length", arguments_.copy.length, "How much to move (all)");
  command->add_flag("--quiet", arguments_.copy.quiet, "No progress, no summary");
}

}  // namespace aoe::initiator
