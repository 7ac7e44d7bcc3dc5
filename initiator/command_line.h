// The command line of aoe-initiator: its commands, their arguments, and what each command does.
//
// Owns the parser and the arguments. Used once, by main(). The commands are added by group, each in a
// source of its own: look_commands.cc, disk_commands.cc, target_commands.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/size.h"
#include "initiator/argument_checks.h"
#include "initiator/cli/commands.h"
#include "initiator/mount/mount.h"

namespace aoe::initiator {

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
  bool raw = false;
  std::string smart = "return-status";
  std::vector<Mac> add;
  std::vector<Mac> remove;
  std::vector<Mac> set;
  std::vector<Mac> force;
  bool release = false;
  bool force_mask = false;
  MountOptions tree;

  Address address() const { return *parse_address(device); }
};

class CommandLine {
 public:
  CommandLine();

  /// Parses the arguments and carries the command out. Returns the exit status. Throws Refused, and
  /// what the command throws (cli/commands.h).
  int run(int argc, char** argv);

 private:
  bool is_known(const std::string& first) const;

  using Action = std::function<void()>;

  /// Adds a command with the options that all commands have. `action` carries it out, and sets
  /// status_ if it does not throw and yet fails.
  CLI::App* add(const char* name, const char* help, const char* group, Action action) {
    return add(&app_, name, help, group, std::move(action));
  }
  CLI::App* add(CLI::App* parent, const char* name, const char* help, const char* group,
                Action action);

  CLI::Option* add_device(CLI::App* command);
  void add_json(CLI::App* command);
  /// Has a command work through the files of a mounted tree with --mount DIR: `action` does. `help`
  /// describes the option. `prints_json`: with --json, too.
  void in_tree(CLI::App* command, const char* help, Action action, bool prints_json = false);
  /// Says why a command can't: "it …". Each command that has no in_tree() has this.
  void not_in_tree(CLI::App* command, std::string_view why);
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
        ->check([limits](const std::string& text) {
          return check_number(text, limits.least, limits.most);
        });
  }
  static void add_seconds(CLI::App* command, const char* name, Duration& duration,
                          const char* help);
  /// `Size` is an integer, optional or not.
  template <class Size>
  static void add_size(CLI::App* command, const char* name, Size& size, const char* help,
                       std::string (*check)(const std::string&) = check_size) {
    const auto set = [&size](const std::string& text) { size = *parse_size(text); };
    command->add_option_function<std::string>(name, set, help)->option_text("SIZE")->check(check);
  }
  void add_extent(CLI::App* command);

  void add_looking();
  void add_disks();
  void add_targets();

  CLI::App app_{"Finds, reads and writes ATA over Ethernet disks without a kernel driver."};
  Arguments arguments_;
  std::map<const CLI::App*, Action> in_tree_;  // carries a command out with --mount, or refuses it
  int status_ = 0;
};

}  // namespace aoe::initiator
