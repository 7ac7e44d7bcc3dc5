#include "target/store/nbd_attempt.h"

#include <poll.h>

#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/testing/test_nbd_server.h"

namespace aoe::target {
namespace {

class NbdAttemptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_nbdkit()) GTEST_SKIP() << "no nbdkit";
  }

  std::string uri() const { return "nbd+unix:///?socket=" + folder.path("s").string(); }
  void serve(const std::vector<std::string>& arguments) {
    server = std::make_unique<TestNbdServer>(folder.path("s"), arguments);
  }
  /// Returns how many connections there are, or why there is none.
  std::string outcome(const NbdAttempt::Options& options = {}) const {
    const auto attempt = NbdAttempt::begin(uri(), options);
    if (!attempt) return attempt.error();
    pollfd poll{(*attempt)->descriptor(), POLLIN, 0};
    if (::poll(&poll, 1, 20'000) != 1) return "no result";
    const auto result = (*attempt)->take();
    return result ? std::to_string(result->size()) : result.error();
  }

  TestFolder folder;
  std::unique_ptr<TestNbdServer> server;
};

TEST_F(NbdAttemptTest, AsManyConnectionsAsAreWantedAndAllowed) {
  serve({"memory", "1M"});
  EXPECT_EQ(outcome(), "4");
  EXPECT_EQ(outcome({.connections_max = 1}), "1");
  serve({"--filter=limit", "memory", "1M", "limit=2"});
  EXPECT_EQ(outcome(), "2") << "the server admits no more";
  serve({"--filter=multi-conn", "memory", "1M", "multi-conn-mode=disable"});
  EXPECT_EQ(outcome(), "1") << "another connection may see another disk";
}

TEST_F(NbdAttemptTest, SaysWhyThereIsNone) {
  EXPECT_EQ(outcome(), "connect: No such file or directory");
  serve({});
  EXPECT_EQ(outcome({.timeout = std::chrono::milliseconds(20)}), "the server does not answer");
}

TEST_F(NbdAttemptTest, IsGivenUpWhileTheServerIsSilent) {
  serve({});
  std::promise<void> dialled;
  const Instant began = monotonic_now();
  {
    const auto attempt = NbdAttempt::begin(
        uri(), {.timeout = std::chrono::seconds(40), .dial = [&](const std::string& server_uri) {
                  dialled.set_value();
                  return dial_nbd(server_uri);
                }});
    dialled.get_future().wait();
  }
  EXPECT_LT(monotonic_now() - began, std::chrono::seconds(20));
}

TEST_F(NbdAttemptTest, IsGivenUpWhileANameIsLookedUp) {
  serve({"memory", "1M"});
  std::promise<void> dialled;
  std::promise<void> answered;
  std::promise<void> over;
  {
    const auto dial = [&,
                       is_answered = answered.get_future().share()](const std::string& server_uri) {
      dialled.set_value();
      is_answered.wait();
      over.set_value();
      return dial_nbd(server_uri);
    };
    const auto attempt = NbdAttempt::begin(uri(), {.dial = dial});
    dialled.get_future().wait();
  }
  answered.set_value();
  over.get_future().wait();
}

}  // namespace
}  // namespace aoe::target
