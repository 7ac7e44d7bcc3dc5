// A run in which everything has happened, for the tests of what is made of it.
#pragma once

#include "harness/judge/record.h"

namespace aoe::harness {

/// Every outcome once, in the order of Outcome; no member of the failed case is as a fresh one's.
RunRecord eventful_run();

/// What a peer, or a scenario's author, may put into any text.
inline constexpr std::string_view hostile =
    "<script>alert(1)</script> & \"quotes\" 'n ]]> | `x` # \x1b[31m \x01 \xff\xfe end";

}  // namespace aoe::harness
