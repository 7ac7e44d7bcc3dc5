#include "target/service/image_identity.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/testing/test_loop_device.h"

namespace aoe::target {
namespace {

class ImageIdentityTest : public ::testing::Test {
 protected:
  ImageIdentityTest() {
    folder.make_image(4096, "disk.img");
    std::filesystem::create_directory(folder.path("other"));
  }
  ImageIdentity of(const std::string& name) const {
    StoreDefinition store;
    store.path = folder.path(name);
    return identify(store);
  }
  static ImageIdentity of_uri(const std::string& uri) {
    StoreDefinition store;
    store.path = uri;
    return identify(store);
  }

  TestFolder folder;
};

TEST_F(ImageIdentityTest, AnImageThatDidNotMoveIsTheSame) {
  const ImageIdentity before = of("disk.img");
  EXPECT_EQ(before.path, folder.path("disk.img"));
  EXPECT_EQ(before.size, 4096U);
  EXPECT_TRUE(before.object.starts_with("inode ")) << before.object;
  EXPECT_EQ(of("other/../disk.img"), before);
  EXPECT_TRUE(is_same_image(before, of("disk.img")));
}

TEST_F(ImageIdentityTest, ARenamedImageIsTheSame) {
  const ImageIdentity before = of("disk.img");
  std::filesystem::rename(folder.path("disk.img"), folder.path("other/client3.img"));
  EXPECT_TRUE(is_same_image(before, of("other/client3.img")));
}

TEST_F(ImageIdentityTest, AnImageThatGrewIsTheSame) {
  const ImageIdentity before = of("disk.img");
  std::filesystem::resize_file(folder.path("disk.img"), 8192);
  EXPECT_TRUE(is_same_image(before, of("disk.img")));
}

TEST_F(ImageIdentityTest, AnImageThatWasRestoredIsTheSame) {
  const ImageIdentity before = of("disk.img");
  std::filesystem::copy_file(folder.path("disk.img"), folder.path("copy"));
  std::filesystem::rename(folder.path("copy"), folder.path("disk.img"));
  ASSERT_NE(of("disk.img").object, before.object);
  EXPECT_TRUE(is_same_image(before, of("disk.img")));
}

TEST_F(ImageIdentityTest, AnImageThatWasMovedToAnotherDiskIsTheSameOnceItIsGoneHere) {
  const ImageIdentity before = of("disk.img");
  std::filesystem::copy_file(folder.path("disk.img"), folder.path("other/disk.img"));
  EXPECT_FALSE(is_same_image(before, of("other/disk.img"))) << "a second disk of the same name";
  std::filesystem::remove(folder.path("disk.img"));
  EXPECT_TRUE(is_same_image(before, of("other/disk.img")));
}

TEST_F(ImageIdentityTest, AnotherImageIsAnother) {
  const ImageIdentity before = of("disk.img");
  folder.make_image(4096, "new.img");
  EXPECT_FALSE(is_same_image(before, of("new.img"))) << "of the same size";
  folder.make_image(8192, "large.img");
  EXPECT_FALSE(is_same_image(before, of("large.img")));
  std::filesystem::rename(folder.path("large.img"), folder.path("disk.img"));
  EXPECT_FALSE(is_same_image(before, of("disk.img"))) << "at the same path";
  EXPECT_FALSE(is_same_image(before, of_uri("memory:4096")));
}

TEST_F(ImageIdentityTest, AnOverlayIsTheImageAndNotItsBase) {
  folder.make_image(9000, "client3.cow");
  StoreDefinition store;
  store.path = folder.path("disk.img");
  store.overlay = folder.path("client3.cow");
  EXPECT_EQ(identify(store), of("client3.cow"));
}

TEST_F(ImageIdentityTest, MemoryAndUrisAreKnownByTheirNameAlone) {
  const ImageIdentity memory = of_uri("memory:1MiB");
  EXPECT_EQ(memory, (ImageIdentity{"memory:1MiB", 0, ""}));
  EXPECT_TRUE(is_same_image(memory, of_uri("memory:1MiB")));
  EXPECT_FALSE(is_same_image(memory, of_uri("memory:2MiB")));
  EXPECT_TRUE(is_same_image(of_uri("nbd://host/a"), of_uri("nbd://host/a")));
  EXPECT_FALSE(is_same_image(of_uri("nbd://host/a"), of_uri("nbd://host/b")));
}

TEST_F(ImageIdentityTest, WhatIsNotThereIsKnownByItsPath) {
  EXPECT_EQ(of("missing.img"), (ImageIdentity{folder.path("missing.img"), 0, ""}));
}

TEST_F(ImageIdentityTest, ADeviceHasItsOwnName) {
  const TestLoopDevice loop(folder.make_image(1 << 20, "under.img"));
  if (loop.path().empty()) GTEST_SKIP() << "no loop device";
  StoreDefinition store;
  store.path = loop.path();
  const ImageIdentity device = identify(store);
  EXPECT_EQ(device.size, 1U << 20);
  EXPECT_TRUE(device.object.starts_with("device 7:")) << device.object;
}

}  // namespace
}  // namespace aoe::target
