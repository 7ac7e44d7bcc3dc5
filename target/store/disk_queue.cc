#include "target/store/disk_queue.h"

namespace aoe::target {

std::unique_ptr<DiskQueue> make_disk_queue() {
  auto ring = make_ring_queue();
  return ring ? std::move(ring) : make_thread_queue();
}

}  // namespace aoe::target
