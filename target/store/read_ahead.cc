#include "target/store/read_ahead.h"

#include <algorithm>

namespace aoe::target {

std::optional<ByteRange> ReadAhead::read(std::uint64_t offset, std::uint64_t size) {
  ++clock_;
  const std::uint64_t end = offset + size;
  // Requests of one reader pass each other by less than this.
  constexpr std::uint64_t disorder = 128 << 10;
  Stream* oldest = streams_.data();
  for (Stream& stream : streams_) {
    const bool goes_on = offset <= stream.next + disorder && end + disorder >= stream.next;
    if (stream.used == 0 || !goes_on) {
      if (stream.used < oldest->used) oldest = &stream;
      continue;
    }
    stream.used = clock_;
    if (end <= stream.next) return std::nullopt;  // passed by one that came later, or read again
    stream.run += size;
    stream.next = end;
    if (stream.run < run_min) return std::nullopt;
    if (stream.fetched > stream.next + window / 2) return std::nullopt;
    const std::uint64_t from = std::max(stream.fetched, stream.next);
    stream.fetched = from + window;
    return ByteRange{from, window};
  }
  *oldest = {end, size, 0, clock_};
  return std::nullopt;
}

}  // namespace aoe::target
