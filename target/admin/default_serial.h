// The serial number of a LUN for which nobody has chosen one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "target/service/image_identity.h"

namespace aoe::target {

/// The most characters of a serial number (IDENTIFY DEVICE).
inline constexpr std::size_t serial_size_max = 20;

/// Returns "aoe" and sixteen digits that stand for the image: by them an initiator tells it from another
/// disk that was given the same address, and knows it again at another MAC address. A renamed or
/// enlarged image keeps its serial number, and an NBD export that two machines serve has the same on
/// both; a copy has another, and so has a file that another machine serves. `machine`: what tells
/// this machine from others.
std::string default_serial(const ImageIdentity& image, std::string_view machine);

/// Returns the same for this machine: by its host name and /etc/machine-id.
std::string default_serial(const ImageIdentity& image);

}  // namespace aoe::target
