// What a target is to say of itself, in place of what it is: in its config answers, and in
// IDENTIFY.
//
//   says: {buffers: 1, sectors: 0, size: 1MiB, lba48: false,
//          identify: {checksum: wrong, words: {49: 0}}}
//
// What is not said is as the target has it. A Guise (world/guise.h) puts it into effect.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace aoe {
class YamlMap;
}

namespace aoe::harness {

struct Says {
  /// Of word 255 of IDENTIFY: as it should be; with its signature, and not the sum; not there.
  enum class Checksum : std::uint8_t { right, wrong, none };

  std::optional<std::uint16_t> buffers;
  std::optional<std::uint8_t> sectors;  // a command: the Sector Count
  std::optional<std::uint64_t> size;    // sectors of the disk; more can't be read or written
  std::optional<bool> lba48;            // false: commands with 48 bits of LBA are unknown
  std::optional<Checksum> checksum;
  std::map<std::uint8_t, std::uint16_t> words;  // of IDENTIFY, after all else

  /// Asks for the keys; more may be there.
  static Says parse(YamlMap& map);
  /// What `later` says, and of the rest what this says.
  void add(const Says& later);
  /// "buffers 1, sectors 0"; empty where nothing is said.
  std::string in_words() const;
  bool is_nothing() const { return *this == Says(); }

  bool operator==(const Says&) const = default;
};

}  // namespace aoe::harness
