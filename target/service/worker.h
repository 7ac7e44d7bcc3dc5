// A thread that serves LUNs: its own event loop, ports, disk queue and Service, sharing nothing
// with other workers. A LUN's address decides which worker serves it, and the kernel hands a worker
// the frames of its LUNs only.
//
// Made, filled and stopped by the Daemon's thread, which in between reaches it through ask() or
// post(). Logs what an administrator should know: ports that come, change and go, disks that fail,
// frames that are lost.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <tl/expected.hpp>

#include "base/line_limit.h"
#include "base/log.h"
#include "target/service/definition.h"
#include "target/service/recording_port.h"
#include "target/service/report.h"
#include "target/service/service.h"
#include "target/service/state_change.h"
#include "target/service/state_files.h"
#include "target/store/disk_queue.h"
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
  };

  Worker(const World& world, unsigned share, unsigned shares, PollLoop::Idle idle);
  /// Stopped, or never started.
  ~Worker();

  /// For the stores of its LUNs.
  DiskQueue& queue() { return *queue_; }

  /// Opens the ports that its LUNs need. Errors: of LivePorts::open().
  tl::expected<void, std::string> open_ports();
  void start();
  /// Ends the thread, and makes every disk stable. Returns the failures, a line each.
  std::vector<std::string> stop();

  /// Runs a task on the worker's thread, once that runs.
  void post(std::function<void()> task) { loop_.post(std::move(task)); }
  /// Runs a task on the worker's thread, or on the caller's while that does not run, and waits until
  /// it is done.
  void ask(const std::function<void()>& task);

  // On the worker's thread, or while that does not run.

  void add(std::unique_ptr<ServedLun> lun);
  /// Removes a LUN; its disk is made stable in the background.
  void remove(Address address);
  /// LUNs were added, changed or removed since open_ports(): opens and closes ports as they need,
  /// and announces the given ones.
  void follow(const std::vector<Address>& to_announce);

  Service& service() { return service_; }
  /// Adds its LUNs and ports to the report. Ports of several workers on one interface become one.
  void report(TargetReport& report) const;
  /// Logs what ports have lost since the last call, and how many lines about LUNs were left out.
  void log_losses();
  /// Logs what clients or an administrator have set in a LUN.
  void log_change(ServedLun& lun, const StateChange& change);

 private:
  struct OpenPort;
  struct Retirement;

  void save(Address lun, const LunState& state, Done done) override;
  void port_opened(PacketPort& port) override;
  void port_readable(PacketPort& port) override;
  void port_changed(PacketPort& port) override;
  void port_closing(PacketPort& port) override;
  void port_trouble(const std::string& what) override;

  std::vector<std::string> patterns() const;
  /// Logs the line that `line` makes, unless the limit leaves it out.
  void log_limited(LineLimit& limit, LogLevel level, const std::function<std::string()>& line);
  void log_failure(ServedLun& lun, const PendingReply& pending, std::error_code error);
  std::unique_ptr<Store> take_out(Address address);
  /// Closes the stores of removed LUNs that are stable, so that another process may have the disks.
  void close_retired();

  const World world_;
  const unsigned share_;
  PollLoop loop_;
  std::unique_ptr<DiskQueue> queue_;
  Service service_;
  LivePorts live_ports_;
  std::map<const PacketPort*, OpenPort> ports_;
  std::vector<std::unique_ptr<Retirement>> retiring_;
  std::thread thread_;
};

}  // namespace aoe::target
