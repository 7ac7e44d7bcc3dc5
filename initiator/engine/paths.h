// The ways to a device: its remote targets, and the local ports that reach each of them.
//
// Remote targets take turns, and so do the ports of each. A path that has fallen silent is suspect:
// nothing goes by it while there is another. It is asked for instead (a discovery, which is a probe
// that costs nothing), and trusted again when it answers; with one more silence it is suspect again
// until it has answered a command. The Linux profile judges a target by all of its paths at once,
// as the driver does.
//
// Bounded, for a network may claim anything: remotes_max targets, and the longest silent one gives
// way. Owned by its device. No I/O, no clock.
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

  /// A path, and the remote target that it leads to; good until the paths change.
  struct Way {
    RemoteTarget* remote;
    Path* path;
  };

  Paths(const Parameters& parameters, const PortTable& ports);

  const std::vector<RemoteTarget>& remotes() const { return remotes_; }

  /// A config answer: there is a path, and these are its limits. Returns false for one more remote
  /// target than there is room for.
  bool learn(const Mac& mac, const ConfigReply& reply, PortId port, Instant now);
  bool knows(const Mac& mac) const;
  /// A local port went away; nothing is outstanding on it any more.
  void remove_port(PortId port);
  void clear();
  void parameters_changed();

  /// Sectors that a command moves at most: what fits every path. 0 with no path.
  std::size_t payload() const;
  std::size_t outstanding() const;

  /// For the next command: in turn, a trustworthy one before a suspect one, with room in its window
  /// (or, for what may pass the window, in its target's buffers). None: the command has to wait.
  std::optional<Way> choose(bool within_window);
  std::optional<Way> find(std::uint64_t serial);

  void sent(const Way& way, Instant now);
  /// A transmission by it was answered.
  void answered(const Way& way, Instant now);
  /// One that was sent then was not answered in time.
  void expired(const Way& way, Instant sent, Instant now);

  /// Something is suspect: the engine asks where the device is, and this starts anew. At most every
  /// second; more and more rarely while another path serves.
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
