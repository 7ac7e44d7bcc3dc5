#include "base/whole_file.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace aoe {
namespace {

TEST(WholeFile, AFullDiskIsAnErrorAndADeviceIsNotReplaced) {
  EXPECT_EQ(write_whole("/dev/full", "text").error(), "/dev/full: No space left on device");
  EXPECT_TRUE(write_whole("/dev/null", "text"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace aoe
