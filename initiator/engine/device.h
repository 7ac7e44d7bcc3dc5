// One AoE disk as the initiator knows it: where it answers, what it is, and the commands on their
// way.
//
//                 down          identifying   up                  closewait
//   config answer identifying   path learned  not open: IDENTIFY  -
//                                             open: path learned
//   good identity -             up            up, or resized      -
//   useless ident. -            down          up, reported        -
//   deadsecs      -             down          not open: down      -
//                                             open: closewait
//   open          refused       refused       one user more       refused
//   last close    -             -             up                  down
//   port lost     -             by others     by others           -
//   revalidate    searched for  -             IDENTIFY            -
//   forget        gone          gone          not open: gone      refused
//                                             open: refused
//
// The first row makes `identifying` of down by sending IDENTIFY; nothing of this kind happens while
// the device is open, so its users' view of it does not change. As the Linux driver has it, a
// device that goes down while it is open stays down until its last user has closed it. Whenever it
// goes down, or is forgotten, all I/O fails.
//
// A request is split into commands that fit a frame on every path. Commands leave when a remote
// target's window has room; one that is not answered in time is sent again with a new tag, on the
// next port, and to another remote target where this one has fallen silent. The command that
// collapses a window is sent again at once, all others wait for room; so do those on their way by a
// local port that is lost. A command of deadsecs takes the device down, and so does I/O that finds
// no port to leave by for as long.
//
// Early retransmission: where a later command was answered on the same path, and the path's
// reordering window has passed since, the earlier one is lost (reordering.h). Not those that take a
// disk's time: flush and trim. While nothing shows that these were losses, no more than a quarter
// of the window is sent again so: a disk that is slow is not asked everything twice.
//
// A write that was sent more than once may have a copy that still travels when it completes. Its
// range is held until all of its transmissions were answered, or the target's retransmission
// timeout (at least 100 ms, at most linger_max) has passed since. A copy that lives longer, or that
// the network made, is beyond what an initiator can know.
//
// Owned by the engine, and called by it alone. No I/O, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/ata_command.h"
#include "initiator/engine/counters.h"
#include "initiator/engine/device_trace.h"
#include "initiator/engine/parameters.h"
#include "initiator/engine/paths.h"
#include "initiator/engine/request_table.h"
#include "initiator/engine/tag_table.h"
#include "proto/identify.h"

namespace aoe::initiator {

enum class DeviceState : std::uint8_t { down, identifying, up, closewait };
std::string_view text(DeviceState state);

class Device {
 public:
  static constexpr Duration linger_max = std::chrono::seconds(1);

  /// What a device shares with the others of its engine.
  struct Shared {
    const Parameters& parameters;
    const PortTable& ports;
    TagTable& tags;
    EventCounters& events;
    const Trace& trace;
  };

  Device(Address address, const Shared& shared);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Address address() const { return address_; }
  DeviceState state() const { return state_; }
  unsigned users() const { return users_; }
  const std::optional<Identity>& identity() const { return identity_; }
  /// The last identify_failed, unless it has come up since.
  const std::optional<Event>& identify_failure() const { return identify_failure_; }
  std::uint16_t firmware() const { return firmware_; }
  /// Its last config answer.
  Instant heard() const { return heard_; }
  const std::vector<RemoteTarget>& remotes() const { return paths_.remotes(); }
  const DeviceCounters& counters() const { return counters_; }
  const RequestCounters& request_counters() const { return requests_.counters(); }
  /// Bytes that a command moves at most: what fits every path. 0 with no path.
  std::size_t payload() const { return paths_.payload() * sector_size; }
  /// Commands sent and not answered yet.
  std::size_t outstanding() const { return paths_.outstanding(); }

  /// One user more; refused unless it is up.
  bool open();
  /// One user less; there is one.
  void close(Instant now);
  /// Asks it what it is, though it be open. Returns false for one that has to be searched for.
  bool revalidate(Instant now, Actions& out);

  void on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                 Actions& out);
  void submit(const IoRequest& request, Instant now, Actions& out);
  /// Completes the request at once; its buffer is not touched any more. Returns whether there is
  /// such a one.
  bool cancel(std::uint64_t id, Instant now, Actions& out);
  /// Takes the reply to a transmission of this device: an AtaReply or an ErrorReply.
  void on_answer(Transmission& transmission, const Frame& frame, PortId port, Instant now,
                 Actions& out);
  /// A local port went away or came down.
  void on_port_lost(PortId port, Instant now, Actions& out);
  void on_port_changed(Instant now, Actions& out) { pump(now, out); }
  void on_parameters(Instant now, Actions& out);
  /// It is about to be destroyed: all I/O fails.
  void abandon(Instant now, Actions& out);
  bool is_abandoned() const { return abandoned_; }

  /// When expire() has something to do, at the earliest.
  Instant deadline() const { return deadline_; }
  void expire(Instant now, Actions& out);
  /// It has fallen silent on some path, or has none: the engine asks where it is, and this starts
  /// anew.
  bool take_search(Instant now);

 private:
  bool is_linux() const { return shared_.parameters.profile == Profile::linux_driver; }

  Index add_command();
  void free_command(Index index);
  void identify(Instant now, Actions& out);
  /// The command to send next; there is one.
  Index next_command();
  void split(Index index);
  void transmit(Index index, const Paths::Way& way, Instant now, Actions& out);
  /// Sends what there is to send and room for.
  void pump(Instant now, Actions& out);

  void on_late_answer(Transmission& transmission, Instant now);
  /// Those that were sent before it on the same path are late.
  void overtake(Index index, const Paths::Way& way, Instant now);
  /// The path has answered.
  void trust(const Paths::Way& way, Instant now);
  /// The target refused more than it takes now, and did not when the command was sent.
  bool is_to_be_split(const AtaCommand& command, const Completion& result) const;
  /// A command got its answer, for better or worse.
  void resolve(Index index, const Completion& result, Instant now, Actions& out);

  /// It is not outstanding any more; an answer to it would come late from now on.
  void take_back(Index index);
  void give_up(Index index, Instant now);
  /// It is done, but for the copies of a write that may still be on their way.
  void finish(Index index, Instant now);
  void give_up_all(Instant now, Actions& out);

  bool has_to_send() const { return !waiting_.empty() || requests_.has_part(); }
  /// When what has waited since then takes the device down.
  Instant dead_at(Instant since) const;
  /// When a command next wants attention.
  Instant due(const AtaCommand& command) const;
  void reckon_deadline();
  void expire_command(Index index, Instant now, Actions& out);
  void lose_early(Index index, Instant now);
  void settle_doubt(AtaCommand& command);

  void on_identity(const Completion& result, Bytes data, Event event, Instant now, Actions& out);
  void go_down(std::string_view why, Instant now, Actions& out);
  void become(DeviceState state, std::string_view why, Instant now);
  void trace_payload(Instant now);

  const Address address_;
  const Shared shared_;
  const DeviceTrace trace_;

  DeviceState state_ = DeviceState::down;
  unsigned users_ = 0;
  bool abandoned_ = false;
  std::optional<Identity> identity_;
  std::optional<Event> identify_failure_;
  std::uint16_t firmware_ = 0;
  Instant heard_ = Instant::min();
  Paths paths_;
  RequestTable requests_;
  Pool<AtaCommand> commands_;
  List waiting_;  // commands to send (again) before any new one
  bool identify_pending_ = false;

  Instant deadline_ = never;
  Instant stranded_ = never;    // since when there is something to send and no path to send it by
  Instant search_due_ = never;  // while that is so
  DeviceCounters counters_;
  std::size_t traced_payload_ = 0;
};

/// As the Linux driver's `state` file has it: "up", "down" or "down,closewait".
std::string_view state_text(const Device& device);

}  // namespace aoe::initiator
