// The content of sys/kernel/debug/aoe/e0.2: what the Linux driver's debugfs says of a device, its
// targets and their interfaces, for people who look for what makes a disk slow.
//
// A pure function of the device's state.
#pragma once

#include <string>

#include "initiator/client/status.h"

namespace aoe::initiator {

/// Returns the driver's lines, but for those about its own memory and work queue:
///
///   rttavg: 94 rttdev: 21            of the first target, microseconds
///   maxbcnt: 8704                    bytes that a command moves on every path
///   ref: 1                           users that have it open
///   525400123456:0:32:64             a target: its MAC address, commands outstanding, window, limit
///           ssthresh:64              of the window
///           taint:0                  1: each of its paths has fallen silent
///           eth0,eth1                the local interfaces that reach it
///
/// and after the interfaces, which the driver does not have:
///
///           standing:member          what the target is to the device: status.h
///           rttavg:94                its round trip, microseconds
///           rttdev:21
///           eth0 sectors:17 taint:0  a path: what one command moves at most; 1: it is silent
///           eth1 sectors:2 taint:0
std::string debug_text(const DeviceStatus& device);

}  // namespace aoe::initiator
