#include "target/store/nbd_store.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <stdexcept>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/service/definition.h"
#include "target/store/open_store.h"
#include "target/testing/test_nbd_server.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Kind = Operation::Kind;

class NbdStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_nbdkit()) GTEST_SKIP() << "no nbdkit";
    folder.make_image(image);
  }

  std::string uri() const { return "nbd+unix:///?socket=" + folder.path("s").string(); }
  std::string file() const { return folder.path().string(); }
  void serve(const std::vector<std::string>& arguments) {
    server.reset();
    server = std::make_unique<TestNbdServer>(folder.path("s"), arguments);
  }
  void open(const NbdStore::Options& options = {}) {
    auto opened = NbdStore::open(uri(), options);
    if (!opened) throw std::runtime_error(opened.error());
    store = *std::move(opened);
  }
  std::string refusal(const NbdStore::Options& options = {}) const {
    const auto opened = NbdStore::open(uri(), options);
    return opened ? "opened" : folder.shorten(opened.error());
  }
  /// Drives the store, which has no operations, until it is connected.
  void reconnect() const {
    pollfd poll{store->descriptor(), POLLIN, 0};
    while (store->connections() == 0 && ::poll(&poll, 1, 20'000) == 1) store->reap();
    ASSERT_GT(store->connections(), 0U);
  }
  /// Starts an operation and looks once whether it is done.
  std::optional<std::error_code> at_once(TestOperation& operation) const {
    store->start(operation);
    store->reap();
    return operation.result;
  }
  /// Begins operations that the server answers after ten minutes.
  void begin(std::vector<TestOperation>& operations) const {
    for (TestOperation& operation : operations) EXPECT_EQ(at_once(operation), std::nullopt);
  }
  void finish(const std::vector<TestOperation>& operations) const {
    const auto is_over = [](const TestOperation& one) { return one.result.has_value(); };
    while (!std::ranges::all_of(operations, is_over)) store->wait();
  }

  const std::vector<std::string> slow{"--filter=delay", "memory", "1M", "delay-read=600",
                                      "delay-write=600"};
  const std::vector<std::string> zeros_that_cannot_flush{
      "eval", "get_size=echo 1048576", "pwrite=cat >/dev/null",
      "pread=dd if=/dev/zero count=$3 iflag=count_bytes"};
  static constexpr std::size_t size = 1 << 20;
  const std::vector<std::uint8_t> image = pattern(size, 7);
  TestFolder folder;
  std::unique_ptr<TestNbdServer> server;
  std::unique_ptr<NbdStore> store;
};

TEST_F(NbdStoreTest, WritesReadsFlushesAndTrims) {
  serve({"file", file()});
  open();
  EXPECT_EQ(store->size(), size);
  EXPECT_TRUE(store->traits().can_trim);
  EXPECT_FALSE(store->traits().trimmed_reads_zero);
  const auto data = pattern(8192, 1);
  EXPECT_FALSE(write_to(*store, 512, data));
  EXPECT_EQ(read_from(*store, 512, 8192), data);
  EXPECT_FALSE(flush(*store));
  EXPECT_FALSE(trim(*store, {{128, 64}, {192, 64}, {512, 128}, {9, 0}}));
  EXPECT_FALSE(trim(*store, {}));
  auto expected = image;
  std::ranges::copy(data, expected.begin() + 512);
  std::fill_n(expected.begin() + 65536, 65536, std::uint8_t{0});
  std::fill_n(expected.begin() + 262144, 65536, std::uint8_t{0});
  EXPECT_EQ(read_from(*store, 0, size), expected);
  EXPECT_EQ(folder.contents(), expected);
}

TEST_F(NbdStoreTest, ManyOperationsAtOnce) {
  serve({"memory", "1M"});
  open();
  const AlignedBuffer data(256 * 4096);
  std::vector<TestOperation> writes(256);
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const auto bytes = data.bytes().subspan(i * 4096, 4096);
    std::ranges::fill(bytes, static_cast<std::uint8_t>(i));
    writes[i].kind = Kind::write;
    writes[i].offset = i * 4096;
    writes[i].from = bytes;
    store->start(writes[i]);
  }
  const auto is_done = [](const TestOperation& one) { return one.result == std::error_code{}; };
  while (!std::ranges::all_of(writes, is_done)) store->wait();
  EXPECT_EQ(read_from(*store, 0, size), std::vector(data.bytes().begin(), data.bytes().end()));
}

TEST_F(NbdStoreTest, ServesWholeSectorsAndParts) {
  std::filesystem::resize_file(folder.path(), size + 100);
  serve({"file", file()});
  std::unique_ptr<DiskQueue> queue = make_thread_queue();
  Handover handover;
  StoreDefinition wanted;
  wanted.path = uri();
  wanted.offset = 3;
  const auto opened = open_store(wanted, *queue, handover);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->kind, "NBD");
  EXPECT_EQ(opened->store->size(), size - 3 * 512);
  EXPECT_EQ(opened->ignored_tail, 100U);
  EXPECT_EQ(opened->store->traits().physical_sector_size, 512U);
  EXPECT_EQ(read_from(*opened->store, 512, 512),
            std::vector(image.begin() + 2048, image.begin() + 2560));
  wanted.offset = 4096;
  EXPECT_EQ(folder.shorten(open_store(wanted, *queue, handover).error()),
            "nbd+unix:///?socket=s: has 2048 sectors, so none is left after an offset of 4096");
}

TEST_F(NbdStoreTest, RefusesWhatItCannotServe) {
  EXPECT_EQ(refusal(), "nbd+unix:///?socket=s: connect: No such file or directory");
  serve({});
  EXPECT_EQ(refusal({.timeout = std::chrono::milliseconds(20)}),
            "nbd+unix:///?socket=s: the server does not answer");
  serve({"-r", "file", file()});
  EXPECT_EQ(refusal(), "nbd+unix:///?socket=s: read-only there");
  EXPECT_EQ(refusal({.read_only = true}), "opened");
  serve({"--filter=blocksize-policy", "memory", "1M", "blocksize-minimum=4096",
         "blocksize-preferred=4096"});
  EXPECT_EQ(refusal(), "nbd+unix:///?socket=s: needs blocks of 4096 bytes");
  serve({"memory", "511"});
  EXPECT_EQ(refusal(), "nbd+unix:///?socket=s: smaller than one sector");
  serve(zeros_that_cannot_flush);
  EXPECT_EQ(refusal({.sync = true}),
            "nbd+unix:///?socket=s: the server cannot make single writes stable (FUA), as sync "
            "needs it");
}

TEST_F(NbdStoreTest, ErrorsOfTheServerAreErrorsOfOperations) {
  serve({"--filter=error", "memory", "1M", "error=ENOSPC", "error-pwrite-rate=1"});
  open();
  EXPECT_EQ(write_to(*store, 0, pattern(512, 1)), std::errc::no_space_on_device);
  EXPECT_EQ(read_from(*store, 0, 512), std::vector<std::uint8_t>(512));
}

TEST_F(NbdStoreTest, ServerThatCannotFlushIsTakenAtItsWord) {
  serve(zeros_that_cannot_flush);
  open();
  EXPECT_FALSE(store->can_flush());
  EXPECT_FALSE(store->traits().can_trim);
  EXPECT_FALSE(write_to(*store, 0, pattern(512, 1)));
  EXPECT_FALSE(flush(*store));
  EXPECT_FALSE(trim(*store, {{0, 8}}));
}

TEST_F(NbdStoreTest, PreferredBlocksArePhysicalSectors) {
  serve({"--filter=blocksize-policy", "memory", "1M", "blocksize-preferred=4096"});
  open();
  EXPECT_EQ(store->traits().physical_sector_size, 4096U);
}

TEST_F(NbdStoreTest, OperationsInFlightAreDoneByTheServerThatComesBack) {
  serve(slow);
  open();
  const AlignedBuffer buffer(512);
  std::vector<TestOperation> reads(3);
  for (TestOperation& read : reads) read.into = buffer.bytes();
  begin(reads);
  serve({"file", file()});
  finish(reads);
  for (const TestOperation& read : reads) EXPECT_EQ(read.result, std::error_code{});
  EXPECT_TRUE(std::ranges::equal(buffer.bytes(), std::span(image).first(512)));
}

TEST_F(NbdStoreTest, OperationsWaitForAServerThatIsAway) {
  serve({"file", file()});
  open({.retry_min = std::chrono::milliseconds(1)});
  server.reset();
  TestOperation write;
  const AlignedBuffer data(512);
  write.kind = Kind::write;
  write.from = data.bytes();
  pollfd poll{store->descriptor(), POLLIN, 0};
  while (store->connections() > 0 && ::poll(&poll, 1, 20'000) == 1) store->reap();
  EXPECT_EQ(at_once(write), std::nullopt);
  serve({"file", file()});
  while (!write.result) store->wait();
  EXPECT_EQ(write.result, std::error_code{});
  EXPECT_EQ(folder.contents()[0], 0xee);
}

TEST_F(NbdStoreTest, WritesThatSayTheSameAreSentOnce) {
  serve(slow);
  open();
  const AlignedBuffer data(1024);
  data.bytes()[0] = 1;
  std::vector<TestOperation> writes(4);
  for (TestOperation& write : writes) {
    write.kind = Kind::write;
    write.from = data.bytes().first(512);
  }
  writes[2].from = data.bytes().last(512);
  writes[3].offset = 512;
  begin(writes);
  const std::string log = folder.path("log").string();
  serve({"eval", "get_size=echo 1048576", "pread=exit 1",
         "pwrite=cat >/dev/null; echo $3 $4 >>" + log});
  finish(writes);
  for (const TestOperation& write : writes) EXPECT_EQ(write.result, std::error_code{});
  const auto lines = folder.contents("log");
  EXPECT_EQ(std::ranges::count(lines, std::uint8_t{10}), 3);
}

TEST_F(NbdStoreTest, OperationsFailWhereTheServerStaysAway) {
  serve({"file", file()});
  open({.hold = std::chrono::milliseconds(20)});
  server.reset();
  EXPECT_TRUE(is_gone(write_to(*store, 0, pattern(512, 1))));
  TestOperation flush;
  flush.kind = Kind::flush;
  const auto result = at_once(flush);
  ASSERT_TRUE(result) << "it need not wait any more";
  EXPECT_TRUE(is_gone(*result));
}

TEST_F(NbdStoreTest, ComesBackWithoutAnyOperation) {
  serve({"file", file()});
  open({.hold = std::chrono::milliseconds(20)});
  EXPECT_FALSE(write_to(*store, 0, pattern(512, 1)));
  EXPECT_FALSE(flush(*store));
  server.reset();
  EXPECT_TRUE(is_gone(flush(*store)));
  serve({"file", file()});
  reconnect();
  EXPECT_EQ(read_from(*store, 0, 512), pattern(512, 1));
  EXPECT_FALSE(flush(*store)) << "nothing was lost";
}

TEST_F(NbdStoreTest, UnflushedWritesThatWereLostFailEveryLaterFlush) {
  serve({"file", file()});
  open();
  EXPECT_FALSE(write_to(*store, 0, pattern(512, 1)));
  EXPECT_FALSE(flush(*store));
  EXPECT_FALSE(write_to(*store, 512, pattern(512, 1)));
  serve({"file", file()});
  EXPECT_EQ(flush(*store), std::errc::io_error);
  EXPECT_FALSE(write_to(*store, 512, pattern(512, 2)));
  EXPECT_EQ(flush(*store), std::errc::io_error) << "what was lost is still lost";
}

TEST_F(NbdStoreTest, WritesThatAreStableAtOnceCannotBeLost) {
  serve({"file", file()});
  open({.sync = true});
  EXPECT_FALSE(write_to(*store, 512, pattern(512, 1)));
  serve({"file", file()});
  EXPECT_TRUE(read_from(*store, 0, 512));
  EXPECT_FALSE(flush(*store));
}

TEST_F(NbdStoreTest, StaysGoneWhereTheDiskHasAnotherSize) {
  serve({"file", file()});
  open({.hold = std::chrono::milliseconds(20), .retry_min = std::chrono::milliseconds(1)});
  std::filesystem::resize_file(folder.path(), size * 2);
  serve({"file", file()});
  EXPECT_FALSE(read_from(*store, 0, 512));
  EXPECT_EQ(store->connections(), 0U);
  std::filesystem::resize_file(folder.path(), size);
  serve({"file", file()});
  reconnect();
  EXPECT_EQ(read_from(*store, 0, 512), std::vector(image.begin(), image.begin() + 512));
}

TEST_F(NbdStoreTest, ServerThatShutsDownIsWaitedFor) {
  const std::filesystem::path mark = folder.path("mark");
  serve({"--filter=error", "file", file(), "error=ESHUTDOWN", "error-pread-rate=1",
         "error-file=" + mark.string()});
  open({.retry_min = std::chrono::milliseconds(1), .retry_max = std::chrono::milliseconds(10)});
  std::ofstream(mark).flush();
  const AlignedBuffer buffer(512);
  TestOperation read;
  read.into = buffer.bytes();
  EXPECT_EQ(at_once(read), std::nullopt);
  pollfd poll{store->descriptor(), POLLIN, 0};
  while (store->connections() > 0 && ::poll(&poll, 1, 20'000) == 1) store->reap();
  std::filesystem::remove(mark);
  while (!read.result) store->wait();
  EXPECT_EQ(read.result, std::error_code{});
}

TEST_F(NbdStoreTest, ServerThatNoLongerAccepts) {
  serve({"file", file()});
  NbdStore::Options options;
  options.hold = std::chrono::milliseconds(1);
  options.attempt.timeout = std::chrono::milliseconds(300);
  open(options);
  serve({});
  EXPECT_FALSE(read_from(*store, 0, 512));
  serve({"file", file()});
  reconnect();
  EXPECT_EQ(read_from(*store, 0, 512), std::vector(image.begin(), image.begin() + 512));
}

TEST_F(NbdStoreTest, WaitingForASilentServerHasALimit) {
  serve({"file", file()});
  open({.silence_max = std::chrono::milliseconds(50)});
  server->stop();
  EXPECT_EQ(write_to(*store, 0, pattern(512, 1)), std::errc::timed_out);
  EXPECT_EQ(flush(*store), std::errc::timed_out);
}

TEST_F(NbdStoreTest, SeveralConnectionsServeOneDisk) {
  serve({"memory", "1M"});
  open();
  EXPECT_EQ(store->connections(), 4U);
  for (std::uint8_t i = 0; i < 8; ++i) EXPECT_FALSE(write_to(*store, i * 512, pattern(512, i)));
  EXPECT_FALSE(flush(*store));
  for (std::uint8_t i = 0; i < 8; ++i) EXPECT_EQ(read_from(*store, i * 512, 512), pattern(512, i));
}

TEST_F(NbdStoreTest, OneConnectionWhereClientsMaySeeDifferentDisks) {
  serve(zeros_that_cannot_flush);
  open();
  EXPECT_EQ(store->connections(), 1U);
}

TEST_F(NbdStoreTest, NameThatIsLookedUpForeverHoldsNobodyUp) {
  serve({"file", file()});
  std::promise<void> answered;
  NbdStore::Options options;
  options.hold = std::chrono::milliseconds(20);
  options.timeout = std::chrono::milliseconds(20);
  options.attempt.dial = [is_answered = answered.get_future().share()](const std::string& uri) {
    is_answered.wait();
    return dial_nbd(uri);
  };
  EXPECT_EQ(refusal(options), "nbd+unix:///?socket=s: the server does not answer");
  answered.set_value();

  std::promise<void> asked;
  std::promise<void> answered_again;
  int dials = 0;
  options.timeout = std::chrono::seconds(5);
  options.attempt.connections_max = 1;
  options.attempt.dial = [&, is_answered =
                                 answered_again.get_future().share()](const std::string& uri) {
    if (++dials == 2) {
      asked.set_value();
      is_answered.wait();
    }
    return dial_nbd(uri);
  };
  open(options);
  server.reset();
  EXPECT_FALSE(read_from(*store, 0, 512)) << "it is not held up by the look-up";
  asked.get_future().wait();
  serve({"file", file()});
  answered_again.set_value();
  reconnect();
  EXPECT_TRUE(read_from(*store, 0, 512));
}

}  // namespace
}  // namespace aoe::target
