// The serial number of a LUN for which nobody has chosen one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/address.h"

namespace aoe::target {

/// The most characters of a serial number (IDENTIFY DEVICE).
inline constexpr std::size_t serial_size_max = 20;

/// Returns "SHELF.SLOT:HOST"; where that is longer than `serial_size_max`, ten digits of a
/// hash of host name and machine id stand for the name, because cut names can be the same on two
/// machines. The same arguments always give the same serial number.
std::string default_serial(Address address, std::string_view host, std::string_view machine_id);

/// Returns the same for this machine, with its host name and /etc/machine-id (empty if it has none).
std::string default_serial(Address address);

}  // namespace aoe::target
