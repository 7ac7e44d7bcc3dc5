// The ways to a device: its remote targets, and the local ports that reach each of them.
//
// A command goes by the path that is expected to have it answered first (path_speed.h); those that
// are as good take turns. With the Linux profile remote targets take turns, and so do the ports of
// each, as in the driver. A path that has fallen silent is suspect:
// no command goes by it while there is another path. Instead the device is discovered, which probes
// the path at no cost, and the path is trusted again when it answers. One more silence makes it
// suspect again, until it has answered a command. The Linux profile judges a target by all of its
// paths at once, as the driver does.
//
// Bounded, because a network may claim anything: remotes_max targets, of which the longest silent
// one gives way. Owned by its device. Does no I/O and reads no clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "initiator/engine/parameters.h"
#include "initiator/engine/path_payload.h"
#include "initiator/engine/path_speed.h"
#include "initiator/engine/pool.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/reordering.h"
#include "initiator/engine/rtt.h"
#include "initiator/engine/window.h"
#include "proto/frame.h"

namespace aoe::initiator {

/// A local port by which a remote target is reached. It is a path that falls silent: a cable, a
/// switch, a card.
struct Path {
  std::uint64_t serial = 0;  // no other path of the device ever has it
  PortId port = 0;
  bool suspect = false;             // silent: any other path is chosen before it
  unsigned strikes = 0;             // batches in a row that were lost without an answer
  Instant struck = Instant::min();  // the last time
  Instant heard = Instant::min();   // when a command was last answered on it
  ReorderingWindow reordering{};
  PathSpeed speed{};
  std::array<PathPayload, 2> payloads{};  // of reads and of writes
  unsigned doubts = 0;                    // commands sent again early, and not answered since
  List sent{};  // the device's commands that are outstanding on it, but for those that take a
                // disk's time; in the order in which they were sent

  PathPayload& payload(IoKind kind) { return payloads[kind == IoKind::write ? 1 : 0]; }
};

/// One MAC address at which a device answers, and the paths to it, one for each local port that it
/// has answered on. A target's buffers bound what is outstanding, so the window and the round trip
/// belong to the target.
struct RemoteTarget {
  Mac mac{};
  Window window{1};
  RttEstimator rtt{};
  std::uint16_t buffer_count = 0;  // as advertised
  std::uint8_t sector_count = 0;   // as advertised; 0 stands for 2 (§3.2)
  Instant heard{};                 // when its last answer came, on any path
  Instant silent_since = never;    // when the first transmission after that was sent
  std::vector<Path> paths{};       // at least one
  std::size_t turn = 0;
};

class Paths {
 public:
  static constexpr std::size_t remotes_max = 16;
  static constexpr Duration search_interval_min = std::chrono::seconds(1);
  static constexpr Duration search_interval_max = std::chrono::seconds(64);

  /// A path, and the remote target that it leads to. Valid until the paths change.
  struct Way {
    RemoteTarget* remote;
    Path* path;
  };

  Paths(const Parameters& parameters, const PortTable& ports);

  const std::vector<RemoteTarget>& remotes() const { return remotes_; }

  /// Takes a config answer: there is a path, and these are the target's limits. Returns false when
  /// there is no room for another remote target.
  bool learn(const Mac& mac, const ConfigReply& reply, PortId port, Instant now);
  bool knows(const Mac& mac) const;
  /// Removes the paths of a local port. Nothing is outstanding on it.
  void remove_port(PortId port);
  void clear() { remotes_.clear(); }
  void parameters_changed();

  /// Returns the most sectors that a command moves on every path. 0 with no path.
  std::size_t payload() const;
  /// Returns the most sectors that a command moves on this path: what interface, target and user
  /// agree on, or less, where longer frames are swallowed. 0 while the interface is down.
  std::size_t payload(const RemoteTarget& remote, const Path& path) const;
  /// Returns the most sectors of a command of this kind that is to go by this way now.
  std::size_t payload_now(const Way& way, IoKind kind);
  /// The same for a new command, which may be larger to try what passes.
  std::size_t payload_to_try(const Way& way, IoKind kind, Instant now);

  /// Chooses the path of the next command, a trusted one before a suspect one, with room in the
  /// target's window, or else only in its buffers. Nothing: the command has to wait.
  std::optional<Way> choose(bool within_window, Instant now);
  std::optional<Way> find(std::uint64_t serial);

  void sent(const Way& way, Instant now);
  /// A transmission was taken back, because it was lost or for another reason.
  void withdrawn(const Way& way);
  /// A transmission on this path was answered.
  void answered(const Way& way, Instant now);
  /// A transmission that was sent at `sent` was not answered in time.
  void expired(const Way& way, Instant sent, Instant now);

  /// Returns whether the engine is to discover the device now, because a path is suspect: at most
  /// every second, and more and more rarely while another path serves.
  bool take_search(Instant now);

 private:
  bool is_trusted(const RemoteTarget& remote) const;
  bool is_usable(const RemoteTarget& remote) const;
  Path& next_path(RemoteTarget& remote) const;
  std::optional<Way> choose_in_turn(bool within_window);
  std::uint16_t limit(const RemoteTarget& remote) const;
  std::size_t agreed(const RemoteTarget& remote, const Path& path) const;

  const Parameters& parameters_;
  const PortTable& ports_;
  std::vector<RemoteTarget> remotes_;
  std::uint64_t next_serial_ = 0;
  std::size_t turn_ = 0;
  std::vector<Way> ways_;  // what choose() compares
  Profile profile_;
  bool any_suspect_ = false;
  Instant searched_ = Instant::min();
  Duration search_interval_ = search_interval_min;
};

}  // namespace aoe::initiator
