#include "harness/world/process_initiator.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <new>
#include <optional>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "harness/world/initiator_under_test.h"

namespace aoe::harness {
namespace {

using initiator::IoError;
using initiator::IoKind;

constexpr std::chrono::milliseconds look_interval{20};
constexpr std::chrono::seconds hold_patience{10};
constexpr std::size_t workers_max = 32;  // requests that the file is given at once
constexpr std::align_val_t page{4096};   // what direct I/O asks of memory

/// What an errno of a file stands for.
IoError reason_of(int error, bool is_up) {
  switch (error) {
    case 0: return IoError::none;
    case EINVAL: return IoError::invalid;
    case ENOSPC: return IoError::out_of_range;
    case EOPNOTSUPP: return IoError::unsupported;
    case EIO: return is_up ? IoError::ata_error : IoError::device_down;
    default: return IoError::no_such_device;
  }
}

}  // namespace

/// A request on its way, with memory of its own: who asked may be gone when it is done.
struct ProcessInitiator::Transfer {
  Transfer(const initiator::IoRequest& what, Done whom)
      : request(what),
        done(std::move(whom)),
        size(std::max({what.into.size(), what.from.size(), std::size_t{1}})),
        bytes(static_cast<std::uint8_t*>(::operator new(size, page))) {
    copy(what.from, {bytes, what.from.size()});
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { ::operator delete(bytes, page); }

  const initiator::IoRequest request;
  const Done done;
  const std::size_t size;
  std::uint8_t* const bytes;
  int error = 0;
};

ProcessInitiator::ProcessInitiator(boost::asio::io_context& loop, Address address,
                                   std::function<void(Address)> gave_up)
    : loop_(loop),
      address_(address),
      gave_up_(std::move(gave_up)),
      timer_(loop),
      workers_(workers_max) {}

tl::expected<std::unique_ptr<ProcessInitiator>, std::string> ProcessInitiator::start(
    boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
    NodeIndex node, const Place& place, std::function<void(Address)> gave_up) {
  const Address device = scenario.network.lun(device_of(scenario, node)).address;
  const auto directory = make_initiator_folder(place.folder);
  if (!directory) return tl::unexpected(directory.error());
  const Placeholders values = initiator_placeholders(scenario, device, place, *directory);
  // A path is one word of its own, whatever is in it.
  const auto path = [&](const std::string& text) {
    const auto words = expand(text, values);
    return words && !words->empty() ? words->front() : std::string();
  };
  auto command = expand(implementation.command, values);
  if (!command) return tl::unexpected(command.error());
  if (command->empty()) return tl::unexpected(std::string("no command for the initiator"));
  command->front() = find_program(command->front());

  std::unique_ptr<ProcessInitiator> initiator(
      new ProcessInitiator(loop, device, std::move(gave_up)));
  initiator->files_ = {path(implementation.device), path(implementation.state),
                       path(implementation.discover)};
  auto log = ProgramLog::create(fmt::format("{}/{}", place.folder, place.log));
  if (!log) return tl::unexpected(log.error());
  initiator->log_ = *std::move(log);
  initiator->mount_point_ = *directory;
  auto started = Process::start(*command, *initiator->log_);
  if (!started) return tl::unexpected(started.error());
  initiator->process_ = *std::move(started);
  initiator->look();
  return initiator;
}

ProcessInitiator::~ProcessInitiator() {
  if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) {
    device_.reset();  // a thread may wait for ever for it to be opened
  }
  process_.reset();  // what waits for it fails
  workers_.join();
  ::umount2(mount_point_.c_str(), MNT_DETACH);  // where it did not do so itself
  ::rmdir(mount_point_.c_str());
}

/// Looks at the state every so often, one look at a time.
void ProcessInitiator::look() {
  boost::asio::post(workers_, [this, files = files_] {
    const bool ready = files.discover.empty() || ::access(files.discover.c_str(), F_OK) == 0;
    boost::asio::post(loop_, [this, state = read_state(files), ready] { seen(state, ready); });
  });
}

void ProcessInitiator::note(const std::string& state) {
  const bool was_up = is_up(address_);
  state_ = state;
  if (was_up && !is_up(address_)) gave_up_(address_);
}

void ProcessInitiator::seen(const std::string& state, bool ready) {
  ready_ = ready;
  note(state);
  timer_.expires_after(look_interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

std::string ProcessInitiator::read_state(const Files& files) {
  if (files.state.empty()) {
    struct stat status {};
    return ::stat(files.device.c_str(), &status) == 0 ? "up" : "";
  }
  std::ifstream file(files.state);
  std::string state;
  std::getline(file, state);
  return state;
}

void ProcessInitiator::discover(Address) {
  if (files_.discover.empty()) return;
  boost::asio::post(workers_, [path = files_.discover] {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    (void)!::write(file.get(), "\n", 1);
  });
}

void ProcessInitiator::submit(const initiator::IoRequest& request, Done done) {
  auto transfer = std::make_shared<Transfer>(request, std::move(done));
  boost::asio::post(workers_, [this, transfer] {
    carry_out(*transfer);
    // Who fails a request may have given up the disk: that is known before the request ends.
    std::optional<std::string> state;
    if (transfer->error != 0) state = read_state(files_);
    boost::asio::post(loop_, [this, transfer, state] {
      if (state) note(*state);
      const initiator::IoRequest& request = transfer->request;
      if (transfer->error == 0) copy({transfer->bytes, request.into.size()}, request.into);
      transfer->done({.id = request.id, .error = reason_of(transfer->error, is_up(address_))});
    });
  });
}

/// On a thread, for it may need frames that pass this process, or never end; the loop goes on
/// meanwhile. Returns whether it was done in time.
bool ProcessInitiator::wait_for(std::function<void()> deed) {
  auto done = std::make_shared<bool>(false);
  boost::asio::post(workers_, [this, deed = std::move(deed), done] {
    deed();
    boost::asio::post(loop_, [done] { *done = true; });
  });
  const auto until = std::chrono::steady_clock::now() + hold_patience;
  while (!*done && loop_.run_one_until(until) > 0) {
  }
  return *done;
}

bool ProcessInitiator::open(Address) {
  return wait_for(
             [this] { held_ = Descriptor(::open(files_.device.c_str(), O_RDONLY | O_CLOEXEC)); }) &&
         held_.get() >= 0;
}

/// With all that hold it for requests.
void ProcessInitiator::close(Address) {
  (void)wait_for([this] {
    close_device();
    held_ = Descriptor();
  });
}

void ProcessInitiator::carry_out(Transfer& transfer) {
  const auto device = open_device();
  if (device == nullptr) {
    transfer.error = ENODEV;
    return;
  }
  const initiator::IoRequest& request = transfer.request;
  const auto offset = static_cast<off_t>(request.lba * sector_size);
  const std::size_t size = std::max(request.into.size(), request.from.size());
  ssize_t moved = 0;
  switch (request.kind) {
    case IoKind::read: moved = ::pread(device->get(), transfer.bytes, size, offset); break;
    case IoKind::write: moved = ::pwrite(device->get(), transfer.bytes, size, offset); break;
    case IoKind::flush: moved = ::fsync(device->get()); break;
    case IoKind::trim:
      moved = ::fallocate(device->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                          static_cast<off_t>(request.sectors * sector_size));
      break;
  }
  if (moved < 0) {
    transfer.error = errno;
  } else if (static_cast<std::size_t>(moved) != size) {
    transfer.error = EIO;
  }
  if (transfer.error != 0) close_device();
}

std::shared_ptr<const Descriptor> ProcessInitiator::open_device() {
  const std::lock_guard lock(mutex_);
  if (device_ == nullptr) {
    int file = ::open(files_.device.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (file < 0) file = ::open(files_.device.c_str(), O_RDWR | O_CLOEXEC);
    if (file >= 0) device_ = std::make_shared<const Descriptor>(file);
  }
  return device_;
}

/// A disk that is down may come back to those only who do not hold on to it.
void ProcessInitiator::close_device() {
  const std::lock_guard lock(mutex_);
  device_.reset();
}

}  // namespace aoe::harness
