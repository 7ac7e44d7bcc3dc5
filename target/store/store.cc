#include "target/store/store.h"

#include "base/check.h"

namespace aoe::target {
bool is_gone(const std::error_code& error) {
  if (error.category() != std::generic_category() && error.category() != std::system_category()) {
    return false;
  }
  switch (error.value()) {
    case ENODEV:
    case ENXIO:
    case ENOTCONN:
    case ESHUTDOWN:
    case ENOMEDIUM: return true;
    default: return false;
  }
}

void Store::start(Operation& operation) {
  const auto result = try_now(operation);
  AOE_CHECK(result.has_value());
  operation.done(*result);
}

void Store::wait() {
  AOE_CHECK(false && "a store that never lets an operation wait");
}

namespace {

std::error_code do_and_wait(Store& store, AwaitedOperation& operation) {
  store.start(operation);
  store.submit();
  while (!operation.result) store.wait();
  return *operation.result;
}

}  // namespace

std::error_code flush_and_wait(Store& store) {
  AwaitedOperation flush;
  flush.kind = Operation::Kind::flush;
  return do_and_wait(store, flush);
}

std::error_code read_and_wait(Store& store, std::uint64_t offset, MutableBytes into) {
  AwaitedOperation read;
  read.kind = Operation::Kind::read;
  read.offset = offset;
  read.into = into;
  return do_and_wait(store, read);
}

}  // namespace aoe::target
