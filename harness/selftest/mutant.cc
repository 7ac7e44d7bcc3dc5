#include "harness/selftest/mutant.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "base/check.h"
#include "harness/selftest/clause_mutant.h"
#include "harness/selftest/initiator_mutant.h"
#include "proto/frame.h"

namespace aoe::harness {
namespace {

using Copy = std::vector<std::uint8_t>;

/// A tag that our initiator takes for somebody else's.
constexpr std::uint32_t foreign_tag = 0x0a00'0000;

// Where things are in a frame (AoEr11 §2, §3.1).
constexpr std::size_t destination_at = 0;
constexpr std::size_t flags_at = 14;
constexpr std::size_t error_at = 15;
constexpr std::size_t address_at = 16;
constexpr std::size_t tag_at = 20;
constexpr std::size_t ata_error_at = 25;
constexpr std::size_t ata_status_at = 27;
constexpr std::size_t lba_at = 28;
constexpr std::size_t ata_reserved_at = 34;

Copy copy_of(Bytes frame) {
  return {frame.begin(), frame.end()};
}

Copy retagged(Bytes frame, std::uint32_t tag) {
  Copy copy = copy_of(frame);
  Writer(MutableBytes(copy).subspan(tag_at)).u32(tag);
  return copy;
}

/// An ATA request, and what it is about.
struct AtaQuestion {
  Frame frame;
  AtaRequest ata;

  bool is(ata::Kind kind) const { return ata::kind(ata.opcode) == kind; }
};

std::optional<AtaQuestion> ata_question(Bytes bytes) {
  const auto frame = decode(bytes);
  if (!frame || !frame->body) return std::nullopt;
  const auto* ata = std::get_if<AtaRequest>(&*frame->body);
  return ata == nullptr ? std::nullopt : std::optional(AtaQuestion{*frame, *ata});
}

bool is_ata_reply(Bytes bytes) {
  const auto frame = decode(bytes);
  return frame && frame->response && frame->command == static_cast<std::uint8_t>(Command::ata);
}

bool is_config_request(Bytes bytes) {
  const auto frame = decode(bytes);
  return frame && !frame->response && frame->command == static_cast<std::uint8_t>(Command::config);
}

/// "Done", to a question that asks for no data.
Copy done(const AtaQuestion& question) {
  const Header& asked = question.frame.header;
  Copy frame(frame_size_min);
  frame.resize(encode({asked.source, asked.destination, asked.address, asked.tag},
                      AtaReply{.status = ata::status_drdy, .lba = question.ata.lba}, frame));
  return frame;
}

// Targets.

struct AnswersTwice final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    sides_.to_link(frame);
    if (is_ata_reply(frame)) sides_.to_link(frame);
  }
};

struct AnswersUnasked final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    sides_.to_link(frame);
    if (is_ata_reply(frame)) sides_.to_link(retagged(frame, foreign_tag));
  }
};

struct AnswersWithAnotherTag final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    sides_.to_link(is_ata_reply(frame) ? retagged(frame, foreign_tag) : copy_of(frame));
  }
};

/// Takes whoever is asked for itself.
struct AnswersForOthers final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    Copy copy = copy_of(frame);
    if (const auto decoded = decode(frame); decoded && !decoded->header.address.is_exact()) {
      return sides_.to_end(frame);
    }
    std::copy_n(own_.begin(), own_.size(), copy.begin() + address_at);
    sides_.to_end(copy);
  }
  void sent(Bytes frame) override {
    std::copy_n(frame.begin() + address_at, own_.size(), own_.begin());
    sides_.to_link(frame);
  }
  std::array<std::uint8_t, 3> own_{};  // known from its announcement on
};

struct NeverRefuses final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    Copy copy = copy_of(frame);
    copy[flags_at] &= 0xfb;
    copy[error_at] = 0;
    sides_.to_link(copy);
  }
};

/// Is not found out by AoE, which has no checksum, but by who knows what was written.
struct FlipsABit final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    Copy copy = copy_of(frame);
    if (is_ata_reply(frame) && frame.size() == ata_header_size + 2 * sector_size) copy.back() ^= 1;
    sides_.to_link(copy);
  }
};

struct ReadsTheNextSector final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    Copy copy = copy_of(frame);
    if (const auto question = ata_question(frame); question && question->is(ata::Kind::read))
      ++copy[lba_at];
    sides_.to_end(copy);
  }
};

struct ForgetsWrites final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::write)) return sides_.to_end(frame);
    sides_.to_link(done(*question));
  }
};

struct ForgetsFlushes final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::flush)) return sides_.to_end(frame);
    sides_.to_link(done(*question));
  }
};

/// Has its end do a write of which the client is not to hear.
class WritesInSecret : public Mutant {
 protected:
  using Mutant::Mutant;
  void write(Bytes frame) {
    is_secret_ = true;
    sides_.to_end(frame);
    is_secret_ = false;
  }
  void sent(Bytes frame) override {
    if (!is_secret_) sides_.to_link(frame);
  }

 private:
  bool is_secret_ = false;
};

/// Acknowledges a write at once, and carries it out after some other requests.
class AcknowledgesBeforeWriting final : public WritesInSecret {
 public:
  using WritesInSecret::WritesInSecret;
  void arrived(Bytes frame) override {
    const auto question = ata_question(frame);
    if (question && question->is(ata::Kind::write)) {
      late_.push_back(copy_of(frame));
      return sides_.to_link(done(*question));
    }
    sides_.to_end(frame);
    if (!late_.empty() && ++others_ % 4 == 0) {
      write(late_.front());
      late_.pop_front();
    }
  }

 private:
  std::deque<Copy> late_;
  unsigned others_ = 0;
};

/// Carries out a write once more after the next one of the same sectors.
class RepeatsOldWrites final : public WritesInSecret {
 public:
  using WritesInSecret::WritesInSecret;
  void arrived(Bytes frame) override {
    sides_.to_end(frame);
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::write)) return;
    Copy& last = last_[question->ata.lba];
    if (!last.empty()) write(last);
    last = copy_of(frame);
  }

 private:
  std::map<std::uint64_t, Copy> last_;  // by LBA
};

struct FailsReads final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::read)) return sides_.to_end(frame);
    Copy copy = done(*question);
    copy[ata_status_at] = ata::status_drdy | ata::status_err;
    copy[ata_error_at] = ata::error_abrt;
    sides_.to_link(copy);
  }
};

struct HidesErrors final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    Copy copy = copy_of(frame);
    if (is_ata_reply(frame)) {
      copy[ata_status_at] = ata::status_drdy;
      copy[ata_error_at] = 0;
    }
    sides_.to_link(copy);
  }
};

struct NeverIdentifies final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::identify)) sides_.to_end(frame);
  }
};

struct ShowsUpOnce final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    if (!is_config_request(frame) || queries_++ == 0) sides_.to_end(frame);
  }
  unsigned queries_ = 0;
};

struct FallsSilent final : Mutant {
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question || question->is(ata::Kind::identify) || requests_++ < 8) sides_.to_end(frame);
  }
  unsigned requests_ = 0;
};

// Initiators.

struct RepeatsEarly final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    sides_.to_link(frame);
    const auto question = ata_question(frame);
    if (question && question->is(ata::Kind::read))
      sides_.to_link(retagged(frame, foreign_tag + next_++));
  }
  std::uint32_t next_ = 0;
};

/// Keeps the first repetition of a request to itself, or all of them.
template <unsigned kept_max>
struct KeepsRepetitions final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    const auto question = ata_question(frame);
    const unsigned before = question ? sent_[question->ata.lba]++ : 0;
    if (before == 0 || before > kept_max) sides_.to_link(frame);
  }
  std::map<std::uint64_t, unsigned> sent_;  // by LBA
};

/// When a request is repeated, repeats all others that wait for an answer, too.
struct RepeatsAllAtOnce final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    sides_.to_link(frame);
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::read)) return;
    const bool again = !open_.try_emplace(question->ata.lba, copy_of(frame)).second;
    if (!again || has_repeated_) return;
    has_repeated_ = true;
    for (const auto& [lba, other] : open_) {
      if (lba != question->ata.lba) sides_.to_link(retagged(other, foreign_tag + next_++));
    }
  }
  void arrived(Bytes frame) override {
    const auto decoded = decode(frame);
    const auto* reply = decoded && decoded->body ? std::get_if<AtaReply>(&*decoded->body) : nullptr;
    if (reply != nullptr) open_.erase(reply->lba);
    sides_.to_end(frame);
  }
  std::map<std::uint64_t, Copy> open_;  // reads without an answer, by LBA
  std::uint32_t next_ = 0;
  bool has_repeated_ = false;
};

/// Asks for sixteen other blocks with each read.
struct OverrunsBuffers final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    sides_.to_link(frame);
    const auto question = ata_question(frame);
    if (!question || !question->is(ata::Kind::read)) return;
    for (std::uint8_t i = 1; i <= 16; ++i) {
      Copy copy = retagged(frame, foreign_tag + i);
      copy[lba_at] = static_cast<std::uint8_t>(copy[lba_at] + 2 * i);
      sides_.to_link(copy);
    }
  }
};

/// Gives all its requests one tag, and tells the answers apart by what they are about.
struct UsesOneTag final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question) return sides_.to_link(frame);
    tags_[question->ata.lba] = question->frame.header.tag;
    sides_.to_link(retagged(frame, foreign_tag));
  }
  void arrived(Bytes frame) override {
    const auto decoded = decode(frame);
    const auto* reply = decoded && decoded->body ? std::get_if<AtaReply>(&*decoded->body) : nullptr;
    if (reply == nullptr || !tags_.contains(reply->lba)) return sides_.to_end(frame);
    sides_.to_end(retagged(frame, tags_.at(reply->lba)));
  }
  std::map<std::uint64_t, std::uint32_t> tags_;  // by LBA
};

/// Sends to the address at which it first found the target, wherever that is now.
struct KeepsToAnAddress final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question) return sides_.to_link(frame);
    Copy copy = copy_of(frame);
    if (!target_) target_ = question->frame.header.destination;
    std::ranges::copy(target_->octets, copy.begin() + destination_at);
    sides_.to_link(copy);
  }
  std::optional<Mac> target_;
};

struct NeverAsks final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    const auto question = ata_question(frame);
    if (!question || question->is(ata::Kind::identify)) sides_.to_link(frame);
  }
};

struct GivesUpEarly final : Mutant {
  using Mutant::Mutant;
  void tune(initiator::Parameters& parameters) const override { parameters.deadsecs /= 2; }
};

struct NeverGivesUp final : Mutant {
  using Mutant::Mutant;
  void tune(initiator::Parameters& parameters) const override {
    parameters.deadsecs = std::chrono::seconds(0);
  }
};

// Either end.

struct SetsReservedFlags final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    Copy copy = copy_of(frame);
    copy[flags_at] |= 0x01;
    sides_.to_link(copy);
  }
};

struct SetsReservedBytes final : Mutant {
  using Mutant::Mutant;
  void sent(Bytes frame) override {
    Copy copy = copy_of(frame);
    if (ata_question(frame) || is_ata_reply(frame)) copy[ata_reserved_at] = 0x5a;
    sides_.to_link(copy);
  }
};

using Make = std::unique_ptr<Mutant> (*)(Mutant::Sides&);
template <class Kind>
std::unique_ptr<Mutant> make(Mutant::Sides& sides) {
  return std::make_unique<Kind>(sides);
}

using Kinds = std::map<std::string, Make>;

const Kinds& kinds(bool at_target) {
  static const Kinds targets{
      {"acknowledges-before-writing", make<AcknowledgesBeforeWriting>},
      {"answers-for-others", make<AnswersForOthers>},
      {"answers-twice", make<AnswersTwice>},
      {"answers-unasked", make<AnswersUnasked>},
      {"answers-with-another-tag", make<AnswersWithAnotherTag>},
      {"fails-reads", make<FailsReads>},
      {"falls-silent", make<FallsSilent>},
      {"flips-a-bit", make<FlipsABit>},
      {"forgets-flushes", make<ForgetsFlushes>},
      {"forgets-writes", make<ForgetsWrites>},
      {"hides-errors", make<HidesErrors>},
      {"never-identifies", make<NeverIdentifies>},
      {"never-refuses", make<NeverRefuses>},
      {"reads-the-next-sector", make<ReadsTheNextSector>},
      {"repeats-old-writes", make<RepeatsOldWrites>},
      {"sets-reserved-bytes", make<SetsReservedBytes>},
      {"sets-reserved-flags", make<SetsReservedFlags>},
      {"shows-up-once", make<ShowsUpOnce>},
  };
  static const Kinds initiators{
      {"gives-up-early", make<GivesUpEarly>},
      {"keeps-to-an-address", make<KeepsToAnAddress>},
      {"never-asks", make<NeverAsks>},
      {"never-gives-up", make<NeverGivesUp>},
      {"never-repeats", make<KeepsRepetitions<UINT_MAX>>},
      {"overruns-buffers", make<OverrunsBuffers>},
      {"repeats-all-at-once", make<RepeatsAllAtOnce>},
      {"repeats-early", make<RepeatsEarly>},
      {"repeats-late", make<KeepsRepetitions<1>>},
      {"sets-reserved-bytes", make<SetsReservedBytes>},
      {"sets-reserved-flags", make<SetsReservedFlags>},
      {"uses-one-tag", make<UsesOneTag>},
  };
  return at_target ? targets : initiators;
}

}  // namespace

std::vector<std::string> mutant_names(bool at_target) {
  std::vector<std::string> names;
  for (const auto& [name, make] : kinds(at_target)) names.push_back(name);
  if (!at_target) {
    for (const InitiatorMutant& mutant : initiator_mutants()) names.emplace_back(mutant.name);
  }
  return names;
}

std::unique_ptr<Mutant> make_mutant(const MutantSpec& spec, Mutant::Sides& sides) {
  auto mutant = spec.at_target ? make_clause_mutant(spec.behaviour, sides)
                               : make_initiator_mutant(spec.behaviour, sides);
  if (mutant) return mutant;
  return kinds(spec.at_target).at(spec.behaviour)(sides);
}

}  // namespace aoe::harness
