#include "target/service/recording_port.h"

#include <chrono>

#include "base/check.h"

namespace aoe::target {

void RecordingPort::record(Bytes head, Bytes data) {
  const std::lock_guard lock(recording_.guard);
  recording_.file->write(std::chrono::system_clock::now().time_since_epoch(), head, data);
}

std::size_t RecordingPort::receive(std::span<Bytes> frames) {
  const std::size_t count = port_.receive(frames);
  for (const Bytes frame : frames.first(count)) record(frame, {});
  return count;
}

void RecordingPort::send(std::span<const Outgoing> frames) {
  for (const Outgoing& frame : frames) {
    AOE_CHECK(frame.unreadable == nullptr);
    record(frame.head, frame.data);
  }
  port_.send(frames);
}

}  // namespace aoe::target
