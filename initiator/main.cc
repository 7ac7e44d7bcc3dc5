// aoe-initiator: finds ATA over Ethernet disks, and reads and writes them without a kernel driver.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/size.h"
#include "base/standard_streams.h"
#include "initiator/cli/commands.h"
#include "initiator/mount/mount.h"

namespace aoe::initiator {
namespace {

constexpr std::uint64_t gigabyte = std::uint64_t{1} << 30;

/// Help without empty lines, so that it fits a screen.
class CompactFormatter : public CLI::Formatter {
 public:
  CompactFormatter() { column_width(28); }

  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::string help = app->get_description() + "\nUsage: aoe-initiator ";
    const bool top = app->get_parent() == nullptr;
    if (top) {
      help += "COMMAND [ARGUMENTS] [OPTIONS]; COMMAND --help shows them\n";
    } else {
      for (const CLI::App* parent = app->get_parent(); parent->get_parent() != nullptr;
           parent = parent->get_parent()) {
        help += parent->get_name() + " ";
      }
      help += app->get_name();
      for (const CLI::Option* option : app->get_options()) {
        if (!option->get_positional()) continue;
        const std::string word = option->get_name();
        help += option->get_required() ? " " + word : " [" + word + "]";
      }
      help += app->get_subcommands([](const CLI::App*) { return true; }).empty() ? " [OPTIONS]\n"
                                                                                 : " COMMAND\n";
    }
    for (const CLI::Option* option : app->get_options()) {
      if (!top) help += make_option(option, option->get_positional());
    }
    std::string group;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_group() != group && top) help += command->get_group() + ":\n";
      group = command->get_group();
      help += fmt::format("  {:<12}{}\n", command->get_name(), command->get_description());
    }
    return help + (top ? app->get_footer() + "\n" : "");
  }
};

std::string check_device(const std::string& text) {
  return parse_address(text) ? "" : text + ": not a device name such as e0.2";
}

/// Some commands ask all targets.
std::string check_device_or_all(const std::string& text) {
  return text == "all" ? "" : check_device(text);
}

std::string check_mac(const std::string& text) {
  return parse_mac(text) ? "" : text + ": not a MAC address such as 02:00:00:0a:0b:0c";
}

std::string check_size(const std::string& text) {
  return parse_size(text) ? "" : text + ": not a size in bytes such as 512, 64K or 1.5MiB";
}

std::string check_sectors(const std::string& text) {
  const auto bytes = parse_size(text);
  return bytes && *bytes > 0 && *bytes <= gigabyte && *bytes % sector_size == 0
             ? ""
             : text + ": not a multiple of 512 up to 1GiB";
}

/// What any command may have been given. Each command has its options only.
struct Arguments {
  CommandOptions options;
  std::string mount;
  std::string device;
  std::string destination;
  std::vector<std::string> operands;
  CopyOptions copy;
  unsigned count = 0;
  unsigned interval_ms = 1000;
  BenchOptions bench;
  bool read = false;
  bool random = false;
  bool sequential = false;
  bool destroy_data = false;
  bool all = false;
  std::string string;
  std::vector<Mac> add;
  std::vector<Mac> remove;
  std::vector<Mac> set;
  std::vector<Mac> force;
  bool release = false;
  bool force_mask = false;
  MountOptions tree;

  Address address() const { return *parse_address(device); }
};

/// The commands, and what each does once the arguments are there.
class CommandLine {
 public:
  CommandLine() {
    app_.name("aoe-initiator");
    app_.formatter(std::make_shared<CompactFormatter>());
    app_.set_version_flag("-V,--version", "aoe-initiator " AOE_VERSION,
                          "Show the version and exit");
    app_.set_help_flag("-h,--help", "Show this help and exit");
    app_.require_subcommand(1);
    app_.footer(
        "Example:\n"
        "  aoe-initiator read e0.2 --interface eth1 > disk.copy");
    add_looking();
    add_disks();
    add_targets();
  }

  int run(int argc, char** argv) {
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

 private:
  static bool has_command(const CLI::App* app, const std::string& name) {
    return std::ranges::any_of(app->get_subcommands([](const CLI::App*) { return true; }),
                               [&](const CLI::App* command) { return command->check_name(name); });
  }

  /// CLI11 would say that a command is missing, and not which word it does not know.
  bool is_known(const std::string& first) const {
    constexpr std::array<std::string_view, 4> known{"-h", "--help", "-V", "--version"};
    return std::ranges::find(known, first) != known.end() || has_command(&app_, first);
  }

  using Action = std::function<void()>;

  /// Adds a command with the options that all commands have. `action` carries it out, and sets
  /// status_ if it does not throw and yet fails.
  CLI::App* add(const char* name, const char* help, const char* group, Action action) {
    return add(&app_, name, help, group, std::move(action));
  }
  CLI::App* add(CLI::App* parent, const char* name, const char* help, const char* group,
                Action action) {
    CommandOptions& options = arguments_.options;
    CLI::App* command = parent->add_subcommand(name, help)->group(group);
    command->callback(std::move(action));
    command->option_defaults()->always_capture_default(false);
    command
        ->add_option("--interface", options.interfaces, "Use this interface; again for more (all)")
        ->type_name("IF")
        ->expected(1)
        ->delimiter(',')
        ->take_all();
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
    add_number(command, "--wait", options.wait, {1, 86400}, "Seconds to wait for an answer (3)");
    command->add_flag("--verbose", options.verbose, "Show events on standard error");
    command->add_flag("--trace", options.trace, "Show each decision of the engine")
        ->envname("AOE_TRACE");
    return command;
  }

  CLI::Option* add_device(CLI::App* command) {
    return command->add_option("DEVICE", arguments_.device, "eSHELF.SLOT, as in e0.2")
        ->option_text(" ")
        ->check(check_device);
  }
  void add_json(CLI::App* command) {
    command->add_flag("--json", arguments_.options.json, "Print JSON");
  }
  /// A tree has no JSON to print.
  void add_mount(CLI::App* command, const char* help) {
    auto* mount = command->add_option("--mount", arguments_.mount, help)->option_text("DIR");
    if (auto* json = command->get_option_no_throw("--json")) mount->excludes(json);
  }
  struct Limits {
    int least;
    int most;
  };
  /// `Number` is an integer, or a duration.
  template <class Number>
  static void add_number(CLI::App* command, const char* name, Number& number, Limits limits,
                         const char* help, const char* unit = "N") {
    using Given = std::conditional_t<std::is_integral_v<Number>, Number, std::int64_t>;
    const auto set = [&number](Given given) { number = Number(given); };
    command->add_option_function<Given>(name, set, help)
        ->option_text(unit)
        ->check(CLI::Range(limits.least, limits.most));
  }
  /// `Size` is an integer, optional or not.
  template <class Size>
  static void add_size(CLI::App* command, const char* name, Size& size, const char* help,
                       std::string (*check)(const std::string&) = check_size) {
    const auto set = [&size](const std::string& text) { size = *parse_size(text); };
    command->add_option_function<std::string>(name, set, help)->option_text("SIZE")->check(check);
  }
  void add_extent(CLI::App* command) {
    add_size(command, "--offset", arguments_.copy.offset, "Where on the disk to begin (0)");
    add_size(command, "--length", arguments_.copy.length, "How much to move (all)");
    command->add_flag("--quiet", arguments_.copy.quiet, "No progress, no summary");
  }

  void add_looking();
  void add_disks();
  void add_targets();

  CLI::App app_{"Finds, reads and writes ATA over Ethernet disks without a kernel driver."};
  Arguments arguments_;
  int status_ = 0;
};

void CommandLine::add_looking() {
  constexpr const char* group = "Look";
  Arguments& a = arguments_;
  auto* discover = add("discover", "List the targets that answer", group, [&a] {
    return a.mount.empty() ? discover_command(a.options)
                           : command_in_tree(a.mount, "discover", "discover");
  });
  add_json(discover);
  add_mount(discover, "Let the tree mounted there discover");

  auto* stat = add("stat", "Size, interfaces, payload and state of devices", group, [&a] {
    return stat_command(a.options, a.device.empty() ? std::nullopt : std::optional(a.address()));
  });
  add_device(stat);
  add_json(stat);

  auto* identify = add("identify", "Model, serial number, size and features of a disk", group,
                       [&a] { return identify_command(a.options, a.address()); });
  add_device(identify)->required();
  add_json(identify);

  auto* interfaces =
      add("interfaces", "List the interfaces, or set those of a mounted tree", group, [&a] {
        auto& names = a.options.interfaces;
        names.insert(names.end(), a.operands.begin(), a.operands.end());
        if (a.mount.empty()) {
          if (a.all) throw Refused("interfaces: --clear needs --mount");
          return interfaces_command(a.options);
        }
        if (a.all) return command_in_tree(a.mount, "interfaces", "");
        interfaces_in_tree(a.mount, names);
      });
  auto* names =
      interfaces->add_option("IF", a.operands, "Only these; for a tree: these from now on")
          ->option_text(" ");
  interfaces->add_flag("-c,--clear", a.all, "With --mount: use all again")
      ->excludes(names)
      ->option_text(" ");
  add_json(interfaces);
  add_mount(interfaces, "The tree mounted there");

  auto* ping = add("ping", "Measure how long a target takes to answer", group, [&] {
    status_ = ping_command(a.options, a.address(), a.count == 0 ? 4 : a.count,
                           std::chrono::milliseconds(a.interval_ms));
  });
  add_device(ping)->required();
  add_number(ping, "--count", a.count, {1, 1'000'000}, "How often to ask (4)");
  add_number(ping, "--interval", a.interval_ms, {1, 3'600'000}, "Milliseconds between (1000)",
             "MS");

  auto* sancheck = add("sancheck", "Look for lost frames and other faults on all paths", group,
                       [&a] { return sancheck_command(a.options, a.count == 0 ? 10 : a.count); });
  add_number(sancheck, "--count", a.count, {1, 100'000}, "Requests of each kind on a path (10)");
  add_json(sancheck);

  add("sos", "Print what a report of a fault should have, as JSON", group,
      [&a] { return sos_command(a.options, AOE_VERSION); });
}

void CommandLine::add_disks() {
  constexpr const char* group = "Disks";
  Arguments& a = arguments_;
  auto* read = add("read", "Copy a disk, or a part, to standard output", group,
                   [&] { status_ = copy_command(a.options, a.device, "-", a.copy); });
  add_device(read)->required();
  add_extent(read);

  auto* write = add("write", "Copy standard input to a disk", group,
                    [&] { status_ = copy_command(a.options, "-", a.device, a.copy); });
  add_device(write)->required();
  add_extent(write);

  auto* copy = add("copy", "Copy a disk to a file, a file to a disk, or disk to disk", group,
                   [&] { status_ = copy_command(a.options, a.device, a.destination, a.copy); });
  copy->add_option("SOURCE", a.device, "A device, a file, or - for standard input")
      ->option_text(" ")
      ->required();
  copy->add_option("DESTINATION", a.destination, "The same, - for standard output")
      ->option_text(" ")
      ->required();
  add_extent(copy);
  copy->add_flag("--verify", a.copy.verify, "Read back what was written, and compare");
  copy->add_flag("--resume", a.copy.resume, "Continue a copy that was interrupted");

  auto* bench = add("bench", "Measure requests a second, and how long they take", group, [&] {
    if (a.bench.write && !a.destroy_data) {
      throw Refused("bench: --write needs --destroy-data, because it overwrites the disk");
    }
    if (a.bench.size * a.bench.outstanding > gigabyte) {
      throw Refused("bench: --size times --outstanding is more than 1 GiB");
    }
    a.bench.random = !a.sequential;
    status_ = bench_command(a.options, a.address(), a.bench);
  });
  add_device(bench)->required();
  auto* reads = bench->add_flag("--read", a.read, "Read (default)")->option_text(" ");
  bench->add_flag("--write", a.bench.write, "Write; needs --destroy-data")
      ->excludes(reads)
      ->option_text(" ");
  bench->add_flag("--destroy-data", a.destroy_data, "The disk may be overwritten");
  auto* random = bench->add_flag("--random", a.random, "Anywhere (default)")->option_text(" ");
  bench->add_flag("--sequential", a.sequential, "In order from the start of the disk")
      ->excludes(random)
      ->option_text(" ");
  add_size(bench, "--size", a.bench.size, "Size of a request (4096)", check_sectors);
  add_number(bench, "--outstanding", a.bench.outstanding, {1, 65536}, "Requests at a time (64)");
  add_number(bench, "--seconds", a.bench.time, {1, 86400}, "How long (10)");
  add_json(bench);

  auto* revalidate =
      add("revalidate", "Ask a disk for its identity again, and print its size", group, [&a] {
        return a.mount.empty() ? revalidate_command(a.options, a.address())
                               : command_in_tree(a.mount, "revalidate", a.device);
      });
  add_device(revalidate)->required();
  add_json(revalidate);
  add_mount(revalidate, "Let the tree mounted there ask");

  auto* flush =
      add("flush", "Make a disk's cache stable, or let a tree forget devices", group, [&a] {
        if (a.mount.empty() && (a.all || a.operands.empty())) {
          throw Refused("flush: DEVICE is required, or --mount");
        }
        if (a.mount.empty()) {
          for (const std::string& name : a.operands) flush_command(a.options, *parse_address(name));
          return;
        }
        if (a.operands.empty()) a.operands = {a.all ? "all" : ""};
        for (const std::string& name : a.operands) command_in_tree(a.mount, "flush", name);
      });
  auto* devices = flush->add_option("DEVICE", a.operands, "eSHELF.SLOT, as in e0.2; or several")
                      ->option_text(" ")
                      ->check(check_device);
  flush->add_flag("--all", a.all, "With --mount: all that are not open")
      ->excludes(devices)
      ->option_text(" ");
  add_mount(flush, "Let the tree mounted there forget DEVICE,\nor what is down");

  auto* mount = add("mount", "Show disks as files, in the Linux driver's places", group,
                    [&] { status_ = mount_command(a.options, a.tree); });
  mount->remove_option(mount->get_option("--wait"));  // it waits for devices
  mount->add_option("DIR", a.tree.folder, "Folder to mount on")->option_text(" ")->required();
  mount->add_flag("--daemon", a.tree.daemon, "Return when the files are there");
  mount
      ->add_option_function<std::string>(
          "--log-level", [&a](const std::string& name) { a.tree.log_level = log_level_of(name); },
          "Log error, warning, info (default) or debug lines")
      ->option_text("LEVEL")
      ->check(CLI::IsMember({"error", "warning", "info", "debug"}));
  const auto wait_for = [&a](const std::vector<std::string>& names) {
    for (const std::string& name : names) a.tree.devices.push_back(*parse_address(name));
  };
  mount
      ->add_option_function<std::vector<std::string>>("--wait", wait_for,
                                                      "The files are there when these devices are")
      ->option_text("DEVICE,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->take_all()
      ->check(check_device);
  add_number(mount, "--timeout", a.tree.limit, {1, 86400}, "Seconds to wait for them (30)");
  const auto named = [mount](const char* name, auto& into, auto parse, const char* help,
                             const char* what, const std::string& wrong) {
    mount
        ->add_option_function<std::string>(
            name, [&into, parse](const std::string& text) { into = *parse(text); }, help)
        ->option_text(what)
        ->check([parse, wrong](const std::string& text) {
          return parse(text) ? "" : text + ": " + wrong;
        });
  };
  Ownership& ownership = a.tree.ownership;
  named("--owner", ownership.owner, parse_user, "Owner of the files (who mounts)", "USER",
        "no such user");
  named("--group", ownership.group, parse_group, "Their group (root's: disk)", "GROUP",
        "no such group");
  named("--mode", ownership.disk_mode, parse_mode, "Permissions of disks (0660)", "MODE",
        "not a mode such as 0640");
  mount->add_flag("--allow-other", a.tree.allow_other, "Let other users use the files");
}

void CommandLine::add_targets() {
  constexpr const char* group = "Targets";
  Arguments& a = arguments_;
  const auto ask_config = [&a](ConfigCommand command) {
    return [&a, command] {
      if (a.string == "-") a.string = read_config_string();
      if (a.string.size() > config_string_size_max) {
        throw Refused("config: the string is longer than 1024 bytes");
      }
      if (a.device == "all") return config_of_all_command(a.options, {command, a.string});
      return config_command(a.options, a.address(), {command, a.string});
    };
  };
  auto* config = app_.add_subcommand("config", "Read, test or set a target's config string")
                     ->group(group)
                     ->require_subcommand(1);
  const auto add_config = [&](const char* name, const char* help, ConfigCommand command) {
    auto* one = add(config, name, help, "", ask_config(command));
    const bool sets = command == ConfigCommand::set || command == ConfigCommand::force_set;
    one->add_option("DEVICE", a.device, sets ? "eSHELF.SLOT, as in e0.2" : "As e0.2, or all")
        ->option_text(" ")
        ->check(sets ? check_device : check_device_or_all)
        ->required();
    if (command != ConfigCommand::read) {
      one->add_option("STRING", a.string, "1024 bytes at most; -: from standard input")
          ->option_text(" ")
          ->required();
    }
    add_json(one);
  };
  add_config("get", "Print it", ConfigCommand::read);
  add_config("test", "Print it, if it is STRING", ConfigCommand::test);
  add_config("prefix", "Print it, if it begins with STRING", ConfigCommand::prefix);
  add_config("set", "Set it, if it is empty", ConfigCommand::set);
  add_config("force-set", "Set it, whatever it is", ConfigCommand::force_set);

  const auto mac_list = [](CLI::App* command, const char* name, std::vector<Mac>& macs,
                           const char* help) {
    const auto set = [&macs](const std::vector<std::string>& texts) {
      for (const std::string& text : texts) macs.push_back(*parse_mac(text));
    };
    return command->add_option_function<std::vector<std::string>>(name, set, help)
        ->option_text("MAC,...")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->take_all()
        ->check(check_mac);
  };
  auto* mask = add("mask", "List or change the mask list of a target", group, [&a] {
    if (a.remove.size() + a.add.size() > 255) throw Refused("mask: more than 255 directives");
    return mask_command(a.options, a.address(), {a.remove, a.add, a.force_mask});
  });
  add_device(mask)->required();
  mac_list(mask, "--delete", a.remove, "Delete from the list, before adding");
  mac_list(mask, "--add", a.add, "Add to the list");
  mask->add_flag("--force", a.force_mask, "Even if the target then ignores this machine");
  add_json(mask);

  auto* reserve = add("reserve", "List or change the reservation of a disk", group, [&a] {
    if (a.set.size() > 255 || a.force.size() > 255) throw Refused("reserve: more than 255 MACs");
    ReserveQuery query;
    if (!a.force.empty()) {
      query = {ReserveCommand::force_set, a.force};
    } else if (a.release || !a.set.empty()) {
      query = {ReserveCommand::set, a.set};
    }
    return reserve_command(a.options, a.address(), query);
  });
  add_device(reserve)->required();
  auto* set = mac_list(reserve, "--set", a.set, "Reserve for these");
  auto* force =
      mac_list(reserve, "--force", a.force, "The same, even if it is reserved for others");
  auto* release =
      reserve->add_flag("--release", a.release, "Release the reservation")->option_text(" ");
  set->excludes(force)->excludes(release);
  force->excludes(release);
  add_json(reserve);
}

int run(int argc, char** argv) {
  try {
    return CommandLine().run(argc, argv);
  } catch (const Refused& error) {
    complain(error.what());
    return exit_usage;
  } catch (const AnotherDisk& error) {
    complain(error.what());
    return exit_another_disk;
  }
}

}  // namespace
}  // namespace aoe::initiator

int main(int argc, char** argv) {
  aoe::occupy_standard_streams();
  return aoe::run_main("aoe-initiator", [=] { return aoe::initiator::run(argc, argv); });
}
