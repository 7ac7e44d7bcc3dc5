#include "harness/world/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

class ProcessTest : public testing::Test {
 protected:
  /// A pipe with a name, by which a program says how far it is and waits for what never comes.
  std::string make_fifo(const std::string& name) {
    const std::string path = folder.path(name);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  /// Waits for a line of the pipe.
  static std::string hear(const std::string& fifo) {
    std::ifstream stream(fifo);
    std::string line;
    std::getline(stream, line);
    return line;
  }
  std::unique_ptr<Process> start(const std::string& script) {
    auto started = Process::start({"sh", "-c", script}, *log);
    EXPECT_TRUE(started) << started.error();
    return *std::move(started);
  }

  const Folder folder;
  std::unique_ptr<ProgramLog> log = ProgramLog::create(folder.path("log")).value();
};

bool is_gone(const std::string& pid) {
  return ::kill(std::stoi(pid), 0) != 0 && errno == ESRCH;
}

/// Has it ended, and nobody has asked how?
bool is_zombie(const std::string& pid) {
  std::ifstream stat("/proc/" + pid + "/stat");
  std::string text;
  std::getline(stat, text);
  return text.find(") Z ") != std::string::npos;
}

TEST_F(ProcessTest, AProgramThatIsMissingIsNamed) {
  const auto started = Process::start({"/nowhere/aoe-target"}, *log);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "/nowhere/aoe-target: No such file or directory");
}

TEST_F(ProcessTest, AProgramThatMayNotBeStartedIsNamed) {
  std::ofstream(folder.path("data")) << "no program";
  const auto started = Process::start({folder.path("data")}, *log);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), folder.path("data") + ": Permission denied (it is not executable)");
}

TEST_F(ProcessTest, AProgramThatIsNotFoundIsToldWhereItWasLookedFor) {
  EXPECT_EQ(Process::start({"no-such-target"}, *log).error(),
            "no-such-target: No such file or directory (it is neither on PATH nor beside "
            "aoe-harness)");
}

TEST_F(ProcessTest, AScriptWhoseInterpreterIsMissingIsToldSo) {
  const std::string script = folder.path("script");
  std::ofstream(script) << "#!/nowhere/sh\n";
  ASSERT_EQ(::chmod(script.c_str(), 0700), 0);
  EXPECT_EQ(Process::start({script}, *log).error(),
            script +
                ": No such file or directory (what its first line names as its interpreter is "
                "missing)");
}

TEST_F(ProcessTest, WhatItPrintsIsInTheLogAndHowItEndedIsTold) {
  const std::string done = make_fifo("done");
  const auto process = start("echo out; echo err >&2; exec 3> " + done + "; exit 3");
  EXPECT_EQ(hear(done), "");  // the end of the pipe is the program's
  while (process->is_running()) {
  }
  EXPECT_EQ(process->end(), "ended with status 3");
  EXPECT_EQ(read_text(folder.path("log")), "out\nerr\n");
}

TEST_F(ProcessTest, ASignalThatEndedItIsTold) {
  const auto process = start("kill -SEGV $$");
  while (process->is_running()) {
  }
  EXPECT_EQ(process->end(), "was killed by signal 11 (Segmentation fault)");
}

TEST_F(ProcessTest, ItIsEndedWithASignalThatItMayHandle) {
  const std::string ready = make_fifo("ready");
  const std::string never = make_fifo("never");
  auto process = start("trap 'echo bye; exit' TERM; echo $$ > " + ready + "; read x < " + never);
  const std::string pid = hear(ready);
  EXPECT_TRUE(process->is_running());
  EXPECT_EQ(process->end(), "");
  process.reset();
  EXPECT_TRUE(is_gone(pid));
  EXPECT_TRUE(read_text(folder.path("log")).ends_with("bye\n"));
}

TEST_F(ProcessTest, WhatItStartedEndsWithIt) {
  const std::string ready = make_fifo("ready");
  const std::string never = make_fifo("never");
  const auto process = start("sh -c 'echo $$ > " + ready + "; read x < " + never + "' & read x < " +
                             make_fifo("go"));
  const std::string child = hear(ready);
  EXPECT_FALSE(is_gone(child));
  std::ofstream(folder.path("go")) << "on\n";
  while (process->is_running()) {
  }
  // Its parent is gone: its new parent reaps it.
  while (!is_gone(child) && !is_zombie(child)) {
  }
}

TEST_F(ProcessTest, WhatWentToTheBackgroundIsEnded) {
  adopt_orphans();
  const std::string ready = make_fifo("ready");
  const std::string never = make_fifo("never");
  const auto process =
      start("setsid sh -c 'echo $$ > " + ready + "; read x < " + never + "' < /dev/null &");
  const std::string daemon = hear(ready);
  while (process->is_running()) {
  }
  EXPECT_FALSE(is_gone(daemon)) << "it has a group of its own";
  end_orphans();
  EXPECT_TRUE(is_gone(daemon));
}

TEST_F(ProcessTest, OneThatPrintsWithoutEndFillsNoDisk) {
  const std::string ready = make_fifo("ready");
  auto process =
      start("echo first; yes | head -c 30000000; echo $$ > " + ready + "; exec yes last");
  EXPECT_NE(hear(ready), "");
  EXPECT_LE(std::filesystem::file_size(folder.path("log")), 3 * ProgramLog::part + 100);
  process.reset();
  log.reset();
  const std::string text = read_text(folder.path("log"));
  EXPECT_TRUE(text.starts_with("first\ny\ny\n"));
  EXPECT_LE(text.size(), 2 * ProgramLog::part + 100);
  EXPECT_NE(text.find(" bytes are left out here ...]\n"), std::string::npos);
}

TEST_F(ProcessTest, OneThatIgnoresTheSignalIsKilled) {
  const std::string ready = make_fifo("ready");
  const std::string never = make_fifo("never");
  auto process = start("trap '' TERM; echo $$ > " + ready + "; read x < " + never);
  const std::string pid = hear(ready);
  process->set_patience(std::chrono::milliseconds(20));
  process.reset();
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(ProcessTest, ItDoesNotOutliveTheOneThatStartedIt) {
  const std::string life = make_fifo("life");
  const std::string never = make_fifo("never");
  const int descriptor = ::open(life.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(descriptor, 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    (void)::open(life.c_str(), O_WRONLY);  // the program inherits it
    auto process = Process::start({"sh", "-c", "trap '' TERM; read x < " + never}, *log);
    (void)process->release();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  // The other end of the pipe is closed when its last holder is gone.
  pollfd poll{descriptor, POLLIN, 0};
  do {
    ASSERT_EQ(::poll(&poll, 1, 10'000), 1) << "the program lives on";
    char bytes[8];
    while (::read(descriptor, bytes, sizeof bytes) > 0) {
    }
  } while ((poll.revents & POLLHUP) == 0);
  ::close(descriptor);
}

TEST(RunProgram, OneThatSucceedsIsSilent) {
  EXPECT_TRUE(run_program({"true"}));
  EXPECT_TRUE(run_program({"sh", "-c", "echo noise"}));
}

TEST(RunProgram, TheErrorIsOneLineThatHoldsWhatItPrinted) {
  EXPECT_EQ(run_program({"sh", "-c", "echo one; echo two >&2; exit 1"}).error(),
            "sh -c echo one; echo two >&2; exit 1: one; two");
  EXPECT_EQ(run_program({"false"}).error(), "false: ended with status 1");
  EXPECT_EQ(run_program({"/nowhere/ip", "link"}).error(), "/nowhere/ip: No such file or directory");
}

TEST(RunProgram, MuchOutputBlocksNobodyAndIsNotKept) {
  const auto ran = run_program({"sh", "-c", "yes | head -c 1000000; exit 1"});
  ASSERT_FALSE(ran);
  EXPECT_TRUE(ran.error().ends_with("exit 1: y; y; y; y; y; y; y; y; y; y")) << ran.error();
}

TEST(RunProgram, WhatItPrintedIsCutAndMadeFitToPrint) {
  const auto ran =
      run_program({"sh", "-c", "printf '\\033[31m'; yes | head -c 9999 | tr -d '\\n'; exit 1"});
  ASSERT_FALSE(ran);
  EXPECT_TRUE(ran.error().ends_with(": \ufffd[31m" + std::string(195, 'y') + "…")) << ran.error();
}

TEST(VersionOf, IsTheFirstLineOfWhatItPrints) {
  EXPECT_EQ(version_of({.version = "printf 'x 1.2\\nmore'"}), "x 1.2");
  EXPECT_EQ(version_of({.version = "/nowhere/x --version"}), "");
  EXPECT_EQ(version_of({}), "");
}

}  // namespace
}  // namespace aoe::harness
