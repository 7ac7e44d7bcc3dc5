#include "target/service/recording_port.h"

#include <chrono>
#include <utility>

#include "base/check.h"

namespace aoe::target {

tl::expected<std::unique_ptr<Recording>, std::string> Recording::create(const std::string& path) {
  auto file = PcapWriter::create(path);
  if (!file) return tl::unexpected(file.error());
  return std::unique_ptr<Recording>(new Recording(*std::move(file)));
}

void Recording::write(Bytes head, Bytes data) {
  const std::lock_guard lock(guard_);
  file_->write(std::chrono::system_clock::now().time_since_epoch(), head, data);
}

tl::expected<void, std::string> Recording::flush() {
  const std::lock_guard lock(guard_);
  return file_->flush();
}

std::size_t RecordingPort::receive(std::span<Bytes> frames) {
  const std::size_t count = port_.receive(frames);
  for (const Bytes frame : frames.first(count)) recording_.write(frame, {});
  return count;
}

void RecordingPort::send(std::span<const Outgoing> frames) {
  for (const Outgoing& frame : frames) {
    AOE_CHECK(frame.unreadable == nullptr);
    recording_.write(frame.head, frame.data);
  }
  port_.send(frames);
}

}  // namespace aoe::target
