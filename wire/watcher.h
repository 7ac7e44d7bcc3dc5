// How an event loop is told what to wait for: the seam between LivePorts and whose loop it runs in.
#pragma once

#include <functional>

namespace aoe {

class Watcher {
 public:
  /// From now on `readable` is called from within the loop, again and again, while the descriptor
  /// is readable (or has an error to report), perhaps when it is not, too. The descriptor is not
  /// watched yet, and stays open.
  virtual void watch(int descriptor, std::function<void()> readable) = 0;
  /// Never again, when this returns. May be called from within `readable`. The descriptor is still
  /// open.
  virtual void unwatch(int descriptor) = 0;

 protected:
  ~Watcher() = default;
};

}  // namespace aoe
