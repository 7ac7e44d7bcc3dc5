// The commands config, mask and reserve.
#include <string>
#include <vector>

#include "initiator/argument_checks.h"
#include "initiator/command_line.h"

namespace aoe::initiator {
namespace {

constexpr const char* is_of_the_target = "it is kept by the target, which a tree has no file for";

}  // namespace

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
    not_in_tree(one, is_of_the_target);
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
  not_in_tree(mask, is_of_the_target);

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
  not_in_tree(reserve, is_of_the_target);
}

}  // namespace aoe::initiator
