#include "harness/run/wire_case.h"

#include <algorithm>
#include <optional>

namespace aoe::harness {
namespace {

constexpr std::uint8_t words_28 = 60;  // of IDENTIFY: the size
constexpr std::uint8_t words_48 = 100;

bool names(const FrameSpec& frame, Field field, std::uint64_t wildcard) {
  const auto value = frame.value(field);
  return value && *value != wildcard;
}

std::string unfit(const FrameSpec& frame, std::uint64_t sectors) {
  if (names(frame, Field::shelf, Address::any_shelf) ||
      names(frame, Field::slot, Address::any_slot))
    return "it asks for another shelf or slot than the disk's";
  const auto destination = frame.value(Field::destination);
  if (destination && !layout::mac(*destination).is_multicast()) return "it asks another station";
  const std::uint64_t end =
      frame.value(Field::ata_lba).value_or(0) + frame.value(Field::ata_count).value_or(0);
  return end > sectors ? "it is about the end of a disk of its own size" : "";
}

bool tells_size(const ExpectReply& expected) {
  return std::ranges::any_of(expected.any, [](const ReplySpec& reply) {
    return std::ranges::any_of(reply.identify_words, [](const IdentifyWords& words) {
      return words.word == words_28 || words.word == words_48;
    });
  });
}

}  // namespace

void move_to(Address address, Scenario& scenario) {
  for (Step& step : scenario.steps) {
    auto* discover = std::get_if<DiscoverStep>(&step.what);
    if (discover != nullptr && discover->expect == scenario.target.address)
      discover->expect = address;
  }
  scenario.target.address = address;
}

std::string unfit_for_wire(const Scenario& scenario) {
  if (scenario.target.luns > 1) return "it is about several LUNs";
  for (const Step& step : scenario.steps) {
    const auto* send = std::get_if<SendStep>(&step.what);
    const auto* query = std::get_if<QueryStep>(&step.what);
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    const FrameSpec* frame = send != nullptr    ? &send->frame
                             : query != nullptr ? &query->query.request
                                                : nullptr;
    std::string reason = frame == nullptr ? "" : unfit(*frame, scenario.target.sectors);
    if (expect != nullptr && expect->reply && tells_size(*expect->reply))
      reason = "it is about a disk of its own size";
    if (!reason.empty()) return reason;
  }
  return {};
}

}  // namespace aoe::harness
