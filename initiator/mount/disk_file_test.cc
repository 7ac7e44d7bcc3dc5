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
  std::uint64_t end = 0;
  DiskFile file{under, end, false};
  DiskFile truncated{under, end, true};
  DiskFile::Extent partition{1024, 1024};
  std::string done;

  DiskFile::Done note() {
    return [this](int error, std::size_t size) { done += fmt::format("{}:{} ", error, size); };
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
  file.write(partition, 512, file_bytes(data), false, note());
  file.write(partition, 1024, file_bytes(data), false, note());
  EXPECT_FALSE(truncated.was_written());
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
  file.zero(partition, 0, 512, true, note());
  EXPECT_EQ(done, fmt::format("{}:0 ", EOPNOTSUPP));
  file.zero(partition, 0, 512, false, note());
  disk.run();
  disk.trims = true;
  file.zero(partition, 512, 512, true, note());
  disk.run();
  EXPECT_EQ(disk.begun(), "write 2+1 trim 3+1");
  file.zero(partition, 512, 513, true, note());
  EXPECT_EQ(done, fmt::format("{}:0 0:0 0:0 {}:0 ", EOPNOTSUPP, EINVAL));
}

TEST_F(DiskFileTest, AGapInATruncatedFileReadsAsZeros) {
  const std::string data(512, 'n');
  truncated.write(partition, 0, file_bytes(data).first(2), false, note());
  truncated.write(partition, 512, file_bytes(data), false, note());
  disk.run();
  EXPECT_EQ(done, "0:2 0:512 ");
  EXPECT_EQ(disk.text(1024, 1024), "nn" + std::string(510, '\0') + data);
  EXPECT_EQ(disk.text(2048, 1), "o");
}

TEST_F(DiskFileTest, NothingIsWrittenIntoAGapWhileItIsFilled) {
  const std::string data(512, 'n');
  truncated.write(partition, 512, file_bytes(data), false, note());
  truncated.write(partition, 0, file_bytes(data), false, note());
  EXPECT_EQ(disk.begun(), "write 2+1 write 3+1");
  disk.run();
  EXPECT_EQ(disk.begun(), "write 2+1");
  EXPECT_EQ(disk.text(1024, 1024), data + data);
}

TEST_F(DiskFileTest, AGapEndsWhereOthersHaveWritten) {
  const std::string data(512, 'n');
  file.write(partition, 256, file_bytes(data), false, note());
  EXPECT_EQ(disk.begun(), "read 2+1 read 3+1") << "who did not truncate leaves no gap";
  truncated.write(partition, 1023, file_bytes(data).first(1), false, note());
  disk.run();
  EXPECT_EQ(disk.text(1024, 1024), std::string(256, 'o') + data + std::string(255, '\0') + "n");
  DiskFile again(under, end, true);
  truncated.write(partition, 1, file_bytes(data).first(1), false, note());
  disk.run();
  EXPECT_EQ(disk.text(1024, 3), std::string("\0no", 3));
}

TEST_F(DiskFileTest, ATruncatedFileIsFilledToTheSizeItIsGiven) {
  file.extend(partition, 512, note());
  EXPECT_EQ(disk.begun(), "") << "nobody takes it for empty";
  truncated.extend(partition, 1025, note());
  truncated.extend(partition, 1024, note());
  disk.run();
  EXPECT_EQ(done, fmt::format("0:0 {}:0 0:0 ", EFBIG));
  EXPECT_EQ(disk.text(1024, 1024), std::string(1024, '\0'));
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
