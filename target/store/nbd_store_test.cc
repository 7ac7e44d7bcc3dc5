#include "target/store/nbd_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/service/definition.h"
#include "target/store/open_store.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Kind = Operation::Kind;

/// An nbdkit on a Unix socket. The socket listens before nbdkit runs, so nobody waits for that.
class Server {
 public:
  Server(const std::filesystem::path& socket, std::vector<std::string> arguments) {
    std::filesystem::remove(socket);
    const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(socket.string(), address.sun_path);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener.get(), 5), 0);
    if (arguments.empty()) {
      silent_ = Descriptor(::dup(listener.get()));
      return;
    }
    arguments.insert(arguments.begin(), {"nbdkit", "--foreground", "--exit-with-parent"});
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    process_ = ::fork();
    if (process_ != 0) return;
    ::dup2(listener.get(), 3);
    ::fcntl(3, F_SETFD, 0);  // for it may have been 3 already
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::execvp("nbdkit", words.data());
    ::_exit(127);
  }
  ~Server() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

 private:
  pid_t process_ = 0;
  Descriptor silent_;  // listens, and never accepts
};

Instant fake_time;

class NbdStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/nbdkit", X_OK) != 0 && ::access("/usr/sbin/nbdkit", X_OK) != 0) {
      GTEST_SKIP() << "no nbdkit";
    }
    folder.make_image(image);
  }

  std::string uri() const { return "nbd+unix:///?socket=" + folder.path("s").string(); }
  std::string file() const { return folder.path().string(); }
  void serve(const std::vector<std::string>& arguments) {
    server.reset();
    server = std::make_unique<Server>(folder.path("s"), arguments);
  }
  void open(NbdStore::Options options = {}) {
    options.now = [] { return fake_time; };
    auto opened = NbdStore::open(uri(), options);
    ASSERT_TRUE(opened) << opened.error();
    store = *std::move(opened);
  }
  std::string refusal(const NbdStore::Options& options = {}) const {
    const auto opened = NbdStore::open(uri(), options);
    return opened ? "opened" : folder.shorten(opened.error());
  }
  /// Has an operation tell it that the server is gone.
  bool is_store_gone() { return is_gone(write_to(*store, 0, pattern(512, 1))); }
  /// Drives the store until it is connected, or nothing has happened for so many milliseconds.
  void wait_for_connection(int patience = 20'000) const {
    pollfd poll{store->descriptor(), POLLIN, 0};
    while (!read_from(*store, 0, 512) && ::poll(&poll, 1, patience) == 1) store->reap();
  }

  const std::vector<std::string> zeros_that_cannot_flush{
      "eval", "get_size=echo 1048576", "pwrite=cat >/dev/null",
      "pread=dd if=/dev/zero count=$3 iflag=count_bytes"};
  static constexpr std::size_t size = 1 << 20;
  const std::vector<std::uint8_t> image = pattern(size, 7);
  TestFolder folder;
  std::unique_ptr<Server> server;
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

TEST_F(NbdStoreTest, OperationsInFlightFailWhenTheServerDies) {
  serve({"--filter=delay", "memory", "1M", "delay-read=600"});
  open();
  const AlignedBuffer buffer(512);
  std::vector<TestOperation> reads(3);
  for (TestOperation& read : reads) {
    read.into = buffer.bytes();
    store->start(read);
  }
  server.reset();
  const auto is_over = [](const TestOperation& read) { return read.result.has_value(); };
  while (!std::ranges::all_of(reads, is_over)) store->wait();
  for (const TestOperation& read : reads) EXPECT_TRUE(is_gone(*read.result));
  EXPECT_TRUE(is_store_gone());
}

TEST_F(NbdStoreTest, ComesBackWhenTheServerDoesAtMostOneTryASecond) {
  serve({"file", file()});
  open();
  EXPECT_FALSE(write_to(*store, 0, pattern(512, 1)));
  EXPECT_FALSE(flush(*store));
  server.reset();
  EXPECT_TRUE(is_store_gone());
  fake_time += std::chrono::seconds(1);
  EXPECT_TRUE(is_store_gone()) << "tried in vain";
  serve({"file", file()});
  fake_time += std::chrono::milliseconds(999);
  wait_for_connection(20);
  EXPECT_TRUE(is_store_gone()) << "not tried yet";
  fake_time += std::chrono::milliseconds(1);
  wait_for_connection();
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
  EXPECT_TRUE(is_store_gone());
  EXPECT_TRUE(is_gone(flush(*store)));
  fake_time += std::chrono::seconds(1);
  wait_for_connection();
  EXPECT_EQ(flush(*store), std::errc::io_error);
  EXPECT_FALSE(write_to(*store, 512, pattern(512, 2)));
  EXPECT_EQ(flush(*store), std::errc::io_error) << "what was lost is still lost";
}

TEST_F(NbdStoreTest, WritesThatAreStableAtOnceCannotBeLost) {
  serve({"file", file()});
  open({.sync = true});
  EXPECT_FALSE(write_to(*store, 512, pattern(512, 1)));
  serve({"file", file()});
  EXPECT_TRUE(is_store_gone());
  fake_time += std::chrono::seconds(1);
  wait_for_connection();
  EXPECT_FALSE(flush(*store));
}

TEST_F(NbdStoreTest, StaysGoneWhereTheDiskHasAnotherSize) {
  serve({"file", file()});
  open();
  std::filesystem::resize_file(folder.path(), size * 2);
  serve({"file", file()});
  EXPECT_TRUE(is_store_gone());
  fake_time += std::chrono::seconds(1);
  wait_for_connection(50);
  EXPECT_TRUE(is_store_gone());
  std::filesystem::resize_file(folder.path(), size);
  serve({"file", file()});
  fake_time += std::chrono::seconds(1);
  wait_for_connection();
  EXPECT_EQ(read_from(*store, 0, 512), std::vector(image.begin(), image.begin() + 512));
}

TEST_F(NbdStoreTest, ServerThatNoLongerAnswersIsGivenUpAndTriedAgain) {
  serve({"file", file()});
  open();
  serve({});
  EXPECT_TRUE(is_store_gone());
  fake_time += std::chrono::seconds(1);
  EXPECT_TRUE(is_store_gone()) << "connecting";
  serve({"file", file()});
  fake_time += std::chrono::seconds(5);
  wait_for_connection();
  EXPECT_EQ(read_from(*store, 0, 512), std::vector(image.begin(), image.begin() + 512));
}

}  // namespace
}  // namespace aoe::target
