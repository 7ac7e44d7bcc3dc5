// The commands for a mounted tree of `aoe-initiator mount`: they write the files in DIR/dev/etherd,
// as aoetools write those of the Linux driver. They use no network. Throws Failed.
#pragma once

#include <string>
#include <vector>

namespace aoe::initiator {

/// Discovers all targets.
void discover_in_tree(const std::string& folder);
/// Sets the interfaces to use from now on. With no names, prints those in use.
void interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces);
/// Sends a device IDENTIFY again.
void revalidate_in_tree(const std::string& folder, const std::string& device);
/// Forgets one device; with `all` every device that is not open; with an empty name those that are
/// down.
void flush_in_tree(const std::string& folder, const std::string& device);

}  // namespace aoe::initiator
