#include "target/store/file.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/testing/test_loop_device.h"

namespace aoe::target {
namespace {

class FileTest : public ::testing::Test {
 protected:
  std::string refusal(File::Options options = {}) const {
    options.patience = std::chrono::milliseconds(0);
    const auto file = File::open(folder.path(), options);
    return file ? "opened" : folder.shorten(file.error());
  }

  TestFolder folder;
};

TEST_F(FileTest, KnowsItsSize) {
  const auto file = File::open(folder.make_image(1024 + 511), {});
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 1535U);
  EXPECT_FALSE(file->is_device());
  EXPECT_TRUE(file->reaches(1535));
  EXPECT_FALSE(file->reaches(1536));
  std::filesystem::resize_file(folder.path(), 1024);
  EXPECT_FALSE(file->reaches(1535));
}

TEST_F(FileTest, ALookTakesNoLock) {
  folder.make_image(1024);
  const auto used = File::open(folder.path(), {.use = FileUse::sole});
  ASSERT_TRUE(used);
  const auto look = File::open(folder.path(), {.use = FileUse::sole, .is_look = true});
  ASSERT_TRUE(look);
  EXPECT_EQ(look->size(), 1024);
  EXPECT_FALSE(look->is_writable());
  EXPECT_FALSE(look->is_unlocked());
}

TEST_F(FileTest, RefusesWhatIsNoDisk) {
  EXPECT_EQ(refusal(), "disk.img: No such file or directory");
  folder.make_image(511);
  EXPECT_EQ(refusal(), "disk.img: smaller than one sector");
  folder.make_image(0);
  EXPECT_EQ(refusal(), "disk.img: smaller than one sector");
  std::filesystem::remove(folder.path());
  std::filesystem::create_directory(folder.path());
  for (const FileUse use : {FileUse::read, FileUse::write}) {
    EXPECT_EQ(refusal({.use = use}), "disk.img: neither a regular file nor a block device");
    EXPECT_EQ(refusal({.use = use, .is_look = true}),
              "disk.img: neither a regular file nor a block device");
  }
  std::filesystem::remove(folder.path());
  ASSERT_EQ(::mkfifo(folder.path().c_str(), 0600), 0);
  EXPECT_EQ(refusal(), "disk.img: neither a regular file nor a block device");
  EXPECT_EQ(refusal({.use = FileUse::read}), "disk.img: neither a regular file nor a block device");
}

TEST_F(FileTest, IsCreatedOnlyWhereThatIsAskedFor) {
  const auto file = File::open(folder.path(), {.use = FileUse::sole, .create = true});
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 0U);
}

TEST_F(FileTest, TransfersWaitWhereTheyMust) {
  const auto file = File::open(folder.make_image(512), {.sync = true});
  ASSERT_TRUE(file);
  const int flags = ::fcntl(file->descriptor(), F_GETFL);
  EXPECT_EQ(flags & O_NONBLOCK, 0);
  EXPECT_EQ(flags & O_DSYNC, O_DSYNC);
}

TEST_F(FileTest, PhysicalSectorsAreTheFileSystemsBlocksWhereTheRangeIsAligned) {
  const auto file = File::open(folder.make_image(1 << 20), {});
  ASSERT_TRUE(file);
  struct stat status;
  ASSERT_EQ(::stat(folder.path().c_str(), &status), 0);
  const auto block = std::min<std::uint32_t>(static_cast<std::uint32_t>(status.st_blksize), 4096);
  EXPECT_EQ(file->physical_sector_size({0, 1 << 20}), block);
  EXPECT_EQ(file->physical_sector_size({8192, 4096}), block);
  EXPECT_EQ(file->physical_sector_size({512, 4096}), 512U);
  EXPECT_EQ(file->physical_sector_size({4096, 4096 - 512}), 512U);
}

TEST_F(FileTest, ReadOnlyFileCannotBePunched) {
  folder.make_image(4096);
  EXPECT_FALSE(File::open(folder.path(), {.use = FileUse::read})->can_punch());
}

// Locks. A descriptor that was opened past the register is as good as another process.

class FileLockTest : public FileTest {
 protected:
  FileLockTest() { folder.make_image(512); }

  std::optional<File> open(FileUse use) {
    auto file = File::open(folder.path(), {.use = use});
    EXPECT_TRUE(file) << file.error();
    return file ? std::optional(*std::move(file)) : std::nullopt;
  }
  /// May another process lock it so?
  bool elsewhere(int lock) const {
    const Descriptor other(::open(folder.path().c_str(), O_RDWR | O_CLOEXEC));
    return ::flock(other.get(), lock | LOCK_NB) == 0;
  }
};

TEST_F(FileLockTest, WriterKeepsOtherProcessesOut) {
  {
    const auto writer = open(FileUse::write);
    EXPECT_FALSE(elsewhere(LOCK_SH));
  }
  EXPECT_TRUE(elsewhere(LOCK_EX));
}

TEST_F(FileLockTest, ReadersShare) {
  const auto reader = open(FileUse::read);
  EXPECT_TRUE(elsewhere(LOCK_SH));
  EXPECT_FALSE(elsewhere(LOCK_EX));
}

TEST_F(FileLockTest, AnotherProcessIsNamed) {
  const Descriptor other(::open(folder.path().c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_SH), 0);
  EXPECT_EQ(refusal(), "disk.img: in use by another process");
  EXPECT_EQ(refusal({.use = FileUse::sole}), "disk.img: in use by another process");
  EXPECT_EQ(refusal({.use = FileUse::read}), "opened");
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  EXPECT_EQ(refusal({.use = FileUse::read}), "disk.img: in use by another process");
}

TEST_F(FileLockTest, WaitsALittleForAnotherProcessToEnd) {
  Descriptor other(::open(folder.path().c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  std::thread opener([this] { EXPECT_TRUE(File::open(folder.path(), {})); });
  other = Descriptor();
  opener.join();
}

TEST_F(FileLockTest, UsersInOneProcessShareAndTheLockFollowsThem) {
  auto first = open(FileUse::write);
  auto second = open(FileUse::write);
  auto reader = open(FileUse::read);
  first.reset();
  EXPECT_FALSE(elsewhere(LOCK_SH)) << "the second writer is left";
  second.reset();
  EXPECT_TRUE(elsewhere(LOCK_SH));
  EXPECT_FALSE(elsewhere(LOCK_EX)) << "a reader is left";
  auto third = open(FileUse::write);
  EXPECT_FALSE(elsewhere(LOCK_SH)) << "a writer has come to the reader";
  third.reset();
  reader.reset();
  EXPECT_TRUE(elsewhere(LOCK_EX));
}

TEST_F(FileLockTest, ReaderKeepsItsLockWhenAWriterCannotCome) {
  const auto reader = open(FileUse::read);
  {
    const Descriptor other(::open(folder.path().c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(other.get(), LOCK_SH), 0);
    EXPECT_EQ(refusal(), "disk.img: in use by another process");
  }
  EXPECT_FALSE(elsewhere(LOCK_EX));
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(FileLockTest, SoleUserIsAlone) {
  {
    const auto sole = open(FileUse::sole);
    EXPECT_EQ(refusal({.use = FileUse::read}), "disk.img: in use already");
    EXPECT_EQ(refusal({.use = FileUse::sole}), "disk.img: in use already");
    EXPECT_FALSE(elsewhere(LOCK_SH));
  }
  const auto reader = open(FileUse::read);
  EXPECT_EQ(refusal({.use = FileUse::sole}), "disk.img: in use already");
}

/// Has flock() fail with ENOLCK in this process from here on, as on NFS without a lock service.
bool take_locks_away() {
  std::array<sock_filter, 4> steps{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_flock, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{steps.size(), steps.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(FileLockTest, FileSystemWithoutLocksOnlyLacksThem) {
  const auto use_it = [this] {
    if (!take_locks_away()) std::_Exit(77);
    const auto first = open(FileUse::read);
    const auto second = open(FileUse::write);
    const bool all_well = first && second && first->is_unlocked() && second->is_unlocked() &&
                          refusal({.use = FileUse::sole}) == "disk.img: in use already";
    std::_Exit(all_well ? 0 : 1);
  };
  EXPECT_FALSE(open(FileUse::write)->is_unlocked());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) use_it();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no seccomp filter";
  EXPECT_EQ(status, 0);
}

TEST_F(FileLockTest, FailedOpenLeavesNoLock) {
  folder.make_image(100);
  EXPECT_EQ(refusal(), "disk.img: smaller than one sector");
  EXPECT_TRUE(elsewhere(LOCK_EX));
}

// Block devices. Who opens one with O_EXCL holds it as a mounted file system does.

class FileClaimTest : public FileTest {
 protected:
  void SetUp() override {
    if (device.path().empty()) GTEST_SKIP() << "no loop device";
  }
  Descriptor hold() const {
    return Descriptor(::open(device.path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  }
  std::string opening(File::Options options) const {
    options.patience = std::chrono::milliseconds(0);
    const auto file = File::open(device.path(), options);
    return file ? "opened" : file.error();
  }

  const TestLoopDevice device{folder.make_image(1 << 20)};
};

TEST_F(FileClaimTest, DeviceThatIsHeldIsNotWrittenTo) {
  {
    const Descriptor mounted = hold();
    ASSERT_GE(mounted.get(), 0);
    EXPECT_EQ(opening({}), device.path() +
                               ": mounted, or held by something else; --force serves it all the "
                               "same");
    EXPECT_EQ(opening({.use = FileUse::read}), "opened");
    EXPECT_EQ(opening({.force = true}), "opened");
  }
  EXPECT_EQ(opening({}), "opened");
}

TEST_F(FileClaimTest, WritersInOneProcessHoldItTogether) {
  auto first = File::open(device.path(), {});
  ASSERT_TRUE(first) << first.error();
  {
    const auto second = File::open(device.path(), {});
    ASSERT_TRUE(second) << second.error();
    first = tl::unexpected(std::string("closed"));
    EXPECT_LT(hold().get(), 0) << "the second is left";
  }
  EXPECT_GE(hold().get(), 0);
}

TEST_F(FileClaimTest, WaitsALittleForAnotherProcessToEnd) {
  Descriptor other = hold();
  ASSERT_GE(other.get(), 0);
  std::thread opener([this] { EXPECT_TRUE(File::open(device.path(), {})); });
  other = Descriptor();
  opener.join();
}

}  // namespace
}  // namespace aoe::target
