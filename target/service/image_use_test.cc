#include "target/service/image_use.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/testing/test_folder.h"
#include "target/testing/test_loop_device.h"

namespace aoe::target {
namespace {

constexpr std::uint64_t image_sectors = 2048;

class ImageUseTest : public ::testing::Test {
 protected:
  ImageUseTest() { folder.make_image(image_sectors * 512); }

  /// Adds a LUN to those that are asked about: e0.0, e0.1, …
  LunDefinition& add(const std::string& path) {
    LunDefinition& lun = luns.emplace_back();
    lun.address = {0, static_cast<std::uint8_t>(luns.size() - 1)};
    lun.store.path = path.find(':') == std::string::npos ? folder.path(path).string() : path;
    return lun;
  }
  LunDefinition& add_part(const std::string& path, std::uint64_t offset, std::uint64_t length) {
    LunDefinition& lun = add(path);
    lun.store.offset = offset;
    lun.store.length = length;
    return lun;
  }
  std::string conflict(const std::string& capture = "") {
    std::vector<ImageUse> uses;
    for (const LunDefinition& lun : luns) {
      for (ImageUse& use : images_of(lun)) uses.push_back(std::move(use));
    }
    const auto found = find_conflicts(uses, capture.empty() ? "" : folder.path(capture).string());
    if (found.empty()) return "none";
    std::string lines;
    for (const ImageError& error : found) {
      EXPECT_TRUE(std::ranges::count(luns, error.lun, &LunDefinition::address));
      lines += (lines.empty() ? "" : "\n") + folder.shorten(error.text);
    }
    return lines;
  }

  TestFolder folder;
  std::vector<LunDefinition> luns;
};

TEST_F(ImageUseTest, TwoWritersOfOneFileAreNamed) {
  add("disk.img");
  EXPECT_EQ(conflict(), "none");
  add("disk.img");
  EXPECT_EQ(conflict(),
            "e0.1: disk.img: e0.0 uses it too (as disk.img), and both write to it; --force serves "
            "it all the same");
}

TEST_F(ImageUseTest, EachThatIsInTheWayOfAnEarlierOneIsNamedOnce) {
  for (int i = 0; i < 3; ++i) add("disk.img");
  EXPECT_EQ(conflict(),
            "e0.1: disk.img: e0.0 uses it too (as disk.img), and both write to it; --force serves "
            "it all the same\n"
            "e0.2: disk.img: e0.0 uses it too (as disk.img), and both write to it; --force serves "
            "it all the same");
}

TEST_F(ImageUseTest, LinksLeadToTheFile) {
  add("disk.img");
  std::filesystem::create_symlink(folder.path("disk.img"), folder.path("soft.img"));
  std::filesystem::create_hard_link(folder.path("disk.img"), folder.path("hard.img"));
  for (const std::string name : {"soft.img", "hard.img"}) {
    luns.resize(1);
    add(name);
    EXPECT_EQ(conflict(), "e0.1: " + name +
                              ": e0.0 uses it too (as disk.img), and both write to it; --force "
                              "serves it all the same");
  }
}

TEST_F(ImageUseTest, ReadersShareAndAWriterIsNamed) {
  add("disk.img").store.read_only = true;
  add("disk.img").store.read_only = true;
  EXPECT_EQ(conflict(), "none");
  luns[1].store.read_only = false;
  EXPECT_EQ(conflict(),
            "e0.1: disk.img: e0.0 uses it too (as disk.img), and e0.1 writes to it; --force serves "
            "it all the same");
  std::swap(luns[0].store, luns[1].store);
  EXPECT_EQ(conflict(),
            "e0.1: disk.img: e0.0 uses it too (as disk.img), and e0.0 writes to it; --force serves "
            "it all the same");
}

TEST_F(ImageUseTest, PartsThatDoNotOverlapAreNoConflict) {
  add_part("disk.img", 100, 10);
  add_part("disk.img", 90, 10);
  add("disk.img").store.offset = 110;
  EXPECT_EQ(conflict(), "none");
  luns[1].store.length = 11;
  EXPECT_NE(conflict(), "none");
  luns[1].store.length = 10;
  luns[2].store.offset = 109;
  EXPECT_NE(conflict(), "none");
  luns[2].store.offset = image_sectors;  // refused where it is opened
  EXPECT_EQ(conflict(), "none");
}

TEST_F(ImageUseTest, BaseOfAnOverlayIsOnlyRead) {
  folder.make_image(0, "a.cow");
  folder.make_image(0, "b.cow");
  add("disk.img").store.overlay = folder.path("a.cow");
  add("disk.img").store.overlay = folder.path("b.cow");
  EXPECT_EQ(conflict(), "none");
  add("disk.img");
  EXPECT_EQ(conflict(),
            "e0.2: disk.img: e0.0 uses it too (as disk.img), and e0.2 writes to it; --force serves "
            "it all the same");
}

TEST_F(ImageUseTest, OverlayIsWrittenToEvenIfItIsEmptyYet) {
  folder.make_image(0, "a.cow");
  std::filesystem::create_hard_link(folder.path("a.cow"), folder.path("b.cow"));
  add("disk.img").store.overlay = folder.path("a.cow");
  add("disk.img").store.overlay = folder.path("b.cow");
  EXPECT_EQ(conflict(),
            "e0.1: b.cow: e0.0 uses it too (as a.cow), and both write to it; --force serves it all "
            "the same");
}

TEST_F(ImageUseTest, ForceOfOneOfThemIsEnough) {
  add("disk.img");
  add("disk.img").store.force = true;
  EXPECT_EQ(conflict(), "none");
  add("disk.img");
  EXPECT_EQ(conflict(),
            "e0.2: disk.img: e0.0 uses it too (as disk.img), and both write to it; --force serves "
            "it all the same");
}

TEST_F(ImageUseTest, ExportOfAnNbdServerIsKnownByItsAddress) {
  add("nbd://host/a");
  add("nbd://host/b");
  add("memory:1MiB");
  add("memory:1MiB");
  EXPECT_EQ(conflict(), "none");
  add("nbd://host/b");
  EXPECT_EQ(conflict(),
            "e0.4: nbd://host/b: e0.1 uses it too (as nbd://host/b), and both write to it; --force "
            "serves it all the same");
}

TEST_F(ImageUseTest, WhatIsNotThereIsLeftOut) {
  add("missing.img");
  add("missing.img");
  add(".");
  add(".");
  EXPECT_EQ(conflict(), "none");
}

TEST_F(ImageUseTest, CaptureIsNoImageWhateverIsForced) {
  add("disk.img").store.read_only = true;
  luns[0].store.force = true;
  EXPECT_EQ(conflict("traffic.pcap"), "none") << "it does not exist yet";
  folder.make_image(24, "traffic.pcap");
  EXPECT_EQ(conflict("traffic.pcap"), "none");
  std::filesystem::create_symlink(folder.path("disk.img"), folder.path("link.pcap"));
  EXPECT_EQ(conflict("link.pcap"),
            "link.pcap: e0.0 uses it (as disk.img); it is not overwritten by a capture");
}

// Devices.

class LoopUseTest : public ImageUseTest {
 protected:
  void SetUp() override {
    if (device.path().empty()) GTEST_SKIP() << "no loop device";
  }
  /// Sets where in the file the device begins, and flags.
  void set(std::uint64_t offset, std::uint32_t flags = 0) const {
    const Descriptor opened(::open(device.path().c_str(), O_RDWR | O_CLOEXEC));
    loop_info64 info{};
    info.lo_offset = offset;
    info.lo_flags = flags;
    ASSERT_EQ(::ioctl(opened.get(), LOOP_SET_STATUS64, &info), 0) << last_error().message();
  }

  TestLoopDevice device{folder.path()};
};

TEST_F(LoopUseTest, LoopDeviceIsAPartOfItsFile) {
  add("").store.path = device.path();
  add("disk.img");
  EXPECT_EQ(conflict(), "e0.1: disk.img: e0.0 uses it too (as " + device.path() +
                            "), and both write to it; --force serves it all the same");
  set(100 * 512);
  luns[1].store.length = 100;
  EXPECT_EQ(conflict(), "none");
  luns[1].store.length = 101;
  EXPECT_NE(conflict(), "none");
  luns[0].store.offset = 1;
  EXPECT_EQ(conflict(), "none");
}

TEST_F(LoopUseTest, LoopDeviceOverALoopDeviceIsAPartOfTheFile) {
  const TestLoopDevice upper{device.path()};
  ASSERT_NE(upper.path(), "");
  set(100 * 512);
  add("").store.path = upper.path();
  add_part("disk.img", 0, 101);
  EXPECT_EQ(conflict(), "e0.1: disk.img: e0.0 uses it too (as " + upper.path() +
                            "), and both write to it; --force serves it all the same");
  luns[1].store.length = 100;
  EXPECT_EQ(conflict(), "none");
}

TEST_F(LoopUseTest, PartitionIsAPartOfItsDisk) {
  set(0, LO_FLAGS_PARTSCAN);
  const Descriptor opened(::open(device.path().c_str(), O_RDWR | O_CLOEXEC));
  blkpg_partition partition{};
  partition.start = 200 * 512;
  partition.length = 100 * 512;
  partition.pno = 1;
  blkpg_ioctl_arg change{BLKPG_ADD_PARTITION, 0, sizeof(partition), &partition};
  ASSERT_EQ(::ioctl(opened.get(), BLKPG, &change), 0) << last_error().message();
  // The node that /dev may or may not have.
  const std::string name = std::filesystem::path(device.path()).filename();
  unsigned major = 0;
  unsigned minor = 0;
  char colon = 0;
  std::ifstream("/sys/block/" + name + "/" + name + "p1/dev") >> major >> colon >> minor;
  ASSERT_EQ(::mknod(folder.path("part").c_str(), S_IFBLK | 0600, gnu_dev_makedev(major, minor)), 0)
      << last_error().message();
  add("part");
  add_part("disk.img", 0, 200);
  add_part("disk.img", 300, 100);
  EXPECT_EQ(conflict(), "none");
  luns[1].store.length = 201;
  EXPECT_EQ(conflict(),
            "e0.1: disk.img: e0.0 uses it too (as part), and both write to it; --force serves it "
            "all the same");
  luns[1].store.length = 200;
  luns[2].store.offset = 299;
  EXPECT_NE(conflict(), "none");
  change.op = BLKPG_DEL_PARTITION;
  EXPECT_EQ(::ioctl(opened.get(), BLKPG, &change), 0) << last_error().message();
}

}  // namespace
}  // namespace aoe::target
