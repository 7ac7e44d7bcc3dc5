#include "harness/selftest/initiator_mutant.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <numeric>
#include <optional>

#include "proto/ata.h"
#include "proto/codes.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

using Copy = std::vector<std::uint8_t>;

// Where things are in a frame (AoEr11 §2, §3).
constexpr std::size_t destination_at = 0;
constexpr std::size_t source_at = 6;
constexpr std::size_t ethertype_at = 12;
constexpr std::size_t flags_at = 14;  // and version
constexpr std::size_t error_at = 15;
constexpr std::size_t address_at = 16;
constexpr std::size_t address_size = 3;
constexpr std::size_t command_at = 19;
constexpr std::size_t tag_at = 20;
constexpr std::size_t buffers_at = 24;
constexpr std::size_t ata_flags_at = 24;
constexpr std::size_t ata_error_at = 25;
constexpr std::size_t count_at = 26;
constexpr std::size_t opcode_at = 27;  // in an answer: the status
constexpr std::size_t lba_at = 28;
constexpr std::size_t sectors_at = 28;  // of config answers
constexpr std::size_t data_at = ata_header_size;

constexpr std::uint8_t response_flag = 0x8;
constexpr std::uint8_t error_flag = 0x4;
constexpr std::uint8_t extended_flag = 0x40;

std::uint32_t tag_of(const Copy& frame) {
  return Reader(Bytes(frame).subspan(tag_at)).u32();
}
void put_tag(Copy& frame, std::uint32_t tag) {
  Writer(MutableBytes(frame).subspan(tag_at)).u32(tag);
}
bool is(const Copy& frame, Command command, std::size_t size) {
  return frame.size() >= size && frame[command_at] == static_cast<std::uint8_t>(command);
}
bool is_ata(const Copy& frame) {
  return is(frame, Command::ata, data_at);
}
bool is_config(const Copy& frame) {
  return is(frame, Command::config, config_header_size);
}
bool is_of(const Copy& request, ata::Kind kind) {
  return is_ata(request) && ata::kind(ata::Opcode{request[opcode_at]}) == kind;
}

/// What an initiator mutant knows: the requests on their way, oldest first.
struct Asked {
  std::uint32_t tag;
  Copy frame;
};
struct State {
  std::deque<Asked> asked;                 // ATA requests that no answer came to
  std::map<std::uint32_t, Copy> answered;  // the last requests that one did
  std::optional<Copy> own_answer;          // to what is not sent at all
  Mac self{};                              // its address

  Asked* find(std::uint32_t tag) {
    const auto found = std::ranges::find(asked, tag, &Asked::tag);
    return found == asked.end() ? nullptr : &*found;
  }
};

/// The answer that would go well with a request.
Copy good_answer(const Copy& request, std::size_t data) {
  Copy answer(std::max(data_at + data, frame_size_min));
  std::copy_n(request.begin() + source_at, 6, answer.begin());
  std::copy_n(request.begin(), 6, answer.begin() + source_at);
  std::copy_n(request.begin() + ethertype_at, data_at - ethertype_at,
              answer.begin() + ethertype_at);
  answer[flags_at] |= response_flag;
  answer[count_at] = 0;
  answer[opcode_at] = ata::status_drdy;
  return answer;
}

/// 1024 sectors more than IDENTIFY says, and a checksum to match.
void enlarge(MutableBytes block) {
  const auto add = [&](std::size_t word, std::size_t count, std::uint64_t most) {
    std::uint64_t sectors = 0;
    for (std::size_t i = 2 * count; i-- > 0;) sectors = sectors << 8 | block[2 * word + i];
    sectors = std::min(sectors + 1024, most);
    for (std::size_t i = 0; i < 2 * count; ++i)
      block[2 * word + i] = static_cast<std::uint8_t>(sectors >> (8 * i));
  };
  add(60, 2, ata::lba28_sectors_max);
  add(100, 4, ata::lba48_sectors_max);
  block.back() = 0;
  const auto sum = std::accumulate(block.begin(), block.end(), 0U);
  block.back() = static_cast<std::uint8_t>(0U - sum);
}

struct Row {
  std::string_view clause;
  std::string_view name;
  /// Changes a request; returns whether it is sent at all.
  bool (*sends)(Copy& request, State& state);
  /// Changes an answer; returns whether it is taken.
  bool (*takes)(Copy& answer, State& state);
};

bool as_it_is(Copy&, State&) {
  return true;
}

constexpr std::array rows{
    Row{"2/30", "asks-with-version-0",
        [](Copy& request, State&) {
          request[flags_at] &= 0x0f;
          return true;
        },
        as_it_is},
    Row{"2/30", "asks-with-flag-r",
        [](Copy& request, State&) {
          if (is_ata(request)) request[flags_at] |= response_flag;
          return true;
        },
        as_it_is},
    Row{"2/32", "takes-any-tag", as_it_is,
        [](Copy& answer, State& state) {
          if (is_ata(answer) && !state.asked.empty() && state.find(tag_of(answer)) == nullptr)
            put_tag(answer, state.asked.front().tag);
          return true;
        }},
    Row{"2/32", "takes-any-command", as_it_is,
        [](Copy& answer, State& state) {
          if (answer.size() >= data_at && state.find(tag_of(answer)) != nullptr)
            answer[command_at] = static_cast<std::uint8_t>(Command::ata);
          return true;
        }},
    Row{"2/33", "takes-frames-without-flag-r", as_it_is,
        [](Copy& answer, State& state) {
          if (answer.size() >= header_size && state.find(tag_of(answer)) != nullptr)
            answer[flags_at] = (answer[flags_at] & 0xf0) | response_flag;
          return true;
        }},
    Row{"2/34", "takes-answers-of-any-disk", as_it_is,
        [](Copy& answer, State& state) {
          if (answer.size() < header_size) return true;
          if (const Asked* asked = state.find(tag_of(answer)); asked != nullptr)
            std::copy_n(asked->frame.begin() + address_at, address_size,
                        answer.begin() + address_at);
          return true;
        }},
    Row{"2/35", "makes-devices-of-wildcards", as_it_is,
        [](Copy& answer, State&) {
          if (!is_config(answer)) return true;
          if (answer[address_at] == 0xff && answer[address_at + 1] == 0xff) answer[address_at] = 0;
          if (answer[address_at + 2] == 0xff) answer[address_at + 2] = 0;
          return true;
        }},
    // Who has its answer already gives what comes once more to the next one.
    Row{"2/36", "takes-second-answers-for-others", as_it_is,
        [](Copy& answer, State& state) {
          if (!is_ata(answer) || !state.answered.contains(tag_of(answer))) return true;
          if (state.find(tag_of(answer)) == nullptr && !state.asked.empty())
            put_tag(answer, state.asked.front().tag);
          return true;
        }},
    Row{"2/37", "takes-any-version", as_it_is,
        [](Copy& answer, State&) {
          if (answer.size() >= header_size)
            answer[flags_at] = static_cast<std::uint8_t>((answer[flags_at] & 0x0f) | 0x10);
          return true;
        }},
    // The first answer is the oldest request's.
    Row{"2/38", "takes-answers-in-order", as_it_is,
        [](Copy& answer, State& state) {
          if (is_ata(answer) && state.find(tag_of(answer)) != nullptr)
            put_tag(answer, state.asked.front().tag);
          return true;
        }},
    Row{"2/39", "takes-short-answers", as_it_is,
        [](Copy& answer, State& state) {
          if (answer.size() >= data_at) return true;
          if (answer.size() < header_size) {
            if (!state.asked.empty()) answer = good_answer(state.asked.front().frame, 1024);
          } else if (Asked* asked = state.find(tag_of(answer)); asked != nullptr) {
            answer = good_answer(asked->frame, 1024);
          }
          return true;
        }},
    Row{"2/41", "takes-what-others-are-sent", as_it_is,
        [](Copy& answer, State& state) {
          if (answer.size() >= header_size && (answer[destination_at] & 1) == 0)
            std::ranges::copy(state.self.octets, answer.begin());
          return true;
        }},
    Row{"2.4/10", "takes-errors-for-successes", as_it_is,
        [](Copy& answer, State& state) {
          if (answer.size() < data_at || (answer[flags_at] & error_flag) == 0) return true;
          const Asked* asked = state.find(tag_of(answer));
          if (asked == nullptr) return true;
          answer = good_answer(asked->frame, answer.size() - data_at);
          return true;
        }},
    Row{"3.1/40", "asks-for-too-much",
        [](Copy& request, State&) {
          if (is_of(request, ata::Kind::read) && request[count_at] > 1) request[count_at] = 3;
          return true;
        },
        as_it_is},
    Row{"3.1/40", "cuts-writes-short",
        [](Copy& request, State&) {
          if (is_of(request, ata::Kind::write)) request.resize(request.size() - 1);
          return true;
        },
        as_it_is},
    Row{"3.1/41", "ignores-the-status", as_it_is,
        [](Copy& answer, State&) {
          if (!is_ata(answer)) return true;
          answer[opcode_at] = ata::status_drdy;
          answer[ata_error_at] = 0;
          return true;
        }},
    Row{"3.1/42", "fills-up-short-data", as_it_is,
        [](Copy& answer, State& state) {
          const Asked* asked = is_ata(answer) ? state.find(tag_of(answer)) : nullptr;
          if (asked != nullptr && is_of(asked->frame, ata::Kind::read))
            answer.resize(std::max(answer.size(), data_at + asked->frame[count_at] * sector_size));
          return true;
        }},
    Row{"3.1/43", "asks-with-48-bits-always",
        [](Copy& request, State&) {
          if (!is_ata(request)) return true;
          auto& opcode = request[opcode_at];
          const bool is_old = opcode == static_cast<std::uint8_t>(ata::Opcode::read_sectors) ||
                              opcode == static_cast<std::uint8_t>(ata::Opcode::write_sectors);
          if (!is_old) return true;
          opcode = static_cast<std::uint8_t>(opcode + 4);
          request[ata_flags_at] |= extended_flag;
          return true;
        },
        as_it_is},
    Row{"3.1/44", "believes-in-a-larger-disk", as_it_is,
        [](Copy& answer, State& state) {
          const Asked* asked = is_ata(answer) ? state.find(tag_of(answer)) : nullptr;
          if (asked != nullptr && is_of(asked->frame, ata::Kind::identify) &&
              answer.size() >= data_at + identify_size) {
            enlarge(MutableBytes(answer).subspan(data_at, identify_size));
          }
          return true;
        }},
    Row{"3.1/47", "keeps-flushes-to-itself",
        [](Copy& request, State& state) {
          if (!is_of(request, ata::Kind::flush)) return true;
          state.own_answer = good_answer(request, 0);
          return false;
        },
        as_it_is},
    Row{"3.2/30", "discovers-one-address",
        [](Copy& request, State&) {
          if (is_config(request))
            std::ranges::copy(std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 2}, request.begin());
          return true;
        },
        as_it_is},
    Row{"3.2/30", "sets-counts-in-queries",
        [](Copy& request, State&) {
          if (is_config(request)) request[buffers_at + 1] = 16;
          return true;
        },
        as_it_is},
    Row{"3.2/31", "thinks-of-sixty-buffers", as_it_is,
        [](Copy& answer, State&) {
          if (is_config(answer)) answer[buffers_at + 1] = 60;
          return true;
        }},
    Row{"3.2/32", "takes-what-a-frame-carries", as_it_is,
        [](Copy& answer, State&) {
          if (is_config(answer)) answer[sectors_at] = 255;
          return true;
        }},
};

class TableMutant final : public Mutant {
 public:
  TableMutant(Sides& sides, const Row& row) : Mutant(sides), row_(row) {}

  void sent(Bytes frame) override {
    Copy request(frame.begin(), frame.end());
    if (request.size() < header_size) return sides_.to_link(frame);
    std::ranges::copy(frame.subspan(source_at, 6), state_.self.octets.begin());
    if (is_ata(request)) state_.asked.push_back({tag_of(request), request});
    const bool sends = row_.sends(request, state_);
    if (sends) sides_.to_link(request);
    if (const auto answer = std::exchange(state_.own_answer, {})) sides_.to_end(*answer);
  }

  void arrived(Bytes frame) override {
    Copy answer(frame.begin(), frame.end());
    if (!row_.takes(answer, state_)) return;
    if (answer.size() >= header_size) {
      const std::uint32_t tag = tag_of(answer);
      const auto found = std::ranges::find(state_.asked, tag, &Asked::tag);
      if (found != state_.asked.end()) {
        state_.answered.insert_or_assign(tag, std::move(found->frame));
        state_.asked.erase(found);
      }
    }
    sides_.to_end(answer);
  }

 private:
  const Row& row_;
  State state_;
};

}  // namespace

std::vector<InitiatorMutant> initiator_mutants() {
  std::vector<InitiatorMutant> all;
  for (const Row& row : rows) all.push_back({row.clause, row.name});
  return all;
}

std::unique_ptr<Mutant> make_initiator_mutant(std::string_view name, Mutant::Sides& sides) {
  const auto row = std::ranges::find(rows, name, &Row::name);
  if (row == rows.end()) return nullptr;
  return std::make_unique<TableMutant>(sides, *row);
}

}  // namespace aoe::harness
