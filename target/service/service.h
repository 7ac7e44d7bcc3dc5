// Serves LUNs on frame ports: what aoe-target does between receiving a frame and sending its reply.
//
// Owns the LUNs (served_lun.h) and their stores. Knows ports, stores, the keeper of state and the
// clock by their interfaces only, so the same code runs over real interfaces and over a simulated
// link. One thread, no waiting. A request's way:
//
// 1. serve() receives a batch of frames, decodes them, and lets the stores fetch ahead;
// 2. handle() finds the LUNs that each frame addresses (port_table.h);
// 3. answer() asks the LUN (lun.h), which gives a reply, silence, or an operation for its store;
// 4. carry_out() has the store do an operation at once; where that would wait for a disk, it becomes a
//    job (jobs.h), whose reply settle() sends later (service_jobs.cc);
// 5. send_batch() sends the replies of the batch together (reply_batch.h).
//
// Where a store answers at once nothing is allocated per frame, and sector data moves once: from
// the store to the port, or from the request into the store. A job has a copy of the data. A LUN
// has at most four times its buffer count of jobs in flight, and all of them have as much memory as
// request_memory.h allows; a request beyond that is dropped, as AoE allows. A reply that says that something was set waits until that is stable (held_state.h).
// A wildcard that addresses more than a few LUNs is answered by and by, in go_on() (fan_outs.h).
// An operation beyond a limit of its LUN or client (rate_limit.h) becomes a job that go_on() starts
// when it is due, or is dropped; what needs no operation, such as discovery, has no limit.
//
// Where an allocation fails, the frame that needs it is dropped and counted. What a store allocates in
// the middle of an operation is not survived, for nobody could say what of it was done.
//
// A store may let the thread wait all the same, and another take over (store/handover.h): that
// calls take_over() and resume(), and the request that the first thread was in the middle of
// becomes a job, which starts when that thread has returned.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/instant.h"
#include "target/lun/lun.h"
#include "target/service/client_limits.h"
#include "target/service/client_table.h"
#include "target/service/counters.h"
#include "target/service/definition.h"
#include "target/service/fan_outs.h"
#include "target/service/held_state.h"
#include "target/service/jobs.h"
#include "target/service/port_table.h"
#include "target/service/reply_batch.h"
#include "target/service/request_memory.h"
#include "target/service/served_lun.h"
#include "target/service/timed_trace.h"
#include "target/store/handover.h"
#include "target/store/store.h"
#include "wire/frame_port.h"

namespace aoe::target {

class Service {
 public:
  using Clock = std::function<Instant()>;
  using Admission = PortTable::Admission;

  /// Without a clock no latency is measured, lines of the trace have the time 0, and there may be no
  /// limits. Without a keeper, what clients set lasts as long as the service.
  /// `memory`: what jobs may take; without it, there is no bound.
  explicit Service(Clock clock = {}, StateKeeper* keeper = nullptr,
                   RequestMemory* memory = nullptr);

  /// Writes a line for each decision from here on: service.cc lists them.
  void trace(Trace trace) { trace_.trace = std::move(trace); }

  /// Adds a LUN, at any time, at an address of its own.
  ServedLun& add(std::unique_ptr<ServedLun> lun);
  ServedLun& add(const LunOptions& options, std::unique_ptr<Store> store,
                 const std::optional<LunState>& state = std::nullopt) {
    return add(std::make_unique<ServedLun>(options, std::move(store), state));
  }
  /// Takes a LUN out: it is off the wire at once, and requests that its store has not begun are
  /// dropped. `drained` gets it once its store has no operation left, from within this call or
  /// within settle(); until then its store must be driven as before.
  using Drained = std::function<void(std::unique_ptr<ServedLun>)>;
  void remove(Address address, Drained drained);
  /// Takes a LUN off the wire: no new request reaches it, and what it has under way is done and
  /// answered. admit_again() brings it back.
  void silence(Address address);
  /// Changes the options of a LUN; its size and its store stay.
  void change(const LunOptions& options);
  /// Sets state as a client does; `done` is called when it is stable. Returns false where there is
  /// no such LUN.
  bool set_state(Address address, const LunState& state, StateKeeper::Done done);

  /// Serves on this port the LUNs that `admission` admits. A port that was not attached serves all.
  void attach(FramePort& port, Admission admission);
  /// Sets whether reads may be sent from where a store has them, as is the default. Not for a port
  /// that reads what it sends.
  void send_from_store(bool may) { may_send_from_store_ = may; }
  /// Sets which requests may have a wildcard, as all may by default. The others are ignored.
  void admit_wildcards(Wildcards which) { wildcards_ = which; }
  /// Replaces the limits of clients; each LUN has its own in ServedLun::limiter.
  void limit_clients(const ClientLimits& limits) { client_limiters_.set(limits); }
  /// `port` is about to go: replies still due on it are dropped.
  void forget(FramePort& port);
  /// LUNs or their options changed: asks each port's admission again.
  void admit_again();

  /// Handles the frames that wait at `port`, in batches until one is not full, and sends the
  /// replies; those to jobs go out later by the same port. Takes no more frames than the port has
  /// room for replies to, and returns true where it has none left, or `frames_max` was reached, so
  /// that more frames are likely to wait.
  bool serve(FramePort& port, std::size_t frames_max = std::numeric_limits<std::size_t>::max());

  /// When go_on() is to be called again: not until serve() was; later, after about a millisecond,
  /// because no port has room for replies or operations are delayed; or soon, once frames that wait
  /// have had their turn.
  enum class Due : std::uint8_t { none, later, soon };
  /// Starts delayed operations that are due, and goes on with announcements and with the replies to
  /// wildcards: a few on each port, and a few of one request.
  Due go_on();

  /// Submits what was started, and sends the replies to jobs that are done: called after stores
  /// were reaped.
  void settle();

  // For a thread that takes over from one that waits in a store (store/handover.h).

  void take_over(Handover::Loan loan);
  /// Goes on with what the former thread has left: called once, before anything else.
  void resume();
  /// The former thread's wait is over: begins its request again.
  void returned(Handover::Loan loan);

  /// Announces the LUNs of `port` there (when it comes up, or its MAC or MTU changed): a few at once,
  /// the others in go_on(), as the port has room.
  void announce(FramePort& port);
  /// Announces one LUN in the same way on all ports that serve it and are up (when it is new, or
  /// changed).
  void announce(Address address);

  /// Called for every operation that a store failed, from within the call that finds it.
  using Trouble = std::function<void(ServedLun&, const PendingReply&, std::error_code)>;
  void on_trouble(Trouble trouble) { trouble_ = std::move(trouble); }

  /// Called after a request of a client has changed what is set in a LUN, from within serve().
  using Changed = std::function<void(ServedLun&, const Frame& request)>;
  void on_change(Changed changed) { changed_ = std::move(changed); }

  const ServedLuns& luns() const { return luns_; }
  /// Returns the LUN at an exact address, or null.
  ServedLun* find(Address address) const;

  /// What each client has asked.
  const ClientTable& clients() const { return clients_; }
  void forget_clients() { clients_.clear(); }

  /// Returns the sums over all LUNs, removed ones included.
  LunCounters counters() const;
  /// Returns those of one port; the sums over all ports, forgotten ones included.
  EdgeCounters edge_counters(const FramePort& port) const;
  EdgeCounters edge_counters() const;

 private:
  using Decoded = tl::expected<Frame, Reject>;

  PortTable& table(FramePort& port);
  static void fetch_ahead(const Decoded& frame, const PortTable& table);
  void handle_batch();
  void handle(Bytes bytes, const Decoded& frame);
  void drop_for_want_of_memory();
  void note_foreign_answer(const Frame& response, PortTable& table);
  void begin_fan_out(Bytes bytes, const Frame& request, PortTable& table);
  void reject(const Reject& reject, const Decoded& frame, PortTable& table) const;
  void answer(ServedLun& served, const Frame& request, FramePort& port, const Link& link);
  void carry_out(ServedLun& served, const PendingReply& pending, FramePort& port, const Link& link);
  std::optional<Instant> due_within_limits(ServedLun& served, const PendingReply& pending);
  Due start_due();
  Due go_on_with_wildcards();
  bool answer_some(FanOut& turn, PortTable& here);
  void reply(ServedLun& served, const ReplyReady& ready, FramePort& port);
  bool perform(ServedLun& served, const PendingReply& pending);
  void tell_drop(const ServedLun& served, const PendingReply& pending, std::string_view why) const;
  void delay(Job& job, Instant due);
  void start(Job& job);
  void start_due_of(ServedLun& served, Instant now);
  void start_ready(ServedLun& served);
  void give_back_drained();
  void begin(ServedLun& served, const PendingReply& pending, FramePort& port, const Link& link,
             Instant due = {});
  void count(ServedLun& served, const ReplyReady& ready, Bytes reply);
  static void count_bytes(ClientCounters& client, const PendingReply& pending);
  void failed(ServedLun& served, const PendingReply& pending, std::error_code error);
  void make_room(FramePort& port, const Link& link);
  void send_batch(FramePort& port);
  void read_again(ServedLun& served, const PendingReply& pending, FramePort& port);
  std::size_t announce(ServedLun& served, FramePort& port, const Link& link);
  Due announce_some(FramePort& port, std::set<Address>& waiting);
  Due go_on_with_announcements();

  StateKeeper* const keeper_;
  TimedTrace trace_;
  Trouble trouble_;
  Changed changed_;
  Jobs jobs_;  // outlive the stores, which may hold their operations
  ServedLuns luns_;
  struct Draining {
    std::unique_ptr<ServedLun> served;
    Drained drained;
  };
  std::vector<Draining> draining_;     // taken out, with operations left
  std::vector<ServedLun*> to_submit_;  // whose stores have operations to submit
  std::vector<ServedLun*> delaying_;   // which have delayed operations
  ClientLimiters client_limiters_;
  ClientTable clients_;
  std::map<const FramePort*, PortTable> ports_;
  FanOuts fan_outs_;
  std::map<FramePort*, std::set<Address>> to_announce_;  // LUNs, on ports that have any
  LunCounters gone_luns_;
  EdgeCounters gone_ports_;
  bool may_send_from_store_ = true;
  Wildcards wildcards_ = Wildcards::all;

  /// The batch that is being handled, and how far.
  struct Progress {
    PortTable* table = nullptr;  // null between batches
    Link link;
    std::size_t frame = 0;             // its index in decoded_
    std::size_t lun = 0;               // among those that the frame addresses: the next one
    std::shared_ptr<const void> kept;  // the frames' memory, once a thread was superseded
  };
  Instant received_{};
  std::array<Bytes, batch_size> frames_;
  std::vector<Decoded> decoded_;
  Progress at_;
  ReplyBatch batch_;

  /// What a store is asked to do at once, while it is.
  struct Asked {
    ServedLun* served = nullptr;
    const PendingReply* pending = nullptr;
  };
  Asked asked_;
  std::map<Handover::Loan, Job*> taken_over_;
};

}  // namespace aoe::target
