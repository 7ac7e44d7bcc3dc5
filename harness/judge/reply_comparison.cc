#include "harness/judge/reply_comparison.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/pattern.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::get;
using layout::rest;

std::string listed(const std::vector<Mac>& macs) {
  return macs.empty() ? "an empty list" : fmt::format("{}", fmt::join(macs, " "));
}

/// The beginning of a config string, so that a difference can be read.
std::string in_quotes(std::string_view string) {
  constexpr std::size_t shown_max = 48;
  return fmt::format("\"{}{}\" ({})", escaped(string.substr(0, shown_max)),
                     string.size() > shown_max ? "..." : "", string.size());
}

std::string as_text(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// "as AoEr11 has it", or why it is not.
std::string form_of(const tl::expected<Frame, Reject>& frame) {
  if (!frame) return std::string(text(frame.error().rule));
  return std::string(frame->body ? "as AoEr11 has it" : text(frame->body.error().rule));
}

/// The sectors that a request asks for.
std::size_t data_size(Bytes request) {
  if (!layout::has(Field::ata_count, request)) return 0;
  return get<Field::ata_count>(request) * sector_size;
}

bool is_failure(Bytes reply) {
  return !layout::has(Field::ata_status, reply) ||
         (get<Field::ata_status>(reply) & ata::status_failed) != 0;
}

std::string capacity_of(Bytes reply) {
  const auto identity = parse_identify(rest<Field::ata_data>(reply));
  return identity ? fmt::format("{} sectors", identity->sectors) : "unreadable";
}

class Comparison {
 public:
  Comparison(Bytes request, Bytes reply, bool disk_has_pattern)
      : request_(request), reply_(reply), disk_has_pattern_(disk_has_pattern) {}

  void differ(std::string_view field, std::string expected, std::string actual) {
    found_.push_back({std::string(field), std::move(expected), std::move(actual)});
  }
  template <class Value, class Other>
  void same(std::string_view field, const Value& expected, const Other& actual) {
    if (expected != actual) differ(field, fmt::format("{}", expected), fmt::format("{}", actual));
  }
  /// Does the frame reach the end of what is to be compared?
  bool reaches(std::string_view field, std::size_t end) {
    if (reply_.size() >= end) return true;
    differ(field, fmt::format("a frame of {} bytes or more", end),
           fmt::format("{}", reply_.size()));
    return false;
  }
  bool has_differed(Field field) const {
    return std::ranges::find(found_, layout::row(field).name, &Mismatch::field) != found_.end();
  }
  /// Checks the conditions on the header, or those on what follows it.
  void conditions(const ReplySpec& expected, bool of_header) {
    for (const Condition& condition : expected.fields) {
      const bool is_header = layout::row(condition.field).message == layout::Message::header;
      if (is_header == of_header) check(condition);
    }
  }
  void success() {
    check({Field::error, 0, Condition::Kind::error_code});
    if (!found_.empty()) return;
    if (is_asked(Command::ata)) {
      if (!reaches("ata.status", ata_header_size)) return;
      check({Field::ata_status, ata::status_drdy, Condition::Kind::equal,
             ata::status_drdy | ata::status_failed});
    } else if (is_asked(Command::mask)) {
      check({Field::mask_error});
    }
  }
  void data(std::string_view field, const Content& expected) {
    if (!reaches(field, ata_header_size) || request_.size() < ata_header_size) return;
    const Bytes actual = rest<Field::ata_data>(reply_);
    if (expected.kind == Content::Kind::none) {
      if (reply_.size() > frame_size_min)
        differ(field, "none", fmt::format("{} bytes", actual.size()));
      return;
    }
    if (!reaches(field, ata_header_size + data_size(request_))) return;
    const bool is_extended = (get<Field::ata_flags>(request_) & 0x40) != 0;
    const std::uint64_t lba =
        get<Field::ata_lba>(request_) & (is_extended ? UINT64_MAX : 0xff'ffff);
    std::vector<std::uint8_t> sectors(data_size(request_));
    fill(expected, lba, disk_has_pattern_, sectors);
    data(field, sectors, actual, lba);
  }
  /// As structures of SMART have it: the last byte makes the sum of all of them 0.
  void checksum() {
    if (!reaches("ata.data", ata_header_size + sector_size)) return;
    const Bytes sector = rest<Field::ata_data>(reply_).first(sector_size);
    const auto sum =
        std::accumulate(sector.begin(), sector.end(), std::uint8_t{0},
                        [](std::uint8_t a, std::uint8_t b) -> std::uint8_t { return a + b; });
    same("sum of the data, modulo 256", 0U, unsigned{sum});
  }
  /// Compares as many bytes as are expected; `lba`: of the first sector.
  void data(std::string_view field, Bytes expected, Bytes actual, std::uint64_t lba) {
    const auto [want, have] = std::ranges::mismatch(expected, actual);
    if (want == expected.end()) return;
    const auto at = static_cast<std::size_t>(want - expected.begin());
    const bool is_sectors = field == "ata.data";
    differ(field,
           fmt::format("0x{:02x} in byte {}{}", *want, at,
                       is_sectors ? fmt::format(" (lba {})", lba + at / sector_size) : ""),
           fmt::format("0x{:02x}", *have));
    const std::size_t sector = at / sector_size * sector_size;
    const auto part = [&](Bytes bytes) {
      return to_hex(bytes.subspan(sector, std::min(bytes.size() - sector, sector_size)));
    };
    found_.back().sectors = {{lba + at / sector_size, part(expected), part(actual)}};
  }
  void identify(const ReplySpec& expected) {
    if (expected.identify_words.empty() && !expected.identify_texts &&
        !expected.identify_checksum) {
      return;
    }
    if (!reaches("identify", ata_header_size + identify_size)) return;
    const Bytes block = rest<Field::ata_data>(reply_).first(identify_size);
    for (const IdentifyWords& words : expected.identify_words) {
      std::uint64_t got = 0;
      for (std::size_t i = 2 * std::size_t{words.count}; i-- > 0;) {
        got = got << 8 | block[2 * std::size_t{words.word} + i];
      }
      if ((got & words.mask) == words.value) continue;
      differ(fmt::format("identify word {}", words.word), fmt::format("0x{:x}", words.value),
             fmt::format("0x{:x}", got & words.mask));
    }
    constexpr std::array<std::array<std::size_t, 2>, 3> texts{{{10, 20}, {23, 27}, {27, 47}}};
    for (const auto& [first, end] : texts) {
      for (std::size_t at = 2 * first; expected.identify_texts && at < 2 * end; ++at) {
        if (block[at] >= ' ' && block[at] <= '~') continue;
        differ(fmt::format("identify word {}", at / 2), "letters, padded with blanks",
               fmt::format("0x{:02x}", block[at]));
      }
    }
    if (!expected.identify_checksum || block[2 * 255] != 0xa5) return;
    std::uint8_t sum = 0;
    for (const std::uint8_t byte : block) sum = static_cast<std::uint8_t>(sum + byte);
    if (sum != 0) differ("identify checksum", "all bytes to add up to 0", fmt::format("{}", sum));
  }
  void string(std::string_view expected) {
    if (!reaches("config.string", config_header_size)) return;
    const std::size_t length = get<Field::config_length>(reply_);
    if (!reaches("config.string", config_header_size + length)) return;
    const std::string actual = as_text(rest<Field::config_string>(reply_).first(length));
    if (actual != expected) differ("config.string", in_quotes(expected), in_quotes(actual));
  }
  void list(const ReplySpec& expected) {
    if (!expected.macs && !expected.list_whole) return;
    const bool is_mask = is_asked(Command::mask);
    const Field count = is_mask ? Field::mask_count : Field::reserve_count;
    const Field address = is_mask ? Field::mask_directive_address : Field::reserve_address;
    const std::string_view name = is_mask ? "mask.list" : "reserve.list";
    if (!reaches(name, layout::row(count).end())) return;
    std::vector<Mac> actual(get(count, reply_));
    if (!reaches(name, layout::row(count).end() + actual.size() * layout::row(address).stride) ||
        !expected.macs) {
      return;
    }
    for (std::size_t i = 0; i < actual.size(); ++i) {
      actual[i] = layout::mac(get(address, reply_, i));
    }
    std::vector<Mac> want = *expected.macs;
    if (!expected.macs_ordered) {
      std::ranges::sort(want);
      std::ranges::sort(actual);
    }
    if (want != actual) differ(name, listed(want), listed(actual));
  }

  const std::vector<Mismatch>& found() const { return found_; }

 private:
  void check(const Condition& condition) {
    const auto [field, value, kind, mask] = condition;
    const layout::Row& row = layout::row(field);
    if (!reaches(row.name, row.end())) return;
    // Without flag E the upper four bits of lba3 are none of the LBA, nor is what lies behind it.
    const bool is_lba28 = field == Field::ata_lba && (get<Field::ata_flags>(request_) & 0x40) == 0;
    std::uint64_t got = get(field, reply_) & (is_lba28 ? mask & 0x0fff'ffff : mask);
    std::string expected = layout::format(field, value);
    bool holds = got == value;
    bool has_error = false;
    switch (kind) {
      case Condition::Kind::equal: break;
      case Condition::Kind::at_least:
        holds = got >= value;
        expected += " or more";
        break;
      case Condition::Kind::any_bit:
        holds = got != 0;
        got = get(field, reply_);
        expected = "one of " + layout::format(field, mask);
        break;
      case Condition::Kind::error_code:
        has_error = (get<Field::flags>(reply_) & flag_error) != 0;
        if (!has_error) got = 0;
        holds = got == value && has_error == (value != 0);
        break;
    }
    if (!holds && got == 0 && has_error) return differ(row.name, expected, "0, with flag E");
    if (!holds) differ(row.name, expected, layout::format(field, got));
  }
  /// The command that was asked for: a reply may have another, which is a finding of its own.
  bool is_asked(Command command) const {
    return request_.size() >= header_size &&
           get<Field::command>(request_) == static_cast<std::uint8_t>(command);
  }

  const Bytes request_;
  const Bytes reply_;
  const bool disk_has_pattern_;
  std::vector<Mismatch> found_;
};

/// What a captured reply says, as conditions.
ReplySpec conditions_of(Bytes captured) {
  ReplySpec spec;
  const auto frame = decode(captured);
  const bool has_fields = frame && frame->body && !std::holds_alternative<ErrorReply>(*frame->body);
  for (const layout::Row& row : layout::rows) {
    const bool is_header = row.message == layout::Message::header;
    if ((row.uses & layout::use::replay) == 0 || !(is_header || has_fields)) continue;
    if (!layout::has(row.field, captured)) continue;
    std::uint64_t mask = UINT64_MAX;
    if (row.field == Field::ata_lba && (get<Field::ata_flags>(captured) & 0x40) == 0) {
      mask = ata::lba28_sectors_max;
    }
    spec.fields.push_back(
        {row.field, get(row.field, captured) & mask, Condition::Kind::equal, mask});
  }
  if (!has_fields) return spec;
  const auto take = [&spec](const auto& list, auto mac_of) {
    auto& macs = spec.macs.emplace();
    for (std::size_t i = 0; i < list.size(); ++i) macs.push_back(mac_of(list[i]));
    spec.macs_ordered = true;
  };
  if (const auto* config = std::get_if<ConfigReply>(&*frame->body)) {
    spec.string = as_text(config->string);
  } else if (const auto* mask = std::get_if<MaskReply>(&*frame->body)) {
    if (mask->error == MaskError::none) take(mask->list, [](const Directive& d) { return d.mac; });
  } else if (const auto* reserve = std::get_if<ReserveReply>(&*frame->body)) {
    take(reserve->macs, [](const Mac& mac) { return mac; });
  }
  return spec;
}

/// Compares the data of a command that succeeded for both.
void compare_data(Comparison& comparison, Bytes request, Bytes captured, Bytes reply) {
  if (is_failure(captured) || is_failure(reply)) return;
  if (!layout::has(Field::ata_op, request)) return;
  const ata::Opcode opcode{get<Field::ata_op>(request)};
  const ata::Kind kind = ata::kind(opcode);
  std::size_t size = data_size(request);
  std::string_view field = "ata.data";
  if (kind == ata::Kind::identify) {
    comparison.same("identify.capacity", capacity_of(captured), capacity_of(reply));
    size = identify_size;
    field = "identify";
  } else if (opcode == ata::Opcode::smart && (get<Field::ata_flags>(request) & 1) == 0) {
    field = "smart";
  } else if (kind != ata::Kind::read) {
    return;
  }
  const auto data = [size](Bytes frame) {
    const Bytes all = rest<Field::ata_data>(frame);
    return all.first(std::min(size, all.size()));
  };
  const Bytes expected = data(captured);
  const Bytes actual = data(reply);
  if (expected.size() == size && actual.size() == size) {
    comparison.data(field, expected, actual, get<Field::ata_lba>(request));
  } else {
    comparison.same(field, fmt::format("{} bytes", expected.size()),
                    fmt::format("{} bytes", actual.size()));
  }
}

/// These names, and those of the fields that the table allows for this use.
std::set<std::string> with_fields(unsigned use, std::set<std::string> names) {
  for (const layout::Row& row : layout::rows) {
    if ((row.uses & use) != 0) names.emplace(row.name);
  }
  return names;
}

}  // namespace

std::string describe(const Mismatch& mismatch) {
  return fmt::format("{}: expected {}, got {}{}", mismatch.field, mismatch.expected,
                     mismatch.actual,
                     mismatch.clause.empty() ? "" : fmt::format(" ({})", mismatch.clause));
}

std::vector<Mismatch> compare(const ReplySpec& expected, Bytes request, Bytes reply,
                              bool disk_has_pattern) {
  Comparison comparison(request, reply, disk_has_pattern);
  if (!comparison.reaches("frame", header_size)) return comparison.found();
  comparison.conditions(expected, true);
  if (expected.size && reply.size() < *expected.size) {
    comparison.differ("size", fmt::format("{} or more", *expected.size),
                      fmt::format("{}", reply.size()));
  }
  if (expected.success && comparison.found().empty()) comparison.success();
  comparison.conditions(expected, false);
  if (expected.data) comparison.data("ata.data", *expected.data);
  if (expected.data_checksum) comparison.checksum();
  comparison.identify(expected);
  if (expected.string) comparison.string(*expected.string);
  comparison.list(expected);
  return comparison.found();
}

std::set<std::string> reply_fields() {
  return with_fields(layout::use::replay,
                     {"answer", "size", "frame", "address", "ata.data", "identify", "smart",
                      "identify.capacity", "config.string", "mask.list", "reserve.list"});
}

std::set<std::string> free_reply_fields() {
  return with_fields(layout::use::free, {"size", "identify", "smart"});
}

std::vector<Mismatch> compare_captured(Bytes request, Bytes captured, Bytes reply, Address at,
                                       const std::set<std::string>& ignored) {
  Comparison comparison(request, reply, false);
  const ReplySpec expected = conditions_of(captured);
  const auto known = decode(captured);
  const auto told = decode(reply);
  comparison.same("size", captured.size(), reply.size());
  if (known && told) {
    comparison.conditions(expected, true);
    comparison.same("address", at, told->header.address);
  }
  if (!comparison.has_differed(Field::flags) && !comparison.has_differed(Field::command)) {
    comparison.same("frame", form_of(known), form_of(told));
    if (known && known->body && told && told->body) {
      comparison.conditions(expected, false);
      if (expected.string) comparison.string(*expected.string);
      comparison.list(expected);
      compare_data(comparison, request, captured, reply);
    }
  }
  std::vector<Mismatch> found = comparison.found();
  std::erase_if(found, [&](const Mismatch& each) { return ignored.contains(each.field); });
  return found;
}

}  // namespace aoe::harness
