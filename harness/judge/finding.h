// Something is wrong: what every judge of the harness returns, from where it is found to the
// report.
//
// Plain data. A judge of frames makes one with make_finding(); the runner adds where in the
// scenario it was found. Findings of a capture have no scenario, and need no other text than
// `actual`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/mark.h"
#include "harness/judge/record.h"
#include "harness/judge/request_kind.h"
#include "harness/language/rules.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

struct Finding {
  std::string rule;                     // of language/rules.h, or the word of the step that failed
  std::string clause{};                 // "3.2/31"; empty: no clause says it
  std::string field{};                  // "ata.status"; empty: it is about no single field
  std::string expected{};               // empty: what the clause says
  std::string actual{};                 // "READ lba 2+2 again after 403ms, with a new tag"
  std::vector<FrameId> frames{};        // that show it; the last one is the one that it is about
  std::vector<SectorRecord> sectors{};  // that hold the wrong data
  bool certain = false;                 // no slow machine excuses it
  Mark mark{};                          // of the step; line 0: it holds for the run as a whole
  std::optional<RequestKind> unanswered{};  // it is that no answer came to a request of this kind

  FrameId frame() const { return frames.back(); }
};

/// A finding that frames show. `clause`: one that says more than the rule's own; empty: that one.
Finding make_finding(RuleName rule, std::string actual, std::vector<FrameId> frames,
                     std::string_view clause = {});

/// The level of its rule, else that of its clause; `info` for a finding without either.
Level level_of(const Finding& finding);

/// The last read of a sector of a device, what wrote the sector last before that, and the answers to both, in
/// the order in which they were sent; without a read, the last write and its answer.
std::vector<FrameId> frames_about(const Ledger& ledger, Address device, std::uint64_t lba);

/// The frames `guilty`, with their bytes as far as the ledger keeps them, and the last few up to the last of them; where nobody in particular is
/// guilty, the last few of all.
std::vector<LadderLine> ladder_of(const Ledger& ledger, const std::vector<FrameId>& guilty);

}  // namespace aoe::harness
