#include "base/log.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/descriptor.h"

namespace aoe {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

constexpr auto long_enough = 30s;

/// A pipe with room for a page. What is written to it can be read as lines.
class LogPipe {
 public:
  LogPipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out_ = Descriptor(ends[0]);
    in_ = Descriptor(ends[1]);
    size_ = static_cast<std::size_t>(::fcntl(ends[1], F_SETPIPE_SZ, 4096));
    EXPECT_GE(size_, 4096U);
  }

  int in() const { return in_.get(); }
  std::size_t size() const { return size_; }
  void close_reader() { out_ = Descriptor(); }
  void close_writer() { in_ = Descriptor(); }

  /// The next line without its newline; it waits for it.
  std::string next() {
    std::size_t end = 0;
    while ((end = read_.find('\n')) == std::string::npos) {
      std::array<char, 4096> bytes;
      const ssize_t size = ::read(out_.get(), bytes.data(), bytes.size());
      if (size <= 0) return "the end after: " + read_;
      read_.append(bytes.data(), static_cast<std::size_t>(size));
    }
    std::string line = read_.substr(0, end);
    read_.erase(0, end + 1);
    return line;
  }

 private:
  Descriptor out_;
  Descriptor in_;
  std::size_t size_ = 0;
  std::string read_;
};

Log::Options options(int descriptor) {
  Log::Options options;
  options.program = "program";
  options.descriptor = descriptor;
  options.patience = long_enough;
  return options;
}

/// A line without its time, which must be there.
std::string without_time(const std::string& line) {
  static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )");
  std::smatch found;
  const bool begins = std::regex_search(line, found, time) && found.position() == 0;
  return begins ? found.suffix().str() : "no time: " + line;
}

/// The number in "N lines of the log were lost: WHY"; nothing where that is not the line.
std::optional<std::uint64_t> lost(const std::string& line, const std::string& why) {
  static const std::regex form(R"(program: warning: (\d+) lines? of the log w\w+ lost: (.*))");
  std::smatch found;
  const std::string text = without_time(line);
  if (!std::regex_match(text, found, form) || found[2] != why) return std::nullopt;
  return std::stoull(found[1]);
}

TEST(Log, ALineHasItsTimeProgramAndLevel) {
  LogPipe pipe;
  Log log(options(pipe.in()));
  log.start();
  log(LogLevel::error, "disk.img: flushing: Input/output error");
  log(LogLevel::warning, "eth0: 3 frames lost");
  log(LogLevel::info, "ready");
  EXPECT_EQ(without_time(pipe.next()), "program: error: disk.img: flushing: Input/output error");
  EXPECT_EQ(without_time(pipe.next()), "program: warning: eth0: 3 frames lost");
  EXPECT_EQ(without_time(pipe.next()), "program: info: ready");
}

TEST(Log, LeavesOutWhatMattersLessThanItsLevel) {
  LogPipe pipe;
  Log::Options wanted = options(pipe.in());
  wanted.level = LogLevel::warning;
  Log log(wanted);
  log.start();
  log(LogLevel::debug, "no");
  log(LogLevel::info, "no");
  log(LogLevel::warning, "yes");
  log.trace("12.000000 drop e0.2: a decision");
  EXPECT_EQ(without_time(pipe.next()), "program: warning: yes");
  EXPECT_EQ(pipe.next(), "12.000000 drop e0.2: a decision");
}

TEST(Log, ALineIsOneLineThatATerminalMayShow) {
  LogPipe pipe;
  Log log(options(pipe.in()));
  log.start();
  log(LogLevel::info, "a\nb\x1b[31m");
  EXPECT_EQ(without_time(pipe.next()), "program: info: a b\xef\xbf\xbd[31m");
}

TEST(Log, TheJournalGetsTheNumberOfTheLevel) {
  LogPipe pipe;
  struct stat status {};
  ASSERT_EQ(::fstat(pipe.in(), &status), 0);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino).c_str(), 1);
  Log log(options(pipe.in()));
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino + 1).c_str(), 1);
  Log other(options(pipe.in()));
  ::unsetenv("JOURNAL_STREAM");
  log.start();
  for (const auto level : {LogLevel::error, LogLevel::warning, LogLevel::info}) log(level, "text");
  log.trace("a decision");
  for (const char* line : {"<3>text", "<4>text", "<6>text", "<7>a decision"}) {
    EXPECT_EQ(pipe.next(), line);
  }
  other.start();
  other(LogLevel::info, "text");
  EXPECT_EQ(without_time(pipe.next()), "program: info: text");
}

TEST(Log, LinesFromBeforeTheStartAreWrittenFirst) {
  LogPipe pipe;
  Log log(options(pipe.in()));
  log(LogLevel::info, "one");
  log.start();
  log(LogLevel::info, "two");
  EXPECT_EQ(without_time(pipe.next()), "program: info: one");
  EXPECT_EQ(without_time(pipe.next()), "program: info: two");
}

TEST(Log, TheEndWritesWhatWaitsButNothingWithoutAStart) {
  LogPipe pipe;
  { Log(options(pipe.in()))(LogLevel::info, "one"); }
  {
    Log log(options(pipe.in()));
    log(LogLevel::info, "two");
    log.start();
  }
  pipe.close_writer();
  EXPECT_EQ(without_time(pipe.next()), "program: info: two");
  EXPECT_EQ(pipe.next(), "the end after: ");
}

TEST(Log, APipeThatNobodyReadsDelaysNobodyAndWhatIsLostIsCounted) {
  LogPipe pipe;
  Log::Options narrow = options(pipe.in());
  narrow.size_max = 16 << 10;
  Log log(narrow);
  log.start();
  constexpr std::uint64_t written = 10'000;
  for (std::uint64_t i = 0; i < written; ++i) log(LogLevel::info, fmt::format("{}", i));
  // Each line is there in its order, or the number of those that are missing stands in their place.
  std::uint64_t next = 0;
  std::uint64_t missing = 0;
  while (next < written) {
    const std::string line = pipe.next();
    const auto number = lost(line, "they came faster than they could be written");
    if (!number) {
      ASSERT_EQ(without_time(line), fmt::format("program: info: {}", next));
    }
    next += number.value_or(1);
    missing += number.value_or(0);
  }
  EXPECT_EQ(next, written);
  EXPECT_GT(missing, 0U);
  EXPECT_LT(missing, written - 100);
  log(LogLevel::info, "after");
  EXPECT_EQ(without_time(pipe.next()), "program: info: after");
}

TEST(Log, ALineLongerThanTheQueueIsLost) {
  LogPipe pipe;
  Log::Options narrow = options(pipe.in());
  narrow.size_max = 1000;
  Log log(narrow);
  log.start();
  log(LogLevel::info, std::string(1000, 'x'));
  EXPECT_EQ(lost(pipe.next(), "they came faster than they could be written"), 1U);
}

TEST(Log, LinesBeforeTheStartAllWait) {
  LogPipe pipe;
  Log::Options narrow = options(pipe.in());
  narrow.size_max = 1000;
  Log log(narrow);
  for (int i = 0; i < 100; ++i) log(LogLevel::info, fmt::format("{}", i));
  log.start();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(without_time(pipe.next()), fmt::format("program: info: {}", i));
  }
}

TEST(Log, WaitsForADescriptorThatDoesNotBlock) {
  LogPipe pipe;
  ASSERT_EQ(::fcntl(pipe.in(), F_SETFL, O_NONBLOCK), 0);
  Log log(options(pipe.in()));
  log.start();
  // A line that is longer than the pipe is written in pieces, too.
  const std::string long_line(3 * pipe.size(), 'x');
  for (const std::string& line : {long_line, std::string("after")}) log(LogLevel::info, line);
  EXPECT_EQ(without_time(pipe.next()), "program: info: " + long_line);
  EXPECT_EQ(without_time(pipe.next()), "program: info: after");
}

TEST(Log, APipeWhoseReaderIsGoneEndsNothing) {
  LogPipe pipe;
  pipe.close_reader();
  Log log(options(pipe.in()));
  log.start();
  log(LogLevel::info, "one");
  log(LogLevel::info, "two");
  EXPECT_TRUE(log.drain());
}

TEST(Log, ATerminalThatHangsUpEndsNothing) {
  int terminal = -1;
  int program = -1;
  ASSERT_EQ(::openpty(&terminal, &program, nullptr, nullptr, nullptr), 0);
  const Descriptor its_end(program);
  ::close(terminal);
  Log log(options(program));
  log.start();
  log(LogLevel::info, "one");
  EXPECT_TRUE(log.drain());
}

/// A file that takes so many bytes only while this lives, as on a full disk.
class FullFile {
 public:
  explicit FullFile(rlim_t size) {
    std::string name = testing::TempDir() + "log_test.XXXXXX";
    file_ = Descriptor(::mkostemp(name.data(), O_APPEND | O_CLOEXEC));
    ::unlink(name.c_str());
    ::getrlimit(RLIMIT_FSIZE, &former_);
    const rlimit small{size, former_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  FullFile(const FullFile&) = delete;
  FullFile& operator=(const FullFile&) = delete;
  ~FullFile() { make_room(); }

  void make_room() { ::setrlimit(RLIMIT_FSIZE, &former_); }
  int descriptor() const { return file_.get(); }
  Lines lines() const {
    std::string text(1 << 16, '\0');
    const ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    Lines lines;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;) {
      lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }

 private:
  Descriptor file_;
  rlimit former_{};
};

TEST(Log, SaysHowManyLinesAFullDiskHasCost) {
  FullFile file(100);
  Log log(options(file.descriptor()));
  log.start();
  for (const char* line : {"one", "two", "three", "four"}) log(LogLevel::info, line);
  ASSERT_TRUE(log.drain());
  file.make_room();
  log(LogLevel::info, "after");
  ASSERT_TRUE(log.drain());
  const Lines lines = file.lines();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(without_time(lines[0]), "program: info: one");
  EXPECT_EQ(without_time(lines[1]), "program: info: two");
  EXPECT_EQ(lines[2].size() + lines[1].size() + lines[0].size() + 2, 100U) << "one that was cut";
  EXPECT_EQ(lost(lines[3], "File too large"), 2U);
  EXPECT_EQ(without_time(lines[4]), "program: info: after");
}

TEST(Log, SaysItEvenIfNoOtherLineComes) {
  FullFile file(0);
  Log log(options(file.descriptor()));
  log.start();
  log(LogLevel::info, "one");
  ASSERT_TRUE(log.drain());
  file.make_room();
  const auto end = std::chrono::steady_clock::now() + long_enough;
  while (file.lines().empty() && std::chrono::steady_clock::now() < end) ::usleep(1000);
  ASSERT_EQ(file.lines().size(), 1U);
  EXPECT_EQ(lost(file.lines()[0], "File too large"), 1U);
}

TEST(Log, EndsAlthoughItsThreadIsHeld) {
  // Neither the pipe nor its thread may end before the program does.
  static LogPipe& pipe = *new LogPipe;
  Log::Options hasty = options(pipe.in());
  hasty.patience = 10ms;
  std::optional<Log> log(std::in_place, hasty);
  log->start();
  log->operator()(LogLevel::info, std::string(2 * pipe.size(), 'x'));
  EXPECT_FALSE(log->drain());
  log.reset();
}

}  // namespace
}  // namespace aoe
