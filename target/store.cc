#include "target/store.h"

#include <poll.h>

#include <optional>

#include "proto/check.h"

namespace aoe::target {
namespace {

class Flush final : public StoreOperation {
 public:
  Flush() { kind = Kind::flush; }
  void done(std::error_code error) override { result = error; }

  std::optional<std::error_code> result;
};

}  // namespace

std::error_code flush_and_wait(Store& store) {
  Flush flush;
  store.start(flush);
  while (!flush.result) {
    pollfd waiter{store.descriptor(), POLLIN, 0};
    AOE_CHECK(waiter.fd >= 0);
    ::poll(&waiter, 1, -1);
    store.reap();
  }
  return *flush.result;
}

}  // namespace aoe::target
