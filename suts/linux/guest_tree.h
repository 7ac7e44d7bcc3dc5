// The guest's files as a FUSE tree of this machine. Operations are carried out in the guest, disks
// look like files, and nothing is cached.
//
// Owns the mount. An inode stands for a path; a path that was looked up is known as long as the
// tree exists.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "initiator/mount/fuse_channel.h"
#include "suts/linux/agent_client.h"

namespace aoe::guest {

class GuestTree {
 public:
  explicit GuestTree(AgentClient& agent);
  GuestTree(const GuestTree&) = delete;
  GuestTree& operator=(const GuestTree&) = delete;

  /// `ended` is called from within the loop when the mount is gone. The error is a line.
  tl::expected<void, std::string> mount(boost::asio::io_context& loop, const std::string& folder,
                                        std::function<void()> ended);
  bool is_mounted() const { return channel_ != nullptr; }
  /// Unmounts: at once when nothing is outstanding, or at the second call; after some seconds
  /// otherwise.
  void unmount();
  /// Ends the mount. Returns false when it could not be unmounted.
  bool close() { return channel_ == nullptr || channel_->close(); }

 private:
  friend struct Operations;

  std::uint64_t inode_of(const std::string& path);
  std::string path_of(std::uint64_t inode) const { return paths_[inode - 1]; }

  AgentClient& agent_;
  std::vector<std::string> paths_;  // by inode - 1
  std::map<std::string, std::uint64_t> inodes_;
  std::unique_ptr<initiator::FuseChannel> channel_;
};

}  // namespace aoe::guest
