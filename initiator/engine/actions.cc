#include "initiator/engine/actions.h"

#include <fmt/format.h>

#include "proto/describe.h"

namespace aoe::initiator {
namespace {

/// What an event is called, and its line.
struct EventText {
  std::string_view kind;
  std::string_view line;
};

// By kind.
constexpr std::array event_texts{
    EventText{"config answer", "{device} answers from {mac}: buffers {buffers}, sectors {accepts}"},
    EventText{"device up", "{device} is up: {sectors} sectors"},
    EventText{"device down", "{device} is down"},
    EventText{"device forgotten", "{device} is forgotten"},
    EventText{"device refused", "{device} at {mac} is refused"},
    EventText{"device resized", "{device} has {sectors} sectors now"},
    EventText{"disk replaced",
              "{device} is another disk than before, at {mac}: serial \"{serial}\", {sectors} "
              "sectors"},
    EventText{
        "payload shrunk",
        "{device} at {mac}: {io}s of more than {sectors} sectors are lost on the way, a switch "
        "may not pass such long frames; smaller ones are sent"},
    EventText{"payload restored", "{device} at {mac}: {io}s of {sectors} sectors pass again"},
    EventText{
        "foreign disk",
        "{device} is another disk at {mac}: serial \"{serial}\", {sectors} sectors; it is not "
        "used"},
    EventText{"foreign content",
              "{device} is another disk at {mac}: its content differs at sector {sectors}; it is "
              "not used"},
    EventText{
        "unproven disk",
        "{device} at {mac} is not used: serial \"{serial}\" and content don't show that it is "
        "the same disk"},
    EventText{"ambiguous size",
              "{device} tells two sizes in IDENTIFY; it is taken for {sectors} sectors"},
    EventText{"write refused", "{device} refuses writes: it is read-only"},
    EventText{"identify failed", "{device} could not be identified: {why}"},
    EventText{"retransmission",
              "{device} retransmission {again}: tag {tag:08x} replaces {old_tag:08x}"},
    EventText{"late answer", "{device} late answer to tag {tag:08x}"},
    EventText{"duplicate answer", "{device} duplicate answer to tag {tag:08x}"},
    EventText{"unexpected answer", "{device} unexpected answer from {mac}, tag {tag:08x}"},
    EventText{"wrong address",
              "{device} answer from {mac} with an address that was not asked, tag {tag:08x}"},
    EventText{"unknown source", "{device} answer from {mac}, which was not asked, tag {tag:08x}"},
    EventText{"bad answer", "bad answer: {why}"},
};
static_assert(event_texts.size() == static_cast<std::size_t>(Event::Kind::bad_answer) + 1);

}  // namespace

std::string_view text(IoKind kind) {
  constexpr std::array<std::string_view, 4> names{"read", "write", "flush", "trim"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string describe(const Completion& c) {
  switch (c.error) {
    case IoError::none: return "ok";
    case IoError::no_such_device: return "no such device";
    case IoError::device_down: return "device is down";
    case IoError::invalid: return "not whole sectors";
    case IoError::timeout: return "no answer";
    case IoError::cancelled: return "cancelled";
    case IoError::unsupported: return "not supported by the disk";
    case IoError::out_of_range: return "beyond the last sector";
    case IoError::ata_error:
      return fmt::format("ATA error: status {:02x}, error {:02x}", c.ata_status, c.ata_error);
    case IoError::aoe_error: return fmt::format("AoE error: {}", text(c.aoe_error));
  }
  AOE_CHECK(false && "an error without a text");
}

std::string_view text(Event::Kind kind) {
  return event_texts.at(static_cast<std::size_t>(kind)).kind;
}

std::string describe(const Event& e) {
  std::array<char, description_size_max> room;
  return fmt::format(
      fmt::runtime(event_texts.at(static_cast<std::size_t>(e.kind)).line),
      fmt::arg("device", e.device), fmt::arg("mac", e.mac), fmt::arg("sectors", e.sectors),
      fmt::arg("io", text(e.io)), fmt::arg("serial", e.serial.view()),
      fmt::arg("buffers", e.config.buffer_count), fmt::arg("accepts", e.config.sector_count),
      fmt::arg("again", e.attempt - 1), fmt::arg("tag", e.tag), fmt::arg("old_tag", e.old_tag),
      fmt::arg("why", e.result.error == IoError::none ? std::string(describe(e.reject, room))
                                                      : describe(e.result)));
}

void report(const Event& event, const Trace& trace, Instant now, Actions& out) {
  const bool rejected = event.kind >= Event::Kind::late_answer;
  if (trace) {
    trace(now, "{} {}: {}", rejected ? "reject" : "event", text(event.kind), describe(event));
  }
  out.events.push_back(event);
}

}  // namespace aoe::initiator
