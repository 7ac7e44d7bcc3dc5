#include "initiator/mount/disk_file.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "initiator/mount/test_sector_disk.h"

namespace aoe::initiator {
namespace {

Bytes file_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class DiskFileTest : public testing::Test {
 protected:
  TestSectorDisk disk{16};
  ByteDisk under{disk};
  Truncation truncation;
  DiskFile file{under, truncation, false};
  std::optional<DiskFile> opened;  // with O_TRUNC
  DiskFile::Extent partition{1024, 1024};
  std::string done;

  DiskFile::Done note() {
    return [this](int error, std::size_t size) { done += fmt::format("{}:{} ", error, size); };
  }
  DiskFile& truncated() {
    if (!opened) opened.emplace(under, truncation, true);
    return *opened;
  }
  std::string read(std::uint64_t offset, std::size_t size) {
    std::string text = "not read";
    file.read(partition, offset, size,
              [&](int, Bytes got) { text.assign(got.begin(), got.end()); });
    disk.run();
    return text;
  }
};

TEST_F(DiskFileTest, IsAPartOfTheDiskAndEndsThere) {
  std::ranges::copy(file_bytes("start"), disk.content.begin() + 1024);
  std::ranges::copy(file_bytes("end"), disk.content.begin() + 2045);
  EXPECT_EQ(read(0, 5), "start");
  EXPECT_EQ(read(1021, 100), "end");
  EXPECT_EQ(read(1024, 100), "");
  EXPECT_EQ(read(5000, 100), "");
  EXPECT_EQ(disk.begun(), "read 2+1 read 3+1");
}

TEST_F(DiskFileTest, WritesAsMuchAsThereIsRoomFor) {
  const std::string data(1024, 'n');
  EXPECT_FALSE(file.was_written());
  file.write(partition, 512, file_bytes(data), false, note());
  file.write(partition, 1024, file_bytes(data), false, note());
  EXPECT_TRUE(file.was_written());
  disk.run();
  EXPECT_EQ(done, fmt::format("{}:0 0:512 ", ENOSPC));
  EXPECT_EQ(disk.begun(), "write 3+1");
}

TEST_F(DiskFileTest, ASynchronousWriteIsFlushed) {
  const std::string data(512, 'n');
  file.write(partition, 0, file_bytes(data), true, note());
  disk.step();
  EXPECT_EQ(done, "");
  disk.run();
  EXPECT_EQ(done, "0:512 ");
  EXPECT_EQ(disk.begun(), "write 2+1 flush 0+0");
}

TEST_F(DiskFileTest, PunchesHolesOnlyWhereTrimmedSectorsReadAsZeros) {
  using enum DiskFile::Zeros;
  file.zero(partition, 0, 512, punched, true, note());
  EXPECT_EQ(done, fmt::format("{}:0 ", EOPNOTSUPP));
  file.zero(partition, 0, 512, written, true, note());
  disk.run();
  disk.trims = true;
  file.zero(partition, 512, 512, punched, true, note());
  disk.run();
  EXPECT_EQ(disk.begun(), "write 2+1 trim 3+1");
  file.zero(partition, 512, 513, punched, true, note());
  EXPECT_EQ(done, fmt::format("{}:0 0:0 0:0 {}:0 ", EOPNOTSUPP, EINVAL));
}

TEST_F(DiskFileTest, AGapInATruncatedFileReadsAsZeros) {
  const std::string data(512, 'n');
  truncated().write(partition, 0, file_bytes(data).first(2), false, note());
  truncated().write(partition, 512, file_bytes(data), false, note());
  disk.run();
  EXPECT_EQ(done, "0:2 0:512 ");
  EXPECT_EQ(disk.text(1024, 1024), "nn" + std::string(510, '\0') + data);
  EXPECT_EQ(disk.text(2048, 1), "o");
}

TEST_F(DiskFileTest, NothingIsWrittenIntoAGapWhileItIsFilled) {
  const std::string data(512, 'n');
  truncated().write(partition, 512, file_bytes(data), false, note());
  truncated().write(partition, 0, file_bytes(data), false, note());
  EXPECT_EQ(disk.begun(), "write 2+1 write 3+1");
  disk.run();
  EXPECT_EQ(disk.begun(), "write 2+1");
  EXPECT_EQ(disk.text(1024, 1024), data + data);
}

TEST_F(DiskFileTest, AGapEndsWhereOthersHaveWritten) {
  const std::string data(512, 'n');
  truncated().write(partition, 0, file_bytes(data).first(1), false, note());
  file.write(partition, 256, file_bytes(data), false, note());
  EXPECT_EQ(disk.begun(), "read 2+1") << "who did not truncate it leaves no gap";
  truncated().write(partition, 1023, file_bytes(data).first(1), false, note());
  disk.run();
  EXPECT_EQ(disk.text(1024, 1024),
            "n" + std::string(255, 'o') + data + std::string(255, '\0') + "n");
}

TEST_F(DiskFileTest, IsTruncatedAsLongAsOneThatTruncatedItIsOpen) {
  DiskFile other(under, truncation, true);
  truncated().truncate(partition, 600, note());
  file.truncate(partition, 400, note());
  opened.reset();
  EXPECT_EQ(std::pair(truncation.holders, truncation.end), std::pair(2U, std::uint64_t{400}));
}

TEST_F(DiskFileTest, WritesAfterwardsLeaveOtherBytesAlone) {
  const std::string data(512, 'n');
  truncated().write(partition, 0, file_bytes(data).first(1), false, note());
  opened.reset();
  file.write(partition, 512, file_bytes(data).first(1), false, note());
  disk.run();
  EXPECT_EQ(disk.text(1024, 514), "n" + std::string(511, 'o') + "no");
}

TEST_F(DiskFileTest, ATruncatedFileIsFilledToTheSizeItIsGiven) {
  file.truncate(partition, 1024, note());
  EXPECT_EQ(disk.begun(), "") << "it has that size";
  truncated().truncate(partition, 1025, note());
  truncated().truncate(partition, 1024, note());
  disk.run();
  EXPECT_EQ(done, fmt::format("0:0 {}:0 0:0 ", EFBIG));
  EXPECT_EQ(disk.text(1024, 1024), std::string(1024, '\0'));
  EXPECT_EQ(disk.text(2048, 1), "o");
}

TEST_F(DiskFileTest, AFileThatIsCutAndGrownHasZerosInBetween) {
  file.truncate(partition, 10, note());
  EXPECT_TRUE(file.was_cut_in_vain());
  file.truncate(partition, 600, note());
  file.truncate(partition, 600, note());
  EXPECT_FALSE(file.was_cut_in_vain());
  disk.run();
  EXPECT_EQ(done, "0:0 0:0 0:0 ");
  EXPECT_EQ(disk.text(1024, 1024),
            std::string(10, 'o') + std::string(590, '\0') + std::string(424, 'o'));
}

TEST_F(DiskFileTest, WhatIsWrittenWhereAFileWasCutEndsIt) {
  const std::string data(512, 'n');
  file.truncate(partition, 512, note());
  file.write(partition, 512, file_bytes(data).first(1), false, note());
  EXPECT_FALSE(file.was_cut_in_vain());
  disk.run();
  EXPECT_EQ(disk.text(1024, 1024), std::string(512, 'o') + "n" + std::string(511, 'o'));
}

TEST_F(DiskFileTest, AllocationAndZerosFillATruncatedFileToo) {
  file.allocate(partition, 0, 1024, note());
  EXPECT_EQ(disk.begun(), "") << "nobody takes it for empty";
  file.allocate(partition, 0, 1025, note());
  EXPECT_EQ(done, fmt::format("0:0 {}:0 ", ENOSPC));
  truncated().allocate(partition, 0, 100, note());
  truncated().zero(partition, 200, 100, DiskFile::Zeros::written, false, note());
  truncated().zero(partition, 900, 10, DiskFile::Zeros::written, true, note());
  truncated().truncate(partition, 400, note());
  disk.run();
  EXPECT_EQ(disk.text(1024, 1024), std::string(400, '\0') + std::string(500, 'o') +
                                       std::string(10, '\0') + std::string(114, 'o'));
}

TEST_F(DiskFileTest, AFailureIsAnInputOutputError) {
  file.flush(note());
  disk.step(boost::system::errc::make_error_code(boost::system::errc::no_such_device));
  file.flush(note());
  disk.step(boost::system::errc::make_error_code(boost::system::errc::operation_not_supported));
  EXPECT_EQ(done, fmt::format("{}:0 {}:0 ", EIO, EOPNOTSUPP));
}

}  // namespace
}  // namespace aoe::initiator
