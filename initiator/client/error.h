// Why a request failed, as the error_code that Boost.Asio's completion tokens carry.
//
// The value holds the whole Completion except its id, so message() can name all of it: "device is
// down", "AoE error: target is reserved", "ATA error: status 41, error 10". To distinguish kinds,
// compare with the conditions of boost::system::errc: a device that is down, an ATA error and an
// AoE error are io_error, a range beyond the end is invalid_argument. A cancelled operation has
// boost::asio::error::operation_aborted.
#pragma once

#include <string>

#include <boost/system/error_code.hpp>

#include "initiator/engine/actions.h"

namespace aoe::initiator {

const boost::system::error_category& error_category();

/// Returns a clear error_code for a request that succeeded.
boost::system::error_code make_error_code(const Completion& completion);

/// Returns the completion that an error_code of error_category() was made from; its id is lost.
Completion completion_of(const boost::system::error_code& error);

/// Why a disk could not be opened.
struct OpenError {
  boost::system::error_code code;
  std::string text;  // a line: "e0.2: no answer on eth0", "eth9: no such interface"
};

}  // namespace aoe::initiator
