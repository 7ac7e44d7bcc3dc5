// The files of a mount, in the terms of FUSE: looks them up, opens, reads and writes them.
//
// Owns the client and all that is open. A request is answered when it is done, which for disks and
// for err may be much later; others are served meanwhile, however many wait for a disk that is
// silent. One whose process is killed is answered at once (outstanding.h). The kernel caches nothing, because a disk
// changes without its knowledge, and the same bytes are in two files (a disk and its partition).
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "base/log.h"
#include "initiator/client/client.h"
#include "initiator/mount/attributes.h"
#include "initiator/mount/diagnostics.h"
#include "initiator/mount/disk_file.h"
#include "initiator/mount/fuse_channel.h"
#include "initiator/mount/outstanding.h"
#include "initiator/mount/ownership.h"
#include "initiator/mount/shown_disks.h"
#include "initiator/mount/tree.h"

struct fuse_req;
struct fuse_file_info;
struct fuse_pollhandle;
struct stat;

namespace aoe::initiator {

class FileSystem {
 public:
  /// `log` is called with every line that goes to err.
  FileSystem(boost::asio::io_context& loop, Client client,
             const std::vector<std::string>& interfaces, const Ownership& ownership, Logger log);
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  ~FileSystem();

  /// Mounts on `folder`. `ready` is called when the files are there, those of the partitions of
  /// `awaited` included, `ended` when the mount is gone, both from within the loop. The error is a
  /// line.
  tl::expected<void, std::string> mount(const std::string& folder, bool allow_other,
                                        std::vector<Address> awaited, std::function<void()> ready,
                                        std::function<void()> ended);

  /// Unmounts: at once when nothing is outstanding, or at the second call; after some seconds
  /// otherwise.
  void unmount();

  /// Ends the mount. Returns false when it could not be unmounted.
  bool close() { return channel_->close(); }

 private:
  friend struct Operations;

  using Request = fuse_req*;
  struct Handle {
    explicit Handle(const Node& n) : node(n) {}

    Node node;
    std::shared_ptr<OpenDisk> disk{};  // of a disk or partition
    std::unique_ptr<DiskFile> file{};  // the same
    DiskFile::Extent place{};          // of a partition, when it was opened
    std::string text{};                // of an attribute or parameter, when it was opened
    std::vector<Node> entries{};       // of a folder
  };
  using SharedHandle = std::shared_ptr<Handle>;

  // Operations, as FUSE names them.
  void lookup(Request request, const Node& folder, std::string_view name);
  /// `handle` is null when the file is not open, as in setattr().
  void getattr(Request request, const Node& node, const Handle* handle);
  void setattr(Request request, const Node& node, const SharedHandle& handle,
               const struct stat* wanted, int which);
  void open(Request request, const Node& node, fuse_file_info* info);
  void release(Request request, fuse_file_info* info);
  void opendir(Request request, const Node& node, fuse_file_info* info);
  void readdir(Request request, std::size_t size, std::size_t next, fuse_file_info* info);
  void read(Request request, std::size_t size, std::uint64_t offset, fuse_file_info* info);
  void write(Request request, const char* bytes, std::size_t size, std::uint64_t offset,
             fuse_file_info* info);
  void flush(Request request, fuse_file_info* info);
  void fsync(Request request, int data_only, fuse_file_info* info);
  void fallocate(Request request, int mode, std::uint64_t offset, std::uint64_t length,
                 fuse_file_info* info);
  void poll(Request request, fuse_file_info* info, fuse_pollhandle* waiter);

  /// What a disk does with it may go on when it is closed.
  const SharedHandle& open_handle(const fuse_file_info& info);
  struct stat attributes(const Node& node, const DiskFile::Extent& extent) const;
  mode_t mode_of(const Node& node) const;
  /// Returns what stat() says of a file: less than its size while it is truncated.
  std::uint64_t shown_size(const Node& node, const DiskFile::Extent& extent) const;
  /// Where a file is on its disk now; where one is that is open.
  DiskFile::Extent extent(const Node& node) const;
  DiskFile::Extent extent(const Handle& handle) const;
  std::string text_of(const Node& node) const;
  void opened(Request request, SharedHandle handle, fuse_file_info* info);

  /// Carries out what was written, but for `revalidate`. Returns an errno.
  int carry_out(const Command& command);
  /// Asks a disk who it is, and answers the request, which wrote `size` bytes, when that is known. A
  /// silent disk is not opened.
  void revalidate(Request request, std::size_t size, Address device);

  void happened(const Event& event);
  void say(LogLevel level, std::string_view line);
  /// Calls ready_, once, when all is there that it waits for.
  void look_whether_ready();
  void finish();

  /// A disk begins to work on the request.
  Outstanding::Work begin(Request request);
  /// Returns a callback that answers it with its errno.
  DiskFile::Done when_done(Outstanding::Work work, SharedHandle handle);
  void give_up_killed();
  /// The data of so many bytes of writes are kept (or no longer, if it is negative).
  void keep(std::int64_t bytes);

  boost::asio::io_context& loop_;
  std::optional<Client> client_;
  const Logger log_;
  const Ownership ownership_;
  Settings settings_;
  timespec begun_{};
  std::map<std::uint64_t, SharedHandle> handles_;
  std::uint64_t next_handle_ = 1;
  ShownDisks shown_;
  Diagnostics diagnostics_;
  Outstanding outstanding_;  // requests that disks work on
  boost::asio::steady_timer look_at_outstanding_;
  bool is_to_look_ = false;  // the timer is set
  std::int64_t kept_ = 0;    // bytes of the writes among them
  bool is_served_ = false;   // the kernel has begun to ask
  std::vector<Address> awaited_;
  std::function<void()> ready_;
  std::unique_ptr<FuseChannel> channel_;
};

}  // namespace aoe::initiator
