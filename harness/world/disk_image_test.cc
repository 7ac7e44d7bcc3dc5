#include "harness/world/disk_image.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "harness/judge/pattern.h"
#include "harness/testing/test_words.h"
#include "wire/network_namespace.h"

namespace aoe::harness {
namespace {

const Disk small_disk{.sectors = 256};

bool can_read(int file, std::uint64_t lba) {
  std::array<std::uint8_t, sector_size> sector{};
  return ::pread(file, sector.data(), sector.size(), static_cast<off_t>(lba * sector_size)) ==
             sector_size &&
         holds_pattern({lba, 0}, sector);
}

bool can_write(int file, std::uint64_t lba) {
  std::array<std::uint8_t, sector_size> sector{};
  fill_pattern(lba, 0, sector);
  return ::pwrite(file, sector.data(), sector.size(), static_cast<off_t>(lba * sector_size)) ==
         sector_size;
}

TEST(DiskImage, IsFilledAndLeavesNothingBehind) {
  const Folder folder;
  {
    const auto image = DiskImage::create(small_disk, folder.path(), false);
    ASSERT_TRUE(image) << image.error();
    const Descriptor file(::open((*image)->path().c_str(), O_RDWR));
    ASSERT_GE(file.get(), 0) << (*image)->path();
    EXPECT_TRUE(can_read(file.get(), 0));
    EXPECT_TRUE(can_read(file.get(), 255));
    EXPECT_FALSE(can_read(file.get(), 256));
    ASSERT_EQ(::pwrite(file.get(), "new", 3, 512), 3);
    std::array<std::uint8_t, 3> bytes{};
    ASSERT_TRUE((*image)->read(512, bytes));
    EXPECT_EQ(bytes, (std::array<std::uint8_t, 3>{'n', 'e', 'w'}));
    EXPECT_FALSE((*image)->set_faults(DiskFaults{})) << "it has none";
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(DiskImage, AFolderThatIsNotThereIsNamed) {
  EXPECT_EQ(DiskImage::create(small_disk, "/nowhere", false).error(),
            "/nowhere/target.img: No such file or directory");
}

/// What it says. Mounting changes a process for good: this happens in one of its own.
std::string apart(std::string (*what)(const std::string& folder), const std::string& folder) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool may = enter_network_namespace() && enter_mount_namespace();
    const std::string told = may ? what(folder) : "SKIP no namespaces";
    (void)!::write(pipe[1], told.data(), told.size());
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::array<char, 256> told{};
  EXPECT_GE(::read(pipe[0], told.data(), told.size() - 1), 0);
  ::close(pipe[0]);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return told.data();
}

/// Maps no pages of the file: what serves those must be another process. Empty: all is well.
std::string faulty_image(const std::string& folder) {
  const auto image = DiskImage::create(small_disk, folder, true);
  if (!image) return image.error();
  if (const auto set = (*image)->set_faults(std::nullopt); !set)
    return "SKIP " + set.error().reason;
  const Descriptor file(::open((*image)->path().c_str(), O_RDWR));
  if (!can_read(file.get(), 20)) return "it was not whole at first";

  if (!(*image)->set_faults(DiskFaults{.lba = 16, .sectors = 8})) return "no faults";
  if (can_read(file.get(), 16) || can_read(file.get(), 23)) return "read what fails";
  if (!can_read(file.get(), 15) || !can_read(file.get(), 24)) return "failed what is whole";
  if (can_write(file.get(), 20)) return "wrote what fails";
  if (!can_write(file.get(), 24)) return "failed to write what is whole";
  if (::fsync(file.get()) != 0) return "a flush failed that should not";
  std::array<std::uint8_t, sector_size> sector{};
  if ((*image)->read(16 * sector_size, sector)) return "the page was still there";

  if (!(*image)->set_faults(DiskFaults{.reads = false, .writes = false, .flushes = true}))
    return "-";
  if (::fsync(file.get()) == 0) return "a flush succeeded that should not";
  if (!can_read(file.get(), 16)) return "not whole again";
  if (!(*image)->set_faults(std::nullopt)) return "-";
  if (::fsync(file.get()) != 0 || !can_write(file.get(), 16)) return "not whole at last";
  return "";
}

TEST(DiskImage, FaultsStrikeReadsWritesAndFlushesOfWhoeverHasItOpen) {
  const Folder folder;
  const std::string told = apart(faulty_image, folder.path());
  if (told.starts_with("SKIP")) GTEST_SKIP() << told;
  EXPECT_EQ(told, "");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

/// Where /dev is empty.
std::string image_without_fuse(const std::string& folder) {
  if (::mount("none", "/dev", "tmpfs", 0, nullptr) != 0) return "SKIP " + last_error().message();
  const auto image = DiskImage::create(small_disk, folder, true);
  if (!image) return image.error();
  const Descriptor file(::open((*image)->path().c_str(), O_RDWR));
  if (!can_read(file.get(), 20)) return "it is not whole";
  const auto set = (*image)->set_faults(DiskFaults{});
  return set ? "it has faults" : set.error().reason;
}

TEST(DiskImage, WithoutFuseItIsWholeAndSaysWhy) {
  const Folder folder;
  const std::string told = apart(image_without_fuse, folder.path());
  if (told.starts_with("SKIP")) GTEST_SKIP() << told;
  EXPECT_EQ(told, "a program's disk fails through FUSE: /dev/fuse: No such file or directory");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace aoe::harness
