// Capture files (pcap, Ethernet link type), through libpcap: written with times in nanoseconds,
// read with times of any resolution.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"

// Of libpcap.
struct pcap;
struct pcap_dumper;

namespace aoe {

/// Since the epoch, or since the start of a virtual clock.
using CaptureTime = std::chrono::nanoseconds;

class PcapReader {
 public:
  struct Record {
    CaptureTime time{};
    Bytes bytes;                    // valid until the next call of next()
    std::size_t original_size = 0;  // on the wire; above bytes.size() if the capture truncated it
  };

  /// "-" is standard input. Errors name the file: "x.pcap: No such file or directory", "x.pcap: not
  /// an Ethernet capture".
  static tl::expected<std::unique_ptr<PcapReader>, std::string> open(const std::string& path);

  /// Returns the next frame, nothing at the end of the file, or an error where the file is damaged.
  tl::expected<std::optional<Record>, std::string> next();

 private:
  PcapReader(std::string path, pcap* opened);

  const std::string path_;
  const std::unique_ptr<pcap, void (*)(pcap*)> pcap_;
};

class PcapWriter {
 public:
  /// Creates the file, or truncates it if it is empty or a capture; it may also be a pipe or
  /// a terminal. Fails, changing nothing, for a file that holds anything else, and for a block
  /// device. The error names it: "x.pcap: Permission denied", "disk.img: not a capture; it is not
  /// overwritten".
  static tl::expected<std::unique_ptr<PcapWriter>, std::string> create(const std::string& path);

  /// Adds a record of the frame `head`, `data`; `time` must not be negative. A record holds at most
  /// the first 262144 bytes of a frame. flush() reports errors; nothing is written after one.
  void write(CaptureTime time, Bytes head, Bytes data = {});
  /// Writes all buffered records to the file. Returns the first error of this or an earlier write.
  /// The destructor writes them, too, but reports no error.
  tl::expected<void, std::string> flush();

 private:
  PcapWriter(std::string path, pcap* format, pcap_dumper* opened);

  const std::string path_;
  const std::unique_ptr<pcap, void (*)(pcap*)> pcap_;
  const std::unique_ptr<pcap_dumper, void (*)(pcap_dumper*)> dumper_;
  int error_ = 0;  // errno of the first write that failed
  std::vector<std::uint8_t> joined_;
};

}  // namespace aoe
