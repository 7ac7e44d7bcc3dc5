#include "target/admin/default_serial.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

const ImageIdentity file{"/srv/disk.img", 1 << 20, "file 12 of 8:1"};
const LunDefinition whole;

std::string serial_of(const ImageIdentity& image, const LunDefinition& of = whole,
                      std::string_view machine = "here", std::string_view process = "this") {
  return default_serial(of, image, machine, process);
}

TEST(DefaultSerial, StandsForTheImage) {
  const std::string serial = serial_of(file);
  EXPECT_EQ(serial.size(), 19U);
  EXPECT_TRUE(serial.starts_with("aoe"));
  ImageIdentity renamed = file;
  renamed.path = "/srv/new.img";
  renamed.size *= 2;
  EXPECT_EQ(serial_of(renamed), serial);
  ImageIdentity copy = file;
  copy.object = "file 13 of 8:1";
  EXPECT_NE(serial_of(copy), serial);
  LunDefinition moved = whole;
  moved.address = {5, 5};
  EXPECT_EQ(serial_of(file, moved, "here", "another"), serial);
}

TEST(DefaultSerial, OfPartsOfAnImageDiffers) {
  LunDefinition first = whole;
  first.store.length = 8192;
  LunDefinition second = first;
  second.store.offset = 8192;
  EXPECT_NE(serial_of(file, first), serial_of(file, second));
  EXPECT_NE(serial_of(file, first), serial_of(file));
}

TEST(DefaultSerial, OfTheSameNameOnAnotherMachineDiffers) {
  const ImageIdentity exported{"nbd://localhost/disk", 0, ""};
  EXPECT_NE(serial_of(exported), serial_of(exported, whole, "there"));
  EXPECT_NE(serial_of(file), serial_of(file, whole, "there"));
}

TEST(DefaultSerial, OfMemoryIsTheProcesssOwn) {
  const ImageIdentity memory{"memory:1MiB", 0, ""};
  LunDefinition other = whole;
  other.address = {5, 5};
  EXPECT_NE(serial_of(memory), serial_of(memory, whole, "here", "another"));
  EXPECT_NE(serial_of(memory), serial_of(memory, other));
  EXPECT_EQ(default_serial(whole, memory), default_serial(whole, memory));
}

}  // namespace
}  // namespace aoe::target
