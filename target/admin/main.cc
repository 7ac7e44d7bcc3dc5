// aoe-target: serves disk images and block devices as ATA over Ethernet LUNs.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/privileges.h"
#include "base/signals_blocked.h"
#include "base/size.h"
#include "base/standard_streams.h"
#include "config/yaml_map.h"
#include "target/admin/check_config.h"
#include "target/admin/command_line.h"
#include "target/admin/config_file.h"
#include "target/admin/configuration.h"
#include "target/admin/control_client.h"
#include "target/admin/daemon.h"
#include "target/admin/default_serial.h"
#include "target/admin/import_config.h"
#include "target/admin/overlay_command.h"
#include "wire/interfaces.h"

namespace aoe {

// By these CLI11 converts the words that is_mac() and is_lun() have let pass.

static bool lexical_cast(const std::string& word, Mac& mac) {
  mac = target::parse_loose_mac(word).value_or(Mac{});
  return true;
}

static bool lexical_cast(const std::string& word, Address& address) {
  address = parse_address(word).value_or(Address{});
  return true;
}

}  // namespace aoe

namespace aoe::target {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

/// Says why the program ends, before it serves anything.
void complain(std::string_view line) {
  tell(fmt::format("aoe-target: {}\n", line));
}

std::string is_mac(const std::string& word) {
  return parse_loose_mac(word) ? std::string() : word + ": not a MAC address";
}

std::string is_lun(const std::string& word) {
  const auto address = parse_address(word);
  return address && address->is_exact() ? std::string() : word + ": not a LUN such as e0.2";
}

std::string is_interface_list(const std::string& word) {
  const auto names = parse_some_interfaces(word);
  return names ? "" : names.error();
}

std::string is_request_memory(const std::string& word) {
  const auto size = parse_size(word);
  if (!size) return fmt::format("{}: not a size such as {}", word, size_examples);
  return *size >= RequestMemory::size_min ? "" : word + ": not a size of 1MiB or more";
}

/// Declares the options of the program, in the order of the help. Most are not in the short help: with
/// `is_short` they are hidden, which also takes their names out of error messages.
void describe_serving(CLI::App& app, CommandLine& line, bool is_short) {
  const std::vector<std::string> in_short_help{"--shelf", "--slot", "--interface", "--read-only",
                                               "--config"};
  const auto mac_list = [&app](const char* names, const char* help, std::vector<Mac>& macs) {
    app.add_option(names, macs, help)
        ->option_text("MAC,...")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(is_mac);
  };
  LunDefinition& lun = line.lun;
  StoreDefinition& store = lun.store;
  app.add_option("--shelf", line.shelf, "Shelf (major address), 0 to 65534")
      ->option_text("N")
      ->check(CLI::Range(0, Address::any_shelf - 1));
  app.add_option("--slot", line.slot, "Slot (minor address), 0 to 254")
      ->option_text("N")
      ->check(CLI::Range(0, Address::any_slot - 1));
  const auto add_interfaces = [&lun](const std::vector<std::string>& lists) {
    for (const std::string& list : lists) {
      std::ranges::copy(*parse_some_interfaces(list), std::back_inserter(lun.interfaces));
    }
  };
  app.add_option_function<std::vector<std::string>>("--interface", add_interfaces,
                                                    "Names or globs; again for more (default: all)")
      ->type_name("IF")
      ->option_text("IF,...")
      ->allow_extra_args(false)
      ->check(is_interface_list);
  app.add_flag("-r,--read-only", store.read_only, "Refuse writes, and open IMAGE read-only");
  app.add_flag("-d,--direct", line.direct, "Past the page cache: --io direct");
  app.add_flag("-s,--sync", store.sync, "Answer a write when it is stable");
  app.add_option("--io", line.io, "How to reach a file: auto, mapped, buffered, direct")
      ->option_text("HOW")
      ->check(CLI::IsMember({"auto", "mapped", "buffered", "direct"}));
  app.add_option("-o,--offset", store.offset, "Sectors of IMAGE left out at its start")
      ->option_text("N");
  app.add_option("-l,--length", store.length, "Sectors served")->option_text("N");
  app.add_option("--overlay", store.overlay, "Delta that takes the writes; IMAGE is only read")
      ->type_name("FILE");
  app.add_flag("--create", store.create, "Make the overlay if there is none");
  app.add_option("-b,--buffers", lun.buffers, "Commands a client may have outstanding (64)")
      ->option_text("N")
      ->check(CLI::Range(2, 65535));
  mac_list("-m,--allow", "Answer these sources only", lun.allow);
  mac_list("--deny", "Never answer these", lun.deny);
  app.add_option("--config-string", lun.config_string, "Config string until one is set")
      ->type_name("TEXT")
      ->check([](const std::string& text) {
        return text.size() <= config_string_size_max ? "" : "longer than 1024 bytes";
      });
  const auto ata_text = [](std::size_t size_max) {
    return [size_max](const std::string& text) { return ata_text_error(text, size_max); };
  };
  app.add_option("--model", lun.model, "Model that IDENTIFY reports")
      ->type_name("TEXT")
      ->check(ata_text(model_size_max));
  app.add_option("--serial", lun.serial,
                 "Serial number of IDENTIFY (default: address and host name)")
      ->type_name("TEXT")
      ->check(ata_text(serial_size_max));
  app.add_flag("--no-announce", line.silent, "Do not announce the disk");
  app.add_flag("--standby", lun.standby, "Serve nothing until aoe-target ctl promote");
  app.add_flag("--force", line.force, "Serve an image that is in use elsewhere");
  app.add_option("--config", line.config_file, "Serve what this file says: aoe-target.yaml(5)")
      ->type_name("FILE");
  app.add_option("--state", line.state,
                 "Folder that keeps what clients set\n(" + default_state_folder() + ")")
      ->type_name("DIR");
  app.add_flag("--no-state", line.no_state, "Keep no state");
  app.add_option("--control", line.control, "Control socket, for ctl")->type_name("PATH");
  app.add_option("--workers", line.workers, "Threads that serve, 1 to 64 (1)")
      ->option_text("N")
      ->check(CLI::Range(1, 64));
  app.add_flag("--busy-poll", line.busy_poll, "Never sleep: half the latency for a whole core");
  app.add_option("--wildcards", line.wildcards,
                 "Requests that may address many disks: all, config-only")
      ->option_text("WHICH")
      ->check(CLI::IsMember({"all", "config-only"}));
  const auto set_request_memory = [&line](const std::string& size) {
    line.request_memory = parse_size(size);
  };
  app.add_option_function<std::string>("--request-memory", set_request_memory,
                                       "Most memory for requests that wait (256MiB)")
      ->option_text("SIZE")
      ->check(is_request_memory);
  app.add_option("--pcap", line.capture, "Record all frames")->type_name("FILE");
  const auto set_log_level = [&line](const std::string& name) {
    line.log_level = log_level_of(name);
  };
  app.add_option_function<std::string>("--log-level", set_log_level,
                                       "Log error, warning, info (default) or debug lines")
      ->option_text("LEVEL")
      ->check(CLI::IsMember({"error", "warning", "info", "debug"}));
  app.add_flag("--trace", line.trace, "Write every decision to standard error")
      ->envname("AOE_TRACE");
  app.add_option("--user", line.user, "Go on as this user once all is open, with --sandbox")
      ->type_name("USER");
  app.add_flag("--sandbox", line.sandbox, "Make no system calls but those that serving takes")
      ->envname("AOE_SANDBOX");
  app.add_flag("--strict", line.is_strict, "Serve nothing unless every LUN can be served");
  app.add_option("--watchdog", line.watchdog, "Log a wait of a serving thread (for tests)")
      ->type_name("MS")
      ->envname("AOE_WATCHDOG");
  app.add_option("IMAGE", line.operands, "Disk image, block device, NBD URI or memory:SIZE")
      ->option_text(" ");
  for (CLI::Option* const option : app.get_options()) {
    const bool is_first = option->get_positional() || option->check_lname("help") ||
                          option->check_lname("help-all") || option->check_lname("version");
    const bool is_usual = std::ranges::any_of(in_short_help, [option](const std::string& name) {
      return option->check_lname(name.substr(2));
    });
    if (is_short && !is_first && !is_usual) option->group("");
  }
}

/// `aoe-target check`
struct Check {
  CLI::App* command = nullptr;
  ConfigCheckOptions options;

  explicit Check(CLI::App& app)
      : command(app.add_subcommand("check", "Check a configuration file")) {
    command->add_option("FILE", options.file)->required();
    command->add_flag("--force", options.force, "As it is served with --force");
    command
        ->add_option("--unit", options.unit,
                     "And that this unit of systemd lets it (aoe-target.service)")
        ->type_name("UNIT");
  }

  int run() const {
    const ConfigCheck found = check_config(options);
    for (const std::string& line : found.errors) complain(line);
    for (const std::string& line : found.remarks) fmt::print("{}\n", line);
    return found.errors.empty() ? 0 : exit_failure;
  }
};

/// `aoe-target import FORMAT PATH`
struct Import {
  CLI::App* command = nullptr;
  std::string format;
  std::string path;

  explicit Import(CLI::App& app)
      : command(app.add_subcommand("import", "Show another target's configuration as ours")) {
    command->add_option("FORMAT", format, "vblade, vblade-persist, ggaoed")
        ->option_text(" ")
        ->required()
        ->check(CLI::IsMember({"vblade", "vblade-persist", "ggaoed"}));
    command->add_option("PATH", path, "Its file or folder")->option_text(" ")->required();
  }

  int run() const {
    const auto import = format == "vblade"           ? import_vblade
                        : format == "vblade-persist" ? import_vblade_persist
                                                     : import_ggaoed;
    const auto imported = import(path);
    if (!imported) {
      complain(imported.error());
      return exit_failure;
    }
    for (const std::string& remark : imported->remarks) complain(remark);
    fmt::print("{}", imported->yaml);
    return 0;
  }
};

/// `aoe-target ctl …`
struct Control {
  CLI::App* command = nullptr;
  ControlArguments arguments;
  ControlRequest& request = arguments.request;
  std::string path;                   // of add
  std::vector<std::string> settings;  // KEY=VALUE of add and set
  bool release = false;
  bool clear = false;

  explicit Control(CLI::App& app)
      : command(app.add_subcommand("ctl", "Ask a running target, or change it")) {
    arguments.socket = default_control_socket;
    command->require_subcommand(1);
    command->add_option("--socket", arguments.socket, "Its control socket")->type_name("PATH");
    command->add_flag("--json", arguments.json, "Show the reply as JSON");
    const auto sub = [this](const char* name, const char* help, ControlCommand what) {
      CLI::App* const added = command->add_subcommand(name, help)->fallthrough();
      added->callback([this, what] { request.command = what; });
      return added;
    };
    sub("status", "What is served, and where", ControlCommand::status);
    sub("stats", "Counters", ControlCommand::stats);
    sub("clients", "Counters by client and LUN", ControlCommand::clients);
    CLI::App* const top = sub("top", "What is done in a second; again and again on a terminal",
                              ControlCommand::stats);
    const auto set_interval = [this](const double& seconds) {
      arguments.interval =
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    };
    top->add_option_function<double>("--interval", set_interval, "Seconds between two looks (1)")
        ->type_name("S")
        ->check(CLI::Range(0.1, 3600.0));
    top->callback([this] { arguments.top = true; });
    sub("clear-stats", "Have counters begin at 0", ControlCommand::clear_stats);
    sub("metrics", "Counters for Prometheus", ControlCommand::metrics);
    sub("reload", "Read the configuration, and look at the images, again", ControlCommand::reload);

    const auto of_lun = [&](const char* name, const char* help, ControlCommand what) {
      CLI::App* const added = sub(name, help, what);
      added->add_option("LUN", request.lun, "Such as e0.2")->required()->check(is_lun);
      return added;
    };
    CLI::App* const mask = of_lun("mask", "Show or change a mask list", ControlCommand::mask);
    for (const auto& [option, macs] :
         {std::pair("--add", &request.add), std::pair("--remove", &request.remove)}) {
      mask->add_option(option, *macs)->option_text("MAC")->allow_extra_args(false)->check(is_mac);
    }
    CLI::App* const reserve =
        of_lun("reserve", "Show or replace a reservation", ControlCommand::reserve);
    CLI::Option* const macs =
        reserve->add_option("MAC", request.macs)->option_text(" ")->check(is_mac);
    reserve->add_flag("--release", release, "Release it")->excludes(macs);
    CLI::App* const config =
        of_lun("config", "Show or set a config string", ControlCommand::config);
    CLI::Option* const text = config->add_option("TEXT", request.set)->option_text(" ");
    config->add_flag("--clear", clear, "Make it empty")->excludes(text);
    of_lun("trace", "Show requests and replies as they come, until Ctrl-C", ControlCommand::trace);
    describe_edits(of_lun);
    of_lun("resize", "Serve the size that the image has now", ControlCommand::resize);
    of_lun("reopen", "Open the image again", ControlCommand::reopen);
    of_lun("role", "Show whether a LUN is active or stands by", ControlCommand::role);
    of_lun("promote", "Serve a LUN that stands by", ControlCommand::promote);
    of_lun("demote", "Give a LUN up to another target, and stand by", ControlCommand::demote);
  }

  void describe_edits(
      const std::function<CLI::App*(const char*, const char*, ControlCommand)>& of_lun) {
    CLI::App* const add = of_lun("add", "Serve one more LUN", ControlCommand::add);
    add->add_option("PATH", path, "Its image, as path: in the configuration")->required();
    CLI::App* const set = of_lun("set", "Change a LUN", ControlCommand::set);
    CLI::App* const remove = of_lun("remove", "Serve a LUN no longer", ControlCommand::remove);
    for (CLI::App* const each : {add, set}) {
      CLI::Option* const keys = each->add_option("KEY=VALUE", settings, "As in the configuration");
      keys->option_text(" ")->check([](const std::string& word) {
        return parse_setting(word) ? "" : word + ": expected KEY=VALUE, such as read-only=true";
      });
      if (each == set) keys->required();
    }
    for (CLI::App* const each : {add, set, remove}) {
      each->add_flag("--save", request.save, "For the next start, too");
    }
  }

  int run() {
    for (const std::string& word : settings) request.values.insert(*parse_setting(word));
    if (!path.empty()) request.values["path"] = path_setting(path);
    if (release) request.macs.emplace();
    if (clear) request.set.emplace();
    if (request.command == ControlCommand::demote) arguments.timeout = std::chrono::minutes(10);
    return run_control(arguments, stdout);
  }
};

/// `aoe-target overlay …`
struct Overlay {
  CLI::App* command = nullptr;
  OverlayArguments arguments;

  explicit Overlay(CLI::App& app)
      : command(app.add_subcommand("overlay", "Show or change an overlay that is not served")) {
    command->require_subcommand(1);
    const auto sub = [this](const char* name, const char* help, OverlayAction action) {
      CLI::App* const added = command->add_subcommand(name, help);
      added->callback([this, action] { arguments.action = action; });
      added->add_option("DELTA", arguments.delta)->option_text(" ")->required();
      return added;
    };
    const auto file = [](CLI::App* added, const char* name, std::string& path) {
      added->add_option(name, path)->option_text(" ")->required();
    };
    CLI::App* const info = sub("info", "What it is over, and what it holds", OverlayAction::info);
    info->add_option("--base", arguments.base, "Is this file its base?")->type_name("IMAGE");
    info->add_flag("--json", arguments.json, "Show it as JSON");
    file(sub("adopt", "Take BASE as its base, whatever that holds", OverlayAction::adopt), "BASE",
         arguments.base);
    CLI::App* const rebase =
        sub("rebase", "Change the base, but not what clients read", OverlayAction::rebase);
    file(rebase, "OLD_BASE", arguments.base);
    file(rebase, "NEW_BASE", arguments.new_base);
    file(sub("commit", "Move its blocks into BASE", OverlayAction::commit), "BASE", arguments.base);
    file(sub("compact", "Give back the room of what BASE holds, too", OverlayAction::compact),
         "BASE", arguments.base);
  }
};

/// Returns why the word after `ctl` or `overlay` is no command of it: "ctl frob: no such command (there are
/// status, …)". CLI11 would say that a command is missing.
std::optional<std::string> find_unknown_command(const CLI::App& command) {
  if (!command.parsed() || !command.get_subcommands().empty()) return std::nullopt;
  const std::vector<std::string> words = command.remaining(true);
  const auto word = std::ranges::find_if(words, [](const auto& w) { return !w.starts_with('-'); });
  if (word == words.end()) return std::nullopt;
  std::vector<std::string> names;
  for (const CLI::App* known : command.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(known->get_name());
  }
  return fmt::format("{} {}: no such command (there are {})", command.get_name(), *word,
                     fmt::join(names, ", "));
}

int serve(const CommandLine& line) {
  block_signal(SIGHUP);  // until the daemon waits for it
  const auto complete_definition = [line](TargetDefinition definition) {
    return with_options(line, std::move(definition));
  };
  std::shared_ptr<Configuration> configuration;
  if (!line.config_file.empty()) {
    configuration = std::make_shared<Configuration>(line.config_file, complete_definition);
  }
  TargetDefinition one_lun;
  one_lun.luns = {line.lun};
  const auto definition =
      configuration ? configuration->read() : complete_definition(std::move(one_lun));
  if (!definition) {
    complain(definition.error());
    return exit_failure;
  }
  Daemon::Options options;
  if (!line.user.empty()) {
    const auto user = find_user(line.user);
    if (!user) {
      complain("--user " + user.error());
      return exit_failure;
    }
    options.user = *user;
  }
  options.limits_system_calls = line.sandbox || options.user;
  Log log({.program = "aoe-target", .level = line.log_level});
  options.log = std::cref(log);
  options.version = AOE_VERSION;
  if (line.trace) {
    const auto write = [&log](std::string_view text) { log.trace(text); };
    options.trace = Trace(write, monotonic_now());
  }
  options.watchdog = std::chrono::milliseconds(line.watchdog);
  options.state_is_optional =
      definition->state_folder == default_state_folder() && line.state.empty();
  options.is_strict = line.is_strict || line.config_file.empty();
  if (configuration) configuration->commit();
  options.configuration = configuration;
  const auto daemon = Daemon::open(*definition, std::move(options));
  log.start();
  if (!daemon) {
    log.drain();
    complain(daemon.error());
    return exit_failure;
  }
  const int status = (*daemon)->run() ? 0 : exit_failure;
  if ((*daemon)->is_stuck()) {
    log.drain();
    ::_exit(status);
  }
  return status;
}

int run(int argc, char** argv) {
  CLI::App app;
  app.name("aoe-target");
  app.get_formatter()->column_width(26);
  app.set_version_flag("-V,--version", "aoe-target " AOE_VERSION, "Show the version and exit");
  app.set_help_flag("-h,--help", "Show this help and exit");
  app.option_defaults()->always_capture_default(false);
  app.footer(
      "Serves until SIGINT or SIGTERM. As for vblade: aoe-target SHELF SLOT IF IMAGE.\n"
      "Example: aoe-target --shelf 0 --slot 2 --interface eth1 disk.img");
  CommandLine line;
  app.set_help_all_flag("--help-all", "Show all options and subcommands");
  const bool is_short = std::any_of(
      argv, argv + argc, [](std::string_view word) { return word == "-h" || word == "--help"; });
  describe_serving(app, line, is_short);
  const Check check(app);
  const Import import(app);
  Control control(app);
  Overlay overlay(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    for (const CLI::App* const command : {control.command, overlay.command}) {
      if (const auto unknown = find_unknown_command(*command)) {
        complain(*unknown);
        return exit_usage;
      }
    }
    complain(fmt::format("{} (aoe-target --help shows how)", error.what()));
    return exit_usage;
  }
  if (check.command->parsed()) return check.run();
  if (import.command->parsed()) return import.run();
  if (control.command->parsed()) return control.run();
  if (overlay.command->parsed()) return run_overlay(overlay.arguments, stdout);
  if (const auto error = complete(line)) {
    complain(fmt::format("{} (aoe-target --help shows how)", *error));
    return exit_usage;
  }
  return serve(line);
}

}  // namespace
}  // namespace aoe::target

int main(int argc, char** argv) {
  aoe::occupy_standard_streams();
  return aoe::run_main("aoe-target", [=] { return aoe::target::run(argc, argv); });
}
