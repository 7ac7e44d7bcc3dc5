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

void answer(fuse_req_t request, std::uint32_t error) {
  fuse_reply_err(request, static_cast<int>(error));
}

}  // namespace

/// What the kernel asks, passed on.
struct Operations {
  static GuestTree& tree(fuse_req_t request) {
    return *static_cast<GuestTree*>(fuse_req_userdata(request));
  }
  /// Asks the agent about an open file.
  static void ask(fuse_req_t request, Operation operation, const fuse_file_info* info,
                  Message question, AgentClient::Done done) {
    question.handle = static_cast<std::uint32_t>(info->fh);
    tree(request).agent_.ask(operation, std::move(question), std::move(done));
  }

  static void lookup(fuse_req_t request, fuse_ino_t folder, const char* name) {
    tree(request).look_up(request, child(tree(request).path_of(folder), name));
  }
  static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    tree(request).get_attributes(request, inode);
  }
  /// A device's size, and what the kernel says, are as they are: it may be opened with O_TRUNC.
  static void setattr(fuse_req_t request, fuse_ino_t inode, struct stat*, int, fuse_file_info*) {
    tree(request).get_attributes(request, inode);
  }
  static void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
    tree(request).open(request, inode, info);
  }
  static void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    ask(request, Operation::close, info, {},
        [request](const Message& closed) { answer(request, closed.code); });
  }
  static void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info* info) {
    ask(request, Operation::read, info,
        {.offset = static_cast<std::uint64_t>(offset), .length = size},
        [request](const Message& read) {
          if (read.code != 0) return answer(request, read.code);
          fuse_reply_buf(request, read.bytes.data(), read.bytes.size());
        });
  }
  static void write(fuse_req_t request, fuse_ino_t, const char* bytes, std::size_t size,
                    off_t offset, fuse_file_info* info) {
    ask(request, Operation::write, info,
        {.offset = static_cast<std::uint64_t>(offset), .bytes = {bytes, size}},
        [request](const Message& written) {
          if (written.code != 0) return answer(request, written.code);
          fuse_reply_write(request, written.length);
        });
  }
  static void fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info* info) {
    ask(request, Operation::sync, info, {},
        [request](const Message& synced) { answer(request, synced.code); });
  }
  static void readdir(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t next,
                      fuse_file_info*) {
    tree(request).list(request, inode, size, static_cast<std::size_t>(next));
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

void GuestTree::look_up(Request request, const std::string& path) {
  agent_.ask(Operation::status, {.bytes = path}, [this, request, path](const Message& status) {
    if (status.code != 0) return answer(request, status.code);
    fuse_entry_param entry{};
    entry.ino = inode_of(path);
    entry.attr = attributes(entry.ino, status);
    entry.entry_timeout = entry.attr_timeout = known_for(entry.attr);
    fuse_reply_entry(request, &entry);
  });
}

void GuestTree::get_attributes(Request request, std::uint64_t inode) {
  agent_.ask(Operation::status, {.bytes = path_of(inode)}, [request, inode](const Message& status) {
    if (status.code != 0) return answer(request, status.code);
    const struct stat told = attributes(inode, status);
    fuse_reply_attr(request, &told, known_for(told));
  });
}

void GuestTree::open(Request request, std::uint64_t inode, fuse_file_info* info) {
  const auto flags = static_cast<std::uint64_t>(info->flags);
  agent_.ask(Operation::open, {.length = flags, .bytes = path_of(inode)},
             [this, request, opened = *info](const Message& answered) mutable {
               if (answered.code != 0) return answer(request, answered.code);
               opened.fh = answered.handle;
               opened.direct_io = 1;
               if (fuse_reply_open(request, &opened) == 0) return;
               // Nobody waits for it any more.
               agent_.ask(Operation::close, {.handle = answered.handle}, [](const Message&) {});
             });
}

void GuestTree::list(Request request, std::uint64_t inode, std::size_t size, std::size_t next) {
  agent_.ask(Operation::list, {.bytes = path_of(inode)},
             [this, request, inode, size, next](const Message& listed) {
               if (listed.code != 0) return answer(request, listed.code);
               std::string entries(size, '\0');
               std::size_t used = 0;
               std::size_t at = 0;
               for (std::size_t start = 0; start < listed.bytes.size(); ++at) {
                 const std::string name = listed.bytes.c_str() + start;
                 start += name.size() + 1;
                 if (at < next) continue;
                 struct stat told {};
                 told.st_ino = inode_of(child(path_of(inode), name));
                 const std::size_t needed =
                     fuse_add_direntry(request, entries.data() + used, size - used, name.c_str(),
                                       &told, static_cast<off_t>(at + 1));
                 if (needed > size - used) break;
                 used += needed;
               }
               fuse_reply_buf(request, entries.data(), used);
             });
}

}  // namespace aoe::guest
