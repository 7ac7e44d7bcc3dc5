// Capture files (pcap, Ethernet link type), through libpcap: written with times in nanoseconds,
// read with times of any resolution.
//
// PcapPort is a FramePort over files: it receives the frames of one capture and appends what is
// sent to another, so that an engine can be fed a recorded exchange.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "wire/frame_port.h"

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
  PcapReader(const PcapReader&) = delete;
  PcapReader& operator=(const PcapReader&) = delete;
  ~PcapReader();

  /// Returns the next frame, nothing at the end of the file, or an error where the file is damaged.
  tl::expected<std::optional<Record>, std::string> next();

 private:
  struct File;
  explicit PcapReader(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

class PcapWriter {
 public:
  /// Creates the file, or truncates it. The error names it: "x.pcap: Permission denied".
  static tl::expected<std::unique_ptr<PcapWriter>, std::string> create(const std::string& path);
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;
  ~PcapWriter();

  /// Adds a record of the frame `head`, `data`; `time` must not be negative. A record holds at most
  /// the first 262144 bytes of a frame. flush() reports errors; nothing is written after one.
  void write(CaptureTime time, Bytes head, Bytes data = {});
  /// Writes all buffered records to the file. Returns the first error of this or an earlier write.
  /// The destructor writes them, too, but reports no error.
  tl::expected<void, std::string> flush();

 private:
  struct File;
  explicit PcapWriter(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

class PcapPort final : public FramePort {
 public:
  /// link() returns `link`. Without an `output` (null), frames that are sent are only counted.
  PcapPort(std::unique_ptr<PcapReader> input, std::unique_ptr<PcapWriter> output, Link link);

  /// Returns the next frames of the capture; 0 at its end, and where it is damaged (see error()). A
  /// frame that the capture truncated is counted as dropped and not returned.
  std::size_t receive(std::span<Bytes> frames) override;
  /// Records the frames with the time of the frame received last. Drops those that the link
  /// refuses.
  void send(std::span<const Outgoing> frames) override;
  int descriptor() const override { return -1; }
  Link link() const override { return link_; }
  PortCounters counters() const override { return counters_; }

  /// The error that stopped reading before the end of the file: "x.pcap: truncated ...".
  const std::optional<std::string>& error() const { return error_; }

 private:
  std::unique_ptr<PcapReader> input_;
  std::unique_ptr<PcapWriter> output_;
  Link link_;
  PortCounters counters_;
  CaptureTime now_{};
  std::vector<std::vector<std::uint8_t>> handed_out_;
  std::optional<std::string> error_;
};

}  // namespace aoe
