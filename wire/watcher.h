// Watcher: the seam between LivePorts and the event loop it runs in (Boost.Asio's or a PollLoop).
#pragma once

#include <functional>

namespace aoe {

class Watcher {
 public:
  /// Calls `readable` from within the event loop, repeatedly, while the descriptor is readable or
  /// has an error to report; it may also be called when neither holds. The descriptor must not be
  /// watched yet, and must stay open until unwatch().
  virtual void watch(int descriptor, std::function<void()> readable) = 0;
  /// Stops watching: no call of `readable` follows. May be called from within `readable`. The
  /// descriptor must still be open.
  virtual void unwatch(int descriptor) = 0;

 protected:
  ~Watcher() = default;
};

}  // namespace aoe
