#include "initiator/engine/actions.h"

#include <fmt/format.h>

#include "proto/describe.h"

namespace aoe::initiator {

std::string_view text(IoKind kind) {
  switch (kind) {
    case IoKind::read: return "read";
    case IoKind::write: return "write";
    case IoKind::flush: return "flush";
    case IoKind::trim: return "trim";
  }
  AOE_CHECK(false && "a kind without a text");
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
  using Kind = Event::Kind;
  switch (kind) {
    case Kind::config_answer: return "config answer";
    case Kind::device_up: return "device up";
    case Kind::device_down: return "device down";
    case Kind::device_forgotten: return "device forgotten";
    case Kind::device_refused: return "device refused";
    case Kind::device_resized: return "device resized";
    case Kind::identify_failed: return "identify failed";
    case Kind::retransmission: return "retransmission";
    case Kind::late_answer: return "late answer";
    case Kind::duplicate_answer: return "duplicate answer";
    case Kind::unexpected_answer: return "unexpected answer";
    case Kind::wrong_address: return "wrong address";
    case Kind::unknown_source: return "unknown source";
    case Kind::bad_answer: return "bad answer";
  }
  AOE_CHECK(false && "a kind without a text");
}

std::string describe(const Event& e) {
  std::array<char, description_size_max> room;
  using Kind = Event::Kind;
  switch (e.kind) {
    case Kind::config_answer:
      return fmt::format("{} answers from {}: buffers {}, sectors {}", e.device, e.mac,
                         e.config.buffer_count, e.config.sector_count);
    case Kind::device_up: return fmt::format("{} is up: {} sectors", e.device, e.sectors);
    case Kind::device_down: return fmt::format("{} is down", e.device);
    case Kind::device_forgotten: return fmt::format("{} is forgotten", e.device);
    case Kind::device_refused: return fmt::format("{} at {} is refused", e.device, e.mac);
    case Kind::device_resized: return fmt::format("{} has {} sectors now", e.device, e.sectors);
    case Kind::identify_failed:
      return fmt::format("{} could not be identified: {}", e.device,
                         e.result.error == IoError::none ? std::string(describe(e.reject, room))
                                                         : describe(e.result));
    case Kind::retransmission:
      return fmt::format("{} retransmission {}: tag {:08x} replaces {:08x}", e.device,
                         e.attempt - 1, e.tag, e.old_tag);
    case Kind::late_answer: return fmt::format("{} late answer to tag {:08x}", e.device, e.tag);
    case Kind::duplicate_answer:
      return fmt::format("{} duplicate answer to tag {:08x}", e.device, e.tag);
    case Kind::unexpected_answer:
      return fmt::format("{} unexpected answer from {}, tag {:08x}", e.device, e.mac, e.tag);
    case Kind::wrong_address:
      return fmt::format("{} answer from {} with an address that was not asked, tag {:08x}",
                         e.device, e.mac, e.tag);
    case Kind::unknown_source:
      return fmt::format("{} answer from {}, which is not one of its addresses, tag {:08x}",
                         e.device, e.mac, e.tag);
    case Kind::bad_answer: return fmt::format("bad answer: {}", describe(e.reject, room));
  }
  AOE_CHECK(false && "an event without a text");
}

void EventCounters::trace(const Event& event, Instant now) const {
  const bool rejected = event.kind >= Event::Kind::late_answer;
  trace_(now, "{} {}: {}", rejected ? "reject" : "event", text(event.kind), describe(event));
}

}  // namespace aoe::initiator
