// A running target: workers that serve LUNs, and the thread that controls them.
//
// Owns everything but the definition it was started from. Its own thread serves no LUN: it waits
// for signals (SIGHUP reads the configuration again, SIGINT and SIGTERM end the process) and for
// the control socket, and notifies systemd.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "base/log.h"
#include "base/privileges.h"
#include "target/admin/configuration.h"
#include "target/admin/control_server.h"
#include "target/admin/image_look.h"
#include "target/admin/lun_change.h"
#include "target/admin/lun_roles.h"
#include "target/admin/metrics_server.h"
#include "target/admin/missing_luns.h"
#include "target/admin/system_call_filter.h"
#include "target/service/definition.h"
#include "target/service/watchdog.h"
#include "target/service/worker.h"

namespace aoe::target {

class Daemon {
 public:
  struct Options {
    Logger log;   // called from any thread
    Trace trace;  // the same; see Service::trace()
    std::string version;
    /// What the definition was read from; null where it came from a command line.
    std::shared_ptr<Configuration> configuration;
    /// A state folder that cannot be used is a warning and not an error.
    bool state_is_optional = false;
    /// A LUN that can't be served, and a named interface that is not there, are errors; else the
    /// others are served, and it is tried again.
    bool is_strict = false;
    /// How long a thread that serves may wait for something before the log says so; 0: for ever.
    std::chrono::milliseconds watchdog{};
    /// As whom it goes on once all is open; nothing: as who started it.
    std::optional<User> user = {};
    /// Makes no system calls but those of system_call_filter.h once all is open.
    bool limits_system_calls = false;
  };

  /// Opens the images, the state, the control socket and the ports, drops the privileges that this takes, and then announces the LUNs. SIGHUP, which the
  /// caller may have blocked, is unblocked once it is waited for. Errors are one line
  /// that begins with the object; nothing was announced and no image was changed then, but a
  /// capture, an overlay or a state folder may have been made.
  static tl::expected<std::unique_ptr<Daemon>, std::string> open(const TargetDefinition& definition,
                                                                 Options options);
  ~Daemon();

  /// Serves until SIGINT or SIGTERM, then makes every disk stable; a second signal ends the
  /// process. Returns false if something failed, which the log then says.
  bool run();
  /// After run(): whether a disk was left that does not answer. The program can then only end by
  /// _exit().
  bool is_stuck() const { return is_stuck_; }

 private:
  /// How long the end of the process waits for disks, and what opens an image for each.
  static constexpr std::chrono::seconds patience{10};

  explicit Daemon(Options options);
  tl::expected<void, std::string> start(const TargetDefinition& definition);
  tl::expected<void, std::string> open_state(const std::string& folder);
  tl::expected<void, std::string> open_servers();
  /// Gives up what only the start has needed: the user, capabilities, system calls.
  tl::expected<void, std::string> give_up_rights();
  tl::expected<void, std::string> become_user(const User& user);
  /// Logs refused system calls, now and whenever there are some.
  void tell_refused_calls();

  /// A LUN that is served.
  struct Present {
    LunDefinition definition;
    std::vector<ImageUse> images;
    ImageIdentity image;
    std::uint64_t sectors;
  };
  /// A LUN that can't be served now: an image, or what clients set, can't be opened.
  struct Failure {
    LunDefinition lun;
    std::string why;
  };
  struct Prepared {
    std::vector<LunChange> changes;  // with new images opened
    std::vector<Failure> failures;
  };

  std::map<Address, Present> served() const;
  /// Returns the change of one LUN to this definition. `present`: what is served at its address; null
  /// where nothing is. `look`: at its images, which are to be opened again; else null.
  static LunChange change_to(const LunDefinition& wanted, const Present* present,
                             const ImageLook* look);
  /// Returns what it takes from what is served to these LUNs. Those with a look open their images
  /// again. Fails where two of them would spoil each other's data: see find_conflicts().
  tl::expected<Prepared, std::string> prepare(const std::vector<LunDefinition>& luns,
                                              const std::map<Address, Present>& served,
                                              const ImageLooks& looks);
  void open_files(Prepared& prepared);
  /// Sets aside the state of another image than the one that will be served. Returns the lines for
  /// the log about that, and about loaded state that keeps clients out.
  std::vector<LogLine> take_state(const LunChange& change) const;
  /// Waits until the present state of all LUNs is in its files. Returns false if that takes too long.
  bool settle_state();
  void apply(std::vector<LunChange> changes);
  void for_each_on_its_worker(std::vector<LunChange>& changes,
                              const std::function<void(LunChange&, Worker&)>& task);
  /// Takes a LUN out that is removed, or replaced by another.
  static void withdraw(LunChange& change, Worker& worker);
  /// Adds a LUN that is new or in the place of another, or changes one.
  void introduce(LunChange& change, Worker& worker) const;
  /// The same while LUNs are served: logs what is opened, and announces it. Returns the changes, a line
  /// each.
  std::vector<std::string> carry_out(std::vector<LunChange> changes);
  /// Tells of LUNs that can't be served, and sees that they are tried again.
  void note_missing(const std::vector<Failure>& failures);
  void try_missing();
  void serve_found(const std::vector<LunDefinition>& found, std::vector<Failure>& failures);
  /// Has the workers keep the ports of LUNs that stand by open, from their next follow() on.
  void keep_ports_open();
  /// Does `ctl role`. Returns the reply.
  std::string show_role(Address lun) const;
  /// Does `ctl promote`. Returns the reply.
  std::string promote(Address lun);
  /// Does `ctl demote`. Replies once nothing more is written to the image.
  void demote(Address lun, const ControlServer::Reply& reply);
  /// The image of a demoted LUN is closed; `error`: of its last flush.
  void demoted(Address lun, const std::string& path, std::error_code error);
  /// Returns why no LUN is served at an address: "e0.2: no such LUN".
  std::string why_not_served(Address lun) const;
  /// Looks at what the images of these LUNs are now.
  static ImageLooks look_at(const std::map<Address, Present>& luns);
  /// Looks at the images of those LUNs whose store stays. Returns what was found at those that are
  /// to be opened again. Adds a line to `kept` for each other that is not what the LUN has open.
  static ImageLooks find_other_images(const std::vector<LunDefinition>& wanted,
                                      const std::map<Address, Present>& served,
                                      std::vector<std::string>& kept);
  /// Looks at the image of a LUN for `ctl resize` or `ctl reopen`. Error: why that is not to be done.
  static tl::expected<ImageLook, std::string> look_for(ControlCommand command, const Present& lun);
  /// Reads the configuration again, and looks at the images of what is served. Returns the changes,
  /// a line each. Fails where an image can't be opened, unless that was missing before.
  tl::expected<std::vector<std::string>, std::string> reload();
  /// Changes what is served to this definition. `looks`: at images that are to be opened again. Returns
  /// the changes, a line each. Fails where an image can't be opened, unless that was missing before.
  tl::expected<std::vector<std::string>, std::string> become(
      const TargetDefinition& wanted, const std::map<Address, Present>& served,
      const ImageLooks& looks);
  /// Does `ctl add`, `set` or `remove`. Returns the reply.
  std::string edit_lun(const ControlRequest& request);
  /// Returns why a request can't edit its LUN. Empty for nothing.
  std::string why_not_edited(const ControlRequest& request) const;
  /// The same; the log says them, too.
  tl::expected<std::vector<std::string>, std::string> reload_and_log();

  Worker& worker_of(Address address);

  void run_loop();
  void answer(const ControlRequest& request, const ControlServer::Reply& reply);
  void carry_out(const ControlRequest& request, const ControlServer::Reply& reply);
  /// Does `ctl resize` or `ctl reopen`. Returns the reply.
  std::string resize_or_reopen(const ControlRequest& request);
  /// Edits what clients set, if it is asked to, and replies with the result once that is stable.
  void edit_and_show(const ControlRequest& request, const ControlServer::Reply& reply);
  /// `since_cleared`: for a person, counts from the last `ctl clear-stats` on.
  TargetReport report(bool since_cleared = false);
  /// Returns what is said of the interfaces that LUNs name and that are not there.
  std::vector<std::string> absent_interfaces() const;
  /// Does `ctl trace`. Returns the reply.
  std::string show_requests(const ControlRequest& request);
  void wait_for_signals();
  void wait_for_reload();
  void look_after();
  static void tell_systemd(const std::string& state);

  const Options options_;
  const Instant started_;
  TargetDefinition definition_;
  std::unique_ptr<StateFiles> state_;
  std::vector<std::string> made_;  // files that the start has made, for a user to have
  std::unique_ptr<Recording> recording_;
  MemoryReserve reserve_;
  std::unique_ptr<RequestMemory> memory_;
  std::unique_ptr<PollLoop> background_;
  std::thread background_thread_;
  FormerLuns former_luns_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Watchdog> watchdog_;
  LunRoles roles_;
  std::map<Address, std::vector<ControlServer::Reply>> demoting_;  // who waits for that
  MissingLuns missing_;
  std::map<Address, std::weak_ptr<const void>>
      looking_;  // looks at their images that are under way

  boost::asio::io_context loop_{1};
  boost::asio::signal_set ending_{loop_};
  boost::asio::signal_set reloading_{loop_};
  boost::asio::steady_timer look_after_timer_{loop_};
  boost::asio::steady_timer missing_timer_{loop_};
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<MetricsServer> metrics_;
  bool is_stuck_ = false;
  std::unique_ptr<SystemCallFilter> filter_;
  boost::asio::posix::stream_descriptor refused_calls_{loop_};  // a duplicate of the filter's
};

}  // namespace aoe::target
