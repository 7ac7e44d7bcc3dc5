#include "target/mapped_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "target/test_operation.h"
#include "target/test_words.h"

namespace aoe::target {
namespace {

int failing_sync(int) {
  errno = EIO;
  return -1;
}

int syncs_until_success = 0;
int sync_that_recovers(int) {
  errno = EIO;
  return syncs_until_success-- > 0 ? -1 : 0;
}

int interruptions = 0;
int interrupted_sync(int) {
  errno = EINTR;
  return interruptions-- > 0 ? -1 : 0;
}

class MappedStoreTest : public ::testing::Test {
 protected:
  MappedStoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "mapped_store_test.XXXXXX");
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    image = folder / "disk.img";
  }
  ~MappedStoreTest() override { std::filesystem::remove_all(folder); }

  void make_image(std::size_t size) const {
    std::ofstream(image).flush();
    std::filesystem::resize_file(image, size);
  }
  std::unique_ptr<MappedStore> open(const MappedStore::Options& options = {}) const {
    auto store = MappedStore::open(image, options);
    EXPECT_TRUE(store) << store.error();
    return store ? *std::move(store) : nullptr;
  }
  /// Why it does not open, without the folder's name.
  std::string refusal(const MappedStore::Options& options = {}) const {
    const auto store = MappedStore::open(image, options);
    if (store) return "opened";
    EXPECT_TRUE(store.error().starts_with(image.string()));
    return store.error().substr(folder.string().size() + 1);
  }
  std::vector<std::uint8_t> file_bytes() const {
    std::ifstream in(image, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder;
  std::filesystem::path image;
};

TEST_F(MappedStoreTest, WritesReachTheFileAndReadsSeeThem) {
  make_image(8192);
  const auto store = open();
  EXPECT_EQ(store->size(), 8192U);
  EXPECT_TRUE(store->is_immediate(StoreOperation::Kind::write));
  const auto data = pattern(1024, 5);
  EXPECT_FALSE(write_to(*store, 3584, data));
  EXPECT_EQ(read_from(*store, 3584, 1024), data);
  EXPECT_FALSE(flush(*store));
  const auto bytes = file_bytes();
  EXPECT_EQ(std::vector(bytes.begin() + 3584, bytes.begin() + 4608), data);
  EXPECT_EQ(bytes[3583], 0);
  EXPECT_EQ(bytes[4608], 0);
}

TEST_F(MappedStoreTest, LastSectorIsReachable) {
  make_image(4096 + 512);
  const auto store = open();
  const auto data = pattern(512, 5);
  EXPECT_FALSE(write_to(*store, 4096, data));
  EXPECT_EQ(read_from(*store, 4096, 512), data);
  EXPECT_EQ(file_bytes().size(), 4608U);
}

TEST_F(MappedStoreTest, ImageThatEndsInsideASectorIsServedWithoutItsTail) {
  make_image(1024 + 511);
  const auto store = open();
  EXPECT_EQ(store->size(), 1024U);
  EXPECT_EQ(store->ignored_tail(), 511U);
}

TEST_F(MappedStoreTest, RefusesWhatIsNoDisk) {
  EXPECT_EQ(refusal(), "disk.img: No such file or directory");
  make_image(511);
  EXPECT_EQ(refusal(), "disk.img: smaller than one sector");
  make_image(0);
  EXPECT_EQ(refusal(), "disk.img: smaller than one sector");
  std::filesystem::remove(image);
  std::filesystem::create_directory(image);
  EXPECT_EQ(refusal(), "disk.img: Is a directory");
  EXPECT_EQ(refusal({.read_only = true}), "disk.img: neither a regular file nor a block device");
  std::filesystem::remove(image);
  ASSERT_EQ(::mkfifo(image.c_str(), 0600), 0);
  EXPECT_EQ(refusal(), "disk.img: neither a regular file nor a block device");
  EXPECT_EQ(refusal({.read_only = true}), "disk.img: neither a regular file nor a block device");
}

TEST_F(MappedStoreTest, OneWriterOrSeveralReaders) {
  make_image(512);
  {
    const auto writer = open();
    EXPECT_EQ(refusal(), "disk.img: in use by another process");
    EXPECT_EQ(refusal({.read_only = true}), "disk.img: in use by another process");
  }
  const auto reader = open({.read_only = true});
  const auto another = open({.read_only = true});
  EXPECT_EQ(refusal(), "disk.img: in use by another process");
}

TEST_F(MappedStoreTest, ReadOnlyStoreReadsAndLetsNothingBeWritten) {
  make_image(1024);
  std::ofstream(image, std::ios::in | std::ios::out) << "contents";
  const auto store = open({.read_only = true});
  EXPECT_EQ(read_from(*store, 0, 512).value()[0], 'c');
  EXPECT_FALSE(flush(*store));
}

TEST_F(MappedStoreTest, TruncatedFileFailsOperationsAndTheProcessGoesOn) {
  make_image(1 << 20);
  const auto store = open();
  const auto data = pattern(1024, 5);
  EXPECT_FALSE(write_to(*store, 0, data));
  std::filesystem::resize_file(image, 4096);
  EXPECT_EQ(read_from(*store, 512 << 10, 512), std::nullopt);
  EXPECT_EQ(write_to(*store, 512 << 10, data), std::errc::io_error);
  EXPECT_EQ(read_from(*store, 3584, 1024), std::nullopt) << "half of it is there";
  EXPECT_EQ(read_from(*store, 0, 1024), data);
  EXPECT_EQ(std::filesystem::file_size(image), 4096U) << "a failed write does not grow it again";
}

TEST_F(MappedStoreTest, FlushOfATruncatedFileFails) {
  make_image(1 << 20);
  const auto store = open();
  std::filesystem::resize_file(image, (1 << 20) - 1);
  EXPECT_EQ(flush(*store), std::errc::io_error);
}

TEST_F(MappedStoreTest, FailedFlushIsTold) {
  make_image(512);
  const auto store = open({.sync = failing_sync});
  EXPECT_EQ(flush(*store), std::errc::io_error);
}

TEST_F(MappedStoreTest, FailedFlushIsNeverForgotten) {
  make_image(512);
  syncs_until_success = 1;
  const auto store = open({.sync = sync_that_recovers});
  EXPECT_EQ(flush(*store), std::errc::io_error);
  EXPECT_EQ(flush(*store), std::errc::io_error) << "what was lost is still lost";
}

TEST_F(MappedStoreTest, InterruptedFlushIsRepeated) {
  make_image(512);
  interruptions = 2;
  const auto store = open({.sync = interrupted_sync});
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(interruptions, -1);
}

}  // namespace
}  // namespace aoe::target
