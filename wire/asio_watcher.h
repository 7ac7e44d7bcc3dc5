// AsioWatcher: a Watcher in a Boost.Asio event loop. All calls come from the thread that runs the
// loop.
#pragma once

#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "wire/watcher.h"

namespace aoe {

class AsioWatcher final : public Watcher {
 public:
  explicit AsioWatcher(boost::asio::io_context& loop) : loop_(loop) {}
  AsioWatcher(const AsioWatcher&) = delete;
  AsioWatcher& operator=(const AsioWatcher&) = delete;
  ~AsioWatcher();

  void watch(int descriptor, std::function<void()> readable) override;
  void unwatch(int descriptor) override;

 private:
  struct Watch;
  void wait(const std::shared_ptr<Watch>& watch);

  boost::asio::io_context& loop_;
  std::map<int, std::shared_ptr<Watch>> watches_;
};

}  // namespace aoe
