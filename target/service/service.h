// Serves LUNs on frame ports: what aoe-target does between receiving a frame and sending its reply.
//
// Owns the LUNs and their stores. Knows ports, stores, the keeper of state and the clock by their
// interfaces only, so the same code runs over real interfaces and over a simulated link. One
// thread, no waiting.
//
// Where a store answers at once nothing is allocated per frame, and sector data moves once: from
// the store to the port, or from the request into the store. Otherwise each operation takes a
// job from a pool, with a copy of the data; a LUN has at most four times its buffer count of them
// in flight, and drops what exceeds that, as AoE lets it.
//
// A reply that says that something was set (config string, mask list, reservation) is held until
// the keeper has made it stable; what could not be made stable is undone, and refused.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/instant.h"
#include "target/lun/lun.h"
#include "target/service/counters.h"
#include "target/store/store.h"
#include "wire/frame_port.h"

namespace aoe::target {

/// Makes what clients set stable.
class StateKeeper {
 public:
  /// Called once for each save, perhaps from within save().
  using Done = std::function<void(std::error_code)>;
  /// Keeps the state of a LUN; on success it survives a crash of the machine.
  virtual void save(Address lun, const LunState& state, Done done) = 0;

 protected:
  ~StateKeeper() = default;
};

class Service {
 public:
  using Clock = std::function<Instant()>;
  /// Is the LUN of these options served on a port?
  using Admission = std::function<bool(const LunOptions&)>;

  /// Without a clock no latency is measured; without a keeper, what is set lasts as long as the
  /// service.
  explicit Service(Clock clock = {}, StateKeeper* keeper = nullptr);
  ~Service();

  /// LUNs may be added at any time, each at an address of its own. `state` is what an earlier life
  /// of the LUN has left.
  void add(const LunOptions& options, std::unique_ptr<Store> store,
           const std::optional<LunState>& state = std::nullopt);
  /// Takes a LUN out, once its operations are done (this may block), and gives its store back.
  std::unique_ptr<Store> remove(Address address);
  /// Changes the options of a LUN whose disk stays what it is.
  void change(const LunOptions& options);
  /// Sets state as a client would: `edit` changes it, and `done` hears when it is stable. False:
  /// there is no such LUN.
  bool set_state(Address address, const std::function<void(LunState&)>& edit,
                 StateKeeper::Done done);

  /// From here on, the LUNs that `admission` names are served on this port. A port that was not
  /// attached serves all.
  void attach(FramePort& port, Admission admission);
  /// Whether reads may be sent from where a store has them; a port that looks at what it sends must
  /// not be given such. They may unless told.
  void send_from_store(bool may) { may_send_from_store_ = may; }
  /// `port` is about to go: replies still due on it are dropped.
  void forget(FramePort& port);
  /// LUNs or their options changed: asks each port's admission again.
  void admit_again();

  /// Handles the frames that wait at `port`, in batches until one is not full, and sends the
  /// replies. Replies to operations that a store finishes later go out by the port their request
  /// came in by. An event loop with other things to do gives `frames_max`; true: it was reached,
  /// and more frames are likely to wait.
  bool serve(FramePort& port, std::size_t frames_max = std::numeric_limits<std::size_t>::max());

  /// Sends the replies to operations that stores have finished: called after they were reaped.
  void settle();

  /// Announces the LUNs of `port` there (when it comes up, or its MAC or MTU changed).
  void announce(FramePort& port);
  /// Announces one LUN on all attached ports that serve it and are up (when it is new, or changed).
  void announce(Address address);

  /// Hears of every operation that a store failed, from within the call that finds it.
  using Trouble = std::function<void(Address, const DiskWork&, std::error_code)>;
  void on_trouble(Trouble trouble) { trouble_ = std::move(trouble); }

  /// One LUN, for whoever shows it; good until it is removed.
  struct View {
    const Lun& lun;
    Store& store;
    const LunCounters& counters;
  };
  std::vector<View> luns() const;

  /// All LUNs together, and those that are gone.
  LunCounters counters() const;
  /// Of one port; of all.
  EdgeCounters edge_counters(const FramePort& port) const;
  EdgeCounters edge_counters() const;

 private:
  struct Served;
  struct PortTable;
  struct Held;
  class Job;

  PortTable& table(FramePort& port);
  void admit(PortTable& table);
  static void admit(PortTable& table, Served& served);
  Served* find(Address address) const;

  using Decoded = tl::expected<Frame, Reject>;
  static void fetch_ahead(const Decoded& frame, const PortTable& table);
  void handle(const Decoded& frame, PortTable& table, const Link& link);
  void handle(Served& served, const Frame& request, FramePort& port, const Link& link);
  void perform(Served& served, const DiskWork& work);
  bool send_from_store(Served& served, const DiskWork& work);
  void read_again(Served& served, const DiskWork& work, FramePort& port);
  void begin(Served& served, const DiskWork& work, FramePort& port, const Link& link);
  void finished(Job& job, std::error_code error);
  void count(Served& served, const DiskWork& work, const std::error_code& error);
  void count(Served& served, const ReplyReady& reply);

  void hold(Served& served, FramePort& port, Bytes reply);
  void save(Served& served);
  void saved(std::uint64_t lun_id, std::uint64_t revision, std::error_code error);
  void release(Served& served, std::error_code error);

  void make_room(FramePort& port, const Link& link);
  MutableBytes next_head() { return heads_[queued_count_]; }
  MutableBytes next_frame();
  void queue(Served* served, const Outgoing& reply);
  void queue_copy(Served* served, Bytes frame);
  void send_queued(FramePort& port);
  void announce(Served& served, FramePort& port, const Link& link);
  Instant now() const { return clock_ ? clock_() : Instant{}; }

  const Clock clock_;
  StateKeeper* const keeper_;
  Trouble trouble_;
  std::vector<std::unique_ptr<Job>> jobs_;  // outlive the stores, which may hold their operations
  std::vector<Job*> free_jobs_;
  std::vector<Job*> finished_jobs_;  // whose replies are due
  std::vector<std::unique_ptr<Served>> luns_;
  std::vector<Served*> started_;  // whose stores have operations to submit
  std::map<const FramePort*, std::unique_ptr<PortTable>> ports_;
  LunCounters gone_luns_;
  EdgeCounters gone_ports_;
  std::uint64_t next_id_ = 0;
  bool may_send_from_store_ = true;

  // The batch that is being handled.
  Instant received_{};
  std::vector<Decoded> decoded_;
  std::size_t reply_size_ = 0;         // the longest reply, on the links seen so far
  std::vector<std::uint8_t> scratch_;  // where a LUN makes a reply
  // Heads of replies, close together; replies that are longer have a place in frames_.
  static constexpr std::size_t head_size = 64;
  alignas(head_size) std::array<std::array<std::uint8_t, head_size>, batch_size> heads_{};
  std::vector<std::uint8_t> frames_;
  std::array<Outgoing, batch_size> queued_;
  std::array<Served*, batch_size> queued_for_{};
  std::size_t queued_count_ = 0;
  /// Replies whose data is sent from where the store has it, and what to do where that fails.
  struct FromStore {
    std::size_t place;  // in the batch
    DiskWork work;
    bool unreadable;
  };
  std::array<FromStore, batch_size> from_store_{};
  std::size_t from_store_count_ = 0;
};

}  // namespace aoe::target
