// Whose the files of a mounted tree are, and who may use the disks.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace aoe::initiator {

struct Ownership {
  uid_t owner = 0;
  gid_t group = 0;
  mode_t disk_mode = 0660;  // permissions of disks and partitions

  /// Returns that of this process: for root, the group `disk` if there is one, as of block devices.
  static Ownership of_process();
};

/// Return the number of a user or group, given by its name or number.
std::optional<uid_t> parse_user(const std::string& text);
std::optional<gid_t> parse_group(const std::string& text);
/// Returns the permissions of "0640" or "640".
std::optional<mode_t> parse_mode(const std::string& text);

}  // namespace aoe::initiator
