// A thread that serves LUNs: its own event loop, ports, disk queue and Service, sharing nothing
// with other workers. A LUN's address decides which worker serves it, and the kernel hands a worker
// the frames of its LUNs only. Where the thread would wait for a disk, another takes its place
// (store/handover.h): at any time one thread serves.
//
// Made, filled and stopped by the Daemon's thread, which in between reaches it through ask() or
// post(). A LUN that is removed is off the wire at once; its disk is made stable and closed in the
// background, however long that takes. Logs what an administrator should know: ports that come,
// change and go, disks that fail, frames that are lost, clients that are not admitted, other targets
// at the same address.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "base/line_limit.h"
#include "base/log.h"
#include "target/service/definition.h"
#include "target/service/former_luns.h"
#include "target/service/recording_port.h"
#include "target/service/report.h"
#include "target/service/service.h"
#include "target/service/state_change.h"
#include "target/service/state_files.h"
#include "target/store/disk_queue.h"
#include "target/store/handover.h"
#include "target/store/store.h"
#include "wire/live_ports.h"
#include "wire/poll_loop.h"

namespace aoe::target {

class Worker final : LivePorts::User, StateKeeper {
 public:
  /// What all workers share; outlives them.
  struct World {
    Logger log;                         // called from any thread
    Trace trace;                        // the same
    const StateFiles* state = nullptr;  // null: state ends with the process
    PollLoop* background = nullptr;     // runs what waits for a disk
    Recording* recording = nullptr;     // null: traffic is not recorded
    RequestMemory* memory = nullptr;    // null: requests may take as much as they like
    FormerLuns* former = nullptr;       // not null
    Wildcards wildcards = Wildcards::all;
    LivePorts::MtuLimits mtu_limits{};
  };

  Worker(const World& world, unsigned share, unsigned shares, PollLoop::Idle idle);
  /// Stopped, or never started.
  ~Worker();

  // For the stores of its LUNs.

  const PollLoop& loop() const { return loop_; }
  DiskQueue& queue() { return *queue_; }
  Handover& handover() { return handover_; }

  /// Opens the ports that its LUNs need; nothing is announced there yet. `missing`: what becomes of an
  /// interface that is named and not there. Errors: of LivePorts::open().
  tl::expected<void, std::string> open_ports(LivePorts::Missing missing);
  /// Announces its LUNs and serves them.
  void start();
  /// Removes all LUNs, and ends the thread once every disk is stable and closed, or after
  /// `patience`. Returns false if a disk could not be made stable, now or when its LUN was removed;
  /// the log says which.
  bool stop(std::chrono::milliseconds patience);
  /// After stop(): whether a disk was left that still does not answer. The program can then only
  /// end by _exit().
  bool is_stuck() const { return is_stuck_; }

  /// Runs a task on the worker's thread, once that runs.
  void post(std::function<void()> task) { loop_.post(std::move(task)); }
  /// Runs a task on the worker's thread, or on the caller's while that does not run, and waits until
  /// it is done. Throws what it throws.
  void ask(const std::function<void()>& task);

  // On the worker's thread, or while that does not run.

  void add(std::unique_ptr<ServedLun> lun);
  /// Called on the worker's thread once the disk of a removed LUN is closed, with the error of its last
  /// flush.
  using Closed = std::function<void(std::error_code)>;
  /// Removes a LUN; its disk is made stable and closed in the background.
  void remove(Address address, Closed closed = {});
  /// Replaces the interfaces for which ports are open beside those of its LUNs: a LUN that stands by is
  /// to find them open when it is promoted. `defaults`: also those that a LUN has that names none.
  void keep_open(LivePorts::Wanted interfaces) { kept_open_ = std::move(interfaces); }
  /// LUNs were added, changed or removed since open_ports(): opens and closes ports as they need,
  /// and announces the given ones.
  void follow(const std::vector<Address>& to_announce);

  Service& service() { return service_; }
  /// Adds its LUNs and ports to the report. Ports of several workers on one interface become one.
  /// `since_cleared`: counts from the last clear_counters() on.
  void report(TargetReport& report, bool since_cleared) const;
  /// Adds the clients of its LUNs.
  void report(ClientsReport& report) const;
  /// Has reports that want it count from now on, and forgets all clients.
  void clear_counters();
  /// Returns the lines of the request log of a LUN from number `from` on; nothing: from now on, which begins
  /// the log. Nothing where there is no such LUN.
  std::optional<RequestLog::Lines> request_lines(Address lun, std::optional<std::uint64_t> from);
  /// Tries ports again that could not be opened; ends request logs that nobody has read for a while. Logs what has happened since the last call: frames
  /// that ports have lost, lines about LUNs that were left out, and once a minute at most for each
  /// LUN, requests that it was not allowed to answer and answers of other targets; once, what is
  /// wrong with a store even if no operation fails, and that it is over.
  void look_after();
  /// Logs what clients or an administrator have set in a LUN.
  void log_change(ServedLun& lun, const StateChange& change);

 private:
  struct OpenPort;
  struct Retirement;

  void save(Address lun, const LunState& state, Done done) override;
  /// Saves what waits. On the background thread.
  void save_waiting();
  void port_opened(PacketPort& port) override;
  void port_readable(PacketPort& port) override;
  void port_changed(PacketPort& port) override;
  void port_closing(PacketPort& port) override;
  void port_trouble(const std::string& what) override;
  void port_missing(const std::string& what) override;
  void port_is_deaf(const std::string& what) override;
  void interface_left_out(const std::string& what) override;

  /// Whether the port has room for a reply.
  static bool has_room(const PacketPort& port);
  /// Goes on with replies to wildcards, announcements and delayed operations, until there are no more.
  void go_on();
  LivePorts::Wanted wanted_interfaces() const;
  void log_losses();
  void log_strangers(ServedLun& lun) const;
  void log_trouble(ServedLun& lun) const;
  /// Logs the line that `line` makes, unless the limit leaves it out.
  void log_limited(LineLimit& limit, LogLevel level, const std::function<std::string()>& line);
  void retry_ports();
  /// Logs that a disk does not answer, and that it does again.
  void log_wait(ServedLun& lun);
  void log_failure(ServedLun& lun, const PendingReply& pending, std::error_code error);
  void serve();
  void take_over(Handover::Loan loan);
  void returned(Handover::Loan loan);
  /// Sends what stores have finished, and sees to removed LUNs.
  void settle();
  void close(Retirement& retired);
  void forget(Retirement& retired);

  const World world_;
  const unsigned share_;
  PollLoop loop_;
  Descriptor pause_;  // a timerfd: go_on() is called again after a pause
  bool is_going_on_ = false;
  bool will_go_on_ = false;  // a task of the loop calls go_on()
  std::unique_ptr<DiskQueue> queue_;
  Handover handover_;
  std::map<Handover::Loan, DiskQueue::Delivery> interrupted_;
  Service service_;
  LivePorts live_ports_;
  LivePorts::Wanted kept_open_;
  std::map<const PacketPort*, OpenPort> ports_;
  std::vector<PacketPort*>
      full_;  // of them: those that have no room, and are not read until they do
  std::list<Retirement> retiring_;
  std::vector<Retirement*> flushed_;  // of them: those whose disk is to be closed
  std::function<void()> on_all_retired_;
  bool may_announce_ = false;  // everything is open
  bool all_stable_ = true;     // the last flush of every disk has succeeded
  bool is_stuck_ = false;
  std::mutex saves_guard_;
  std::vector<StateFiles::Saved> saves_;  // that wait for the background thread, which takes all
  std::vector<Done> saves_done_;          // of each
};

}  // namespace aoe::target
