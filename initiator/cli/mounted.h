// The commands that speak to a tree that `aoe-initiator mount` serves, by its files in
// DIR/dev/etherd: what aoetools do with the Linux driver's.
//
// They need no network, and return the program's exit status.
#pragma once

#include <string>
#include <vector>

namespace aoe::initiator {

/// DIR/dev/etherd/discover.
int discover_in_tree(const std::string& folder);
/// Names of interfaces to use from now on, or with none: prints which are used.
int interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces);
/// The device is asked again what it is.
int revalidate_in_tree(const std::string& folder, const std::string& device);
/// Forgets one device, `all` that nobody holds open, or with an empty name: those that are down.
int flush_in_tree(const std::string& folder, const std::string& device);

}  // namespace aoe::initiator
