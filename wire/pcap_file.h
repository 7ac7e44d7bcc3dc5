// Capture files (pcap, Ethernet link type), through libpcap: written with nanosecond times, read
// with any.
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
    Bytes bytes;                    // good until the next call of next()
    std::size_t original_size = 0;  // on the wire; above bytes.size() where the capture cut it
  };

  /// "-" is standard input. Errors name the file: "x.pcap: No such file or directory", "x.pcap: not
  /// an Ethernet capture".
  static tl::expected<std::unique_ptr<PcapReader>, std::string> open(const std::string& path);
  PcapReader(const PcapReader&) = delete;
  PcapReader& operator=(const PcapReader&) = delete;
  ~PcapReader();

  /// The next frame; nothing at the end of the file; an error where the file is damaged.
  tl::expected<std::optional<Record>, std::string> next();

 private:
  struct File;
  explicit PcapReader(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

class PcapWriter {
 public:
  /// Makes the file, or empties it. The error names it: "x.pcap: Permission denied".
  static tl::expected<std::unique_ptr<PcapWriter>, std::string> create(const std::string& path);
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;
  ~PcapWriter();

  /// `time` is not negative; `data` follows `head`. A record holds the first 262144 bytes of a
  /// longer frame. What goes wrong is for flush() to say; after that nothing more is written.
  void write(CaptureTime time, Bytes head, Bytes data = {});
  /// Everything written is in the file; an error where the disk refused (then, or earlier). The
  /// destructor writes what is left, too, but has nobody to tell.
  tl::expected<void, std::string> flush();

 private:
  struct File;
  explicit PcapWriter(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

class PcapPort final : public FramePort {
 public:
  /// `link` is what the port claims to be. `output` may be null: what is sent is then only counted.
  PcapPort(std::unique_ptr<PcapReader> input, std::unique_ptr<PcapWriter> output, Link link);

  /// Frames of the capture, at most as many as asked for; 0 at its end (or where it is damaged:
  /// error()). A frame that the capture cut short is counted as dropped, not handed out.
  std::size_t receive(std::span<Bytes> frames) override;
  /// Recorded with the time of the frame received last. What the link would refuse is dropped.
  void send(std::span<const Outgoing> frames) override;
  int descriptor() const override { return -1; }
  Link link() const override { return link_; }
  PortCounters counters() const override { return counters_; }

  /// What stopped reading before the end of the file, if anything did: "x.pcap: truncated ...".
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
