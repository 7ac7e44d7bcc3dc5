// Why a request failed, as the error_code that Boost.Asio's completion tokens carry.
//
// The value holds the whole Completion except its id, so message() can name all of it: "device is
// down", "AoE error: target is reserved", "ATA error: status 51, error 10: no such sector". To
// distinguish kinds, compare with the conditions of boost::system::errc: a device that is down, an ATA
// error and an AoE error are io_error, a range beyond the end is invalid_argument. A cancelled operation
// has boost::asio::error::operation_aborted.
//
// Threads: what is marked [any] may be called from any thread. An OpenError is a value.
#pragma once

#include <string>

#include <boost/system/error_code.hpp>

#include "initiator/engine/actions.h"

namespace aoe::initiator {

/// [any] Returns the category of the errors of requests.
const boost::system::error_category& error_category();

/// [any] Returns a clear error_code for a request that succeeded.
boost::system::error_code make_error_code(const Completion& completion);

/// [any] Returns the completion that an error_code of error_category() was made from; its id is lost.
Completion completion_of(const boost::system::error_code& error);

/// Why a client or a disk could not be opened. The codes, as conditions of boost::system::errc:
/// no_such_device: no target answers for the disk, or none that could be identified;
/// no_such_device_or_address: an interface that is named is not there;
/// operation_not_permitted: CAP_NET_RAW is missing;
/// network_down: no Ethernet interface is up, or one can't be used for another reason.
struct OpenError {
  boost::system::error_code code;
  std::string subject;  // the disk or interface: "e0.2", "eth9"; empty where it is none of them
  std::string text;     // a line: "e0.2: no answer on eth0", "eth9: no such interface"
};

}  // namespace aoe::initiator
