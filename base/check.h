// AOE_CHECK: an invariant of our own code, asserted in release builds too.
//
// Never for input: bytes from a network, a file or a person are decoded into a value or a named
// error.
#pragma once

#include <cstdio>
#include <cstdlib>

#define AOE_CHECK(condition)                                                                 \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: invariant broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
