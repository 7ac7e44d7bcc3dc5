// Where a LUN's sectors live, as the command line or the configuration file says: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace aoe::target {

/// How the sectors of a file are reached.
enum class IoMode : std::uint8_t {
  automatic,  // a regular file mapped, a block device directly; buffered where neither can be
  mapped,     // mmap(2): the fastest while the image fits in memory
  buffered,   // through the page cache, without waiting for it
  direct,     // O_DIRECT: past the page cache
};

/// Where a LUN's sectors live.
struct StoreDefinition {
  std::string path;     // a file, a block device, "memory:SIZE", or an NBD URI (nbd…://…)
  std::string overlay;  // a delta over `path`, which is then only read; none where empty
  IoMode io = IoMode::automatic;
  bool sync = false;  // a write is stable before it is answered
  bool read_only = false;
  std::uint64_t offset = 0;             // sectors of `path` left out at its start
  std::optional<std::uint64_t> length;  // sectors served; to the end where not given

  bool operator==(const StoreDefinition&) const = default;
};

}  // namespace aoe::target
