// Starts an initiator under test, in whichever way its description says that it is used
// (language/implementation.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "harness/language/implementation.h"
#include "harness/world/live_ends.h"
#include "wire/network_namespace.h"

namespace aoe::harness {

/// Returns what the placeholders of its commands stand for, {dir} for `directory`.
Placeholders initiator_placeholders(const Scenario& scenario, const Link& link,
                                    const std::string& directory);

/// Makes the folder for {dir} in the case's, and returns its whole path. The error names it.
tl::expected<std::string, std::string> make_initiator_folder(const std::string& folder);

/// Starts it in the network namespace `where`, which outlives it; its log and {dir} are in `folder`.
/// `gave_up` is called when its disk is no longer there or a request has failed. The error says what
/// could not be had.
tl::expected<std::unique_ptr<LiveInitiator>, std::string> start_initiator(
    boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
    const Link& link, const NetworkNamespace& where, const std::string& folder,
    std::function<void(Address)> gave_up);

}  // namespace aoe::harness
