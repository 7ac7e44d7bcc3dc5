// Reads the frames of a capture of any make: pcap or pcapng, compressed or not, of Ethernet
// interfaces or of Linux' "any".
//
// Owns the file. Every record of the file is returned, so that frames can be counted as tshark(1)
// counts them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/capture/capture_parser.h"
#include "harness/capture/file_source.h"
#include "harness/capture/link_layer.h"

namespace aoe::harness {

class CaptureReader {
 public:
  struct Record {
    std::chrono::nanoseconds time{};     // since the epoch
    std::uint32_t link = 0;              // the number of its link type
    std::optional<EthernetFrame> frame;  // valid until the next call of next(); none: not readable
  };

  /// "-" is standard input. Errors name the file: "x.pcap: No such file or directory", "x.pcap:
  /// link type 105 is neither Ethernet nor Linux' \"any\"". `idle`: see FileSource.
  static tl::expected<std::unique_ptr<CaptureReader>, std::string> open(const std::string& path,
                                                                        FileSource::Idle idle = {});

  /// Returns the next record, nothing at the end of the file, or an error where the file is
  /// damaged.
  tl::expected<std::optional<Record>, std::string> next();

  /// Bytes of the file that were read, as they are in the file; and its size, nothing for a pipe.
  std::uint64_t position() const { return source_->position(); }
  std::optional<std::uint64_t> size() const { return source_->size(); }
  /// Frames that the program which captured them says it lost (pcapng).
  std::uint64_t dropped() const { return parser_.dropped(); }

 private:
  CaptureReader(std::string name, std::unique_ptr<FileSource> source)
      : name_(std::move(name)), source_(std::move(source)), parser_(*source_) {}

  const std::string name_;
  const std::unique_ptr<FileSource> source_;
  CaptureParser parser_;
  std::vector<std::uint8_t> room_;
};

}  // namespace aoe::harness
