// A disk of the client library below a ByteDisk: shared by all open files of the disk and its
// partitions. Keeps the disk open as long as it exists.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "initiator/client/client.h"
#include "initiator/mount/byte_disk.h"
#include "initiator/mount/byte_limit.h"
#include "initiator/mount/disk_file.h"

namespace aoe::initiator {

class OpenDisk final : public SectorDisk {
 public:
  OpenDisk(boost::asio::io_context& loop, Disk disk)
      : loop_(loop), disk_(std::move(disk)), bytes_(*this) {}

  ByteDisk& bytes() { return bytes_; }
  /// What is read ahead for the open files of the disk, which is this.
  static std::shared_ptr<ReadAhead::Source> source(const std::shared_ptr<OpenDisk>& disk) {
    return {disk, &disk->source_};
  }
  /// Bounds the memory of reads.
  ByteLimit& reads() { return reads_; }
  /// Returns what all open files that start at byte `start` of the disk share: see DiskFile.
  Truncation& truncation(std::uint64_t start) { return truncations_[start]; }
  /// Returns the size in bytes, by the last IDENTIFY.
  std::uint64_t size() const { return disk_ ? disk_->size() : 0; }

  /// Closes the disk. What is outstanding completes with operation_aborted once the client is gone
  /// too, and so does all that is begun from now on.
  void let_go() { disk_.reset(); }

  void read(std::uint64_t offset, MutableBytes into, Done done, CancelSlot slot) override;
  void write(std::uint64_t offset, Bytes from, Done done, CancelSlot slot) override;
  void flush(Done done, CancelSlot slot) override;
  void trim(std::uint64_t offset, std::uint64_t length, Done done, CancelSlot slot) override;
  bool trim_zeroes() const override;

 private:
  void abort(Done done);

  boost::asio::io_context& loop_;
  std::optional<Disk> disk_;
  ByteDisk bytes_;
  ByteLimit reads_{std::uint64_t{64} << 20};
  ByteLimit ahead_{std::uint64_t{16} << 20};
  ReadAhead::Source source_{bytes_, ahead_};
  std::map<std::uint64_t, Truncation> truncations_;  // by start
};

}  // namespace aoe::initiator
