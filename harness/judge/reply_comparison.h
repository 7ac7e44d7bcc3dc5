// One comparison for all replies: with what a scenario expects (`expect: {reply: …}`), and with
// the reply that a capture holds. A captured reply becomes conditions like those of a scenario.
//
// Tags and MAC addresses of a captured reply are not compared. free_reply_fields() are what an
// implementation is free to choose: what follows the last field (size), the registers that a reply
// brings along (ata.flags, ata.lba), all of IDENTIFY but the capacity, the data of SMART, and its
// own Buffer Count, Sector Count and firmware. All functions are pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "harness/judge/record.h"
#include "harness/language/reply_spec.h"
#include "proto/frame.h"

namespace aoe::harness {

/// A field of a reply that is not as expected.
struct Mismatch {
  std::string field;     // "ata.status", "ata.data"
  std::string expected;  // "DRDY (0x40)"
  std::string actual;
  std::string_view clause{};  // the one of AoEr11 that asks for it; empty: the scenario does
  std::vector<SectorRecord> sectors{};  // of wrong data: the first sector

  bool operator==(const Mismatch&) const = default;
};
/// "ata.status: expected DRDY (0x40), got DRDY|ERR (0x41)"; a clause follows: " (2/5)".
std::string describe(const Mismatch& mismatch);

/// What of `reply` is not as expected; what a wrong header makes meaningless is left out.
/// `request` is what it answers. `disk_has_pattern`: else "pattern" means zeros.
std::vector<Mismatch> compare(const ReplySpec& expected, Bytes request, Bytes reply,
                              bool disk_has_pattern);

/// The names that fields of captured replies can differ under, and those that are free.
std::set<std::string> reply_fields();
std::set<std::string> free_reply_fields();

/// The differences between a captured reply to `request` and another reply to it, which must come
/// from the shelf and slot `at`. All three are frames as decode() takes them.
std::vector<Mismatch> compare_captured(Bytes request, Bytes captured, Bytes reply, Address at,
                                       const std::set<std::string>& ignored);

}  // namespace aoe::harness
