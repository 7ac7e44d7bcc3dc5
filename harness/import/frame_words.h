// A captured frame as the `send` step of a scenario that sends it again: in the words of
// scenarios/README.md where they say all of it, else with its bytes in hexadecimal.
//
// Pure. That the words mean the frame is checked each time by reading them back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "proto/address.h"

namespace aoe::harness {

/// Whose frames they are in the capture. In a scenario both ends have the world's MAC addresses.
struct CapturedEnds {
  Mac initiator;
  Mac target;
  Address device;  // that the scenario's target has, too
};

/// Returns the frame as a scenario sends it: between the ends of a world, at least as long as
/// Ethernet has it where that changes nothing, and with zeros for the data of a write, which no rule
/// for captures is about and which leave a disk of zeros as it is.
std::vector<std::uint8_t> as_sent(Bytes frame, const CapturedEnds& ends);
/// Returns a reply to it as it comes in a world: from and to the same ends.
std::vector<std::uint8_t> as_answered(Bytes reply, const CapturedEnds& ends);

/// "{tag: 0x5c000002, ata: {op: read, lba: 7, count: 0}}"
std::string send_words(Bytes frame, const CapturedEnds& ends);

/// A text between double quotes, as YAML has it.
std::string in_quotes(std::string_view text);
/// The MAC address between quotes: YAML would read a number.
std::string in_quotes(const Mac& mac);

}  // namespace aoe::harness
