// The ways to a device: its remote targets, and the local ports that reach each of them.
//
// A command goes by the path that is expected to have it answered first (path_speed.h); those that
// are as good take turns. With the Linux profile remote targets take turns, and so do the ports of
// each, as in the driver. A path that has fallen silent is suspect:
// no command goes by it while there is another path. Instead the device is discovered, which probes
// the path at no cost, and the path is trusted again when it answers. While no path answers, the
// device is discovered often, so that a silence of T that outlasts two timeouts is noticed to end by
// 1.02 T + 100 ms: the timeouts of commands, which double, would make it 2 T. The Linux profile judges
// a target by all of its paths at once, as the driver does.
//
// Anyone may send a config answer. So it only makes a remote target a candidate, and a local port a
// path that is not proven: commands go only to members by paths that are (membership.h). What a
// config answer says of a member's limits is a claim until the target itself was asked.
//
// Bounded, because a network may claim anything: remotes_max targets, of which the longest silent
// one that is no member gives way. Owned by its device. Does no I/O and reads no clock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "initiator/engine/identify_pace.h"
#include "initiator/engine/likeness.h"
#include "initiator/engine/parameters.h"
#include "initiator/engine/path_payload.h"
#include "initiator/engine/path_speed.h"
#include "initiator/engine/pool.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/question.h"
#include "initiator/engine/reordering.h"
#include "initiator/engine/rtt.h"
#include "initiator/engine/window.h"
#include "proto/frame.h"

namespace aoe::initiator {

/// What a remote target is to the device whose address it answers at.
enum class Standing : std::uint8_t {
  candidate,  // it has not shown yet which disk it is
  unproven,   // it has the same serial number and size, but neither they nor its content is proof
  member,     // it is the device: commands go to it
  foreign,    // it is another disk
};

/// Returns "candidate", …
std::string_view text(Standing standing);

/// A target's limits, as it advertises them (§3.2).
struct Offer {
  std::uint16_t buffer_count = 0;
  std::uint8_t sector_count = 0;  // 0 stands for 2

  bool operator==(const Offer&) const = default;
};

/// A local port by which a remote target is reached. It is a path that falls silent: a cable, a
/// switch, a card.
struct Path {
  std::uint64_t serial = 0;  // no other path of the device ever has it
  PortId port = 0;
  bool proven = false;              // the target has answered a question by it
  Instant suspect_since = never;    // silent: any other path is chosen before it
  unsigned strikes = 0;             // batches in a row that were lost without an answer
  unsigned doubts = 0;              // commands sent again early, and not answered since
  Instant struck = Instant::min();  // when the last of those batches was lost
  Instant heard = Instant::min();   // when a command was last answered on it
  ReorderingWindow reordering{};
  PathSpeed speed{};
  /// Of reads and of writes; null until the first of them: a network can claim thousands of paths.
  std::unique_ptr<std::array<PathPayload, 2>> payloads{};
  Question question{};
  List sent{};  // the device's commands that are outstanding on it, but for those that take a
                // disk's time; in the order in which they were sent

  bool is_suspect() const { return suspect_since != never; }
  PathPayload& payload(IoKind kind) {
    if (payloads == nullptr) payloads = std::make_unique<std::array<PathPayload, 2>>();
    return (*payloads)[kind == IoKind::write ? 1 : 0];
  }
};

/// One MAC address at which a device answers, and the paths to it, one for each local port that it
/// has answered on. A target's buffers bound what is outstanding, so the window and the round trip
/// belong to the target.
struct RemoteTarget {
  Mac mac{};
  Window window{1};
  RttEstimator rtt{};
  Standing standing = Standing::candidate;
  bool other_content = false;             // foreign, though serial and size are the same
  bool heeds_claim = false;               // no more commands than it claims to take, until asked
  unsigned questions = 0;                 // outstanding (membership.h): by a silent path, perhaps
  Instant suspended_since = never;        // no command goes there until it was asked later who it
                                          // is, and has answered
  Instant suspended_at = Instant::min();  // when an announcement last did that
  Instant identified = Instant::min();    // when it last said which disk it is
  std::optional<Likeness> said{};         // and what it said
  Offer offer{};                          // as advertised, and believed
  Offer claim{};                          // as advertised by its last config answer
  Instant claim_heeded = Instant::min();  // when heeds_claim last began
  std::uint64_t writes = 0;               // that change the disk: sent to it, and answered
  std::uint64_t flushed = 0;              // of these, those before its last flush
  Instant heard{};                        // when its last answer came, on any path
  Instant silent_since = never;           // when the first transmission after that was sent
  std::vector<Path> paths{};              // at least one
  std::size_t turn = 0;

  bool is_member() const { return standing == Standing::member; }
  bool is_suspended() const { return suspended_since != never; }
  bool is_dirty() const { return writes != flushed; }
};

class Paths {
 public:
  static constexpr std::size_t remotes_max = 16;
  static constexpr Duration search_interval_min = std::chrono::seconds(1);
  static constexpr Duration search_interval_max = std::chrono::seconds(64);
  /// While no path answers: one part in so many of the silence, at least, and at most a
  /// search_interval_min.
  static constexpr int silence_parts = 50;
  static constexpr Duration silence_interval_min = std::chrono::milliseconds(100);

  /// A path, and the remote target that it leads to. Valid until the paths change.
  struct Way {
    RemoteTarget* remote;
    Path* path;
  };

  Paths(const Parameters& parameters, const PortTable& ports, IdentifyPace& pace);

  const std::vector<RemoteTarget>& remotes() const { return remotes_; }

  std::vector<RemoteTarget>& remotes() { return remotes_; }

  /// Takes a config answer: there may be a path, and the target claims these limits. Returns nothing
  /// when there is no room for another remote target.
  std::optional<Way> learn(const Mac& mac, const ConfigReply& reply, PortId port, Instant now);
  /// The claim is true: the target itself was asked.
  void believe(RemoteTarget& remote, Offer offer);
  bool has_member() const;
  /// Returns whether a member has a path that answers.
  bool is_answering() const;
  /// Removes a path, and its remote target with the last one. Nothing is outstanding on it.
  void remove(const Way& way);
  /// Removes the paths of a local port. Nothing is outstanding on it.
  void remove_port(PortId port);
  void clear() {
    remotes_.clear();
    search_due_ = never;
  }
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
  /// target's window, or else only in its buffers. Nothing: the command has to wait. With `whom`,
  /// only a path to that member, unless it has fallen silent or is none any more; nothing while it is
  /// suspended, and not silent. `avoided` is a path, by serial number, that is chosen only where no other
  /// would do.
  std::optional<Way> choose(bool within_window, Instant now, const Mac* whom = nullptr,
                            std::optional<std::uint64_t> avoided = {});
  std::optional<Way> find(std::uint64_t serial);
  /// Returns null for a MAC that is no remote target of the device.
  RemoteTarget* find_remote(const Mac& mac);

  void sent(const Way& way, Instant now);
  /// A transmission was taken back, because it was lost or for another reason.
  void withdrawn(const Way& way);
  /// A transmission on this path was answered.
  void answered(const Way& way, Instant now);
  /// A transmission that was sent at `sent` was not answered in time.
  void expired(const Way& way, Instant sent, Instant now);

  /// Returns whether the engine is to discover the device now, because a path is suspect: more and
  /// more rarely, at first every second while another path serves, and every 100 ms while none does.
  bool take_search(Instant now);
  /// Returns whether a path has been silent to discoveries, too, and not only to commands, which may
  /// wait for a slow disk.
  static bool is_absent(const Path& path, Instant now) {
    return path.is_suspect() && now - path.suspect_since >= 2 * silence_interval_min;
  }
  /// Returns when the device is discovered next while no path answers; else never.
  Instant search_due() const { return search_due_; }

 private:
  bool is_open(const Path& path) const { return path.proven && ports_.is_usable(path.port); }
  /// Returns whether none of its paths answers.
  bool is_silent(const RemoteTarget& remote) const;
  /// Returns whether commands may go to it, and one of its paths answers.
  bool is_trusted(const RemoteTarget& remote) const;
  bool is_usable(const RemoteTarget& remote) const;
  Path& next_path(RemoteTarget& remote) const;
  std::optional<Way> choose_in_turn(bool within_window);
  static bool has_room(const RemoteTarget& remote, bool within_window);
  std::uint16_t limit(const RemoteTarget& remote) const;
  std::size_t agreed(const RemoteTarget& remote, const Path& path) const;

  const Parameters& parameters_;
  const PortTable& ports_;
  IdentifyPace& pace_;
  std::vector<RemoteTarget> remotes_;
  std::uint64_t next_serial_ = 0;
  std::size_t turn_ = 0;
  std::vector<Way> ways_;  // what choose() compares
  Profile profile_;
  bool any_suspect_ = false;
  Instant searched_ = Instant::min();
  Duration search_interval_ = search_interval_min;
  Instant search_due_ = never;
};

}  // namespace aoe::initiator
