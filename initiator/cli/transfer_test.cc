#include "initiator/cli/transfer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>

#include "base/descriptor.h"

namespace aoe::initiator {
namespace {

constexpr std::size_t block = 4096;

bool never_wait() {
  return false;
}

Chunk chunk_of(std::vector<std::uint8_t> bytes, std::uint64_t position = 0) {
  Chunk chunk{.position = position, .buffer = std::move(bytes)};
  chunk.data = chunk.buffer;
  return chunk;
}

std::vector<std::uint8_t> pattern(std::string_view blocks) {
  std::vector<std::uint8_t> bytes;
  for (const char c : blocks) bytes.insert(bytes.end(), block, c == '.' ? 0 : c);
  return bytes;
}

std::vector<std::uint8_t> content(int file) {
  struct stat status {};
  ::fstat(file, &status);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(status.st_size));
  EXPECT_EQ(::pread(file, bytes.data(), bytes.size(), 0), status.st_size);
  return bytes;
}

TEST(DescriptorSink, LeavesHolesForBlocksOfZeros) {
  for (const std::string_view blocks : {"abc", "a..b", "..a", "a..", "....", ".a.b."}) {
    const Descriptor file(::memfd_create("sink", 0));
    const auto sink = descriptor_sink(file.get(), "file", {.sparse = true});
    auto chunk = chunk_of(pattern(blocks));
    sink->store(chunk, never_wait);
    EXPECT_EQ(chunk.stage, Chunk::Stage::stored);
    ASSERT_TRUE(chunk.outcome && sink->finish());
    EXPECT_EQ(content(file.get()), pattern(blocks)) << blocks;
    struct stat status {};
    ::fstat(file.get(), &status);
    const auto full = static_cast<std::size_t>(std::ranges::count_if(blocks, ::isalpha));
    EXPECT_LE(static_cast<std::size_t>(status.st_blocks) * 512, full * block) << blocks;
  }
}

TEST(DescriptorSink, KeepsZerosThatAreNoWholeBlock) {
  const Descriptor file(::memfd_create("sink", 0));
  const auto sink = descriptor_sink(file.get(), "file", {.sparse = true});
  std::vector<std::uint8_t> bytes(block + 100, 0);
  bytes[block - 1] = 1;
  auto chunk = chunk_of(bytes);
  sink->store(chunk, never_wait);
  ASSERT_TRUE(sink->finish());
  EXPECT_EQ(content(file.get()), bytes);
}

TEST(DescriptorSink, ReadsBackWhatWasStoredAndNoticesWhatIsMissing) {
  const Descriptor file(::memfd_create("sink", 0));
  const auto sink = descriptor_sink(file.get(), "file", {});
  auto chunk = chunk_of(pattern("ab"));
  sink->store(chunk, never_wait);
  auto again = chunk_of(std::vector<std::uint8_t>(block), block);
  ASSERT_TRUE(sink->read_back(again));
  EXPECT_EQ(again.buffer, pattern("b"));
  again.position = block + 1;
  EXPECT_EQ(sink->read_back(again).error(), "file: ends before what was written");
}

TEST(DescriptorSink, WhatAStalledPipeTookIsAllThatIsLeftOfTheChunk) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor out(ends[0]);
  const Descriptor in(ends[1]);
  const int room = ::fcntl(in.get(), F_SETPIPE_SZ, 2 * block);
  const auto sink = descriptor_sink(in.get(), "pipe", {});
  auto chunk = chunk_of(pattern("abcd"));
  sink->store(chunk, never_wait);
  EXPECT_TRUE(chunk.outcome);
  EXPECT_TRUE(chunk.cut);
  EXPECT_EQ(chunk.data.size(), static_cast<std::size_t>(room));
}

TEST(DescriptorSink, NamesWhatCannotBeWritten) {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto sink = descriptor_sink(full.get(), "/dev/full", {});
  auto chunk = chunk_of(pattern("a"));
  sink->store(chunk, never_wait);
  EXPECT_EQ(chunk.outcome.error(), "writing to /dev/full: No space left on device");
}

TEST(DescriptorSource, GivesWhatThereIs) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor out(ends[0]);
  Descriptor in(ends[1]);
  ASSERT_EQ(::write(in.get(), "abc", 3), 3);
  const auto source = descriptor_source(out.get(), "pipe");
  auto chunk = chunk_of(std::vector<std::uint8_t>(2));
  source->fill(chunk, never_wait);
  EXPECT_EQ(chunk.stage, Chunk::Stage::filled);
  EXPECT_EQ(chunk.buffer, (std::vector<std::uint8_t>{'a', 'b'}));

  // Called off while it waits, and at the end of the input.
  chunk = chunk_of(std::vector<std::uint8_t>(2));
  source->fill(chunk, never_wait);
  EXPECT_EQ(chunk.data.size(), 1U);
  in = Descriptor();
  chunk = chunk_of(std::vector<std::uint8_t>(2));
  source->fill(chunk, [] { return true; });
  EXPECT_TRUE(chunk.outcome);
  EXPECT_TRUE(chunk.data.empty());

  const Descriptor folder(::open("/", O_RDONLY | O_CLOEXEC));
  descriptor_source(folder.get(), "/")->fill(chunk = chunk_of({1}), never_wait);
  EXPECT_EQ(chunk.outcome.error(), "reading /: Is a directory");
}

/// Gives zeros as long as it is asked.
class Zeros final : public Source {
 public:
  void fill(Chunk& chunk, const BeforeWaiting& /*before_waiting*/) override {
    std::ranges::fill(chunk.data, 0);
    chunk.end(Chunk::Stage::filled, {});
  }
};

/// Keeps nothing, and is interrupted when so much has been stored, or so many pieces read back.
class InterruptedSink final : public Sink {
 public:
  struct When {
    std::uint64_t stored = 0;
    unsigned read_back = 0;
  };
  explicit InterruptedSink(When when) : when_(when) {}

  void store(Chunk& chunk, const BeforeWaiting& /*before_waiting*/) override {
    chunk.end(Chunk::Stage::stored, {});
    if (chunk.position + chunk.data.size() == when_.stored) ::raise(SIGINT);
  }
  Outcome finish() override { return {}; }
  Outcome read_back(Chunk& chunk) override {
    std::ranges::fill(chunk.data, 0);
    if (++pieces_read_back == when_.read_back) ::raise(SIGINT);
    return {};
  }

  unsigned pieces_read_back = 0;

 private:
  const When when_;
};

TEST(Transfer, IsCompleteOnlyWhenAllIsVerified) {
  constexpr std::uint64_t length = 3 << 20;
  struct Case {
    InterruptedSink::When interrupted;
    bool verify;
    int signal;
    unsigned pieces_read_back;
  };
  for (const Case& one :
       {Case{{}, true, 0, 3}, Case{{.stored = length}, false, 0, 0},
        Case{{.stored = length}, true, SIGINT, 0}, Case{{.read_back = 2}, true, SIGINT, 2}}) {
    boost::asio::io_context loop(1);
    const auto disks = boost::asio::make_work_guard(loop);
    Zeros source;
    InterruptedSink sink(one.interrupted);
    const auto moved = transfer(loop, source, sink, {.length = length, .verify = one.verify});
    ASSERT_TRUE(moved) << moved.error();
    EXPECT_EQ(moved->moved, length);
    EXPECT_EQ(moved->signal, one.signal);
    EXPECT_EQ(sink.pieces_read_back, one.pieces_read_back);
  }
}

}  // namespace
}  // namespace aoe::initiator
