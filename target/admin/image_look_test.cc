#include "target/admin/image_look.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"

namespace aoe::target {
namespace {

class ImageLookTest : public ::testing::Test {
 protected:
  ImageLookTest() {
    lun.store.path = folder.make_image(8 * 512);
    open();
  }

  void open() { opened = images_of(lun); }
  void resize(std::uintmax_t size) { std::filesystem::resize_file(lun.store.path, size); }
  /// "same", or the text of what was found.
  std::string look() {
    const ImageLook look = look_at_images(lun, opened);
    EXPECT_EQ(look.found == ImageLook::Found::same, look.text.empty());
    EXPECT_EQ(look.found == ImageLook::Found::other, !look.found_other().empty());
    EXPECT_EQ(look.found == ImageLook::Found::unusable, look.images.empty());
    return look.text.empty() ? "same" : folder.shorten(look.text);
  }

  TestFolder folder;
  LunDefinition lun;
  std::vector<ImageUse> opened;
};

TEST_F(ImageLookTest, AnotherSizeIsOneOfWholeSectors) {
  EXPECT_EQ(look(), "same");
  resize(8 * 512 + 511);
  EXPECT_EQ(look(), "same");
  for (const int sectors : {9, 7}) {
    resize(static_cast<std::uintmax_t>(sectors) * 512);
    EXPECT_EQ(look(), "disk.img has another size now");
    EXPECT_EQ(look_at_images(lun, opened).images.front().range.length, sectors * 512U);
  }
  resize(511);
  EXPECT_EQ(look(), "disk.img: smaller than one sector");
}

TEST_F(ImageLookTest, APartIsTheSameWhileItIsThere) {
  lun.store.offset = 2;
  lun.store.length = 4;
  open();
  for (const int sectors : {6, 100}) {
    resize(static_cast<std::uintmax_t>(sectors) * 512);
    EXPECT_EQ(look(), "same");
  }
  resize(5 * 512);
  EXPECT_EQ(look(), "disk.img: has 5 sectors, so 4 from sector 2 on reach beyond its end");
  resize(2 * 512);
  EXPECT_EQ(look(), "disk.img: has 2 sectors, so none is left after an offset of 2");
}

TEST_F(ImageLookTest, AnotherFileOfTheSameSizeIsAnother) {
  folder.make_image(8 * 512, "new.img");
  std::filesystem::rename(folder.path("new.img"), lun.store.path);
  EXPECT_EQ(look(), "disk.img is another file now");
  open();
  EXPECT_EQ(look(), "same");
}

TEST_F(ImageLookTest, WhatIsNotThereIsSaid) {
  std::filesystem::remove(lun.store.path);
  EXPECT_EQ(look(), "disk.img: No such file or directory");
  std::filesystem::create_directory(lun.store.path);
  EXPECT_EQ(look(), "disk.img: neither a regular file nor a block device");
}

TEST_F(ImageLookTest, AnOverlayAndItsBaseAreBothLookedAt) {
  folder.make_image(4096, "delta.cow");
  folder.make_image(4096, "new.img");
  lun.store.overlay = folder.path("delta.cow");
  open();
  std::filesystem::resize_file(folder.path("delta.cow"), 8192);
  EXPECT_EQ(look(), "same") << "it grows by itself";
  resize(9 * 512);
  EXPECT_EQ(look(), "disk.img has another size now");
  std::filesystem::rename(folder.path("new.img"), folder.path("delta.cow"));
  EXPECT_EQ(look(), "delta.cow is another file now");
}

TEST_F(ImageLookTest, NobodyLooksAtMemoryOrAServer) {
  for (const char* const path : {"memory:1MiB", "nbd://nowhere.example/disk"}) {
    lun.store.path = path;
    open();
    EXPECT_EQ(look_at_images(lun, opened).found, ImageLook::Found::same);
  }
}

}  // namespace
}  // namespace aoe::target
