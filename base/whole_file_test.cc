#include "base/whole_file.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <gtest/gtest.h>

namespace aoe {
namespace {

TEST(WholeFile, AFullDiskIsAnErrorAndADeviceIsNotReplaced) {
  EXPECT_EQ(write_whole("/dev/full", "text").error(), "/dev/full: No space left on device");
  EXPECT_TRUE(write_whole("/dev/null", "text"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(WholeFile, ABlockDeviceIsNotOverwritten) {
  const std::string path = ::testing::TempDir() + "whole_file_test.disk";
  std::filesystem::remove(path);
  if (::mknod(path.c_str(), S_IFBLK | 0600, gnu_dev_makedev(7, 1000)) != 0) {
    GTEST_SKIP() << "no device can be made: " << std::generic_category().message(errno);
  }
  EXPECT_EQ(write_whole(path, "text").error(), path + ": a block device is not overwritten");
  EXPECT_TRUE(std::filesystem::is_block_file(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace aoe
