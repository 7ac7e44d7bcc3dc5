// A port that records its traffic in a capture file, and passes it on unchanged.
#pragma once

#include <memory>
#include <mutex>

#include "wire/frame_port.h"
#include "wire/pcap_file.h"

namespace aoe::target {

/// The capture file that several ports, on several threads, write to.
struct Recording {
  std::mutex guard;
  std::unique_ptr<PcapWriter> file;
};

class RecordingPort final : public FramePort {
 public:
  /// Port and recording outlive it.
  RecordingPort(FramePort& port, Recording& recording) : port_(port), recording_(recording) {}

  std::size_t receive(std::span<Bytes> frames) override;
  std::shared_ptr<const void> keep_received() override { return port_.keep_received(); }
  /// Reads what it sends, so it does not take data that may be unreadable.
  void send(std::span<const Outgoing> frames) override;
  bool has_room() const override { return port_.has_room(); }
  std::size_t room_for(std::size_t frame_size) const override { return port_.room_for(frame_size); }
  int descriptor() const override { return port_.descriptor(); }
  Link link() const override { return port_.link(); }
  PortCounters counters() const override { return port_.counters(); }

 private:
  void record(Bytes head, Bytes data);

  FramePort& port_;
  Recording& recording_;
};

}  // namespace aoe::target
