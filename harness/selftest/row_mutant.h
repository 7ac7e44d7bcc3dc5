// A mutant as a row of a table: which frames it acts on, and what it does to them.
//
// A row is a list of changes. Each change names the frames that it is about, the tests that all
// must hold for such a frame, and the deeds that are then done to it, in their order. The words of
// the rows, and the rows, are in mutants.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "harness/world/mutant.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace mutant_words {

using FrameCopy = std::vector<std::uint8_t>;

/// The field's value, 0 where the frame has none.
inline std::uint64_t value_of(Field field, Bytes frame) {
  return layout::has(field, frame) ? layout::get(field, frame) : 0;
}

/// What a mutant remembers of the frames that passed it.
struct Memory {
  struct Asked {
    FrameCopy frame;  // as it was sent
    std::uint64_t order = 0;
    unsigned answers = 0;
  };
  std::map<std::uint32_t, Asked> asked;  // by tag; of an initiator only its ATA requests
  std::uint64_t requests = 0;
  FrameCopy first;     // a target's first announcement, or an initiator's first ATA request
  FrameCopy last;      // the last request
  unsigned count = 0;  // of what the row counts
  std::vector<FrameCopy> writes;  // that the row does later, or again
  bool dead = false;              // no frame passes any more

  std::uint64_t own_mac = 0;  // of an initiator

  // Of a target.
  unsigned restarts = 0;
  std::set<std::uint64_t> announced_to;  // since it started, before the frame that passes
  FrameCopy string;                      // in its last config answer
  unsigned edits = 0;                    // of its mask list, since it started
  std::uint64_t masked = 0;              // entries of its mask list
  std::uint64_t holders = 0;             // entries of its reservation

  /// The request of a frame's tag; the oldest request without an answer. Null where there is none.
  const Asked* find(Bytes frame) const;
  const Asked* oldest() const;
  /// How many unanswered requests there are of the same ATA registers, sent before this one and
  /// since the last of them that was answered.
  std::size_t repetitions(Bytes request) const;
};

/// A frame on its way past the mutant.
struct Passage {
  FrameCopy frame;  // what is passed on; nothing is, where a deed empties it
  Bytes request;    // what the frame is or answers, as it was sent; empty where that is not known
  Memory& memory;
  std::vector<FrameCopy>
      more{};  // is passed on after it; clients get no answers of a target to these
  std::vector<FrameCopy> back{};  // goes to where the frame came from
};

using Test = std::function<bool(Bytes frame, Passage& passage)>;
using Deed = std::function<void(Passage& passage)>;

struct Change {
  enum class Of : std::uint8_t {
    requests,
    answers,
    announcements,  // a target's frames that answer no request
    all_sent,       // all frames that the end sends
  };
  Of of = Of::requests;
  std::vector<Test> when;
  std::vector<Deed> deeds;
};

}  // namespace mutant_words

struct MutantRow {
  enum class At : std::uint8_t { target, initiator, either_end };
  At at = At::target;
  /// A clause of language/clauses.yaml ("3.1/5"), a check of `always`, or a word of `expect`.
  std::string_view breaks;
  std::string_view name;  // how it behaves: "answers-twice"
  std::vector<mutant_words::Change> changes;
  void (*tune)(initiator::Parameters& parameters) = nullptr;  // what an initiator starts with

  bool is_at(bool target) const { return at == At::either_end || (at == At::target) == target; }
  bool breaks_clause() const { return breaks.find('/') != std::string_view::npos; }
};

/// A row at work. Owned by its world, as every mutant is; the row outlives it.
class RowMutant final : public Mutant {
 public:
  RowMutant(const MutantRow& row, bool at_target, Sides& sides)
      : Mutant(sides), row_(row), at_target_(at_target) {}

  void sent(Bytes frame) override { at_target_ ? on_answer(frame) : on_request(frame); }
  void arrived(Bytes frame) override { at_target_ ? on_request(frame) : on_answer(frame); }
  void restarted() override;
  void tune(initiator::Parameters& parameters) const override {
    if (row_.tune != nullptr) row_.tune(parameters);
  }

 private:
  void on_request(Bytes frame);
  void on_answer(Bytes frame);
  void change(mutant_words::Change::Of of, mutant_words::Passage& passage) const;
  void pass_on(const mutant_words::Passage& passage, bool to_link);
  /// Notes what an answer shows of a target's state.
  void learn(Bytes request, Bytes answer);

  const MutantRow& row_;
  const bool at_target_;
  mutant_words::Memory memory_;
  bool is_secret_ = false;  // clients do not get what the target sends now
};

}  // namespace aoe::harness
