#include "base/memory_reserve.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "base/check.h"

namespace aoe {
namespace {

/// Less is no reserve.
constexpr std::size_t size_min = 256 << 10;

std::atomic<MemoryReserve*> the_reserve = nullptr;

}  // namespace

MemoryReserve::MemoryReserve(std::size_t size)
    : size_(size), former_(std::set_new_handler(give_back_or_throw)) {
  AOE_CHECK(the_reserve.exchange(this) == nullptr);
  take();
}

MemoryReserve::~MemoryReserve() {
  std::set_new_handler(former_);
  the_reserve = nullptr;
  give_back();
}

/// What operator new calls when there is no memory. It tries again when this returns.
void MemoryReserve::give_back_or_throw() {
  MemoryReserve* const reserve = the_reserve;
  if (reserve == nullptr) throw std::bad_alloc();
  // Another thread may have given it back just now: there is memory then.
  thread_local unsigned seen = 0;
  const bool is_given_back = reserve->give_back();
  const unsigned times = reserve->times_;
  const bool is_news = std::exchange(seen, times) != times;
  if (!is_given_back && !is_news) throw std::bad_alloc();
}

/// What is written at the start of the reserve.
struct MemoryReserve::Block {
  std::size_t mapped_size;  // bytes; 0: it is of the heap

  /// Straight from the system, and in memory: what is given back is free for any use.
  static Block* map(std::size_t size) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return memory == MAP_FAILED ? nullptr : new (memory) Block{size};
  }
  /// Of what the heap has had from the system and not returned.
  static Block* allocate(std::size_t size) {
    void* const memory = std::malloc(size);
    return memory == nullptr ? nullptr : new (memory) Block{0};
  }
  void free() {
    if (mapped_size > 0) {
      ::munmap(this, mapped_size);
    } else {
      std::free(this);
    }
  }
};

bool MemoryReserve::take() {
  Block* block = Block::map(size_);
  for (std::size_t size = size_; block == nullptr && size >= size_min; size /= 2) {
    block = Block::allocate(size);
  }
  if (block == nullptr) return false;
  Block* none = nullptr;
  if (!block_.compare_exchange_strong(none, block)) block->free();
  return true;
}

bool MemoryReserve::give_back() {
  Block* const block = block_.exchange(nullptr);
  if (block == nullptr) return false;
  block->free();
  ++times_;
  return true;
}

}  // namespace aoe
