// A disk in memory whose requests take effect when a test says so, oldest first, or at random.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "initiator/mount/byte_disk.h"
#include "proto/frame.h"

namespace aoe::initiator {

class TestSectorDisk final : public SectorDisk {
 public:
  explicit TestSectorDisk(std::size_t sectors) : content(sectors * sector_size, 'o') {}

  void read(std::uint64_t offset, MutableBytes into, Done done, CancelSlot slot) override {
    if (slot.is_connected()) {
      slot.assign([this, offset](boost::asio::cancellation_type) {
        cancelled += fmt::format("{}{}", cancelled.empty() ? "" : " ", offset / sector_size);
      });
    }
    begin("read", offset, into.size(), std::move(done), [this, offset, into] {
      std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    });
  }
  void write(std::uint64_t offset, Bytes from, Done done, CancelSlot) override {
    begin("write", offset, from.size(), std::move(done), [this, offset, from] {
      std::ranges::copy(from, content.begin() + static_cast<std::ptrdiff_t>(offset));
    });
  }
  void flush(Done done, CancelSlot) override {
    begin("flush", 0, 0, std::move(done), [] {});
  }
  void trim(std::uint64_t offset, std::uint64_t length, Done done, CancelSlot) override {
    begin("trim", offset, length, std::move(done), [this, offset, length] {
      std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(offset), length, '\0');
    });
  }
  bool trim_zeroes() const override { return trims; }

  /// Lets the oldest request take effect, or fail.
  void step(boost::system::error_code error = {}) {
    AOE_CHECK(!waiting.empty());
    const auto [effect, done] = std::move(waiting.front());
    waiting.pop_front();
    if (!error) effect();
    done(error);
  }
  void run() {
    while (!waiting.empty()) step();
  }
  /// What was begun since the last time, in sectors: "read 0+1 write 0+2".
  std::string begun() { return std::exchange(begun_, ""); }
  std::string text(std::size_t offset, std::size_t size) const {
    return {content.begin() + static_cast<std::ptrdiff_t>(offset),
            content.begin() + static_cast<std::ptrdiff_t>(offset + size)};
  }

  struct Waiting {
    std::function<void()> effect;
    Done done;
  };
  std::string cancelled;  // sectors at which a read began that is to end now
  std::vector<std::uint8_t> content;
  bool trims = false;
  std::deque<Waiting> waiting;

 private:
  void begin(std::string_view what, std::uint64_t offset, std::uint64_t size, Done done,
             std::function<void()> effect) {
    AOE_CHECK(offset % sector_size == 0 && size % sector_size == 0);
    AOE_CHECK(offset + size <= content.size());
    begun_ += fmt::format("{}{} {}+{}", begun_.empty() ? "" : " ", what, offset / sector_size,
                          size / sector_size);
    waiting.push_back({std::move(effect), std::move(done)});
  }

  std::string begun_;
};

}  // namespace aoe::initiator
