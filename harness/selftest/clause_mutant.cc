#include "harness/selftest/clause_mutant.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "proto/codes.h"
#include "proto/frame.h"

namespace aoe::harness {
namespace {

using Copy = std::vector<std::uint8_t>;

// Where things are in a frame (AoEr11 §2, §3).
constexpr std::size_t source_at = 6;
constexpr std::size_t version_at = 14;  // and flags
constexpr std::size_t error_at = 15;
constexpr std::size_t shelf_at = 16;
constexpr std::size_t slot_at = 18;
constexpr std::size_t command_at = 19;
constexpr std::size_t tag_at = 20;
constexpr std::size_t ata_flags_at = 24;
constexpr std::size_t ata_error_at = 25;
constexpr std::size_t ata_count_at = 26;
constexpr std::size_t ata_command_at = 27;  // in an answer: the status
constexpr std::size_t ata_status_at = 27;
constexpr std::size_t lba_at = 28;
constexpr std::size_t ata_reserved_at = 34;
constexpr std::size_t data_at = ata_header_size;
constexpr std::size_t ccmd_at = 29;  // and the version
constexpr std::size_t length_at = 30;
constexpr std::size_t string_at = 32;
constexpr std::size_t mcmd_at = 25;
constexpr std::size_t merror_at = 26;
constexpr std::size_t dir_count_at = 27;
constexpr std::size_t directives_at = 28;
constexpr std::size_t rcmd_at = 24;
constexpr std::size_t nmacs_at = 25;
constexpr std::size_t macs_at = 26;

/// What no command of AoE and no CCmd, MCmd or RCmd is: answered with error 2.
constexpr std::uint8_t no_subcommand = 7;
constexpr std::uint8_t no_ata_command = 0x5a;  // answered with ABRT

constexpr std::uint8_t opcode(ata::Opcode code) {
  return static_cast<std::uint8_t>(code);
}

std::uint16_t word_at(Bytes frame, std::size_t at) {
  return static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
}
void put_word(Copy& frame, std::size_t at, std::size_t value) {
  frame[at] = static_cast<std::uint8_t>(value >> 8);
  frame[at + 1] = static_cast<std::uint8_t>(value);
}

bool is(Bytes frame, Command command, std::size_t size) {
  return frame.size() >= size && frame[command_at] == static_cast<std::uint8_t>(command);
}
bool is_ata(Bytes frame) {
  return is(frame, Command::ata, data_at);
}
bool is_ata(Bytes frame, std::initializer_list<ata::Opcode> codes) {
  return is_ata(frame) && std::ranges::any_of(codes, [frame](ata::Opcode code) {
           return frame[ata_command_at] == opcode(code);
         });
}
bool is_config(Bytes frame) {
  return is(frame, Command::config, string_at);
}
bool is_mask(Bytes frame) {
  return is(frame, Command::mask, directives_at);
}
bool is_reserve(Bytes frame) {
  return is(frame, Command::reserve, macs_at);
}
bool is_read(Bytes request) {
  return is_ata(request, {ata::Opcode::read_sectors, ata::Opcode::read_sectors_ext});
}
bool is_write(Bytes request) {
  return is_ata(request, {ata::Opcode::write_sectors, ata::Opcode::write_sectors_ext});
}
bool is_flush(Bytes request) {
  return is_ata(request, {ata::Opcode::flush_cache, ata::Opcode::flush_cache_ext});
}

std::uint8_t ccmd(Bytes frame) {
  return frame[ccmd_at] & 0xf;
}
bool is_ccmd(Bytes request, ConfigCommand command) {
  return is_config(request) && ccmd(request) == static_cast<std::uint8_t>(command);
}
void set_ccmd(Copy& frame, std::uint8_t command) {
  frame[ccmd_at] = static_cast<std::uint8_t>((frame[ccmd_at] & 0xf0) | (command & 0xf));
}
Bytes string_of(Bytes frame) {
  const std::size_t room = frame.size() - string_at;
  return frame.subspan(string_at, std::min<std::size_t>(word_at(frame, length_at), room));
}
bool is_whole_string(Bytes frame) {
  return word_at(frame, length_at) <= frame.size() - string_at;
}

bool is_error(Bytes answer) {
  return (answer[version_at] & flag_error) != 0;
}
bool is_ata_success(Bytes answer) {
  return is_ata(answer) && !is_error(answer) && (answer[ata_status_at] & ata::status_failed) == 0;
}
bool is_ata_failure(Bytes answer) {
  return is_ata(answer) && !is_error(answer) && !is_ata_success(answer);
}
bool is_success(Bytes answer) {
  return !is_error(answer) && !is_ata_failure(answer);
}
/// What a disk that fails leads to, and nothing else does.
bool is_disk_failure(Bytes answer) {
  return is_ata_failure(answer) &&
         ((answer[ata_status_at] & ata::status_df) != 0 || answer[ata_error_at] == ata::error_unc);
}
void set_status(Copy& answer, std::uint8_t status, std::uint8_t error = 0) {
  answer[ata_status_at] = status;
  answer[ata_error_at] = error;
}
void set_error(Copy& answer, ErrorCode code) {
  answer[version_at] |= flag_error;
  answer[error_at] = static_cast<std::uint8_t>(code);
}

std::uint64_t lba_of(Bytes request) {
  std::uint64_t lba = 0;
  for (std::size_t i = 6; i-- > 0;) lba = lba << 8 | request[lba_at + i];
  if ((request[ata_flags_at] & 0x40) == 0) lba &= 0x0fff'ffff;
  return lba;
}

/// The sum of IDENTIFY's 512 bytes is 0 again.
void mend_checksum(Copy& answer) {
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < 511; ++i) sum = static_cast<std::uint8_t>(sum + answer[data_at + i]);
  answer[data_at + 511] = static_cast<std::uint8_t>(-sum);
}

/// A list without its last entry.
void shorten_list(Copy& answer, std::size_t count_at, std::size_t list_at, std::size_t entry) {
  const std::size_t kept = answer[count_at] - std::size_t{1};
  answer[count_at] = static_cast<std::uint8_t>(kept);
  answer.resize(std::max<std::size_t>(list_at + kept * entry, frame_size_min));
  std::fill(answer.begin() + static_cast<std::ptrdiff_t>(list_at + kept * entry), answer.end(),
            std::uint8_t{0});
}

/// What a mutant knows of its end and its client.
struct State {
  std::optional<Copy> announced;  // its first frame
  unsigned announcements = 0;
  Copy last_request;
  bool dead = false;
  unsigned ata_requests = 0;
  unsigned unflushed_writes = 0;
  std::set<std::uint32_t> answered;  // tags
  Copy string;                       // as the last config answer had it
  bool mask_edited = false;
  std::size_t masked = 0;    // entries of the mask list,
  std::size_t reserved = 0;  // and of the reservation

  bool is_stranger(Bytes request) const {
    constexpr std::array<std::uint8_t, 6> client{2, 0, 0, 0, 0, 1};
    return !std::ranges::equal(request.subspan(source_at, 6), client);
  }
};

/// It is not there: the target does not get it, or the client.
void swallow(Copy& frame) {
  frame.clear();
}

using OnRequest = void (*)(Copy& request, State& state);
using OnAnswer = void (*)(Bytes request, Copy& answer, State& state);
using OnAnnouncement = void (*)(Copy& announcement, State& state);

struct Row {
  std::string_view clause;
  std::string_view name;
  OnRequest on_request = nullptr;
  OnAnswer on_answer = nullptr;
  OnAnnouncement on_announcement = nullptr;
};

void take_client_for_stranger(Copy& request) {
  constexpr std::array<std::uint8_t, 6> client{2, 0, 0, 0, 0, 1};
  std::ranges::copy(client, request.begin() + source_at);
}

// A table, laid out as one.
// clang-format off
const std::vector<Row>& rows() {
  static const std::vector<Row> all{
  // §2
  {"2/1", "answers-to-everybody", nullptr, [](Bytes, Copy& answer, State&) {
    std::fill_n(answer.begin(), 6, std::uint8_t{0xff});
  }},
  {"2/2", "answers-from-elsewhere", nullptr, [](Bytes, Copy& answer, State&) {
    answer[source_at + 5] ^= 0x40;
  }},
  {"2/3", "forgets-flag-r", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_success(answer)) answer[version_at] &= 0xf7;
  }},
  {"2/4", "answers-as-version-2", nullptr, [](Bytes, Copy& answer, State&) {
    answer[version_at] = static_cast<std::uint8_t>(0x20 | (answer[version_at] & 0xf));
  }},
  {"2/5", "sets-a-reserved-flag", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_success(answer)) answer[version_at] |= 0x01;
  }},
  {"2/6", "names-another-command", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_success(answer)) answer[command_at] ^= 0x10;
  }},
  {"2/7", "clears-bit-31-of-the-tag", nullptr, [](Bytes, Copy& answer, State&) {
    answer[tag_at] &= 0x7f;
  }},
  {"2/8", "answers-by-the-wildcard", nullptr, [](Bytes request, Copy& answer, State&) {
    if (word_at(request, shelf_at) == 0xffff && request[slot_at] == 0xff) answer[slot_at] = 0xff;
  }},
  {"2/9", "ignores-any-shelf-for-a-slot", [](Copy& request, State&) {
    if (word_at(request, shelf_at) == 0xffff && request[slot_at] != 0xff) swallow(request);
  }},
  {"2/10", "answers-for-the-next-shelf", [](Copy& request, State& state) {
    if (!state.announced) return;
    const std::size_t own = word_at(*state.announced, shelf_at);
    if (word_at(request, shelf_at) == own + 1) put_word(request, shelf_at, own);
  }},
  {"2/11", "heeds-answers", [](Copy& request, State&) {
    if ((request[version_at] & flag_response) != 0) request[version_at] &= 0xf3;
  }},
  {"2/12", "dies-of-a-short-frame", [](Copy& request, State& state) {
    if (request.size() < header_size) state.dead = true;
  }},
  {"2/13", "minds-trailing-bytes", [](Copy& request, State&) {
    if (is_ccmd(request, ConfigCommand::read) && request.size() > frame_size_min &&
        request.size() > string_at + word_at(request, length_at)) {
      set_ccmd(request, no_subcommand);
    }
  }},
  {"2/14", "answers-a-copy-with-silence", [](Copy& request, State& state) {
    if (request == state.last_request) swallow(request);
  }},
  {"2/15", "does-not-pad", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_config(answer) && !is_error(answer)) {
      answer.resize(string_at + word_at(answer, length_at));
    }
  }},
  {"2/16", "leaves-an-error-code", nullptr, [](Bytes, Copy& answer, State&) {
    if (!is_error(answer)) answer[error_at] = 2;
  }},
  {"2/17", "lets-one-lun-answer-for-all", nullptr, [](Bytes request, Copy& answer, State& state) {
    if (request[slot_at] != 0xff || word_at(request, shelf_at) == 0xffff) return;
    const std::uint32_t tag = std::uint32_t{word_at(answer, tag_at)} << 16 | word_at(answer, tag_at + 2);
    if (!state.answered.insert(tag).second) swallow(answer);
  }},
  {"2/18", "fills-up-with-old-bytes", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_config(answer) && !is_error(answer) && word_at(answer, length_at) == 0) answer.back() = 0x5a;
  }},

  // §2.4
  {"2.4/1", "calls-an-unknown-command-a-bad-argument", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_error(answer) && answer[error_at] == 1) answer[error_at] = 2;
  }},
  {"2.4/2", "accepts-version-0", [](Copy& request, State&) {
    if ((request[version_at] & 0xf0) == 0) request[version_at] |= 0x10;
  }},
  {"2.4/3", "forgets-flag-r-of-errors", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_error(answer)) answer[version_at] &= 0xf7;
  }},
  {"2.4/4", "tells-what-the-disk-refuses-as-an-error", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_ata_failure(answer)) set_error(answer, ErrorCode::device_unavailable);
  }},
  {"2.4/5", "leaks-behind-an-error", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_error(answer)) answer.back() = 0x5a;
  }},
  {"2.4/6", "is-silent-when-the-disk-fails", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_disk_failure(answer)) swallow(answer);
  }},

  // §3.1
  {"3.1/1", "flips-a-bit-of-what-is-read", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request, {ata::Opcode::read_sectors_ext}) && is_ata_success(answer)) answer.back() ^= 1;
  }},
  {"3.1/2", "writes-zeros-to-the-second-sector", [](Copy& request, State&) {
    if (!is_ata(request, {ata::Opcode::write_sectors}) || request[ata_count_at] != 2) return;
    for (std::size_t at = data_at + sector_size; at < request.size(); ++at) request[at] = 0;
  }},
  {"3.1/3", "leaves-the-count", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_read(request) && is_ata_success(answer)) answer[ata_count_at] = request[ata_count_at];
  }},
  {"3.1/4", "forgets-drdy", nullptr, [](Bytes request, Copy& answer, State&) {
    if ((is_read(request) || is_write(request)) && is_ata_success(answer)) set_status(answer, 0);
  }},
  {"3.1/5", "reads-less-than-it-was-asked-for", [](Copy& request, State&) {
    if (is_read(request) && request[ata_count_at] == 3) request[ata_count_at] = 2;
  }},
  {"3.1/6", "takes-a-count-of-0-for-1", [](Copy& request, State&) {
    if (is_read(request) && request[ata_count_at] == 0) request[ata_count_at] = 1;
  }},
  {"3.1/7", "writes-beyond-the-frame", [](Copy& request, State&) {
    if (is_write(request) && request[ata_count_at] <= 2) {
      request.resize(std::max(request.size(), data_at + request[ata_count_at] * sector_size));
    }
  }},
  {"3.1/8", "refuses-a-write-with-bytes-beyond", [](Copy& request, State&) {
    if (is_write(request) && request[ata_count_at] > 0 &&
        request.size() > data_at + request[ata_count_at] * sector_size) {
      request[ata_command_at] = no_ata_command;
    }
  }},
  {"3.1/9", "aborts-beyond-the-end", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata_failure(answer) && answer[ata_error_at] == ata::error_idnf && lba_of(request) < 0x100'0000) {
      answer[ata_error_at] = ata::error_abrt;
    }
  }},
  {"3.1/10", "wraps-around", [](Copy& request, State&) {
    if (is_ata(request) && lba_of(request) + request[ata_count_at] > ata::lba48_sectors_max) {
      std::fill_n(request.begin() + lba_at, 6, std::uint8_t{0});
    }
  }},
  {"3.1/11", "knows-every-ata-command", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request) && is_ata_failure(answer) && ata::name(ata::Opcode{request[ata_command_at]}) == "ATA") {
      set_status(answer, ata::status_drdy);
    }
  }},
  {"3.1/12", "identifies-one-sector-less", nullptr, [](Bytes request, Copy& answer, State&) {
    if (!is_ata(request, {ata::Opcode::identify_device}) || !is_ata_success(answer)) return;
    --answer[data_at + 2 * 100];
    mend_checksum(answer);
  }},
  {"3.1/13", "clears-word-84", nullptr, [](Bytes request, Copy& answer, State&) {
    if (!is_ata(request, {ata::Opcode::identify_device}) || !is_ata_success(answer)) return;
    answer[data_at + 2 * 84 + 1] = 0;
    mend_checksum(answer);
  }},
  {"3.1/14", "identifies-with-a-wrong-checksum", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request, {ata::Opcode::identify_device}) && is_ata_success(answer)) ++answer[data_at + 511];
  }},
  {"3.1/15", "flushes-without-drdy", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request, {ata::Opcode::flush_cache}) && is_ata_success(answer)) set_status(answer, 0);
  }},
  {"3.1/16", "aborts-flush-ext", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request, {ata::Opcode::flush_cache_ext}) && is_ata_success(answer)) {
      set_status(answer, ata::status_drdy | ata::status_err, ata::error_abrt);
    }
  }},
  {"3.1/17", "hides-that-a-flush-failed", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_flush(request) && is_disk_failure(answer)) set_status(answer, ata::status_drdy);
  }},
  {"3.1/18", "is-in-standby", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request, {ata::Opcode::check_power_mode}) && is_ata_success(answer)) answer[ata_count_at] = 0;
  }},
  {"3.1/19", "takes-24-bits-of-lba", [](Copy& request, State&) {
    if (is_ata(request) && (request[ata_flags_at] & 0x40) == 0) request[lba_at + 3] &= 0xf0;
  }},
  {"3.1/19", "takes-other-bits-for-lba28", [](Copy& request, State&) {
    if (is_ata(request) && (request[ata_flags_at] & 0x40) == 0 && request[lba_at + 4] != 0) ++request[lba_at];
  }},
  {"3.1/20", "takes-32-bits-of-lba", [](Copy& request, State&) {
    if (is_ata(request) && (request[ata_flags_at] & 0x40) != 0) put_word(request, lba_at + 4, 0);
  }},
  {"3.1/21", "sets-the-reserved-bytes", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_ata(request) && is_ata(answer)) answer[ata_reserved_at + 1] = 0x5a;
  }},
  {"3.1/22", "advertises-more-than-it-knows", nullptr, [](Bytes request, Copy& answer, State&) {
    using ata::Opcode;
    if (is_ata(request, {Opcode::read_dma, Opcode::read_dma_ext, Opcode::write_dma, Opcode::write_dma_ext,
                         Opcode::smart, Opcode::data_set_management, Opcode::idle, Opcode::idle_immediate,
                         Opcode::standby, Opcode::standby_immediate}) && is_ata_success(answer)) {
      set_status(answer, ata::status_drdy | ata::status_err, ata::error_abrt);
    }
  }},
  {"3.1/23", "forgets-asynchronous-writes", [](Copy& request, State&) {
    if (!is_write(request) || (request[ata_flags_at] & 0x02) == 0) return;
    request[ata_flags_at] = 0;
    request[ata_command_at] = opcode(ata::Opcode::idle);
  }},
  {"3.1/24", "reads-registers-beyond-the-frame", [](Copy& request, State&) {
    if (is(request, Command::ata, header_size) && request.size() < data_at) request.resize(frame_size_min);
  }},
  {"3.1/25", "hides-that-a-read-failed", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_read(request) && is_disk_failure(answer)) set_status(answer, ata::status_drdy);
  }},
  {"3.1/26", "hides-that-a-write-failed", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_write(request) && is_disk_failure(answer)) set_status(answer, ata::status_drdy);
  }},
  {"3.1/27", "flushes-one-write-at-most", [](Copy& request, State& state) {
    if (is_write(request)) ++state.unflushed_writes;
    if (is_flush(request) && std::exchange(state.unflushed_writes, 0U) > 1) {
      request[ata_command_at] = opcode(ata::Opcode::idle);
    }
  }},

  // §3.2
  {"3.2/1", "reads-no-string-where-one-is-brought", [](Copy& request, State&) {
    if (is_ccmd(request, ConfigCommand::read) && is_whole_string(request) && word_at(request, length_at) > 0) {
      swallow(request);
    }
  }},
  {"3.2/2", "does-not-know-its-long-string", [](Copy& request, State&) {
    if (is_ccmd(request, ConfigCommand::test) && word_at(request, length_at) > 8) swallow(request);
  }},
  {"3.2/3", "does-not-know-its-long-prefix", [](Copy& request, State&) {
    if (is_ccmd(request, ConfigCommand::prefix) && word_at(request, length_at) > 4) swallow(request);
  }},
  {"3.2/4", "answers-whatever-is-tested", [](Copy& request, State&) {
    if (is_ccmd(request, ConfigCommand::test) || is_ccmd(request, ConfigCommand::prefix)) set_ccmd(request, 0);
  }, [](Bytes request, Copy& answer, State&) {
    if (is_config(request) && is_config(answer)) set_ccmd(answer, ccmd(request));
  }},
  {"3.2/5", "takes-no-first-string", [](Copy& request, State& state) {
    if (is_ccmd(request, ConfigCommand::set) && state.string.empty() && is_whole_string(request) &&
        word_at(request, length_at) <= 100) {
      set_ccmd(request, no_subcommand);
    }
  }, [](Bytes request, Copy& answer, State& state) {
    if (is_ccmd(request, ConfigCommand::set) && state.string.empty() && is_whole_string(request) &&
        word_at(request, length_at) <= 100) {
      set_error(answer, ErrorCode::config_string_present);
    }
  }},
  {"3.2/6", "sets-over-another-string", [](Copy& request, State&) {
    if (is_ccmd(request, ConfigCommand::set)) set_ccmd(request, static_cast<std::uint8_t>(ConfigCommand::force_set));
  }, [](Bytes request, Copy& answer, State&) {
    if (is_ccmd(request, ConfigCommand::set) && !is_error(answer)) set_ccmd(answer, ccmd(request));
  }},
  {"3.2/7", "keeps-its-first-string", [](Copy& request, State& state) {
    if (is_ccmd(request, ConfigCommand::force_set) && !state.string.empty()) set_ccmd(request, 0);
  }, [](Bytes request, Copy& answer, State&) {
    if (is_ccmd(request, ConfigCommand::force_set) && !is_error(answer)) set_ccmd(answer, ccmd(request));
  }},
  {"3.2/8", "takes-ccmd-8-for-a-read", [](Copy& request, State&) {
    if (is_config(request) && ccmd(request) == 8) set_ccmd(request, 0);
  }},
  {"3.2/9", "tells-its-string-to-a-read-only", nullptr, [](Bytes request, Copy& answer, State&) {
    if (!is_config(request) || ccmd(request) == 0 || is_error(answer)) return;
    put_word(answer, length_at, 0);
    std::fill(answer.begin() + string_at, answer.end(), std::uint8_t{0});
  }},
  {"3.2/10", "cuts-a-string-beyond-1024", [](Copy& request, State&) {
    if (is_config(request) && is_whole_string(request) && word_at(request, length_at) > 1024) {
      put_word(request, length_at, 1024);
    }
  }},
  {"3.2/11", "takes-a-string-beyond-the-frame", [](Copy& request, State&) {
    if (is_config(request) && word_at(request, length_at) <= 1024) {
      request.resize(std::max(request.size(), string_at + word_at(request, length_at)));
    }
  }},
  {"3.2/12", "takes-1023-bytes", [](Copy& request, State&) {
    if (is_config(request) && word_at(request, length_at) == 1024) set_ccmd(request, no_subcommand);
  }},
  {"3.2/12", "ends-a-string-at-a-zero", [](Copy& request, State&) {
    if (!is_config(request) || !is_whole_string(request)) return;
    const Bytes string = string_of(request);
    put_word(request, length_at, static_cast<std::size_t>(std::ranges::find(string, 0) - string.begin()));
  }},
  {"3.2/13", "says-config-version-0", nullptr, [](Bytes, Copy& answer, State&) {
    if (is_config(answer) && !is_error(answer)) answer[ccmd_at] &= 0xf;
  }},
  {"3.2/14", "has-a-buffer-less", [](Copy& request, State& state) {
    if (is_ata(request) && ++state.ata_requests % 16 == 0) swallow(request);
  }},
  {"3.2/15", "takes-two-sectors-at-most", [](Copy& request, State&) {
    if ((is_read(request) || is_write(request)) && request[ata_count_at] > 2 && request[ata_count_at] <= 17) {
      request[ata_command_at] = no_ata_command;
    }
  }},
  {"3.2/16", "forgets-its-string", nullptr, [](Bytes, Copy& answer, State& state) {
    if (state.announcements < 2 || !is_config(answer) || is_error(answer)) return;
    put_word(answer, length_at, 0);
    std::fill(answer.begin() + string_at, answer.end(), std::uint8_t{0});
  }},
  {"3.2/17", "announces-itself-to-nobody", nullptr, nullptr, [](Copy& announcement, State&) {
    constexpr std::array<std::uint8_t, 6> nobody{2, 0, 0, 0, 0, 0x99};
    std::ranges::copy(nobody, announcement.begin());
  }},
  {"3.2/18", "announces-itself-as-version-0", nullptr, nullptr, [](Copy& announcement, State&) {
    announcement[version_at] &= 0xf;
  }},
  {"3.2/19", "refuses-the-same-string", [](Copy& request, State& state) {
    if (is_ccmd(request, ConfigCommand::set) && std::ranges::equal(string_of(request), state.string)) {
      set_ccmd(request, no_subcommand);
    }
  }, [](Bytes request, Copy& answer, State& state) {
    if (is_ccmd(request, ConfigCommand::set) && std::ranges::equal(string_of(request), state.string)) {
      set_error(answer, ErrorCode::config_string_present);
    }
  }},

  // §3.3
  {"3.3/1", "lists-all-but-one", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_mask(request) && request[mcmd_at] == 0 && !is_error(answer) && answer[dir_count_at] > 0) {
      shorten_list(answer, dir_count_at, directives_at, DirectiveList::entry_size);
    }
  }},
  {"3.3/2", "edits-backwards", [](Copy& request, State&) {
    if (!is_mask(request) || request[dir_count_at] != 5) return;
    const auto begin = request.begin() + directives_at;
    for (std::ptrdiff_t i = 0; i < 2; ++i) std::swap_ranges(begin + 8 * i, begin + 8 * i + 8, begin + 8 * (4 - i));
  }},
  {"3.3/3", "takes-none-for-add", [](Copy& request, State&) {
    if (!is_mask(request)) return;
    for (std::size_t i = 0; i < request[dir_count_at]; ++i) {
      const std::size_t at = directives_at + 8 * i;
      if (at + 8 <= request.size() && request[at + 1] == 0) request[at + 1] = 1;
    }
  }},
  {"3.3/4", "counts-the-bad-directive", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_mask(request) && answer[merror_at] == 2) ++answer[dir_count_at];
  }},
  {"3.3/5", "takes-mcmd-2-for-a-read", [](Copy& request, State&) {
    if (is_mask(request) && request[mcmd_at] == 2) request[mcmd_at] = 0;
  }},
  {"3.3/6", "does-not-say-that-its-list-is-full", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_mask(request) && answer[merror_at] == 3) answer[merror_at] = 1;
  }},
  {"3.3/7", "stays-closed", [](Copy& request, State& state) {
    if (state.mask_edited && state.masked == 0 && state.is_stranger(request)) swallow(request);
  }},
  {"3.3/7", "is-closed-from-the-start", [](Copy& request, State& state) {
    if (is_mask(request) && !state.mask_edited && state.is_stranger(request)) swallow(request);
  }},
  {"3.3/8", "tells-its-config-to-everyone", [](Copy& request, State&) {
    if (is_config(request)) take_client_for_stranger(request);
  }},
  {"3.3/9", "takes-directives-beyond-the-frame", [](Copy& request, State&) {
    if (!is_mask(request)) return;
    request.resize(std::max(request.size(), directives_at + request[dir_count_at] * std::size_t{8}));
  }},
  {"3.3/10", "can-not-tell-its-whole-list", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_mask(request) && request[mcmd_at] == 0 && answer[dir_count_at] > 180) swallow(answer);
  }},

  // §3.4
  {"3.4/1", "lists-two-holders-at-most", nullptr, [](Bytes request, Copy& answer, State&) {
    if (is_reserve(request) && request[rcmd_at] == 0 && answer[nmacs_at] > 2) {
      shorten_list(answer, nmacs_at, macs_at, MacList::entry_size);
    }
  }},
  {"3.4/2", "refuses-its-holder", [](Copy& request, State& state) {
    if (is_reserve(request) && request[rcmd_at] == 1 && request[nmacs_at] > 0 && state.reserved > 0 &&
        !state.is_stranger(request)) {
      request[rcmd_at] = no_subcommand;
    }
  }, [](Bytes request, Copy& answer, State& state) {
    if (is_reserve(request) && request[rcmd_at] == 1 && is_error(answer) && state.reserved > 0 &&
        !state.is_stranger(request)) {
      set_error(answer, ErrorCode::target_reserved);
    }
  }},
  {"3.4/3", "lets-a-stranger-set", [](Copy& request, State& state) {
    if (is_reserve(request) && request[rcmd_at] == 1 && state.is_stranger(request)) request[rcmd_at] = 2;
  }, [](Bytes request, Copy& answer, State&) {
    if (is_reserve(request) && is_reserve(answer) && !is_error(answer)) answer[rcmd_at] = request[rcmd_at];
  }},
  {"3.4/4", "can-not-be-forced", [](Copy& request, State& state) {
    if (is_reserve(request) && request[rcmd_at] == 2 && state.is_stranger(request)) request[rcmd_at] = 1;
  }},
  {"3.4/5", "is-never-released", [](Copy& request, State& state) {
    if (is_reserve(request) && request[nmacs_at] == 0 && !state.is_stranger(request) &&
        request[rcmd_at] <= 2) {
      request[rcmd_at] = 0;
    }
  }, [](Bytes request, Copy& answer, State&) {
    if (is_reserve(request) && !is_error(answer)) answer[rcmd_at] = request[rcmd_at];
  }},
  {"3.4/6", "lets-a-stranger-write", [](Copy& request, State&) {
    if (is_ata(request, {ata::Opcode::write_sectors})) take_client_for_stranger(request);
  }},
  {"3.4/7", "identifies-itself-to-its-holder-only", nullptr, [](Bytes request, Copy& answer, State& state) {
    if (is_ata(request, {ata::Opcode::identify_device}) && state.reserved > 0 && state.is_stranger(request)) {
      set_error(answer, ErrorCode::target_reserved);
    }
  }},
  {"3.4/8", "tells-its-config-to-its-holder-only", nullptr, [](Bytes request, Copy& answer, State& state) {
    if (is_config(request) && state.reserved > 0 && state.is_stranger(request)) {
      set_error(answer, ErrorCode::target_reserved);
    }
  }},
  {"3.4/9", "takes-rcmd-3-for-a-read", [](Copy& request, State&) {
    if (is_reserve(request) && request[rcmd_at] == 3) request[rcmd_at] = 0;
  }},
  {"3.4/10", "takes-addresses-beyond-the-frame", [](Copy& request, State&) {
    if (!is_reserve(request)) return;
    request.resize(std::max(request.size(), macs_at + request[nmacs_at] * std::size_t{6}));
  }},
  };
  return all;
}
// clang-format on

/// A row at work.
class TableMutant final : public Mutant {
 public:
  TableMutant(const Row& row, Sides& sides) : Mutant(sides), row_(row) {}

  void arrived(Bytes frame) override {
    Copy request(frame.begin(), frame.end());
    if (row_.on_request != nullptr && (request.size() >= header_size || row_.clause == "2/12")) {
      row_.on_request(request, state_);
    }
    state_.last_request.assign(frame.begin(), frame.end());
    if (request.empty() || state_.dead) return;
    if (frame.size() >= header_size) asked_[tag_of(frame)].assign(frame.begin(), frame.end());
    sides_.to_end(request);
  }

  void sent(Bytes frame) override {
    Copy answer(frame.begin(), frame.end());
    const auto asked = asked_.find(tag_of(frame));
    if (asked == asked_.end()) {
      if (!state_.announced) state_.announced = answer;
      ++state_.announcements;
      if (row_.on_announcement != nullptr) row_.on_announcement(answer, state_);
    } else {
      const Bytes request = asked->second;
      // Whoever it was taken for.
      std::ranges::copy(request.subspan(source_at, 6), answer.begin());
      if (row_.on_answer != nullptr) row_.on_answer(request, answer, state_);
      learn(request, frame);
    }
    if (!answer.empty()) sides_.to_link(answer);
  }

 private:
  static std::uint32_t tag_of(Bytes frame) {
    return std::uint32_t{word_at(frame, tag_at)} << 16 | word_at(frame, tag_at + 2);
  }

  void learn(Bytes request, Bytes answer) {
    if (is_error(answer)) return;
    if (is_config(answer)) {
      const Bytes string = string_of(answer);
      state_.string.assign(string.begin(), string.end());
    }
    if (is_mask(answer) && answer[merror_at] == 0) {
      state_.masked = answer[dir_count_at];
      state_.mask_edited |= is_mask(request) && request[mcmd_at] == 1;
    }
    if (is_reserve(answer)) state_.reserved = answer[nmacs_at];
  }

  const Row& row_;
  State state_;
  std::map<std::uint32_t, Copy> asked_;  // by tag
};

}  // namespace

std::vector<ClauseMutant> clause_mutants() {
  std::vector<ClauseMutant> mutants;
  for (const Row& row : rows()) mutants.push_back({row.clause, row.name});
  return mutants;
}

std::unique_ptr<Mutant> make_clause_mutant(std::string_view name, Mutant::Sides& sides) {
  const auto row = std::ranges::find(rows(), name, &Row::name);
  return row == rows().end() ? nullptr : std::make_unique<TableMutant>(*row, sides);
}

}  // namespace aoe::harness
