// Two answers to one request, field by field: what a capture holds, and what an implementation says
// when it is asked the same again.
//
// Tags and MAC addresses are never compared. What an implementation is free to say for itself is
// left out unless all is to be compared exactly:
//
//   size               what follows the last field is padding
//   ata.flags ata.lba  the text does not say what registers an answer brings along
//   identify           serial, model, features: all of IDENTIFY but the capacity
//   smart              the data of SMART
//   config.buffers config.sectors config.firmware    its own
#pragma once

#include <set>
#include <string>
#include <vector>

#include "proto/frame.h"

namespace aoe::harness {

/// Fields that can differ, by name, and those that nobody compares unless asked to.
const std::set<std::string>& reply_fields();
const std::set<std::string>& free_reply_fields();

struct ReplyDifference {
  std::string field;     // "ata.status"
  std::string expected;  // "0x40"
  std::string got;
  bool operator==(const ReplyDifference&) const = default;
};

/// `request` is what both answer; all three are frames as decode() takes them. `at`: the shelf and
/// slot that the second answer must have.
std::vector<ReplyDifference> compare_replies(Bytes request, Bytes expected, Bytes got, Address at,
                                             const std::set<std::string>& ignored);

}  // namespace aoe::harness
