// Why a request failed, as the error_code that Boost.Asio's completion tokens carry.
//
// The value holds the whole Completion but its id, so that message() can say all of it: "device is
// down", "AoE error: target is reserved", "ATA error: status 41, error 10". To tell kinds apart,
// compare with what boost::system::errc names: a device that is down, an ATA error and an AoE error
// are io_error, what lies beyond the end is invalid_argument. What was cancelled is
// boost::asio::error::operation_aborted.
#pragma once

#include <boost/system/error_code.hpp>

#include "initiator/engine/actions.h"

namespace aoe::initiator {

const boost::system::error_category& error_category();

/// Clear for a request that succeeded.
boost::system::error_code make_error_code(const Completion& completion);

/// The completion that an error_code of error_category() was made of; its id is lost.
Completion completion_of(const boost::system::error_code& error);

}  // namespace aoe::initiator
