#include "harness/import/target_scenario.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/import/captured_end.h"
#include "harness/import/frame_words.h"
#include "harness/judge/frame_rules.h"
#include "harness/judge/record.h"
#include "harness/run/exact_time.h"
#include "harness/run/minimise.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using Places = std::vector<std::size_t>;
using Refused = tl::unexpected<std::string>;

constexpr std::uint64_t sectors_max = (std::uint64_t{4} << 40) / sector_size;  // of a disk of zeros

std::uint32_t tag_of(Bytes frame) {
  return layout::has(Field::tag, frame) ? layout::get<Field::tag>(frame) : 0;
}

std::string error_word(std::uint64_t code) {
  const std::string_view word = layout::word(Field::error, code);
  return word.empty() ? fmt::format("{{error: {}}}", code) : std::string(word);
}

/// What of a reply of our own target may be asked of others. Decoded from the reply.
class ReplyWords {
 public:
  explicit ReplyWords(Bytes reply) : reply_(reply), frame_(decode(reply)) {}

  bool is_readable() const { return frame_ && frame_->body; }

  /// Refused, in whatever way there is; empty: it is no refusal.
  std::string refusal() const {
    if (!is_readable()) return {};
    const bool is_ata = frame_->command == static_cast<std::uint8_t>(Command::ata);
    if (const auto* error = std::get_if<ErrorReply>(&*frame_->body)) {
      const std::string word = error_word(static_cast<std::uint8_t>(error->code));
      return is_ata ? fmt::format("[{}, {{ata: {{status: failed}}}}]", word) : word;
    }
    const auto* ata = std::get_if<AtaReply>(&*frame_->body);
    if (ata == nullptr || is_success(*ata)) return {};
    return "[{ata: {status: failed}}, bad-argument]";
  }

  /// Its fields, but those that a target is free to choose.
  std::string fields() const {
    if (!is_readable()) return {};
    return std::visit([this](const auto& body) { return words(body); }, *frame_->body);
  }

 private:
  static std::string words(const ErrorReply& error) {
    return error_word(static_cast<std::uint8_t>(error.code));
  }
  static std::string words(const AtaReply& ata) {
    if (is_success(ata)) return "{error: none, ata: {status: ok, error: none, count: 0}}";
    const std::string_view error = layout::word(Field::ata_error, ata.error);
    return fmt::format("{{error: none, ata: {{status: error, error: {}}}}}",
                       error.empty() ? std::to_string(ata.error) : std::string(error));
  }
  static std::string words(const ConfigReply& config) {
    const std::string string =
        config.string.empty() ? "string: \"\"" : fmt::format("hex: \"{}\"", to_hex(config.string));
    return fmt::format("{{error: none, config: {{op: {}, {}}}}}",
                       layout::word(Field::config_op, static_cast<std::uint64_t>(config.command)),
                       string);
  }
  static std::string words(const MaskReply& mask) {
    return fmt::format("{{error: none, mask: {{op: {}, error: {}, count: {}}}}}",
                       layout::word(Field::mask_op, static_cast<std::uint64_t>(mask.command)),
                       layout::word(Field::mask_error, static_cast<std::uint64_t>(mask.error)),
                       mask.error == MaskError::none ? mask.list.size() : mask.directives_done);
  }
  static std::string words(const ReserveReply& reserve) {
    std::vector<std::string> macs;
    for (std::size_t i = 0; i < reserve.macs.size(); ++i)
      macs.push_back(in_quotes(reserve.macs[i]));
    return fmt::format("{{error: none, reserve: {{op: {}, macs: [{}]}}}}",
                       layout::word(Field::reserve_op, static_cast<std::uint64_t>(reserve.command)),
                       fmt::join(macs, ", "));
  }
  template <class Other>
  static std::string words(const Other&) {
    return {};
  }

  const Bytes reply_;
  const Decoded frame_;
};

class TargetMaker {
 public:
  TargetMaker(const CapturedCase& shown, const ImportOptions& options)
      : shown_(shown),
        options_(options),
        ends_{shown.initiator, shown.target, shown.device},
        sectors_(shown.capacity.value_or(std::max(shown.used, disk_sectors_min))) {}

  tl::expected<ScenarioDraft, std::string> make() {
    if (sectors_ > sectors_max) sectors_ = std::max(shown_.used, disk_sectors_min);
    if (sectors_ > sectors_max)
      return Refused("its disk is larger than the 4 TiB that a scenario's may have");
    if (shown_.requests.empty()) return make_announcement();
    guilty_ = shown_.requests.size() - 1;
    Places all(shown_.requests.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    look_at_reference(all);
    for (std::string& expectation : expectations()) {
      expectation_ = std::move(expectation);
      if (!shows(all)) continue;
      Places before(all.begin(), all.end() - 1);
      if (!options_.keeps_all) {
        before = minimise<std::size_t>(
            std::move(before), [this](const Places& fewer) { return shows(with_guilty(fewer)); });
      }
      return draft(with_guilty(before));
    }
    return Refused(
        "our own target answers it the same in virtual time, or what it did does not show there");
  }

 private:
  Places with_guilty(Places places) const {
    places.push_back(guilty_);
    return places;
  }

  std::string head(std::size_t frame_size) const {
    const std::uint16_t buffers = std::max<std::uint16_t>(shown_.buffers.value_or(16), 2);
    return head_of(shown_, options_, fmt::format(", buffers: {}", buffers), sectors_,
                   mtu_of(frame_size)) +
           "always: [liveness]  # what the disk holds is not judged: writes carry zeros\nsteps:\n";
  }

  /// The scenario of these requests; its last step is `last`.
  ScenarioDraft text(const Places& kept, const std::string& last, bool awaits_answers) const {
    std::size_t longest = 0;
    for (const std::size_t place : kept) {
      longest = std::max(longest, shown_.requests[place].bytes.size());
      for (const CapturedBytes& reply : shown_.requests[place].replies)
        longest = std::max(longest, reply.bytes.size());
    }
    ScenarioDraft made{.yaml = head(longest), .kept = kept, .tries = tries_};
    std::optional<Duration> before;
    for (const std::size_t place : kept) {
      const CapturedRequest& request = shown_.requests[place];
      const bool is_guilty = place == guilty_;
      if (options_.keeps_timing && before && request.at > *before)
        made.yaml += fmt::format("  - wait: {}\n", exact_time(request.at - *before));
      before = request.at;
      made.yaml += fmt::format("  - send: {}  # frame {}\n", send_words(request.bytes, ends_),
                               request.number);
      if (awaits_answers && !options_.keeps_timing && !is_guilty && answered_.contains(place))
        made.yaml += "  - expect: {reply: answer}\n";
    }
    made.last_line = static_cast<unsigned>(std::ranges::count(made.yaml, '\n')) + 1;
    made.yaml += "  - " + last + "\n";
    return made;
  }
  ScenarioDraft draft(const Places& kept) const {
    return text(kept, fmt::format("expect: {{{}}}", expectation_), true);
  }

  /// Does our own target pass the scenario, and does the captured reply fail at its end?
  bool shows(const Places& kept) {
    const ScenarioDraft made = draft(kept);
    tries_ += 2;
    if (!play_draft(made.yaml, options_.seed, true, {}).passed) return false;
    const Ending ending = play_draft(made.yaml, options_.seed, true, [&](Mutant::Sides& sides) {
      return std::make_unique<CapturedTarget>(sides, wrong_answer(), std::vector<std::uint8_t>{});
    });
    return ending.failed && ending.line == made.last_line;
  }

  /// What is wrong before the last reply is not what the scenario is about: only that one is the
  /// captured one.
  std::vector<AnsweredRequest> wrong_answer() const {
    const CapturedRequest& request = shown_.requests[guilty_];
    AnsweredRequest one{.request = as_sent(request.bytes, ends_), .replies = {}};
    for (const CapturedBytes& reply : request.replies)
      one.replies.push_back(as_answered(reply.bytes, ends_));
    return {one};
  }

  /// What our own target answers to all of it, and which requests both answer.
  void look_at_reference(const Places& all) {
    Testimony testimony;
    ++tries_;
    play_draft(text(all, "wait: 1s", false).yaml, options_.seed, true,
               [&](Mutant::Sides& sides) { return std::make_unique<Witness>(sides, testimony); });
    std::set<std::uint32_t> tags;
    for (std::size_t i = 0; i < testimony.answers.size(); ++i) {
      tags.insert(tag_of(testimony.answers[i]));
      const bool is_to_guilty =
          i >= testimony.before_last &&
          tag_of(testimony.answers[i]) == tag_of(shown_.requests[guilty_].bytes);
      if (is_to_guilty) reference_.push_back(testimony.answers[i]);
    }
    for (const std::size_t place : all) {
      const CapturedRequest& request = shown_.requests[place];
      if (!request.replies.empty() && tags.contains(tag_of(request.bytes))) answered_.insert(place);
    }
  }

  std::string address_words() const {
    return fmt::format("{{shelf: {}, slot: {}}}", shown_.device.shelf, shown_.device.slot);
  }

  /// That could be asked of the last answer, the least demanding first.
  std::vector<std::string> expectations() const {
    const auto reply = [](const std::string& words) { return "reply: " + words; };
    if (reference_.empty()) return {reply("silence")};
    const ReplyWords words(reference_.front());
    std::vector<std::string> list{reply("answer"),
                                  fmt::format("replies: {{count: {}}}", reference_.size())};
    const std::string refusal = words.refusal();
    list.push_back(reply(refusal.empty() ? "ok" : refusal));
    const Bytes request = shown_.requests[guilty_].bytes;
    const std::uint8_t command = layout::get<Field::command>(request);
    if (command <= static_cast<std::uint8_t>(Command::reserve)) {
      const std::size_t least = layout::fixed_size(layout::Message{command});
      list.push_back(reply(fmt::format("{{size: {}}}", least)));
    }
    list.push_back(reply("{identify: {checksum: right}}"));
    list.push_back(reply(address_words()));
    if (const std::string fields = words.fields(); !fields.empty()) list.push_back(reply(fields));
    return list;
  }

  // What no request asked for.

  ScenarioDraft announcement_draft() const {
    ScenarioDraft made{
        .yaml = head(shown_.announcement->bytes.size()), .kept = {}, .tries = tries_};
    made.yaml += "  - alive: {}\n  - arm: {fault: kill, id: restart}\n  - heal: restart\n";
    made.last_line = static_cast<unsigned>(std::ranges::count(made.yaml, '\n')) + 1;
    made.yaml += fmt::format("  - expect: {{announcement: {}}}\n", expectation_);
    return made;
  }

  tl::expected<ScenarioDraft, std::string> make_announcement() {
    const std::vector<std::uint8_t> told = as_answered(shown_.announcement->bytes, ends_);
    for (const std::string& fields :
         {std::string("{version: 1}"), std::string("{flags: [response]}"),
          std::string("{error: none}"), address_words(), std::string("{config: {version: 1}}"),
          fmt::format("{{size: {}}}", frame_size_min)}) {
      expectation_ = fields;
      const ScenarioDraft made = announcement_draft();
      tries_ += 2;
      if (!play_draft(made.yaml, options_.seed, true, {}).passed) continue;
      const Ending ending = play_draft(made.yaml, options_.seed, true, [&](Mutant::Sides& sides) {
        return std::make_unique<CapturedTarget>(sides, std::vector<AnsweredRequest>{}, told);
      });
      if (ending.failed && ending.line == made.last_line) return announcement_draft();
    }
    return Refused("what is wrong with the announcement does not show in virtual time");
  }

  const CapturedCase& shown_;
  const ImportOptions& options_;
  const CapturedEnds ends_;
  std::uint64_t sectors_;
  std::size_t guilty_ = 0;
  std::set<std::size_t> answered_;  // requests with an answer in the capture and of our target
  FrameBytesList reference_;        // our target's answers to the guilty one
  std::string expectation_;
  std::size_t tries_ = 0;
};

}  // namespace

tl::expected<ScenarioDraft, std::string> make_target_scenario(const CapturedCase& shown,
                                                              const ImportOptions& options) {
  return TargetMaker(shown, options).make();
}

}  // namespace aoe::harness
