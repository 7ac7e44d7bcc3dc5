// Starts an initiator under test, in whichever way its description says that it is used
// (language/implementation.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "harness/language/implementation.h"
#include "harness/world/live_ends.h"
#include "wire/network_namespace.h"

namespace aoe::harness {

/// Where it runs.
struct InitiatorPlace {
  std::vector<std::string> interfaces;  // that it works on
  Link link;                            // of the first
  std::string folder;                   // of its files, and "mnt", for {dir}
  std::string log;                      // the name of the file that gets what it prints
};

/// Returns what the placeholders of its commands stand for, {dir} for `directory`.
Placeholders initiator_placeholders(const Scenario& scenario, Address device,
                                    const InitiatorPlace& place, const std::string& directory);

/// Returns the device that steps mean where an initiator is told to do something: the first that a
/// step names for it, or the first of the network.
Device device_of(const Scenario& scenario, NodeIndex node);

/// Makes the folder for {dir} in the case's, and returns its whole path. The error names it.
tl::expected<std::string, std::string> make_initiator_folder(const std::string& folder);

/// Starts it as `node`, in the network namespace `where`, which outlives it.
/// `gave_up` is called when its disk is no longer there or a request has failed. The error says what
/// could not be had.
tl::expected<std::unique_ptr<LiveInitiator>, std::string> start_initiator(
    boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
    NodeIndex node, const InitiatorPlace& place, const NetworkNamespace& where,
    std::function<void(Address)> gave_up);

}  // namespace aoe::harness
