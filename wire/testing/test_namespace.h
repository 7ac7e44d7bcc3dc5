// NamespaceTest: fixture for tests with real kernel interfaces. Each test has its own network
// namespace, and makes links in it with ip(8).
//
// Needs no root: a process without the privilege first enters a user namespace, for which it must
// have one thread only. If the kernel refuses that, every test of the fixture is skipped and says
// what is missing.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/interfaces.h"

namespace aoe {

/// Each test runs in a new network namespace, which contains only lo, and lo is down.
class NamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override;
};

/// How long a test waits for an event that must happen: far longer than it takes.
inline constexpr std::chrono::seconds patience{20};

/// Runs ip(8) with these arguments; fails the test if ip fails.
void ip(const std::string& arguments);

/// Makes a veth pair, waits until both ends are up, and returns when they carry frames.
void make_cable(const std::string& a, const std::string& b);

/// Waits until these interfaces are up and have a carrier.
void wait_until_up(const std::vector<std::string>& names);

/// Returns the interface with this name; fails the test if there is none.
Interface find_interface(const std::string& name);

/// Waits until the descriptor is readable (or has an error to report); false after `limit`.
bool wait_readable(int descriptor, std::chrono::milliseconds limit = patience);

}  // namespace aoe
