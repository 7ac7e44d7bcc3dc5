// The Ethernet frame of a capture's record: what Linux captures on several interfaces at once
// ("tcpdump -i any", LINUX_SLL and LINUX_SLL2) has a header of its own before it, without the
// destination.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "harness/capture/capture_parser.h"

namespace aoe::harness {

struct EthernetFrame {
  Bytes bytes;  // from the Ethernet header on
  std::size_t original_size = 0;
  bool has_destination = true;  // else it is zero in `bytes`
};

/// Returns true for the link types whose frames have a source and an EtherType.
bool is_readable(std::uint32_t link);
/// "link type 105"
std::string link_name(std::uint32_t link);
/// Returns nothing for a link type that is not readable, and for a frame shorter than its header.
/// `room` holds the bytes of a frame that was captured with another header.
std::optional<EthernetFrame> ethernet_frame(const CaptureRecord& record,
                                            std::vector<std::uint8_t>& room);

}  // namespace aoe::harness
