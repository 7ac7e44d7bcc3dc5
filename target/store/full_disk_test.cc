// Images with holes, and an overlay, on a disk that is full: a small tmpfs, in a mount namespace of
// the test's own. Needs no root where user namespaces are allowed; skipped, with the reason, where
// not.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/store/mapped_store.h"
#include "target/store/overlay_store.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_overlay.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

constexpr std::size_t block = 4096;
constexpr std::uint64_t image_size = 1 << 20;

std::string error() {
  return std::generic_category().message(errno);
}

/// What is missing for mounts of our own; nothing where the process is now in a namespace for them.
std::optional<std::string> enter_namespace() {
  if (::unshare(CLONE_NEWNS) != 0) {
    const std::string user = fmt::format("0 {} 1", ::geteuid());
    const std::string group = fmt::format("0 {} 1", ::getegid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      return "no mount namespace without root, and no user namespace: " + error();
    }
    const auto write_file = [](const char* path, const std::string& text) {
      return static_cast<bool>(std::ofstream(path) << text << std::flush);
    };
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", user) ||
        !write_file("/proc/self/gid_map", group)) {
      return "a user namespace cannot be set up";
    }
  }
  // Ours alone: nothing of what is mounted here reaches the rest of the machine.
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return "mounts cannot be made private: " + error();
  }
  return std::nullopt;
}

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const std::optional<std::string> missing = enter_namespace();
    if (missing) GTEST_SKIP() << *missing;
    if (::mount("tmpfs", "/tmp", "tmpfs", 0, "size=64k") != 0) {
      GTEST_SKIP() << "no tmpfs can be mounted: " << error();
    }
    is_mounted = true;
    std::ofstream("/tmp/disk.img").flush();
    std::filesystem::resize_file("/tmp/disk.img", image_size);
    auto file = File::open("/tmp/disk.img", {});
    ASSERT_TRUE(file) << file.error();
    auto opened = MappedStore::open(*std::move(file), {0, image_size}, *queue, handover);
    ASSERT_TRUE(opened) << opened.error();
    store = *std::move(opened);
  }
  void TearDown() override {
    store.reset();
    if (is_mounted) ::umount("/tmp");
  }

  /// Writes a block after the other until the disk is full, and returns how many went there.
  std::size_t fill() {
    std::size_t blocks = 0;
    while (!write_to(*store, blocks * block, pattern(block, static_cast<std::uint8_t>(blocks)))) {
      if (++blocks * block >= image_size) break;
    }
    return blocks;
  }

  bool is_mounted = false;
  std::unique_ptr<DiskQueue> queue = make_disk_queue();
  Handover handover;
  std::unique_ptr<Store> store;
};

TEST_F(FullDiskTest, WriteIntoAHoleFailsAndTheProcessGoesOn) {
  const std::size_t blocks = fill();
  EXPECT_GT(blocks, 8U);
  EXPECT_LT(blocks, 17U);
  EXPECT_EQ(write_to(*store, image_size - block, pattern(512, 1)), std::errc::no_space_on_device);
}

TEST_F(FullDiskTest, WhatWasWrittenBeforeStays) {
  const std::size_t blocks = fill();
  for (std::size_t i = 0; i < blocks; ++i) {
    EXPECT_EQ(read_from(*store, i * block, block), pattern(block, static_cast<std::uint8_t>(i)));
  }
  EXPECT_FALSE(flush(*store));
}

TEST_F(FullDiskTest, HoleStillReadsAsZeros) {
  fill();
  EXPECT_EQ(read_from(*store, image_size - 1024, 1024), std::vector<std::uint8_t>(1024));
}

TEST_F(FullDiskTest, WritesToExistingBlocksStillSucceed) {
  fill();
  const auto data = pattern(1024, 99);
  EXPECT_FALSE(write_to(*store, 512, data));
  EXPECT_EQ(read_from(*store, 512, 1024), data);
}

/// The same disk, and an overlay on it over the image of zeros.
class FullDiskOverlayTest : public FullDiskTest {
 protected:
  void SetUp() override {
    FullDiskTest::SetUp();
    if (!is_mounted || HasFatalFailure()) return;
    store.reset();
    auto base = File::open("/tmp/disk.img", {.use = FileUse::read});
    auto delta = File::open("/tmp/client3.cow", {.use = FileUse::sole, .create = true});
    ASSERT_TRUE(base && delta);
    auto opened =
        open_overlay_over(*std::move(base), {0, image_size}, *std::move(delta), *queue, handover);
    ASSERT_TRUE(opened) << opened.error();
    store = *std::move(opened);
  }
};

TEST_F(FullDiskOverlayTest, WriteThatFindsNoRoomFailsAndAllReadsAreRight) {
  const std::size_t blocks = fill();
  EXPECT_GT(blocks, 4U);
  EXPECT_LT(blocks, 13U) << "16 pages less the header and bitmaps";
  EXPECT_EQ(write_to(*store, image_size - block + 512, pattern(512, 1)),
            std::errc::no_space_on_device);
  for (std::size_t i = 0; i < blocks; ++i) {
    EXPECT_EQ(read_from(*store, i * block, block), pattern(block, static_cast<std::uint8_t>(i)));
  }
  EXPECT_EQ(read_from(*store, image_size - block, block), std::vector<std::uint8_t>(block));
  EXPECT_FALSE(flush(*store)) << "its bitmaps have their room";
}

TEST_F(FullDiskOverlayTest, TrimMakesRoomAgain) {
  fill();
  EXPECT_FALSE(trim(*store, {{0, 8}}));
  // A whole block: to read a hole of the base would take a page of its own, in a tmpfs.
  const auto data = pattern(block, 1);
  EXPECT_FALSE(write_to(*store, image_size - block, data));
  EXPECT_EQ(read_from(*store, image_size - block, block), data);
  EXPECT_EQ(read_from(*store, 0, block), std::vector<std::uint8_t>(block));
}

TEST_F(FullDiskOverlayTest, CannotBeMadeWhereItsBitmapsFindNoRoom) {
  store.reset();
  ASSERT_EQ(std::filesystem::remove("/tmp/client3.cow"), true);
  std::ofstream("/tmp/filler") << std::string(60 << 10, 'x');
  auto base = File::open("/tmp/disk.img", {.use = FileUse::read});
  auto delta = File::open("/tmp/client3.cow", {.use = FileUse::sole, .create = true});
  ASSERT_TRUE(base && delta);
  const auto opened =
      open_overlay_over(*std::move(base), {0, image_size}, *std::move(delta), *queue, handover);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), "/tmp/client3.cow: No space left on device");
}

}  // namespace
}  // namespace aoe::target
