// Counts allocations, for tests of code that must not allocate, and has one fail, for tests of code that
// must survive that: in a program that links counted_new.cc, every operator new of every thread is counted.
#pragma once

#include <cstddef>

namespace aoe {

/// Calls of operator new since the program began.
std::size_t allocations();

/// Has the call after `calls` more of them throw std::bad_alloc.
void fail_allocation_after(std::size_t calls);
/// Takes that back. Returns whether it had not come to it.
bool fail_no_allocation();

}  // namespace aoe
