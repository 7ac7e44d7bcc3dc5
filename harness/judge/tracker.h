// Follows requests and their replies: which request repeats which, which one a reply belongs to,
// and how many wait for an answer at each remote.
//
// One mechanism for a live link, where each frame and each loss is seen (exchanges.h), and for a
// capture, where frames may have been lost unseen (dialogue.h). It judges nothing: send() returns
// what the rules on top need. A retransmission may have a new tag (Linux) or the old one (iPXE); it
// is recognized by its question, which is the same in all transmissions.
//
// Remembers the requests that wait for an answer, and of the others as many as the policy says.
// Allocates nothing per frame once it remembers that many. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "harness/link/ledger.h"

namespace aoe::harness {

/// A hash of which every bit depends on every bit of `value`.
constexpr std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ value >> 27) * 0x94d0'49bb'1331'11eb;
  return value ^ value >> 31;
}

struct MixedHash {
  using is_avalanching = void;
  std::size_t operator()(std::uint64_t key) const { return mixed(key); }
};
/// A map for what is looked up with every frame.
template <class Value>
using FrameMap = boost::unordered_flat_map<std::uint64_t, Value, MixedHash>;

class Tracker {
 public:
  /// Where a request is remembered.
  using Index = std::uint32_t;
  /// A window of requests: the caller's number for a device at a MAC address, counted from 0.
  using Remote = std::uint32_t;
  static constexpr Remote no_remote = ~Remote{};

  struct Policy {
    bool losses_seen;        // else a request or its answer may have been lost unseen
    std::size_t remembered;  // requests without those that wait
    std::size_t most;        // requests with those that wait
    std::size_t waiting;     // requests that wait at a remote; of more, the oldest are given up
    Duration patience;       // a request that waits for longer is given up
  };
  static constexpr std::size_t no_limit = SIZE_MAX;
  static constexpr Policy live{true, 1024, no_limit, no_limit, Duration::max()};
  static constexpr Policy capture{false, 1 << 14, 1 << 18, 4096, std::chrono::seconds(60)};

  struct Request {
    FrameId id = 0;
    std::uint64_t key = 0;       // its sender and tag: a reply finds its request by this
    std::uint64_t question = 0;  // see question_of()
    Remote remote = no_remote;
    std::uint32_t attempt = 1;   // the transmission's number among those of its question
    std::uint32_t arrivals = 0;  // transmissions with this key that the target may answer,
    std::uint32_t answers = 0;   // and the answers to them
    Mac source{};
    bool awaited = true;     // no answer has come, and it was not given up
    bool takes_room = true;  // in the window of its remote
  };

  /// What a request is to those before it.
  struct Sent {
    Index index = 0;
    std::optional<Index> repeats{};       // the transmission before this one
    std::optional<FrameId> tag_holder{};  // another question with this key, which still waits
    bool is_again = false;  // it has the key and the question of one that was answered
    bool adds = false;      // it makes more wait at its remote than before
    bool replaces = false;  // it takes the room of the transmission that it repeats
  };

  Tracker(Ledger& ledger, Policy policy) : ledger_(ledger), policy_(policy) {}

  /// What a request asks for, and `whom`: a number that all its transmissions have in common.
  static std::uint64_t question_of(const LedgerEntry& entry, std::uint64_t whom = 0);

  /// A request was sent. Notes in the ledger which one it repeats. One that is not `awaited` waits
  /// for nothing, and repeats nothing: it may only be answered.
  Sent send(Request request, LedgerEntry& entry);
  /// An answer to the request came. Where losses are seen, one to an earlier transmission leaves
  /// its question open, since its sender waits for the latest.
  void answer(Request& request);
  /// Whatever waits at the remote is given up.
  void abandon(Remote remote);
  /// Unanswered requests take no room any more, until they are sent again.
  void free_room();
  /// What repeats the question next counts as its first transmission. Nothing if it is answered.
  void restart(std::uint64_t question);
  /// The question waits for no answer any more.
  void close(std::uint64_t question);

  /// The latest request with the key; null where none is remembered. Valid until the next send().
  Request* find(std::uint64_t key);
  Request& operator[](Index index) { return requests_[index]; }
  const Request& operator[](Index index) const { return requests_[index]; }
  /// Those that are remembered.
  std::span<const Request> requests() const { return requests_; }
  Index index_of(const Request& request) const {
    return static_cast<Index>(&request - requests_.data());
  }

  bool is_open(std::uint64_t question) const { return open_.contains(question); }
  /// Questions that wait for an answer.
  std::size_t open() const { return open_.size(); }
  /// Requests that take room at a remote, and at all of them and elsewhere.
  std::size_t waiting(Remote remote) const { return waiting_at(remote).size(); }
  std::size_t waiting() const { return waiting_; }
  /// The former, oldest first; valid until the next send() or answer().
  std::span<const Index> waiting_at(Remote remote) const;
  bool has_forgotten() const { return requests_.size() >= policy_.remembered; }
  std::uint64_t retransmissions() const { return retransmissions_; }

 private:
  /// What takes room at a remote, oldest first. The oldest go first as a rule, so that their room in
  /// the list is given up now and then only.
  class Window {
   public:
    std::span<const Index> waiting() const { return std::span(indexes_).subspan(gone_); }
    void add(Index index) { indexes_.push_back(index); }
    void remove(Index index);

   private:
    std::vector<Index> indexes_;
    std::size_t gone_ = 0;  // so many at the beginning wait no more
  };

  const Request* repeated_by(const Request& request, const Request* same_key,
                             const LedgerEntry& entry) const;
  bool holds_tag(const Request& request, Instant now) const;
  bool is_in_time(const Request& request, Instant now) const {
    return now - ledger_[request.id].sent < policy_.patience;
  }
  Index remember(const Request& request);
  Index replace(Index index, const Request& request);
  /// Both return whether a request gave up its room.
  bool open(Index index);
  bool give_room(Index index);

  Ledger& ledger_;
  const Policy policy_;
  std::vector<Request> requests_;  // by Index
  Index next_ = 0;                 // the next that may be forgotten
  FrameMap<Index> keys_{4096};     // the latest request with a key
  FrameMap<Index> open_{4096};     // the latest transmission of an open question
  std::vector<Window> remotes_;
  std::size_t waiting_ = 0;
  std::uint64_t retransmissions_ = 0;
};

}  // namespace aoe::harness
