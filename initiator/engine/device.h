// One AoE disk as the initiator knows it: its paths, its identity, its requests and commands.
//
//                 down          identifying   up                  closewait
//   config answer identifying   IDENTIFY      not open: IDENTIFY  revalidated: IDENTIFY
//                                             open: if anything   else: -
//                                             is new: IDENTIFY
//   same identity -             up            up                  up
//   another one   -             up            not open: adopted   closewait, reported
//                                             open: reported
//   useless ident. -            down          up, reported        closewait, reported
//   deadsecs      -             down          not open: down      -
//                                             open: closewait
//   open          refused       refused       one user more       refused
//   last close    -             -             discovered          down, discovered
//   port lost     -             by others     by others           -
//   revalidate    discovered    -             IDENTIFY            discovered
//   forget        gone          gone          not open: gone      refused
//                                             open: refused
//
// IDENTIFY is asked of the MAC address that the config answer came from; membership.h has what comes
// of it where a device has several. What is new is another MAC or port, an announcement, a path that
// was silent. As in the Linux driver, a device that goes down while it is open stays down until its
// last user has closed it; here `revalidate` brings the same disk back before, if it answers within
// revival_max. When a device goes down, or is forgotten, all its I/O fails. The engine discovers a
// device at its last close: what its target announced while it was open is followed then.
//
// A request is split into commands that fit a frame on the path that each goes by (path_payload.h);
// one that is sent again on another path may be split once more. Commands are sent when a remote
// target's window has room. A command that is not answered in time is sent again with a new tag, on
// the next port, and to another remote target if this one has fallen silent. The command that
// collapses a window is sent again at once; all others wait for room, and so do those outstanding
// on a local port that is lost. A flush or a trim collapses no window, because it takes the disk's
// time, and neither does a command whose target still answered others when its answer was due. The
// device goes down when a command has had no answer for deadsecs, or when I/O has had no path for
// as long.
//
// The answer to any transmission of a command completes it; its last one keeps its place in the
// window until it was answered, or its timeout has passed, for it may still be in the target's
// buffers. An answer that comes after its timeout shows that the timeout was too short: the window
// is as large as before, the timeout grows (rtt.h), and commands that have expired and were not
// sent again yet are awaited again. The Linux profile does none of this.
//
// Early retransmission: when a later command was answered on the same path, and the path's
// reordering window has passed since, the earlier command is lost (reordering.h). This does not
// apply to flush and trim, which take the disk's time. While nothing shows that these were losses,
// at most a quarter of the window is sent again early, so a slow disk does not get all commands
// twice.
//
// A write that was sent more than once may have a copy that still travels when it completes. Its
// range is held until all of its transmissions were answered, or the target's retransmission
// timeout (at least 100 ms, at most linger_max) has passed since. An initiator can't know of a copy
// that lives longer, or that the network made.
//
// Owned by the engine, and called by it alone. Does no I/O and reads no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/ata_command.h"
#include "initiator/engine/counters.h"
#include "initiator/engine/device_trace.h"
#include "initiator/engine/membership.h"
#include "initiator/engine/parameters.h"
#include "initiator/engine/paths.h"
#include "initiator/engine/request_table.h"
#include "initiator/engine/shared.h"
#include "initiator/engine/tag_table.h"
#include "proto/identify.h"

namespace aoe::initiator {

enum class DeviceState : std::uint8_t { down, identifying, up, closewait };

/// Returns the state's own name: "identifying".
std::string_view text(DeviceState state);
/// Returns the state as in the Linux driver's `state` file: "up", "down" or "down,closewait".
std::string_view driver_text(DeviceState state);

class Device {
 public:
  static constexpr Duration linger_max = std::chrono::seconds(1);

  /// After `revalidate`, a device that went down while it was open is looked for this long.
  static constexpr Duration revival_max = std::chrono::seconds(10);

  Device(Address address, const Shared& shared);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Address address() const { return address_; }
  DeviceState state() const { return state_; }
  unsigned users() const { return users_; }
  const std::optional<Identity>& identity() const { return identity_; }
  /// The last identify_failed; null if there was none, or it has come up since.
  const Event* identify_failure() const { return identify_failure_.get(); }
  /// Whether the disk has refused the last write, as one does that is read-only.
  bool refuses_writes() const { return refuses_writes_; }
  std::uint16_t firmware() const { return firmware_; }
  /// When its last config answer came.
  Instant heard() const { return heard_; }
  const std::vector<RemoteTarget>& remotes() const { return paths_.remotes(); }
  const DeviceCounters& counters() const { return counters_; }
  const RequestCounters& request_counters() const { return requests_.counters(); }
  /// Returns the most bytes that a command moves on every path, or on one. 0 with no path.
  std::size_t payload() const { return paths_.payload() * sector_size; }
  std::size_t payload(const RemoteTarget& remote, const Path& path) const {
    return paths_.payload(remote, path) * sector_size;
  }

  /// Counts one user more. Returns false unless the device is up.
  bool open();
  /// Counts one user less; there is one.
  void close(Instant now);
  /// Sends IDENTIFY, even while the device is open. Returns false when it has to be discovered
  /// first.
  bool revalidate(Instant now, Actions& out);

  void on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                 Actions& out);
  void submit(const IoRequest& request, Instant now, Actions& out);
  /// Completes the request at once; its buffer is not used any more. Returns false when no request
  /// of this id is outstanding.
  bool cancel(std::uint64_t id, Instant now, Actions& out);
  /// Returns whether a write or trim of these sectors is under way, or a copy of one may be.
  bool is_changing(std::uint64_t lba, std::uint64_t sectors) const;
  /// Returns whether a remote target is being asked something.
  bool is_asking() const { return membership_.is_asking(); }
  /// Takes the reply to a transmission of this device: an AtaReply, ConfigReply or ErrorReply.
  void on_answer(Transmission& transmission, const Frame& frame, PortId port, Instant now,
                 Actions& out);
  /// A local port was removed, or went down.
  void on_port_lost(PortId port, Instant now, Actions& out);
  void on_port_changed(Instant now, Actions& out) { pump(now, out); }
  void on_parameters(Instant now, Actions& out);
  /// Fails all I/O: the device is about to be destroyed.
  void abandon(Instant now, Actions& out);
  bool is_abandoned() const { return abandoned_; }

  /// When expire() has something to do, at the earliest.
  Instant deadline() const { return deadline_; }
  void expire(Instant now, Actions& out);
  /// Notes under which deadline the engine has it queued from now on. Returns the one before.
  Instant take_queued(Instant deadline) { return std::exchange(queued_, deadline); }
  /// Returns whether the engine is to discover the device now, because a path has fallen silent, or
  /// there is none. The next time is a search interval later.
  bool take_search(Instant now);

 private:
  bool is_linux() const { return shared_.parameters.profile == Profile::linux_driver; }

  Index add_command();
  void free_command(Index index);
  /// A command that waits, or a new one (no_index), and the way that it is to go.
  struct Next {
    Index index;
    Paths::Way way;
  };

  Membership::View view() const;
  /// Finds what can be sent next. A flush whose target can't be asked now lets others pass.
  std::optional<Next> find_next(Instant now);
  /// Withdraws what is outstanding where `meets` holds: it is sent again by other paths.
  template <class Condition>
  void take_back_all(Condition meets, Instant now);
  Index take_next(const Next& next, Instant now);
  void spread_flush();
  /// The path of this command, or of any (no_index).
  std::optional<Paths::Way> choose_for(Index index, bool within_window, Instant now);
  /// Cuts a command down to what fits the way; the rest becomes a command of its own.
  void split(Index index, const Paths::Way& way);
  /// Returns how long the answer to the command's `attempt`-th transmission (from 1 on) is awaited.
  Duration timeout_of(const AtaCommand& command, unsigned attempt,
                      const RemoteTarget& remote) const;
  void transmit(Index index, const Paths::Way& way, Instant now, Actions& out);
  /// Sends commands as long as there are any, and room for them.
  void pump(Instant now, Actions& out);

  /// Returns whether a command exists and is not done.
  bool awaits(Index index) const;
  /// Copies the data of a read that went well to its request. Returns what is wrong with it.
  std::optional<Reject> take_data(const AtaCommand& command, const Completion& result, Bytes data);
  void take_result(Index index, const Paths::Way& way, const Completion& result, Instant now,
                   Actions& out);
  void on_late_answer(Transmission& transmission, const Completion& result, Instant now,
                      Actions& out);
  /// The answer to an expired transmission came after all. When the timeout collapsed the window,
  /// that is taken back: what expired along with it is awaited again.
  void on_early_timeout(const Transmission& transmission, const Paths::Way& way, Instant now);
  /// Marks the commands that were sent before this one on the same path as overtaken.
  void overtake(Index index, const Paths::Way& way, Instant now);
  /// Notes that the path has answered.
  void trust(const Paths::Way& way, Instant now);
  /// Returns whether the target refused a command that is longer than what fits its path now.
  bool is_to_be_split(const AtaCommand& command, const Paths::Way& way, const Completion& result,
                      Instant now);
  /// A transmission was answered, or lost: both tell how long frames may be on its path.
  void passed(const Transmission& transmission, const Paths::Way& way, Instant now, Actions& out);
  void swallowed(const Transmission& transmission, const Paths::Way& way, Instant now,
                 Actions& out);
  void report_payload(const Paths::Way& way, IoKind kind, Instant now, Actions& out);

  /// Ends the command's last transmission: an answer to it is late from now on.
  void take_back(Index index);
  void give_up(Index index, Instant now);
  /// Ends a command. One that changes the disk lingers while copies of it may be on their way.
  void finish(Index index, Instant now);
  void give_up_all(Instant now, Actions& out);

  bool has_to_send() const { return !waiting_.empty() || requests_.has_part(); }
  /// Returns when the device goes down because of what has waited since then.
  Instant dead_at(Instant since) const;
  /// Returns when expire() next has something to do for a command.
  Instant due(const AtaCommand& command) const;
  void reckon_deadline();
  void expire_command(Index index, Instant now, Actions& out);
  /// A target that came up, or had been silent, has answered this IDENTIFY. What it was sent before
  /// that, and has not answered for longer than a first timeout, is due now, though timeouts have
  /// grown to seconds.
  void hasten(const Transmission& identify, Instant now);
  /// Returns whether a command is longer than what is known to pass: its loss says nothing else.
  bool tries_payload(const AtaCommand& command, const Paths::Way& way) const;
  /// Returns whether the target still answered when this answer was due, or answered later commands.
  bool is_lost_alone(const AtaCommand& command, const Paths::Way& way) const;
  void lose_early(Index index, Instant now, Actions& out);
  void settle_doubt(AtaCommand& command);

  void on_question_answered(Transmission& transmission, const Frame& frame, Event event,
                            Instant now, Actions& out);
  void note_refusal(const Completion& result, Instant now, Actions& out);
  void on_identity(const Paths::Way& way, const Identity& identity, Event event, Instant now,
                   Actions& out);
  void on_useless_identity(const Membership::Answer& answer, Event event, Instant now,
                           Actions& out);
  void revive(Event event, Instant now, Actions& out);
  Instant identifying_since() const {
    return state_ == DeviceState::identifying && !is_linux() ? identifying_since_ : never;
  }
  void go_down(std::string_view why, Instant now, Actions& out);
  void become(DeviceState state, std::string_view why, Instant now);
  void trace_payload(Instant now);

  const Address address_;
  const Shared& shared_;
  const DeviceTrace trace_;

  DeviceState state_ = DeviceState::down;
  unsigned users_ = 0;
  bool abandoned_ = false;
  bool refuses_writes_ = false;
  std::optional<Identity> identity_;
  std::unique_ptr<Event> identify_failure_;
  std::uint16_t firmware_ = 0;
  Instant heard_ = Instant::min();
  DeviceCounters counters_;
  Paths paths_;
  RequestTable requests_;
  Pool<AtaCommand> commands_;
  List waiting_;  // commands to send, or send again, before any new one
  Membership membership_;
  Instant identifying_since_ = never;
  Instant revived_until_ = Instant::min();  // closewait: its user wants it back until then

  Instant deadline_ = never;
  Instant queued_ = never;
  Instant stranded_ = never;    // since when there is something to send and no path to send it by
  Instant search_due_ = never;  // when it is discovered next, while that is so
  std::size_t traced_payload_ = 0;
};

}  // namespace aoe::initiator
