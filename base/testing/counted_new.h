// For tests of what allocates: a program that links counted_new.cc counts every operator new.
#pragma once

#include <cstddef>

namespace aoe {

/// Since the program began.
std::size_t allocations();

}  // namespace aoe
