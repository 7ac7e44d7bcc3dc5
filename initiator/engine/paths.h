// The ways to a device: its remote targets, and the local ports that reach each of them.
//
// Remote targets take turns, and so do the ports of each. A path that has fallen silent is suspect:
// no command goes by it while there is another path. Instead the device is discovered, which probes
// the path at no cost, and the path is trusted again when it answers. One more silence makes it
// suspect again, until it has answered a command. The Linux profile judges a target by all of its
// paths at once, as the driver does.
//
// Bounded, because a network may claim anything: remotes_max targets, of which the longest silent
// one gives way. Owned by its device. Does no I/O and reads no clock.
#pragma once

#include <optional>
#include <vector>

#include "initiator/engine/parameters.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/remote_target.h"
#include "proto/frame.h"

namespace aoe::initiator {

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
  void clear();
  void parameters_changed();

  /// Returns the most sectors that a command moves: what fits every path. 0 with no path.
  std::size_t payload() const;
  std::size_t outstanding() const;

  /// Chooses the path of the next command, in turn, a trusted one before a suspect one, with room
  /// in the target's window, or else only in its buffers. Nothing: the command has to wait.
  std::optional<Way> choose(bool within_window);
  std::optional<Way> find(std::uint64_t serial);

  void sent(const Way& way, Instant now);
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
  std::uint16_t limit(const RemoteTarget& remote) const;

  const Parameters& parameters_;
  const PortTable& ports_;
  std::vector<RemoteTarget> remotes_;
  std::uint64_t next_serial_ = 0;
  std::size_t turn_ = 0;
  Profile profile_;
  bool any_suspect_ = false;
  Instant searched_ = Instant::min();
  Duration search_interval_ = search_interval_min;
};

}  // namespace aoe::initiator
