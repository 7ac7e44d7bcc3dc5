// What a target seems to be: a layer at its end of the link that lets it say of itself what a
// scenario wants (language/says.h), begin at another LBA than 0, and answer at a second address.
//
// Its frames pass here before they enter the link, and what arrives for it after it has left: so
// faults, ledger, captures and checks see what its clients see, and the target itself may be
// anybody's. A function of frames; owned by its world.
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
  /// Where a target with two paths answers, too.
  static constexpr Mac second_mac{{0x02, 0, 0, 0, 0, 0x03}};

  explicit Guise(const TargetRole& role);

  /// Does the scenario want one, at its beginning or later?
  static bool is_wanted(const Scenario& scenario);

  using Frames = std::vector<std::vector<std::uint8_t>>;
  /// The target sent a frame: what enters the link in its place.
  Frames sent(Bytes frame);
  /// A frame arrives: what the target gets in its place.
  std::vector<std::uint8_t> arrived(Bytes frame);

  /// From now on it says this, too.
  void change(const Says& says) { says_.add(says); }
  /// It shows up, unasked, at all its addresses. Nothing before it was heard for the first time.
  Frames announce() const;

 private:
  /// A request that the target may still answer.
  struct Asked {
    bool second_path = false;
    bool everyone = false;  // by broadcast: each path answers
    std::uint8_t command = 0;
    ata::Opcode opcode{};
    std::array<std::uint8_t, 6> lba{};  // as it came
    bool moved = false;                 // and not as the target got it
  };

  void disguise_request(std::vector<std::uint8_t>& frame, Asked& asked) const;
  void disguise_config(std::vector<std::uint8_t>& frame) const;
  void disguise_identity(MutableBytes block) const;
  std::vector<std::uint8_t> from_second_path(std::vector<std::uint8_t> frame) const;

  Says says_;
  const std::uint64_t base_;
  const unsigned paths_;
  Mac own_{};                                       // the target's, since it was heard
  std::vector<std::uint8_t> config_;                // its last config answer
  std::unordered_map<std::uint32_t, Asked> asked_;  // by tag
};

}  // namespace aoe::harness
