// The records of a capture: pcap in either byte order, with times in microseconds or nanoseconds;
// and pcapng with any number of sections, interfaces and link types, where blocks that hold no
// frame are skipped.
//
// Does no I/O: takes bytes from a ByteSource, which outlives it. Keeps nothing of a record, and of
// an interface what its records need.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "harness/capture/byte_source.h"

namespace aoe::harness {

struct CaptureRecord {
  std::chrono::nanoseconds time{};  // since the epoch; never negative
  std::uint32_t link = 0;           // the number of its link type (link_layer.h)
  Bytes bytes;                      // valid until the next call of next()
  std::size_t original_size = 0;    // on the wire; above bytes.size() if the capture truncated it
};

class CaptureParser {
 public:
  /// Neither a record nor a block is longer, in bytes.
  static constexpr std::size_t record_size_max = std::size_t{16} << 20;

  /// Returns whether a file with these first 4 bytes is a capture.
  static bool begins(Bytes start);

  explicit CaptureParser(ByteSource& source) : source_(source) {}

  /// Reads the file's header. Fails for a file that is not a capture.
  tl::expected<void, std::string> begin();
  /// Returns the next record, nothing at the end of the file, or an error where the file is
  /// damaged or ends within a record.
  tl::expected<std::optional<CaptureRecord>, std::string> next();

  /// The only link type that the file can have; nothing for pcapng.
  std::optional<std::uint32_t> link() const { return link_; }
  /// Frames that the program which captured them says it lost (pcapng).
  std::uint64_t dropped() const;

 private:
  struct Interface {
    std::uint32_t link = 0;
    std::uint32_t snapshot = 0;  // 0: frames are whole
    std::uint64_t per_second = 1'000'000;
    std::int64_t offset = 0;  // seconds
    std::uint64_t dropped = 0;
  };
  using Next = tl::expected<std::optional<CaptureRecord>, std::string>;

  Next next_of_pcap();
  Next next_of_pcapng();
  tl::expected<void, std::string> begin_section();
  /// What a block holds: an error, a record, or nothing that is of interest.
  Next block(std::uint32_t type, Bytes body);
  Next packet(std::uint32_t interface, Bytes body);
  Next simple_packet(Bytes body);
  tl::expected<void, std::string> add_interface(Bytes body);
  void add_statistics(Bytes body);

  /// Exactly `size` bytes; an error at an end within them.
  tl::expected<Bytes, std::string> take(std::size_t size);
  std::uint16_t u16(Bytes bytes, std::size_t at) const;
  std::uint32_t u32(Bytes bytes, std::size_t at) const;
  std::uint64_t u64(Bytes bytes, std::size_t at) const;
  /// Calls `see(code, value)` for each option of a block.
  template <class See>
  void for_each_option(Bytes options, See see) const;
  std::string damaged(const char* what) const;

  ByteSource& source_;
  bool is_pcapng_ = false;
  bool is_big_endian_ = false;
  std::optional<std::uint32_t> link_;
  std::uint64_t per_second_ = 0;         // of pcap: fractions of a second
  std::size_t record_header_size_ = 16;  // of pcap
  std::vector<Interface> interfaces_;    // of the section
  std::uint64_t dropped_before_ = 0;     // in earlier sections
  std::chrono::nanoseconds last_{};
  std::uint64_t records_ = 0;
};

}  // namespace aoe::harness
