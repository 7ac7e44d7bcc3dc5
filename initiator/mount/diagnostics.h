// dev/etherd/err as a file of FUSE: programs read lines there, wait for them, or poll.
//
// Owns the lines (error_log.h) and the requests that wait for them. Used by the file system, on its
// thread. A request is answered once, when there is a line, when its program is interrupted, or by
// finish().
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "initiator/client/client.h"
#include "initiator/mount/error_log.h"

struct fuse_req;
struct fuse_pollhandle;

namespace aoe::initiator {

/// Returns how much an event matters to an administrator. Those that a busy or hostile network causes
/// by the thousand are debug.
LogLevel level_of(Event::Kind kind);

class Diagnostics {
 public:
  using Request = fuse_req*;

  /// `loop` is that in which FUSE's requests are received.
  explicit Diagnostics(boost::asio::io_context& loop) : loop_(loop) {}
  Diagnostics(const Diagnostics&) = delete;
  Diagnostics& operator=(const Diagnostics&) = delete;

  /// Adds a line without its newline. Answers those that wait for one.
  void add(std::string_view line);

  /// Answers with `size` bytes of whole lines, or a part of one; waits while there are none, unless
  /// `waits` is false: then the answer is EAGAIN.
  void read(Request request, std::size_t size, bool waits);
  /// Answers whether there is a line. `waiter`, unless it is null, is notified of the next one.
  void poll(Request request, std::uint64_t handle, fuse_pollhandle* waiter);
  /// Forgets the waiter of a file that is closed.
  void released(std::uint64_t handle);

  /// Answers all that wait with ENODEV.
  void finish();

 private:
  struct Reader {
    Request request;
    std::size_t size;
  };

  static void interrupt(Request request, void* user);
  void interrupted(Request request);
  void answer_readers();

  boost::asio::io_context& loop_;
  ErrorLog lines_;
  std::list<Reader> readers_;
  std::map<std::uint64_t, fuse_pollhandle*> pollers_;  // by handle
};

}  // namespace aoe::initiator
