// The serial number of a LUN for which nobody has chosen one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "target/service/definition.h"
#include "target/service/image_identity.h"

namespace aoe::target {

/// The most characters of a serial number (IDENTIFY DEVICE).
inline constexpr std::size_t serial_size_max = 20;

/// Returns "aoe" and sixteen digits that stand for the image, or the part of it, that a LUN serves: by
/// them an initiator tells it from another disk that was given the same address, and knows it again at
/// another MAC address. A renamed or enlarged image keeps its serial number; a copy has another, and
/// so has what another machine serves. `machine`: what tells this machine from others; `process`: what
/// tells this process from others, for memory, which is no other's.
std::string default_serial(const LunDefinition& lun, const ImageIdentity& image,
                           std::string_view machine, std::string_view process);

/// Returns the same for this machine, by its host name and /etc/machine-id, and this process.
std::string default_serial(const LunDefinition& lun, const ImageIdentity& image);

}  // namespace aoe::target
