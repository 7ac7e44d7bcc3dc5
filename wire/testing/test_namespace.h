// A network namespace of the test's own, with links made by ip(8): the words in which tests with
// real kernel interfaces are told.
//
// Needs no root: without it, the process first enters a user namespace (so it must have one thread
// only). Where that is refused, every test of the fixture is skipped and says what is missing.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/interfaces.h"

namespace aoe {

/// Each test runs in a network namespace in which there is nothing but lo, and that is down.
class NamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override;
};

/// How long a test waits for what must happen: far longer than it takes.
inline constexpr std::chrono::seconds patience{20};

/// Runs ip(8) with these arguments; the test fails where it fails.
void ip(const std::string& arguments);

/// Makes two interfaces that are the ends of one cable; both are up and carry frames.
void make_cable(const std::string& a, const std::string& b);

/// Waits until these interfaces are up and have a carrier.
void wait_until_up(const std::vector<std::string>& names);

/// The interface of this name; the test fails where there is none.
Interface find_interface(const std::string& name);

/// Waits until the descriptor is readable (or has an error to report); false after `limit`.
bool wait_readable(int descriptor, std::chrono::milliseconds limit = patience);

}  // namespace aoe
