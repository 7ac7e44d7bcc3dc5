// The link between initiator and target, where faults strike: every frame of either end enters here
// and leaves here, in virtual time and on a real link alike.
//
// Owns the armed faults and the run's randomness; keeps the ledger, the exchanges and the captures
// of both sides. Decides what leaves and how much later; its world carries that out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/faults/fault.h"
#include "harness/link/exchanges.h"
#include "harness/link/ledger.h"
#include "wire/pcap_file.h"

namespace aoe::harness {

/// Captures of the two sides of the fault stage; none where a run keeps none.
struct Captures {
  std::unique_ptr<PcapWriter> initiator_side;
  std::unique_ptr<PcapWriter> target_side;

  /// initiator-side.pcap and target-side.pcap in a folder.
  static tl::expected<Captures, std::string> create(const std::string& folder);
  tl::expected<void, std::string> flush();
};

/// A copy of a frame that is to leave the stage `delay` after it entered.
struct Delivery {
  FrameId id;
  Direction direction;
  Duration delay;
  std::vector<std::uint8_t> bytes;
};

class FaultStage {
 public:
  FaultStage(Ledger& ledger, Exchanges& exchanges, Captures captures, std::uint64_t seed)
      : ledger_(ledger), exchanges_(exchanges), captures_(std::move(captures)), random_(seed) {}

  void arm(const FaultSpec& spec);
  void heal(const std::string& id);
  void heal_all() { armed_.clear(); }
  /// Frames that a fault struck, armed or healed.
  std::uint64_t hits(const std::string& id) const;
  /// What it dropped, in order.
  const std::vector<FrameId>& dropped_by(const std::string& id) const;

  /// A frame entered; appends what is to leave. A frame that one fault dropped meets no other.
  void enter(Direction direction, Bytes frame, Instant now, std::vector<Delivery>& out);
  /// A delivery arrives now.
  void leave(const Delivery& delivery, Instant now);
  /// Gives back the buffer of a delivery that is done.
  void recycle(Delivery&& delivery) { spare_.push_back(std::move(delivery.bytes)); }

  Captures& captures() { return captures_; }

 private:
  void capture(bool initiator_side, Instant now, Bytes frame);
  std::vector<std::uint8_t> buffer();

  Ledger& ledger_;
  Exchanges& exchanges_;
  Captures captures_;
  Random random_;
  std::vector<std::unique_ptr<Fault>> armed_;
  std::map<std::string, std::uint64_t> hits_;
  std::map<std::string, std::vector<FrameId>> dropped_by_;
  std::vector<std::vector<std::uint8_t>> spare_;
};

}  // namespace aoe::harness
