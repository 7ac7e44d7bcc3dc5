// The vocabulary of the target's tests: requests to send, and replies as one line.
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

/// Returns a different MAC address for each number.
Mac numbered_mac(std::size_t number);
std::vector<Mac> numbered_macs(std::size_t count);

Bytes as_bytes(std::string_view text);
/// Returns bytes that are not zero and depend on the seed.
std::vector<std::uint8_t> pattern(std::size_t size, std::uint8_t seed);

/// Returns LBA48 requests, with E and (for a write) W set.
AtaRequest read_ext(std::uint64_t lba, std::uint8_t sectors);
AtaRequest write_ext(std::uint64_t lba, Bytes data);
/// Returns a request with neither E nor W.
AtaRequest command(ata::Opcode opcode, std::uint8_t sectors = 0);

std::vector<std::uint8_t> frame_of(const Header& header, const Body& body);
/// Returns a request from `source` to the LUN at own_address.
std::vector<std::uint8_t> request_frame(const Body& body, Mac source = client_mac);

/// Returns a reply as one line, with the first byte of its data:
///   ata 40/00 left 0, 1024 bytes of 5a
///   config read "abc", 64 buffers, firmware 9, 2 sectors
///   mask 02:00:00:00:00:0c 02:00:00:00:00:0d
///   mask error 3 after 5
///   reserve 02:00:00:00:00:0c
///   error 6
std::string line(const Frame& reply);
/// Decodes the reply first.
std::string line(Bytes reply);

/// Returns whether encoding the decoded reply again gives the same bytes: then it holds nothing
/// else, such as bytes of an earlier frame or of memory.
bool holds_nothing_else(Bytes reply);

}  // namespace aoe::target
