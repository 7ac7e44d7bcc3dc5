// Memory that is kept back for what is under way when there is no more.
//
// What has begun is not to end with the process because a list can't grow or a line of the log can't
// be made. So the first allocation that fails, of any thread, gives the reserve back to the system and
// is tried again. From then on nothing is to be begun until renew() has taken it again. When the
// reserve is used up as well, std::bad_alloc is thrown, as without it.
//
// One at a time in a process: it is a std::new_handler. Used from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

namespace aoe {

class MemoryReserve {
 public:
  static constexpr std::size_t default_size = 4 << 20;

  /// `size`: bytes.
  explicit MemoryReserve(std::size_t size = default_size);
  MemoryReserve(const MemoryReserve&) = delete;
  MemoryReserve& operator=(const MemoryReserve&) = delete;
  ~MemoryReserve();

  /// Returns whether there is a reserve. Where it was used it is taken again, if there is memory;
  /// where there is less of it, it is a smaller one.
  bool renew() { return block_.load(std::memory_order_relaxed) != nullptr || take(); }

 private:
  struct Block;

  static void give_back_or_throw();
  bool take();
  bool give_back();

  const std::size_t size_;
  std::atomic<Block*> block_ = nullptr;
  std::atomic<unsigned> times_ = 0;  // that it was given back
  std::new_handler former_;
};

}  // namespace aoe
