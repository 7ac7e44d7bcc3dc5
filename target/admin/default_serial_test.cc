#include "target/admin/default_serial.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

const ImageIdentity file{"/srv/disk.img", 1 << 20, "file 12 of 8:1"};

TEST(DefaultSerial, StandsForTheImage) {
  const std::string serial = default_serial(file, "here");
  EXPECT_EQ(serial.size(), 19U);
  EXPECT_TRUE(serial.starts_with("aoe"));
  ImageIdentity renamed = file;
  renamed.path = "/srv/new.img";
  renamed.size *= 2;
  EXPECT_EQ(default_serial(renamed, "here"), serial);
  ImageIdentity copy = file;
  copy.object = "file 13 of 8:1";
  EXPECT_NE(default_serial(copy, "here"), serial);
  EXPECT_NE(default_serial(file, "there"), serial) << "the same numbers on another machine";
}

TEST(DefaultSerial, OfAnExportIsTheSameEverywhere) {
  const ImageIdentity exported{"nbd://storage/disk", 0, ""};
  EXPECT_EQ(default_serial(exported, "here"), default_serial(exported, "there"));
  const ImageIdentity other{"nbd://storage/disk2", 0, ""};
  EXPECT_NE(default_serial(exported, "here"), default_serial(other, "here"));
}

TEST(DefaultSerial, OfWhatHasOnlyAPathIsTheMachinesOwn) {
  const ImageIdentity memory{"memory:1MiB", 0, ""};
  EXPECT_NE(default_serial(memory, "here"), default_serial(memory, "there"));
  EXPECT_EQ(default_serial(memory), default_serial(memory));
}

}  // namespace
}  // namespace aoe::target
