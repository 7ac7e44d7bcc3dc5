#include "harness/run/wire_case.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

constexpr std::uint8_t words_28 = 60;  // of IDENTIFY: the size
constexpr std::uint8_t words_48 = 100;

bool names(const FrameSpec& frame, Field field, std::uint64_t wildcard) {
  const auto value = frame.value(field);
  return value && *value != wildcard;
}

std::string unfit(const FrameSpec& frame) {
  if (names(frame, Field::shelf, Address::any_shelf) ||
      names(frame, Field::slot, Address::any_slot))
    return "it asks for another shelf or slot than the disk's";
  const auto destination = frame.value(Field::destination);
  return destination && !layout::mac(*destination).is_multicast() ? "it asks another station" : "";
}

bool goes_beyond(const FrameSpec& frame, std::uint64_t sectors) {
  return frame.value(Field::ata_lba).value_or(0) + frame.value(Field::ata_count).value_or(0) >
         sectors;
}

const FrameSpec* frame_of(const Step& step) {
  const auto* send = std::get_if<SendStep>(&step.what);
  const auto* query = std::get_if<QueryStep>(&step.what);
  if (send != nullptr) return &send->frame;
  return query != nullptr ? &query->query.request : nullptr;
}

bool tells_size(const ExpectReply& expected) {
  return std::ranges::any_of(expected.any, [](const ReplySpec& reply) {
    return std::ranges::any_of(reply.identify_words, [](const IdentifyWords& words) {
      return words.word == words_28 || words.word == words_48;
    });
  });
}

std::string out_of_reach(const FaultSpec& fault) {
  const auto is = [&]<class... Kinds>() {
    return (std::holds_alternative<Kinds>(fault.kind) || ...);
  };
  if (is.operator()<PauseSpec>()) return "what is on the wire can't be paused";
  if (is.operator()<KillSpec>()) return "what is on the wire can't be killed";
  if (is.operator()<DiskErrorSpec, SlowDiskSpec>())
    return "what is on the wire can't be given faults";
  const auto* link = std::get_if<LinkDownSpec>(&fault.kind);
  const auto* mtu = std::get_if<MtuSpec>(&fault.kind);
  const auto* renamed = std::get_if<InterfaceRenamedSpec>(&fault.kind);
  const bool is_targets = (renamed != nullptr && renamed->port == target_port) ||
                          (link != nullptr && link->port == target_port) ||
                          (mtu != nullptr && mtu->port == target_port);
  return is_targets || is.operator()<MacChangeSpec, InterfaceGoneSpec>()
             ? "the interfaces on a wire keep their addresses and settings"
             : "";
}

}  // namespace

void move_to(Address address, Scenario& scenario) {
  for (Step& step : scenario.steps) {
    auto* discover = std::get_if<DiscoverStep>(&step.what);
    if (discover != nullptr && discover->expect == scenario.lun().address)
      discover->expect = address;
  }
  scenario.lun().address = address;
}

std::string unfit_for_wire(const Scenario& scenario) {
  if (scenario.target().luns.size() > 1) return "it is about several LUNs";
  for (const Step& step : scenario.steps) {
    const FrameSpec* frame = frame_of(step);
    std::string reason = frame == nullptr ? "" : unfit(*frame);
    if (!reason.empty()) return reason;
  }
  return {};
}

std::string out_of_reach(const Scenario& scenario) {
  for (const Step& step : scenario.steps) {
    const auto* arm = std::get_if<ArmStep>(&step.what);
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    if (expect != nullptr && expect->store) return "what is on the wire can't be looked into";
    const std::string reason = arm == nullptr ? "" : out_of_reach(arm->fault);
    if (!reason.empty()) return reason;
  }
  return {};
}

std::string unfit_for_size(const Scenario& scenario, std::uint64_t sectors) {
  const std::uint64_t own = scenario.disk().sectors;
  if (own == sectors) return {};
  for (const Step& step : scenario.steps) {
    const FrameSpec* frame = frame_of(step);
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    if (frame != nullptr && goes_beyond(*frame, own))
      return "it is about the end of a disk of its own size";
    if (expect != nullptr && expect->reply && tells_size(*expect->reply))
      return "it is about a disk of its own size";
  }
  return own > sectors
             ? fmt::format("it is played on {} sectors, and the disk has {}", own, sectors)
             : "";
}

}  // namespace aoe::harness
