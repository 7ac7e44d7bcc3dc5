// A FUSE session in an Asio loop: mounts, receives requests while others have their turn, unmounts.
//
// The operations that were passed in (libfuse's low-level ones) give the requests their meaning,
// and may answer them at any time. One thread.
#pragma once

#include <sys/types.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "wire/asio_watcher.h"

struct fuse_lowlevel_ops;
struct fuse_session;

namespace aoe::initiator {

class FuseChannel {
 public:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<void, Free>;

  /// Mounts on `folder`. The operations get `user` as userdata. The error names the folder: "mnt:
  /// not a directory". `ended` is called from within the loop when the mount is gone or about to
  /// go, whatever the reason, unless the channel goes first.
  static tl::expected<std::unique_ptr<FuseChannel>, std::string> mount(
      boost::asio::io_context& loop, const fuse_lowlevel_ops& operations, void* user,
      const std::string& folder, bool allow_other, std::function<void()> ended);
  FuseChannel(const FuseChannel&) = delete;
  FuseChannel& operator=(const FuseChannel&) = delete;
  /// As close() does.
  ~FuseChannel();

  /// Unmounts lazily: the files can't be opened any more, and those that are open work on, until
  /// `is_idle` or some seconds have passed. A second call ends at once.
  void detach(std::function<bool()> is_idle);

  /// Ends the mount. Requests that were not answered fail. Returns false when it could not be
  /// unmounted.
  bool close();

  /// Receives no requests, or receives them again: those who make them wait.
  void pause(bool paused);

  /// Called from within an operation: keeps the memory of its request in place.
  Memory keep_request();
  void give_back(Memory request);

 private:
  FuseChannel(boost::asio::io_context& loop, std::string folder, std::function<void()> ended);
  tl::expected<void, std::string> start(const fuse_lowlevel_ops& operations, void* user,
                                        bool allow_other);
  void receive();
  void look_whether_idle();
  void lost();
  void end();
  void unmount();
  bool is_unmounting(int wait_options);
  void cut();

  AsioWatcher watcher_;
  boost::asio::steady_timer timer_;
  const std::string folder_;  // absolute
  std::function<void()> ended_;
  fuse_session* session_ = nullptr;
  bool mounted_ = false;
  bool watching_ = false;
  bool paused_ = false;
  pid_t unmounter_ = 0;  // the process that unmounts; -1: it has ended
  bool unmounted_ = false;
  boost::asio::steady_timer::time_point patience_;
  std::function<bool()> is_idle_;
  Memory request_;  // received into, or in use by an operation
  std::vector<Memory> unused_;
};

}  // namespace aoe::initiator
