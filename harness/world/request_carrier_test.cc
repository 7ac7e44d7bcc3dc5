// Both ways of carrying out a request, against real programs: shell scripts.
#include <csignal>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "harness/world/process_carrier.h"
#include "harness/world/session_carrier.h"

namespace aoe::harness {
namespace {

using Kind = CarriedRequest::Kind;

class CarrierTest : public testing::Test {
 protected:
  CarrierTest() { std::signal(SIGPIPE, SIG_IGN); }

  /// Carries out a request and waits for its end.
  CarriedResult result_of(RequestCarrier& carrier, CarriedRequest request) {
    std::optional<CarriedResult> result;
    carrier.carry_out(std::move(request), [&](CarriedResult got) {
      EXPECT_FALSE(result) << "it ended twice";
      result = std::move(got);
    });
    EXPECT_FALSE(result) << "it ended from within";
    wait_until([&] { return result.has_value(); });
    return result.value_or(CarriedResult{.trouble = "it never ended"});
  }
  std::string trouble_of(RequestCarrier& carrier, CarriedRequest request) {
    return result_of(carrier, std::move(request)).trouble;
  }
  void wait_until(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    loop.restart();  // it stopped if nothing was left to do
    while (!done() && loop.run_one_until(until) > 0) {
    }
  }

  const Folder folder;
  boost::asio::io_context loop;
  std::unique_ptr<ProgramLog> log = ProgramLog::create(folder.path("log")).value();
};

class ProcessCarrierTest : public CarrierTest {
 protected:
  /// Each request is this script, with LBA and count as $1 and $2.
  ProcessCarrier carrier(const std::string& script, Duration within = std::chrono::seconds(50)) {
    const std::string command = "sh -c '" + script + "' x {lba} {count}";
    implementation = {.read = command, .write = command, .flush = command};
    return {loop, implementation, {}, nullptr, *log, within};
  }
  Implementation implementation;
};

TEST_F(ProcessCarrierTest, AReadIsWhatItPrints) {
  ProcessCarrier reads = carrier("head -c $(($2 * 512)) /dev/zero | tr \"\\\\0\" $1");
  const CarriedResult result = result_of(reads, {.kind = Kind::read, .lba = 7, .sectors = 2});
  EXPECT_EQ(result.trouble, "");
  EXPECT_EQ(result.data, std::vector<std::uint8_t>(1024, '7'));
}

TEST_F(ProcessCarrierTest, AWriteIsWhatItReads) {
  ProcessCarrier writes = carrier("cat >" + folder.path("written"));
  EXPECT_EQ(trouble_of(writes, {.kind = Kind::write,
                                .sectors = 400,
                                .data = std::vector<std::uint8_t>(400 * sector_size, 'w')}),
            "");
  EXPECT_EQ(read_text(folder.path("written")), std::string(400 * sector_size, 'w'));
}

TEST_F(ProcessCarrierTest, OneThatReadsNothingOfAWriteEndsAllTheSame) {
  ProcessCarrier writes = carrier("exec <&-; exit 3");
  EXPECT_EQ(trouble_of(writes, {.kind = Kind::write,
                                .sectors = 400,
                                .data = std::vector<std::uint8_t>(400 * sector_size, 'w')}),
            "ended with status 3");
}

TEST_F(ProcessCarrierTest, HowItFailsIsTold) {
  const CarriedRequest read{.kind = Kind::read, .sectors = 2};
  ProcessCarrier short_of = carrier("printf abc");
  EXPECT_EQ(trouble_of(short_of, read), "printed 3 of 1024 bytes");
  ProcessCarrier long_of = carrier("head -c 99999 /dev/zero");
  EXPECT_EQ(trouble_of(long_of, read), "printed more than the 1024 bytes that were asked for");
  ProcessCarrier failed = carrier("head -c 1024 /dev/zero; echo no disk >&2; exit 5");
  EXPECT_EQ(trouble_of(failed, read), "ended with status 5");
  EXPECT_EQ(log->last_lines(1), "no disk");
  ProcessCarrier killed = carrier("kill -9 $$");
  EXPECT_EQ(trouble_of(killed, read), "was killed by signal 9 (Killed)");
}

TEST_F(ProcessCarrierTest, AProgramThatIsMissingFailsTheRequestAndIsNamed) {
  implementation = {.read = "/nowhere/initiator {lba}"};
  ProcessCarrier missing(loop, implementation, {}, nullptr, *log, std::chrono::seconds(50));
  EXPECT_EQ(trouble_of(missing, {.kind = Kind::read, .sectors = 1}),
            "/nowhere/initiator: No such file or directory");
  EXPECT_EQ(trouble_of(missing, {.kind = Kind::flush}), "it has no command for that");
}

TEST_F(ProcessCarrierTest, OneThatHangsIsKilledWithWhatItStarted) {
  ProcessCarrier hangs =
      carrier("sleep 1000 & echo $! >" + folder.path("child") + "; wait", std::chrono::seconds(1));
  EXPECT_EQ(trouble_of(hangs, {.kind = Kind::flush}), "did not end within 1s and was killed");
  const int child = std::stoi(read_text(folder.path("child")));
  // What is killed may be a zombie until its new parent reaps it; soon it runs no longer.
  const auto is_running = [&] {
    const std::string stat = read_text("/proc/" + std::to_string(child) + "/stat");
    return !stat.empty() && stat.find(") Z ") == std::string::npos;
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (is_running() && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_FALSE(is_running());
}

TEST_F(ProcessCarrierTest, WithoutACommandForItADiscoveryReadsTheFirstSector) {
  ProcessCarrier reads = carrier("test \"$1 $2\" = \"0 1\" && head -c 512 /dev/zero");
  EXPECT_EQ(trouble_of(reads, {.kind = Kind::discover}), "");
}

TEST_F(ProcessCarrierTest, RequestsRunAtOnce) {
  // Each waits until the other is there.
  ProcessCarrier both =
      carrier("touch " + folder.path("$1") + "; while ! [ -e " + folder.path("$((1 - $1))") +
              " ]; do :; done; head -c 512 /dev/zero");
  int done = 0;
  for (const std::uint64_t lba : {0, 1}) {
    both.carry_out({.kind = Kind::read, .lba = lba, .sectors = 1},
                   [&](const CarriedResult& result) {
                     EXPECT_EQ(result.trouble, "");
                     ++done;
                   });
  }
  wait_until([&] { return done == 2; });
  EXPECT_EQ(done, 2);
}

class SessionCarrierTest : public CarrierTest {
 protected:
  std::unique_ptr<SessionCarrier> session(const std::string& script,
                                          Duration within = std::chrono::seconds(50)) {
    auto started = SessionCarrier::start(loop, {"sh", "-c", script}, *log, within);
    EXPECT_TRUE(started) << started.error();
    return *std::move(started);
  }
  /// Waits for its end, and returns how that came.
  std::string end_of(SessionCarrier& carrier) {
    wait_until([&] { return !carrier.end().empty(); });
    return carrier.end();
  }
};

TEST_F(SessionCarrierTest, RequestsAreLinesAndDataFollowsThem) {
  const auto carrier = session(
      "echo ready\n"
      "read line; echo \"$line\" >&2; echo ok\n"
      "read line; echo \"$line\" >&2; echo ok; head -c 1024 /dev/zero | tr '\\0' r\n"
      "read line; echo \"$line\" >&2; head -c 512 >" +
      folder.path("written") +
      "; echo ok\n"
      "read line; echo \"$line\" >&2; echo error the disk is full\n"
      "read line");
  EXPECT_EQ(trouble_of(*carrier, {}), "");
  EXPECT_TRUE(carrier->is_ready());
  EXPECT_EQ(result_of(*carrier, {.kind = Kind::read, .lba = 8, .sectors = 2}).data,
            std::vector<std::uint8_t>(1024, 'r'));
  EXPECT_EQ(trouble_of(*carrier, {.kind = Kind::write,
                                  .lba = 9,
                                  .sectors = 1,
                                  .data = std::vector<std::uint8_t>(512, 'w')}),
            "");
  EXPECT_EQ(trouble_of(*carrier, {.kind = Kind::flush}), "said: error the disk is full");
  EXPECT_EQ(carrier->end(), "");
  EXPECT_EQ(read_text(folder.path("written")), std::string(512, 'w'));
  wait_until([&] { return log->last_lines(9).ends_with("flush"); });
  EXPECT_EQ(log->last_lines(9), "discover; read 8 2; write 9 1; flush");
}

TEST_F(SessionCarrierTest, AnswersComeInTheOrderOfRequestsThatWereSentAhead) {
  // It answers none before it has read three.
  const auto carrier =
      session("echo ready; read a; read b; read c; echo ok; echo error second; echo ok; read d");
  std::vector<std::string> troubles;
  for (int i = 0; i < 3; ++i) {
    carrier->carry_out({.kind = Kind::flush},
                       [&](const CarriedResult& result) { troubles.push_back(result.trouble); });
  }
  wait_until([&] { return troubles.size() == 3; });
  EXPECT_EQ(troubles, (std::vector<std::string>{"", "said: error second", ""}));
}

TEST_F(SessionCarrierTest, WhatIsNoAnswerEndsIt) {
  const CarriedRequest read{.kind = Kind::read, .lba = 8, .sectors = 2};
  EXPECT_EQ(end_of(*session("echo hello; read x")),
            "said 'hello' where 'ready' was due and was killed");
  EXPECT_EQ(end_of(*session("echo ready; echo ok; read x")),
            "said 'ok' though nothing was asked and was killed");
  const auto muddled = session("echo ready; read x; echo fine; read y");
  EXPECT_EQ(trouble_of(*muddled, read),
            "answered 'read 8 2' with 'fine', neither ok nor error, and was killed");
  const auto endless = session("echo ready; read x; head -c 5000 /dev/zero; read y");
  EXPECT_EQ(trouble_of(*endless, read), "printed a line without an end and was killed");
}

TEST_F(SessionCarrierTest, OneThatEndsFailsWhatWasAskedAndAllThatFollows) {
  const CarriedRequest read{.kind = Kind::read, .lba = 8, .sectors = 2};
  const auto short_of = session("echo ready; read x; echo ok; printf abc; exit 4");
  EXPECT_EQ(trouble_of(*short_of, read), "ended with status 4, with 3 of 1024 bytes of an answer");
  EXPECT_EQ(trouble_of(*short_of, read), short_of->end());
}

TEST_F(SessionCarrierTest, OneThatDoesNotAnswerIsKilled) {
  const auto hangs = session("echo ready; read x; sleep 1000", std::chrono::seconds(1));
  EXPECT_EQ(trouble_of(*hangs, {.kind = Kind::flush}),
            "did not answer 'flush' within 1s and was killed");
  EXPECT_EQ(hangs->end(), "did not answer 'flush' within 1s and was killed");
}

TEST_F(SessionCarrierTest, AProgramThatIsMissingIsNamed) {
  const auto started =
      SessionCarrier::start(loop, {"/nowhere/initiator"}, *log, std::chrono::seconds(1));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "/nowhere/initiator: No such file or directory");
}

}  // namespace
}  // namespace aoe::harness
