#include "wire/asio_watcher.h"

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/check.h"

namespace aoe {

using boost::asio::posix::stream_descriptor;

/// Handlers that are still queued keep it alive after it ended.
struct AsioWatcher::Watch {
  Watch(boost::asio::io_context& loop, int watched, std::function<void()> callback)
      : descriptor(loop, watched), readable(std::move(callback)) {}

  stream_descriptor descriptor;
  std::function<void()> readable;
};

AsioWatcher::~AsioWatcher() {
  while (!watches_.empty()) unwatch(watches_.begin()->first);
}

void AsioWatcher::watch(int descriptor, std::function<void()> readable) {
  const auto watch = std::make_shared<Watch>(loop_, descriptor, std::move(readable));
  AOE_CHECK(watches_.emplace(descriptor, watch).second);
  wait(watch);
}

void AsioWatcher::unwatch(int descriptor) {
  const auto found = watches_.find(descriptor);
  AOE_CHECK(found != watches_.end());
  found->second->descriptor.release();  // its owner closes it
  watches_.erase(found);
}

void AsioWatcher::wait(const std::shared_ptr<Watch>& watch) {
  watch->descriptor.async_wait(stream_descriptor::wait_read,
                               [this, watch](const boost::system::error_code& error) {
                                 if (error || !watch->descriptor.is_open()) return;
                                 watch->readable();
                                 if (watch->descriptor.is_open()) wait(watch);
                               });
}

}  // namespace aoe
