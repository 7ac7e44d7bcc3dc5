#include "initiator/mount/mount.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/descriptor.h"
#include "initiator/mount/file_system.h"

namespace aoe::initiator {
namespace {

/// Opens the devices that are to be there when the files are. Throws Failed when one does not come up
/// in time.
std::vector<Disk> open_all(boost::asio::io_context& loop, Client& client,
                           const MountOptions& mount) {
  std::vector<Disk> disks;
  std::optional<Failed> failure;
  for (const Address device : mount.devices) {
    client.async_open(device, mount.limit, [&, device](boost::system::error_code error, Disk disk) {
      if (error && !failure) {
        failure.emplace(
            fmt::format("{} within {} s", client.why_not_up(device), mount.limit.count()));
      }
      disks.push_back(std::move(disk));
    });
  }
  while (disks.size() < mount.devices.size() && !failure) loop.run_one();
  if (failure) throw Failed(*failure);
  return disks;
}

/// Serves until the mount ends. Returns the exit status; throws Failed when it can't begin. `ready`
/// is called once the files are there.
int serve(const CommandOptions& options, const MountOptions& mount,
          const std::function<void()>& ready) {
  Log log(
      {.program = "aoe-initiator", .level = options.verbose ? LogLevel::debug : mount.log_level});
  Trace trace;
  if (options.trace) {
    trace = Trace([&log](std::string_view line) { log.trace(line); }, monotonic_now());
  }
  boost::asio::io_context loop;
  Client client = or_fail(Client::open(loop, {.interfaces = options.interfaces,
                                              .wait_for_interfaces = true,
                                              .parameters = options.parameters,
                                              .trace = trace}));
  std::vector<Disk> open = open_all(loop, client, mount);
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM, SIGHUP);
  FileSystem files(loop, std::move(client), options.interfaces, mount.ownership, std::cref(log));
  open.clear();  // it has opened them itself, to read their partitions
  const auto begin = [&] {
    ready();  // a daemon leaves its terminal first
    log.start();
    log(LogLevel::info, fmt::format("mounted on {}", mount.folder));
  };
  const auto mounted = files.mount(mount.folder, mount.allow_other, mount.devices, begin,
                                   [&signals] { signals.cancel(); });
  if (!mounted) throw Failed(mounted.error());
  const std::function<void(const boost::system::error_code&, int)> signalled =
      [&](const boost::system::error_code& error, int) {
        if (error) return;
        ::sd_notify(0, "STOPPING=1");
        signals.async_wait(signalled);
        files.unmount();
      };
  signals.async_wait(signalled);
  loop.run();
  if (files.close()) return 0;
  log(LogLevel::error, fmt::format("{}: could not be unmounted", mount.folder));
  return exit_failure;
}

/// A daemon has no terminal and no folder of its own.
void leave_terminal() {
  const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(null.get(), stream);
  }
  const int moved = ::chdir("/");
  static_cast<void>(moved);
}

/// Returns in the parent, when the daemon serves or has failed.
int serve_as_daemon(const CommandOptions& options, const MountOptions& mount) {
  complain_of_unmatched(options.interfaces);  // the daemon says it in dev/etherd/err alone
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Failed(last_error().message());
  Descriptor parent(ends[0]);
  Descriptor child(ends[1]);
  const pid_t daemon = ::fork();
  if (daemon < 0) throw Failed(last_error().message());
  if (daemon == 0) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // until it serves, it ends with the command
    const auto ready = [&child] {
      ::prctl(PR_SET_PDEATHSIG, 0);
      leave_terminal();
      const ssize_t written = ::write(child.get(), "", 1);
      static_cast<void>(written);  // the parent may have ended
      child = Descriptor();
    };
    int status = 0;
    try {
      status = serve(options, mount, ready);
    } catch (const Failed& failure) {
      complain(failure.what());
      status = exit_failure;
    }
    std::fflush(nullptr);
    ::_exit(status);
  }
  child = Descriptor();
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(parent.get(), &byte, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 ? 0 : exit_failure;  // the child has reported why
}

}  // namespace

int mount_command(const CommandOptions& options, const MountOptions& mount) {
  if (mount.daemon) return serve_as_daemon(options, mount);
  return serve(options, mount, [] { ::sd_notify(0, "READY=1"); });
}

}  // namespace aoe::initiator
