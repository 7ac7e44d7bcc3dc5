#include "suts/linux/guest_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

namespace aoe::guest {
namespace {

/// Folders have nothing that changes but what is in them: the kernel need not ask at every step of
/// a path.
constexpr double folder_is_known = 1;  // second

struct stat attributes(std::uint64_t inode, const Message& status) {
  struct stat told {};
  const bool is_folder = static_cast<FileKind>(status.handle) == FileKind::folder;
  told.st_ino = inode;
  told.st_mode = is_folder ? S_IFDIR | 0700 : S_IFREG | 0600;
  told.st_nlink = is_folder ? 2 : 1;
  told.st_uid = ::geteuid();
  told.st_gid = ::getegid();
  told.st_size = static_cast<off_t>(status.length);
  told.st_blksize = 1 << 20;
  return told;
}

double known_for(const struct stat& told) {
  return S_ISDIR(told.st_mode) ? folder_is_known : 0;
}

std::string child(const std::string& folder, const std::string& name) {
  return (folder == "/" ? folder : folder + "/") + name;
}

}  // namespace

/// What the kernel asks, passed on.
struct Operations {
  static GuestTree& tree(fuse_req_t request) {
    return *static_cast<GuestTree*>(fuse_req_userdata(request));
  }
  /// Asks the agent. `done` gets the answer where there is no error.
  static void ask(fuse_req_t request, Operation operation, Message question,
                  AgentClient::Done done) {
    tree(request).agent_.ask(operation, std::move(question),
                             [request, done = std::move(done)](Message answer) {
                               if (answer.code == 0) return done(std::move(answer));
                               fuse_reply_err(request, static_cast<int>(answer.code));
                             });
  }
  static std::uint32_t handle_of(const fuse_file_info* info) {
    return static_cast<std::uint32_t>(info->fh);
  }

  static void lookup(fuse_req_t request, fuse_ino_t folder, const char* name) {
    const std::string path = child(tree(request).path_of(folder), name);
    ask(request, Operation::status, {.bytes = path}, [request, path](const Message& status) {
      fuse_entry_param entry{};
      entry.ino = tree(request).inode_of(path);
      entry.attr = attributes(entry.ino, status);
      entry.entry_timeout = entry.attr_timeout = known_for(entry.attr);
      fuse_reply_entry(request, &entry);
    });
  }
  static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    ask(request, Operation::status, {.bytes = tree(request).path_of(inode)},
        [request, inode](const Message& status) {
          const struct stat told = attributes(inode, status);
          fuse_reply_attr(request, &told, known_for(told));
        });
  }
  /// A device's size, and what the kernel says, are as they are: it may be opened with O_TRUNC.
  static void setattr(fuse_req_t request, fuse_ino_t inode, struct stat*, int,
                      fuse_file_info* info) {
    getattr(request, inode, info);
  }
  static void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
    const auto flags = static_cast<std::uint64_t>(info->flags);
    ask(request, Operation::open, {.length = flags, .bytes = tree(request).path_of(inode)},
        [&agent = tree(request).agent_, request, opened = *info](const Message& answer) mutable {
          opened.fh = answer.handle;
          opened.direct_io = 1;
          if (fuse_reply_open(request, &opened) == 0) return;
          // Nobody waits for it any more.
          agent.ask(Operation::close, {.handle = answer.handle}, [](const Message&) {});
        });
  }
  static void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    ask(request, Operation::close, {.handle = handle_of(info)},
        [request](const Message&) { fuse_reply_err(request, 0); });
  }
  static void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info* info) {
    ask(request, Operation::read,
        {.handle = handle_of(info), .offset = static_cast<std::uint64_t>(offset), .length = size},
        [request](const Message& read) {
          fuse_reply_buf(request, read.bytes.data(), read.bytes.size());
        });
  }
  static void write(fuse_req_t request, fuse_ino_t, const char* bytes, std::size_t size,
                    off_t offset, fuse_file_info* info) {
    ask(request, Operation::write,
        {.handle = handle_of(info),
         .offset = static_cast<std::uint64_t>(offset),
         .bytes = {bytes, size}},
        [request](const Message& written) { fuse_reply_write(request, written.length); });
  }
  static void fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info* info) {
    ask(request, Operation::sync, {.handle = handle_of(info)},
        [request](const Message&) { fuse_reply_err(request, 0); });
  }
  static void readdir(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t next,
                      fuse_file_info*) {
    const std::string path = tree(request).path_of(inode);
    const auto list = [request, path, size, next](const Message& listed) {
      std::string entries(size, '\0');
      std::size_t used = 0;
      off_t at = 0;
      for (std::size_t start = 0; start < listed.bytes.size(); ++at) {
        const std::string name = listed.bytes.c_str() + start;
        start += name.size() + 1;
        if (at < next) continue;
        struct stat told {};
        told.st_ino = tree(request).inode_of(child(path, name));
        const std::size_t needed = fuse_add_direntry(request, entries.data() + used, size - used,
                                                     name.c_str(), &told, at + 1);
        if (needed > size - used) break;
        used += needed;
      }
      fuse_reply_buf(request, entries.data(), used);
    };
    ask(request, Operation::list, {.bytes = path}, list);
  }
};

GuestTree::GuestTree(AgentClient& agent) : agent_(agent) {
  inode_of("/");
}

tl::expected<void, std::string> GuestTree::mount(boost::asio::io_context& loop,
                                                 const std::string& folder,
                                                 std::function<void()> ended) {
  fuse_lowlevel_ops operations{};
  operations.lookup = Operations::lookup;
  operations.getattr = Operations::getattr;
  operations.setattr = Operations::setattr;
  operations.open = Operations::open;
  operations.release = Operations::release;
  operations.read = Operations::read;
  operations.write = Operations::write;
  operations.fsync = Operations::fsync;
  operations.readdir = Operations::readdir;
  auto mounted =
      initiator::FuseChannel::mount(loop, operations, this, folder, false, std::move(ended));
  if (!mounted) return tl::unexpected(mounted.error());
  channel_ = *std::move(mounted);
  return {};
}

void GuestTree::unmount() {
  if (channel_ != nullptr) channel_->detach([this] { return agent_.is_idle(); });
}

std::uint64_t GuestTree::inode_of(const std::string& path) {
  const auto [known, is_new] = inodes_.emplace(path, paths_.size() + 1);
  if (is_new) paths_.push_back(path);
  return known->second;
}

}  // namespace aoe::guest
