// The exit statuses of aoe-harness, for scripts and CI.
#pragma once

#include <string>

namespace aoe::harness {

inline constexpr int exit_passed = 0;
inline constexpr int exit_failed = 1;       // an expectation was not met
inline constexpr int exit_usage = 2;        // wrong use, a wrong scenario, nothing selected
inline constexpr int exit_environment = 3;  // what is to be tested, or the world, can't be had
inline constexpr int exit_inconclusive =
    5;  // with --strict: nothing failed, but some cases are flaky or inconclusive
inline constexpr int exit_interrupted = 130;

/// Prints "aoe-harness: …" on standard error, for each line.
void complain(const std::string& lines);

}  // namespace aoe::harness
