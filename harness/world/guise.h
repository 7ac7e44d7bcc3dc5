// What a target seems to be: a layer at its end of the link. With it the target says of itself what
// a scenario wants (language/says.h), has its first sector at another LBA than 0, and answers at a
// second address.
//
// The target's frames pass here before they enter the link, and frames for it after they left the
// link. So faults, ledger, captures and checks see what clients see, and the target may be any
// program. A function of frames; owned and called by its world.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "harness/language/scenario.h"
#include "proto/ata.h"

namespace aoe::harness {

class Guise {
 public:
  /// The second address of a target with two paths.
  static constexpr Mac second_mac{{0x02, 0, 0, 0, 0, 0x03}};

  explicit Guise(const TargetRole& role);

  /// Returns whether a scenario needs a guise for this target, at its beginning or later.
  static bool is_wanted(const Scenario& scenario, NodeIndex target);

  using Frames = std::vector<std::vector<std::uint8_t>>;
  /// Returns what enters the link in place of a frame that the target sent.
  Frames sent(Bytes frame);
  /// Returns what the target gets in place of a frame that arrived.
  std::vector<std::uint8_t> arrived(Bytes frame);

  /// Adds to what the target says of itself from now on.
  void change(const Says& says) { says_.add(says); }
  /// Returns unasked config replies from all its addresses; none before the target sent its first.
  Frames announce() const;

 private:
  /// A request that the target may still answer.
  struct Asked {
    bool second_path = false;
    bool everyone = false;  // by broadcast: each path answers
    std::uint8_t command = 0;
    ata::Opcode opcode{};
    std::uint64_t lba = 0;  // the six bytes as they came
    bool moved = false;     // the target got another LBA
  };

  void disguise_request(std::vector<std::uint8_t>& frame, Asked& asked) const;
  void disguise_config(std::vector<std::uint8_t>& frame) const;
  void disguise_identity(MutableBytes block) const;
  std::vector<std::uint8_t> from_second_path(std::vector<std::uint8_t> frame) const;

  Says says_;
  const std::uint64_t base_;
  const unsigned paths_;
  Mac own_{};                                       // the target's, from its first reply on
  std::vector<std::uint8_t> config_;                // its last config answer
  std::unordered_map<std::uint32_t, Asked> asked_;  // by tag
};

}  // namespace aoe::harness
