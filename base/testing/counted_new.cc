#include "base/testing/counted_new.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

std::atomic<std::size_t> count = 0;
std::atomic<std::size_t> failing = none;

void* counted(std::size_t size) {
  if (count++ == failing) throw std::bad_alloc();
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace aoe {

std::size_t allocations() {
  return count;
}

void fail_allocation_after(std::size_t calls) {
  failing = count + calls;
}

bool fail_no_allocation() {
  return failing.exchange(none) >= count;
}

}  // namespace aoe
