// Counts allocations, for tests of code that must not allocate: in a program that links
// counted_new.cc, every operator new is counted.
#pragma once

#include <cstddef>

namespace aoe {

/// Calls of operator new since the program began.
std::size_t allocations();

}  // namespace aoe
