#include "initiator/engine/device_trace.h"

namespace aoe::initiator {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void DeviceTrace::sent(Instant now, const AtaCommand& command, const AtaRequest& ata,
                       const Paths::Way& way, Duration timeout) const {
  const Window& window = way.remote->window;
  trace_(now,
         "send {} tag {:08x}: {} {}+{} to {} on port {}, attempt {}, outstanding {} of {}, "
         "timeout {:.6f} s",
         device_, command.tag, ata::name(ata.opcode), command.lba, command.sectors, way.remote->mac,
         way.path->port, command.attempts, window.outstanding(), window.size(), seconds(timeout));
}

void DeviceTrace::answered(Instant now, std::uint32_t tag, const Completion& result, Duration after,
                           const RttEstimator& rtt) const {
  trace_(now, "answer {} tag {:08x}: {} after {:.6f} s, average {:.6f} s, timeout {:.6f} s",
         device_, tag, describe(result), seconds(after), seconds(rtt.average()),
         seconds(rtt.timeout(1)));
}

void DeviceTrace::overtaken(Instant now, const AtaCommand& command) const {
  trace_(now, "overtaken {} tag {:08x}: lost in {:.6f} s, unless it is answered", device_,
         command.tag, seconds(command.lost - now));
}

void DeviceTrace::expired(Instant now, const AtaCommand& command, std::string_view why) const {
  trace_(now, "expire {} tag {:08x}: {} for {:.6f} s, attempt {}", device_, command.tag, why,
         seconds(now - command.last_sent), command.attempts);
}

void DeviceTrace::waits_longer(Instant now, const AtaCommand& command, unsigned doubts) const {
  trace_(now, "doubt {} tag {:08x}: not sent again early, {} others are", device_, command.tag,
         doubts);
}

void DeviceTrace::split(Instant now, const AtaCommand& command, std::size_t payload) const {
  trace_(now, "split {}: {}+{} at {} sectors", device_, command.lba, command.sectors, payload);
}

void DeviceTrace::holds(Instant now, const AtaCommand& command) const {
  trace_(now, "hold {}: {}+{} for {:.6f} s, copies that may still arrive {}", device_, command.lba,
         command.sectors, seconds(command.deadline - now), command.unanswered);
}

void DeviceTrace::refused(Instant now, const IoRequest& request, IoError error) const {
  trace_(now, "refuse {}: {} at sector {}, {}", device_, text(request.kind), request.lba,
         describe({.error = error}));
}

void DeviceTrace::stranded(Instant now) const {
  trace_(now, "stranded {}: no path", device_);
}

}  // namespace aoe::initiator
