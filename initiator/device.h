// One AoE disk as the initiator knows it: where it answers, what it is, and the commands on their
// way.
//
//                 config answer            good identity   useless identity   deadsecs
//   down          identifying (IDENTIFY)   -               -                  -
//   identifying   another path learned     up              down               down
//   up            IDENTIFY again           up, or resized  up, reported       down, all I/O fails
//
// A request is split into commands that fit a frame on every path. Commands leave when a remote
// target's window has room; one that is not answered in time is sent again with a new tag, on the
// next port, and to another remote target where this one has fallen silent. The command that
// collapses a window is sent again at once, all others wait for room; so do those on their way by a
// local port that is lost. A command of deadsecs takes the device down, and so does I/O that finds
// no port to leave by for as long.
//
// Owned by the engine, and called by it alone. No I/O, no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "initiator/actions.h"
#include "initiator/parameters.h"
#include "initiator/remote_target.h"
#include "initiator/tag_table.h"
#include "proto/identify.h"
#include "wire/frame_port.h"

namespace aoe::initiator {

enum class DeviceState : std::uint8_t { down, identifying, up };
std::string_view text(DeviceState state);

/// What a device has done and met since it was discovered.
struct DeviceCounters {
  std::uint64_t reads = 0;  // requests completed, by kind
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t failures = 0;  // requests that failed
  std::uint64_t commands = 0;  // transmissions, repeated ones included
  std::uint64_t retransmissions = 0;
  std::uint64_t late_answers = 0;
};

class Device {
 public:
  Device(Address address, const Parameters& parameters, const PortTable& ports, TagTable& tags);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Address address() const { return address_; }
  DeviceState state() const { return state_; }
  const std::optional<Identity>& identity() const { return identity_; }
  std::uint16_t firmware() const { return firmware_; }
  const std::vector<RemoteTarget>& remotes() const { return remotes_; }
  const DeviceCounters& counters() const { return counters_; }
  /// Bytes that a command moves at most: what fits every path. 0 with no path.
  std::size_t payload() const { return payload_sectors() * sector_size; }
  /// Commands sent and not answered yet.
  std::size_t outstanding() const;

  void on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                 Actions& out);
  void submit(const IoRequest& request, Instant now, Actions& out);
  /// An answer to `entry`, which is this device's: an AtaReply or an ErrorReply.
  void on_answer(TagTable::Entry& entry, const Frame& frame, PortId port, Instant now,
                 Actions& out);
  /// A local port went away or came down.
  void on_port_lost(PortId port, Instant now, Actions& out);

  /// When expire() has something to do, at the earliest.
  Instant deadline() const { return deadline_; }
  void expire(Instant now, Actions& out);
  /// It has fallen silent on some path: the engine asks where it is, and this starts anew.
  bool take_search(Instant now);

 private:
  using Index = std::uint32_t;
  static constexpr Index none = UINT32_MAX;

  struct Command {
    enum class State : std::uint8_t { unused, outstanding, waiting } state = State::unused;
    Index request = none;  // none: IDENTIFY
    std::uint64_t lba = 0;
    std::uint8_t sectors = 0;
    std::size_t offset = 0;  // of its data in the request's buffer, bytes
    std::uint32_t tag = 0;   // of its last transmission
    unsigned attempts = 0;
    Instant first_sent{};
    Instant last_sent{};
    Instant deadline{};  // of its last transmission
    std::uint64_t remote = 0;
    PortId port = 0;
  };

  struct Request {
    IoRequest io;
    std::size_t size = 0;     // bytes; 0 for a flush
    std::size_t started = 0;  // bytes handed to commands
    bool parts_left = true;   // to hand to commands; the request is in the queue
    unsigned commands = 0;    // not resolved yet
    Completion result;
  };

  bool is_usable(PortId port) const;
  std::size_t payload_sectors() const;
  RemoteTarget* find_remote(const Mac& mac);
  RemoteTarget* find_remote(std::uint64_t serial);
  /// The remote target for the next command: in turn, a trustworthy one before a suspect one, with
  /// room in its window (or, for what may pass the window, in its buffers). None: the command has
  /// to wait.
  RemoteTarget* choose_remote(bool within_window);

  Index add_command(Index request, std::uint64_t lba, std::uint8_t sectors, std::size_t offset);
  void free_command(Index index);
  /// The command to send next; there is one.
  Index next_command();
  void split(Index index);
  bool is_flush(const Command& command) const;
  AtaRequest registers(const Command& command) const;
  void transmit(Index index, RemoteTarget& remote, Instant now, Actions& out);
  /// Sends what there is to send and room for.
  void pump(Instant now, Actions& out);
  /// A command got its answer, for better or worse.
  void resolve(Index index, const Completion& result, Actions& out);
  void complete(Index request, Actions& out);

  bool has_to_send() const { return !waiting_.empty() || !queue_.empty(); }
  /// When what has waited since then takes the device down.
  Instant dead_at(Instant since) const;
  /// When a command next wants attention.
  Instant due(const Command& command) const;
  void expire_command(Index index, Instant now, Actions& out);
  /// An answer to the command's tag would come late from now on.
  void supersede(const Command& command);

  void on_identity(const Completion& result, Bytes data, Event event, Actions& out);
  void go_down(Actions& out);

  const Address address_;
  const Parameters& parameters_;
  const PortTable& ports_;
  TagTable& tags_;

  DeviceState state_ = DeviceState::down;
  std::optional<Identity> identity_;
  std::uint16_t firmware_ = 0;
  std::vector<RemoteTarget> remotes_;
  std::uint64_t next_serial_ = 0;
  std::size_t turn_ = 0;

  std::vector<Command> commands_;
  std::vector<Index> unused_commands_;
  std::deque<Index> waiting_;  // commands to send (again) before any new one
  bool identify_pending_ = false;
  std::vector<Request> requests_;
  std::vector<Index> unused_requests_;
  std::deque<Index> queue_;  // requests with parts not handed to commands yet

  Instant deadline_ = never;
  Instant stranded_ = never;  // since when there is something to send and no path to send it by
  Instant searched_ = Instant::min();
  bool search_ = false;
  DeviceCounters counters_;
};

}  // namespace aoe::initiator
