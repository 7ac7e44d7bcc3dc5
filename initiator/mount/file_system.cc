#include "initiator/mount/file_system.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/check.h"
#include "base/killed.h"
#include "initiator/client/live_session.h"

namespace aoe::initiator {
namespace {

using Kind = Node::Kind;

/// What programs take for the best size to read and write: the most that FUSE moves at once.
constexpr blksize_t block_size = 1 << 20;
/// Requests that the kernel makes for programs that don't wait, of all disks together. What those
/// begin at a silent disk (seldom more than some hundreds) leaves room for the others.
constexpr unsigned background_max = 4096;
/// Of their writes, the data that are kept in memory. What is beyond waits in the kernel.
constexpr std::int64_t kept_max = std::int64_t{512} << 20;
/// How long a mount that ends waits for an answer of any disk.
constexpr std::chrono::milliseconds silence_limit{700};
/// How often it is seen whether those who wait for a disk are killed.
constexpr std::chrono::milliseconds look_interval{100};
constexpr std::chrono::seconds revalidate_limit{3};
constexpr off_t attribute_size = 4096;  // as sysfs says
constexpr std::size_t command_size_max = 4096;

void answer(fuse_req_t request, int error) {
  fuse_reply_err(request, error);
}

void answer(fuse_req_t request, Bytes bytes) {
  fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void answer(fuse_req_t request, const struct stat& attributes) {
  fuse_reply_attr(request, &attributes, 0);
}

void answer(fuse_req_t request, std::string_view text) {
  fuse_reply_buf(request, text.data(), text.size());
}

/// Whether a program that opens a disk like this may want to be told at its close that the file can't
/// stay shorter. To tell it, each close waits for an answer, which even a program that is killed does:
/// so one that both reads and writes is not told.
bool may_shorten(int flags) {
  return (flags & O_ACCMODE) == O_WRONLY || (flags & O_TRUNC) != 0;
}

/// As fuse_reply_open() for the file of a disk; but writes to several places of it are made at the
/// same time, which this version of libfuse can't say.
int reply_open_disk(fuse_req_t request, const fuse_file_info& info) {
  constexpr std::uint32_t parallel_direct_writes = 1 << 6;  // ignored by kernels before 6.2
  fuse_open_out opened{};
  opened.fh = info.fh;
  opened.open_flags = FOPEN_DIRECT_IO | parallel_direct_writes;
  if (!may_shorten(info.flags)) opened.open_flags |= FOPEN_NOFLUSH;
  const iovec reply{&opened, sizeof opened};
  return fuse_reply_iov(request, &reply, 1);
}

}  // namespace

// What libfuse calls. An inode that is no longer there is stale, but for what is open.
struct Operations {
  static FileSystem& fs(fuse_req_t request) {
    return *static_cast<FileSystem*>(fuse_req_userdata(request));
  }

  /// An operation on an inode.
  template <auto operation>
  static constexpr auto on_node = [](fuse_req_t request, fuse_ino_t inode, auto... arguments) {
    const std::optional<Node> node = Node::of(inode);
    if (!node || !is_there(fs(request).shown_.disks(), *node)) return answer(request, ENOENT);
    (fs(request).*operation)(request, *node, arguments...);
  };
  /// An operation on what is open.
  template <auto operation>
  static constexpr auto on_handle = [](fuse_req_t request, fuse_ino_t, auto... arguments) {
    (fs(request).*operation)(request, arguments...);
  };

  static void init(void* user, fuse_conn_info* connection) {
    connection->max_background = background_max;
    connection->congestion_threshold = background_max * 3 / 4;
    // Requests are read into memory, where a write's data stay until they are written.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ);
    FileSystem& self = *static_cast<FileSystem*>(user);
    self.is_served_ = true;
    boost::asio::post(self.loop_, [&self] { self.look_whether_ready(); });
  }
  static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
    if (info == nullptr) return on_node<&FileSystem::getattr>(request, inode, nullptr);
    const FileSystem::SharedHandle& open = fs(request).open_handle(*info);
    fs(request).getattr(request, open->node, open.get());
  }
  static void setattr(fuse_req_t request, fuse_ino_t inode, struct stat* wanted, int which,
                      fuse_file_info* info) {
    if (info == nullptr) {
      return on_node<&FileSystem::setattr>(request, inode, nullptr, wanted, which);
    }
    const FileSystem::SharedHandle& open = fs(request).open_handle(*info);
    fs(request).setattr(request, open->node, open, wanted, which);
  }
  /// Files come and go with their disks, and by nothing else.
  static constexpr auto not_permitted = [](fuse_req_t request, auto...) { answer(request, EPERM); };

  static const fuse_lowlevel_ops& table() {
    static const fuse_lowlevel_ops operations = [] {
      fuse_lowlevel_ops all{};
      all.init = init;
      all.lookup = on_node<&FileSystem::lookup>;
      all.getattr = getattr;
      all.setattr = setattr;
      all.open = on_node<&FileSystem::open>;
      all.release = on_handle<&FileSystem::release>;
      all.opendir = on_node<&FileSystem::opendir>;
      all.releasedir = on_handle<&FileSystem::release>;
      all.readdir = on_handle<&FileSystem::readdir>;
      all.read = on_handle<&FileSystem::read>;
      all.write = on_handle<&FileSystem::write>;
      all.flush = on_handle<&FileSystem::flush>;
      all.fsync = on_handle<&FileSystem::fsync>;
      all.fallocate = on_handle<&FileSystem::fallocate>;
      all.poll = on_handle<&FileSystem::poll>;
      all.mknod = not_permitted;
      all.mkdir = not_permitted;
      all.unlink = not_permitted;
      all.rmdir = not_permitted;
      all.symlink = not_permitted;
      all.rename = not_permitted;
      all.link = not_permitted;
      all.create = not_permitted;
      return all;
    }();
    return operations;
  }
};

FileSystem::FileSystem(boost::asio::io_context& loop, Client client,
                       const std::vector<std::string>& interfaces, const Ownership& ownership,
                       Logger log)
    : loop_(loop),
      client_(std::move(client)),
      log_(std::move(log)),
      ownership_(ownership),
      shown_(loop, *client_,
             {.trouble = [this](const std::string& line) { say(LogLevel::warning, line); },
              .loaded = [this] { look_whether_ready(); }}),
      diagnostics_(loop),
      look_at_outstanding_(loop) {
  settings_.interfaces = interfaces;
  ::clock_gettime(CLOCK_REALTIME, &begun_);
  client_->listen([this](const Event& event) { happened(event); });
  for (const DeviceStatus& device : client_->devices()) {  // before anybody listened
    for (const PathStatus& path : device.others()) {
      say(LogLevel::error,
          fmt::format("{} is another disk at {}: serial \"{}\", {} sectors; it is not used",
                      device.address, path.mac, path.serial, path.disk_sectors));
    }
  }
  client_->listen_for_trouble([this](const std::string& what) { say(LogLevel::error, what); });
  // Who answered before anybody listened.
  for (const DeviceStatus& device : client_->devices()) {
    if (!device.is_up()) continue;
    happened({.kind = Event::Kind::device_up, .device = device.address, .sectors = device.sectors});
  }
}

FileSystem::~FileSystem() = default;

tl::expected<void, std::string> FileSystem::mount(const std::string& folder, bool allow_other,
                                                  std::vector<Address> awaited,
                                                  std::function<void()> ready,
                                                  std::function<void()> ended) {
  awaited_ = std::move(awaited);
  ready_ = std::move(ready);
  auto channel = FuseChannel::mount(loop_, Operations::table(), this, folder, allow_other,
                                    [this, ended = std::move(ended)] {
                                      finish();
                                      ended();
                                    });
  if (!channel) return tl::unexpected(channel.error());
  channel_ = *std::move(channel);
  return {};
}

void FileSystem::look_whether_ready() {
  const bool all_there = std::ranges::none_of(
      awaited_, [this](Address address) { return shown_.is_loading(address); });
  if (is_served_ && all_there && ready_) std::exchange(ready_, nullptr)();
}

void FileSystem::unmount() {
  // Disks that answer are waited for, silent ones not.
  channel_->detach([this, removed = outstanding_.removed(), since = monotonic_now()]() mutable {
    const Instant now = monotonic_now();
    if (std::exchange(removed, outstanding_.removed()) != outstanding_.removed()) since = now;
    return outstanding_.empty() || now - since > silence_limit;
  });
}

/// Everything that waits is answered, and nothing new begins.
void FileSystem::finish() {
  look_at_outstanding_.cancel();
  shown_.let_go();
  client_.reset();
  diagnostics_.finish();
}

// Names and attributes.

void FileSystem::lookup(Request request, const Node& folder, std::string_view name) {
  const std::optional<Node> node = look_up(shown_.disks(), folder, name);
  if (!node) return answer(request, ENOENT);
  fuse_entry_param entry{};
  entry.ino = node->number();
  entry.attr = attributes(*node, extent(*node));
  fuse_reply_entry(request, &entry);
}

void FileSystem::getattr(Request request, const Node& node, const Handle* handle) {
  answer(request, attributes(node, handle == nullptr ? extent(node) : extent(*handle)));
}

struct stat FileSystem::attributes(const Node& node, const DiskFile::Extent& extent) const {
  struct stat status {};
  status.st_ino = node.number();
  status.st_mode = mode_of(node);
  status.st_nlink = node.is_folder() ? 2 : 1;
  status.st_uid = ownership_.owner;
  status.st_gid = ownership_.group;
  status.st_atim = status.st_mtim = status.st_ctim = begun_;
  if (node.is_disk()) {
    status.st_size = static_cast<off_t>(shown_size(node, extent));
    status.st_blocks = status.st_size / static_cast<off_t>(sector_size);
    status.st_blksize = block_size;
  } else if (node.mode() & S_IROTH) {
    status.st_size = attribute_size;
  }
  return status;
}

mode_t FileSystem::mode_of(const Node& node) const {
  return node.is_disk() ? S_IFREG | ownership_.disk_mode : node.mode();
}

/// dd gives the file the size that it wants only if it sees that it is shorter.
std::uint64_t FileSystem::shown_size(const Node& node, const DiskFile::Extent& extent) const {
  const auto disk = shown_.find_open(node.device);
  if (disk == nullptr) return extent.size;
  const Truncation& truncation = disk->truncation(extent.start);
  return truncation.holders == 0 ? extent.size : std::min(truncation.end, extent.size);
}

DiskFile::Extent FileSystem::extent(const Node& node) const {
  if (node.kind == Kind::disk) {
    const auto device = client_->device(node.device);
    return {0, device ? device->size() : 0};
  }
  const Partition* const partition = partition_of(shown_.disks(), node);
  return partition == nullptr ? DiskFile::Extent{}
                              : DiskFile::Extent{partition->start, partition->size};
}

/// While it is open, the table may change, and its number pass to another partition.
DiskFile::Extent FileSystem::extent(const Handle& handle) const {
  return handle.node.kind == Kind::partition ? handle.place : extent(handle.node);
}

void FileSystem::setattr(Request request, const Node& node, const SharedHandle& handle,
                         const struct stat* wanted, int which) {
  if (which & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
    return answer(request, EPERM);
  }
  const DiskFile::Extent place = handle == nullptr ? extent(node) : extent(*handle);
  const auto size = static_cast<std::uint64_t>(wanted->st_size);
  const bool resized = (which & FUSE_SET_ATTR_SIZE) != 0 && node.is_disk();
  if (resized && handle == nullptr && size != place.size) return answer(request, EINVAL);
  if (!resized || handle == nullptr) return answer(request, attributes(node, place));
  const Outstanding::Work work = begin(request);
  const auto done = [this, work, node, place, handle](int error, std::size_t) {
    const Request waiting = outstanding_.remove(work);
    if (waiting == nullptr) return;
    error != 0 ? answer(waiting, error) : answer(waiting, attributes(node, place));
  };
  handle->file->truncate(place, size, done, work->cancel.slot());
}

void FileSystem::opendir(Request request, const Node& node, fuse_file_info* info) {
  auto handle = std::make_shared<Handle>(node);
  handle->entries = list(shown_.disks(), node);
  opened(request, std::move(handle), info);
}

void FileSystem::readdir(Request request, std::size_t size, std::size_t next,
                         fuse_file_info* info) {
  const Handle& handle = *open_handle(*info);
  constexpr std::size_t dots = 2;
  std::vector<char> room(size);
  std::size_t used = 0;
  for (; next < handle.entries.size() + dots; ++next) {
    const Node node = next == 0   ? handle.node
                      : next == 1 ? folder_of(handle.node)
                                  : handle.entries[next - dots];
    const std::string name = next == 0 ? "." : next == 1 ? ".." : name_of(node);
    struct stat status {};
    status.st_ino = node.number();
    status.st_mode = node.mode();
    const std::size_t taken =
        fuse_add_direntry(request, room.data() + used, size - used, name.c_str(), &status,
                          static_cast<off_t>(next + 1));
    if (taken > size - used) break;
    used += taken;
  }
  fuse_reply_buf(request, room.data(), used);
}

// Open files.

const FileSystem::SharedHandle& FileSystem::open_handle(const fuse_file_info& info) {
  return handles_.at(info.fh);
}

void FileSystem::opened(Request request, SharedHandle handle, fuse_file_info* info) {
  info->fh = next_handle_++;
  const bool is_disk = handle->node.is_disk();
  handles_.emplace(info->fh, std::move(handle));
  const int error = is_disk ? reply_open_disk(request, *info) : fuse_reply_open(request, info);
  // Who was interrupted while it waited closes nothing.
  if (error == -ENOENT) handles_.erase(info->fh);
}

void FileSystem::open(Request request, const Node& node, fuse_file_info* info) {
  const mode_t mode = mode_of(node);
  const int access = info->flags & O_ACCMODE;
  const bool reads = access != O_WRONLY;
  const bool writes = access != O_RDONLY;
  if ((reads && !(mode & S_IRUSR)) || (writes && !(mode & S_IWUSR))) return answer(request, EACCES);
  auto handle = std::make_shared<Handle>(node);
  if (node.is_disk()) {
    handle->disk = shown_.open(node.device);
    if (handle->disk == nullptr) return answer(request, ENXIO);
    handle->place = extent(node);
    handle->file = std::make_unique<DiskFile>(handle->disk->bytes(),
                                              handle->disk->truncation(handle->place.start),
                                              (info->flags & O_TRUNC) != 0);
    handle->file->read_ahead(OpenDisk::source(handle->disk));
  } else if (node.kind == Kind::err) {
    info->nonseekable = 1;
  }
  info->noflush = 1;  // close() of a disk's file may fail
  info->direct_io = 1;
  opened(request, std::move(handle), info);
}

void FileSystem::release(Request request, fuse_file_info* info) {
  const auto found = handles_.find(info->fh);
  AOE_CHECK(found != handles_.end());
  const SharedHandle handle = std::move(found->second);
  handles_.erase(found);
  diagnostics_.released(info->fh);
  answer(request, 0);
  if (handle->node.kind == Kind::disk && handle->file->was_written()) {
    shown_.load_partitions(handle->node.device);
  }
}

Outstanding::Work FileSystem::begin(Request request) {
  if (!std::exchange(is_to_look_, true)) give_up_killed();
  return outstanding_.add(request, fuse_req_ctx(request)->pid, monotonic_now());
}

DiskFile::Done FileSystem::when_done(Outstanding::Work work, SharedHandle handle) {
  return [this, work, handle = std::move(handle)](int error, std::size_t) {
    if (const Request waiting = outstanding_.remove(work)) answer(waiting, error);
  };
}

void FileSystem::give_up_killed() {
  outstanding_.give_up(monotonic_now() - look_interval, is_being_killed,
                       [](Request request) { answer(request, EINTR); });
  look_at_outstanding_.expires_after(look_interval);
  look_at_outstanding_.async_wait([this](const boost::system::error_code& error) {
    is_to_look_ = !error && !outstanding_.empty();
    if (is_to_look_) give_up_killed();
  });
}

void FileSystem::keep(std::int64_t bytes) {
  kept_ += bytes;
  channel_->pause(kept_ > kept_max);
}

void FileSystem::read(Request request, std::size_t size, std::uint64_t offset,
                      fuse_file_info* info) {
  const SharedHandle& shared = open_handle(*info);
  Handle& handle = *shared;
  if (handle.file != nullptr) {
    const bool is_direct = (info->flags & O_DIRECT) != 0;
    const auto start = [this, work = begin(request), size, offset, is_direct, handle = shared] {
      const auto done = [this, work, size, handle](int error, Bytes bytes) {
        const Request waiting = outstanding_.remove(work);
        if (waiting != nullptr) error != 0 ? answer(waiting, error) : answer(waiting, bytes);
        handle->disk->reads().leave(size);
      };
      if (work->request == nullptr) return done(EINTR, {});  // given up before its turn
      if (is_direct) {
        handle->file->read(extent(*handle), offset, size, done, work->cancel.slot());
      } else {
        handle->file->read_on(extent(*handle), offset, size, done, work->cancel.slot(),
                              monotonic_now());
      }
    };
    return handle.disk->reads().enter(size, start);
  }
  if (handle.node.kind == Kind::err) {
    return diagnostics_.read(request, size, (info->flags & O_NONBLOCK) == 0);
  }
  if (offset == 0) {
    if (!is_there(shown_.disks(), handle.node)) return answer(request, ENODEV);
    handle.text = text_of(handle.node);
  }
  answer(request, std::string_view(handle.text)
                      .substr(std::min<std::uint64_t>(offset, handle.text.size()), size));
}

void FileSystem::write(Request request, const char* bytes, std::size_t size, std::uint64_t offset,
                       fuse_file_info* info) {
  const SharedHandle& handle = open_handle(*info);
  if (handle->file == nullptr) {
    const auto command = parse_command(handle->node.kind, {bytes, size});
    const bool fits = offset == 0 && size <= command_size_max;
    if (command && fits && command->kind == Command::Kind::revalidate) {
      return revalidate(request, size, command->device);
    }
    const int error = command && fits ? carry_out(*command) : EINVAL;
    error != 0 ? answer(request, error) : static_cast<void>(fuse_reply_write(request, size));
    return;
  }
  const Outstanding::Work work = begin(request);
  auto memory = std::make_shared<FuseChannel::Memory>(channel_->keep_request());
  keep(static_cast<std::int64_t>(size));
  const auto done = [this, work, memory, size, handle](int error, std::size_t written) {
    if (const Request waiting = outstanding_.remove(work)) {
      error != 0 ? answer(waiting, error) : static_cast<void>(fuse_reply_write(waiting, written));
    }
    channel_->give_back(std::move(*memory));
    keep(-static_cast<std::int64_t>(size));
  };
  handle->file->write(extent(*handle), offset, {reinterpret_cast<const std::uint8_t*>(bytes), size},
                      (info->flags & O_DSYNC) != 0, done, work->cancel.slot());
}

void FileSystem::fsync(Request request, int /*data_only*/, fuse_file_info* info) {
  const SharedHandle& handle = open_handle(*info);
  if (handle->file == nullptr) return answer(request, 0);
  const Outstanding::Work work = begin(request);
  handle->file->flush(when_done(work, handle), work->cancel.slot());
}

/// close() is the last chance to say that a disk was not cut.
void FileSystem::flush(Request request, fuse_file_info* info) {
  const Handle& handle = *open_handle(*info);
  answer(request, handle.file != nullptr && handle.file->was_cut_in_vain() ? EINVAL : 0);
}

void FileSystem::fallocate(Request request, int mode, std::uint64_t offset, std::uint64_t length,
                           fuse_file_info* info) {
  const SharedHandle& handle = open_handle(*info);
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const int what = mode & ~FALLOC_FL_KEEP_SIZE;
  if (handle->file == nullptr ||
      (what != 0 && what != FALLOC_FL_PUNCH_HOLE && what != FALLOC_FL_ZERO_RANGE)) {
    return answer(request, EOPNOTSUPP);
  }
  if (what == 0 && keep_size) return answer(request, 0);  // all sectors of a disk are there
  const Outstanding::Work work = begin(request);
  const auto done = when_done(work, handle);
  const DiskFile::Extent place = extent(*handle);
  const CancelSlot slot = work->cancel.slot();
  if (what == 0) return handle->file->allocate(place, offset, length, done, slot);
  const auto how =
      what == FALLOC_FL_PUNCH_HOLE ? DiskFile::Zeros::punched : DiskFile::Zeros::written;
  handle->file->zero(place, offset, length, how, keep_size, done, slot);
}

std::string FileSystem::text_of(const Node& node) const {
  if (node.is_of_disk()) return show(node.kind, *client_->device(node.device));
  return show(node.kind, client_->parameters(), settings_);
}

// Commands.

int FileSystem::carry_out(const Command& command) {
  using What = Command::Kind;
  Parameters parameters = client_->parameters();
  switch (command.kind) {
    case What::discover: client_->discover(); return 0;
    case What::revalidate: break;
    case What::forget_down: client_->forget_down(); break;
    case What::forget_all: client_->forget_unopened(); break;
    case What::forget:
      if (!client_->device(command.device)) return ENODEV;
      if (!client_->forget(command.device)) return EBUSY;
      break;
    case What::set_interfaces:
      settings_.interfaces = command.names;
      client_->change_interfaces(command.names);
      return 0;
    case What::set_deadsecs:
      parameters.deadsecs = std::chrono::seconds(command.value);
      client_->set_parameters(parameters);
      return 0;
    case What::set_maxout:
      parameters.maxout = static_cast<std::uint16_t>(command.value);
      client_->set_parameters(parameters);
      return 0;
    case What::set_dyndevs:
      parameters.dyndevs = command.value != 0;
      client_->set_parameters(parameters);
      return 0;
  }
  shown_.update();  // some are forgotten
  return 0;
}

void FileSystem::revalidate(Request request, std::size_t size, Address device) {
  if (!client_->revalidate(device)) return answer(request, ENODEV);
  const Outstanding::Work work = begin(request);
  const auto done = [this, work, size, device](boost::system::error_code error,
                                               const QueryAnswer& told) {
    const auto status = client_ ? client_->device(device) : std::nullopt;
    // Another disk may have answered, while this one is silent.
    const bool is_it = !error && status && status->identity && told.identity &&
                       status->identity->serial == told.identity->serial;
    if (is_it) shown_.load_partitions(device);
    const Request waiting = outstanding_.remove(work);
    if (waiting == nullptr) return;
    if (!error) return static_cast<void>(fuse_reply_write(waiting, size));
    answer(waiting, error == boost::system::errc::timed_out ? ETIMEDOUT : EIO);
  };
  client_->async_query(device, IdentifyQuery{}, revalidate_limit,
                       boost::asio::bind_cancellation_slot(work->cancel.slot(), done));
}

// Diagnostics.

void FileSystem::happened(const Event& event) {
  // Who answers a question, all is well with.
  if (event.kind != Event::Kind::config_answer) say(level_of(event.kind), describe(event));
  if (event.kind == Event::Kind::device_up || event.kind == Event::Kind::device_resized ||
      event.kind == Event::Kind::disk_replaced) {
    shown_.update();
    shown_.load_partitions(event.device);
  }
}

void FileSystem::say(LogLevel level, std::string_view line) {
  log_(level, line);
  diagnostics_.add(line);
}

void FileSystem::poll(Request request, fuse_file_info* info, fuse_pollhandle* waiter) {
  if (open_handle(*info)->node.kind == Kind::err) {
    return diagnostics_.poll(request, info->fh, waiter);
  }
  if (waiter != nullptr) fuse_pollhandle_destroy(waiter);
  fuse_reply_poll(request, POLLIN | POLLOUT);
}

}  // namespace aoe::initiator
