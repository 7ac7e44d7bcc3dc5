// The lines that a device traces (base/trace.h), one for each of its decisions. Each begins with
// the kind of decision and the device, for grep:
//
//   state e0.2: identifying -> up, identified
//   payload e0.2: 2 -> 17 sectors
//   path e0.2 02:00:00:00:00:01 on port 0: suspect, strikes 2
//   stranded e0.2: no path
//   send e0.2 tag 80000a3c: READ EXT 0+2 to 02:00:00:00:00:01 on port 0, attempt 1, outstanding 3
//       of 8, timeout 0.100000 s                                               (in one line)
//   answer e0.2 tag 80000a3c: ok after 0.000210 s, average 0.000200 s, timeout 0.100000 s
//   window e0.2 02:00:00:00:00:01: 8 -> 9, answered
//   overtaken e0.2 tag 80000a3c: lost in 0.001000 s, unless it is answered
//   expire e0.2 tag 80000a3c: no answer for 0.100000 s, attempt 1
//   doubt e0.2 tag 80000a3c: not sent again early, 4 others are
//   split e0.2: 0+17 at 2 sectors
//   hold e0.2: 0+8 for 0.100000 s, copies that may still arrive 1
//   refuse e0.2: read at sector 1000, beyond the last sector
//
// Called by the device, and only while the trace is on. Holds a reference to the engine's trace.
#pragma once

#include <string_view>

#include "base/trace.h"
#include "initiator/engine/ata_command.h"
#include "initiator/engine/paths.h"

namespace aoe::initiator {

class DeviceTrace {
 public:
  DeviceTrace(const Trace& trace, Address device) : trace_(trace), device_(device) {}

  explicit operator bool() const { return static_cast<bool>(trace_); }

  void state(Instant now, std::string_view before, std::string_view after,
             std::string_view why) const {
    trace_(now, "state {}: {} -> {}, {}", device_, before, after, why);
  }
  /// In sectors that one command moves.
  void payload(Instant now, std::size_t before, std::size_t after) const {
    trace_(now, "payload {}: {} -> {} sectors", device_, before, after);
  }
  void path(Instant now, const Paths::Way& way, std::string_view what) const {
    trace_(now, "path {} {} on port {}: {}, strikes {}", device_, way.remote->mac, way.path->port,
           what, way.path->strikes);
  }
  void window(Instant now, const RemoteTarget& remote, unsigned before,
              std::string_view why) const {
    if (remote.window.size() == before) return;
    trace_(now, "window {} {}: {} -> {}, {}", device_, remote.mac, before, remote.window.size(),
           why);
  }
  void sent(Instant now, const AtaCommand& command, const AtaRequest& ata, const Paths::Way& way,
            Duration timeout) const {
    const Window& window = way.remote->window;
    trace_(now,
           "send {} tag {:08x}: {} {}+{} to {} on port {}, attempt {}, outstanding {} of {}, "
           "timeout {:.6f} s",
           device_, command.tag, ata::name(ata.opcode), command.lba, command.sectors,
           way.remote->mac, way.path->port, command.attempts, window.outstanding(), window.size(),
           seconds(timeout));
  }
  void asked(Instant now, const Question& question, const AtaRequest& ata,
             const Paths::Way& way) const {
    const bool is_config = question.kind == Question::Kind::config;
    trace_(now,
           "send {} tag {:08x}: {} {}+{} to {} on port {}, attempt {}, outstanding {} of {}, "
           "timeout {:.6f} s",
           device_, question.tag, is_config ? "QUERY CONFIG" : ata::name(ata.opcode), ata.lba,
           ata.sectors, way.remote->mac, way.path->port, question.attempts,
           way.remote->window.outstanding(), way.remote->window.size(),
           seconds(question.due - now));
  }
  void answered(Instant now, std::uint32_t tag, const Completion& result, Duration after,
                const RttEstimator& rtt) const {
    trace_(now, "answer {} tag {:08x}: {} after {:.6f} s, average {:.6f} s, timeout {:.6f} s",
           device_, tag, describe(result), seconds(after), seconds(rtt.average()),
           seconds(rtt.timeout(1)));
  }
  void overtaken(Instant now, const AtaCommand& command) const {
    trace_(now, "overtaken {} tag {:08x}: lost in {:.6f} s, unless it is answered", device_,
           command.tag, seconds(command.lost - now));
  }
  /// Sent again: its answer did not come in time, or not before those to later ones.
  void expired(Instant now, const AtaCommand& command, std::string_view why) const {
    trace_(now, "expire {} tag {:08x}: {} for {:.6f} s, attempt {}", device_, command.tag, why,
           seconds(now - command.last_sent), command.attempts);
  }
  /// Not sent again early: too many are doubted on its path.
  void waits_longer(Instant now, const AtaCommand& command, unsigned doubts) const {
    trace_(now, "doubt {} tag {:08x}: not sent again early, {} others are", device_, command.tag,
           doubts);
  }
  void hastened(Instant now, const AtaCommand& command) const {
    trace_(now, "due {} tag {:08x}: the target is there", device_, command.tag);
  }
  void split(Instant now, const AtaCommand& command, std::size_t payload) const {
    trace_(now, "split {}: {}+{} at {} sectors", device_, command.lba, command.sectors, payload);
  }
  void holds(Instant now, const AtaCommand& command) const {
    trace_(now, "hold {}: {}+{} for {:.6f} s, copies that may still arrive {}", device_,
           command.lba, command.sectors, seconds(command.deadline - now), command.unanswered);
  }
  void refused(Instant now, const IoRequest& request, IoError error) const {
    trace_(now, "refuse {}: {} at sector {}, {}", device_, text(request.kind), request.lba,
           describe({.error = error}));
  }
  void stranded(Instant now) const { trace_(now, "stranded {}: no path", device_); }

 private:
  static double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
  }

  const Trace& trace_;
  const Address device_;
};

}  // namespace aoe::initiator
