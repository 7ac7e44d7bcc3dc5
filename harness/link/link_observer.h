// Who follows the requests and replies of a link: the seam between the fault stage and the judge of
// its frames (judge/exchanges.h).
//
// Called by the fault stage for every frame of both ends, and for frames that a scenario injects,
// but not for those that its listener keeps for itself. An entry is the frame's in the ledger.
#pragma once

#include "base/instant.h"
#include "harness/language/selector.h"
#include "harness/link/ledger.h"
#include "proto/frame.h"

namespace aoe::harness {

class LinkObserver {
 public:
  /// A frame entered the link. `frame` is what decode() makes of `bytes`.
  virtual void sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) = 0;
  /// A copy of a frame left the link as it had entered.
  virtual void delivered(LedgerEntry& entry, Instant now) = 0;
  /// A config frame left the link to the initiator, altered or not.
  virtual void delivered_config(const Frame& frame, Instant now) = 0;
  /// A copy left the link as something else than what had entered.
  virtual void delivered_altered(Direction direction, const Frame& frame, Instant now) = 0;

 protected:
  ~LinkObserver() = default;
};

}  // namespace aoe::harness
