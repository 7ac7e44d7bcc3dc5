// The words in which the target's tests are told: requests to send, and replies as one line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/frame.h"

namespace aoe::target {

inline constexpr Mac target_mac{{2, 0, 0, 0, 0, 1}};
inline constexpr Mac client_mac{{2, 0, 0, 0, 0, 0xc}};
inline constexpr Mac other_mac{{2, 0, 0, 0, 0, 0xd}};
inline constexpr Address own_address{7, 3};
inline constexpr std::uint32_t tag = 0x80c0ffee;

/// A MAC address for every number.
Mac numbered_mac(std::size_t number);
std::vector<Mac> numbered_macs(std::size_t count);

Bytes as_bytes(std::string_view text);
/// Bytes that are not zero, and differ by seed.
std::vector<std::uint8_t> pattern(std::size_t size, std::uint8_t seed);

/// LBA48, with E and (for a write) W set, and the sectors that the data makes.
AtaRequest read_ext(std::uint64_t lba, std::uint8_t sectors);
AtaRequest write_ext(std::uint64_t lba, Bytes data);
/// Neither E nor W.
AtaRequest command(ata::Opcode opcode, std::uint8_t sectors = 0);

std::vector<std::uint8_t> frame_of(const Header& header, const Body& body);
/// A request from `source` to the LUN at own_address.
std::vector<std::uint8_t> request_frame(const Body& body, Mac source = client_mac);

/// A reply in one line, data by its first byte:
///   ata 40/00 left 0, 1024 bytes of 5a
///   config read "abc", 64 buffers, firmware 9, 2 sectors
///   mask 02:00:00:00:00:0c 02:00:00:00:00:0d
///   mask error 3 after 5
///   reserve 02:00:00:00:00:0c
///   error 6
std::string line(const Frame& reply);
/// The same, for a reply that is still encoded.
std::string line(Bytes reply);

/// Is this, to the last byte, what our encoder makes of what it says? Then nothing else is in it:
/// no byte of an earlier frame, nor of memory.
bool holds_nothing_else(Bytes reply);

}  // namespace aoe::target
