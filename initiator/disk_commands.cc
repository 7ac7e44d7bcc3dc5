// The commands read, write, copy, bench, revalidate, flush and mount.
#include <string>
#include <vector>

#include "initiator/argument_checks.h"
#include "initiator/command_line.h"

namespace aoe::initiator {
namespace {

constexpr const char* is_a_file =
    "in a tree the disk is a file, as DIR/dev/etherd/e0.2, for cat, cp, dd and fio";

}  // namespace

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
  for (auto* moves : {read, write, copy}) not_in_tree(moves, is_a_file);
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
  not_in_tree(bench, is_a_file);

  auto* revalidate = add("revalidate", "Ask a disk for its identity again, and print its size",
                         group, [&a] { return revalidate_command(a.options, a.address()); });
  add_device(revalidate)->required();
  add_json(revalidate);
  in_tree(revalidate, "Let the tree mounted there ask",
          [&a] { revalidate_in_tree(a.mount, a.address()); });

  auto* flush =
      add("flush", "Make a disk's cache stable, or let a tree forget devices", group, [&a] {
        if (a.all || a.operands.empty()) {
          throw Refused("flush: DEVICE is required, or --mount");
        }
        for (const std::string& name : a.operands) flush_command(a.options, *parse_address(name));
      });
  auto* devices = flush->add_option("DEVICE", a.operands, "eSHELF.SLOT, as in e0.2; or several")
                      ->option_text(" ")
                      ->check(check_device);
  flush->add_flag("--all", a.all, "With --mount: all that are not open")
      ->excludes(devices)
      ->option_text(" ");
  in_tree(flush, "Let the tree mounted there forget DEVICE,\nor what is down", [&a] {
    if (a.operands.empty()) a.operands = {a.all ? "all" : ""};
    for (const std::string& name : a.operands) command_in_tree(a.mount, "flush", name);
  });

  auto* mount = add("mount", "Show disks as files, in the Linux driver's places", group,
                    [&] { status_ = mount_command(a.options, a.tree); });
  mount->remove_option(mount->get_option("--wait"));  // it waits for devices
  not_in_tree(mount, "it makes a tree, and uses none");
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

}  // namespace aoe::initiator
