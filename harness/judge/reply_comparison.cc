#include "harness/judge/reply_comparison.h"

#include <algorithm>

#include <fmt/format.h>

#include "proto/identify.h"

namespace aoe::harness {
namespace {

std::string hex(unsigned value) {
  return fmt::format("0x{:02x}", value);
}

/// A config string, or a list, so that a difference can be read.
std::string shown(Bytes bytes) {
  constexpr std::size_t shown_max = 48;
  std::string text = "\"";
  for (const std::uint8_t c : bytes.first(std::min(bytes.size(), shown_max)))
    text += c >= ' ' && c <= '~' && c != '"' && c != '\\' ? std::string(1, static_cast<char>(c))
                                                          : fmt::format("\\x{:02x}", c);
  return text + (bytes.size() > shown_max ? "...\"" : "\"") + fmt::format(" ({})", bytes.size());
}

std::string addresses(const DirectiveList& list) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : " ", list[i].mac);
  return text.empty() ? "none" : text;
}

std::string addresses(const MacList& list) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : " ", list[i]);
  return text.empty() ? "none" : text;
}

class Comparison {
 public:
  Comparison(Bytes request, Bytes expected, Bytes got, const std::set<std::string>& ignored)
      : request_bytes_(request), expected_(expected), got_(got), ignored_(ignored) {}

  std::vector<ReplyDifference> compare(Address at) {
    const Decoded request = decode(request_bytes_);
    const Decoded expected = decode(expected_);
    const Decoded got = decode(got_);
    compare("size", expected_.size(), got_.size());
    if (!expected || !got) {
      compare("frame", expected ? "a header" : "no header", got ? "a header" : "no header");
      return std::move(found_);
    }
    compare("version", expected_[14] >> 4, got_[14] >> 4);
    compare("flags", hex(expected_[14] & 0xf), hex(got_[14] & 0xf));
    compare("error", unsigned{expected_[15]}, unsigned{got_[15]});
    compare("address", at, got->header.address);
    compare("command", unsigned{expected->command}, unsigned{got->command});
    if (((expected_[14] ^ got_[14]) & 0xf) != 0 || expected->command != got->command)
      return std::move(found_);
    if (!expected->body || !got->body) {
      compare("frame", expected->body ? "as AoEr11 has it" : text(expected->body.error().rule),
              got->body ? "as AoEr11 has it" : text(got->body.error().rule));
      return std::move(found_);
    }
    if (request && request->body) {
      if (const auto* ata = std::get_if<AtaRequest>(&*request->body)) request_ = *ata;
    }
    if (expected->body->index() == got->body->index()) {
      std::visit(
          [&](const auto& body) {
            fields(body, std::get<std::decay_t<decltype(body)>>(*got->body));
          },
          *expected->body);
    }
    return std::move(found_);
  }

 private:
  using Decoded = tl::expected<Frame, Reject>;

  template <class Value, class Other>
  void compare(const std::string& field, const Value& expected, const Other& got) {
    if (expected == got || ignored_.contains(field)) return;
    found_.push_back({field, fmt::format("{}", expected), fmt::format("{}", got)});
  }

  void fields(const AtaReply& expected, const AtaReply& got) {
    compare("ata.flags", hex(expected_[24]), hex(got_[24]));
    compare("ata.status", hex(expected.status), hex(got.status));
    compare("ata.error", hex(expected.error), hex(got.error));
    compare("ata.count", unsigned{expected.sectors_left}, unsigned{got.sectors_left});
    compare("ata.lba", expected.lba, got.lba);
    const unsigned failed = expected.status | got.status;
    if (!request_ || (failed & ata::status_failed) != 0) return;
    const ata::Kind kind = ata::kind(request_->opcode);
    if (kind == ata::Kind::identify) {
      identify(expected.data, got.data);
    } else if (kind == ata::Kind::read) {
      data("ata.data", expected.data, got.data, request_->sectors * sector_size);
    } else if (request_->opcode == ata::Opcode::smart && !request_->flags.write) {
      data("smart", expected.data, got.data, request_->sectors * sector_size);
    }
  }
  void identify(Bytes expected, Bytes got) {
    const auto known = parse_identify(expected);
    const auto told = parse_identify(got);
    const auto sectors = [](const auto& identity) {
      return identity ? fmt::format("{} sectors", identity->sectors) : "unreadable";
    };
    compare("identify.capacity", sectors(known), sectors(told));
    data("identify", expected, got, identify_size);
  }
  /// Says where the first byte differs.
  void data(const std::string& field, Bytes expected, Bytes got, std::size_t size) {
    if (ignored_.contains(field)) return;
    if (expected.size() < size || got.size() < size) {
      compare(field, fmt::format("{} bytes", std::min(expected.size(), size)),
              fmt::format("{} bytes", std::min(got.size(), size)));
      return;
    }
    const auto [mine, theirs] = std::ranges::mismatch(expected.first(size), got.first(size));
    if (mine == expected.first(size).end()) return;
    const auto at = mine - expected.first(size).begin();
    found_.push_back({field, fmt::format("{} at byte {}", hex(*mine), at),
                      fmt::format("{} at byte {}", hex(*theirs), at)});
  }
  void fields(const ConfigReply& expected, const ConfigReply& got) {
    compare("config.buffers", expected.buffer_count, got.buffer_count);
    compare("config.firmware", expected.firmware, got.firmware);
    compare("config.sectors", unsigned{expected.sector_count}, unsigned{got.sector_count});
    compare("config.version", expected_[29] >> 4, got_[29] >> 4);
    compare("config.op", text(expected.command), text(got.command));
    compare("config.string", shown(expected.string), shown(got.string));
  }
  void fields(const MaskReply& expected, const MaskReply& got) {
    compare("mask.op", unsigned{expected_[25]}, unsigned{got_[25]});
    compare("mask.error", text(expected.error), text(got.error));
    compare("mask.count", unsigned{expected_[27]}, unsigned{got_[27]});
    compare("mask.list", addresses(expected.list), addresses(got.list));
  }
  void fields(const ReserveReply& expected, const ReserveReply& got) {
    compare("reserve.op", unsigned{expected_[24]}, unsigned{got_[24]});
    compare("reserve.list", addresses(expected.macs), addresses(got.macs));
  }
  template <class Other>
  void fields(const Other&, const Other&) {}

  const Bytes request_bytes_;
  const Bytes expected_;
  const Bytes got_;
  const std::set<std::string>& ignored_;
  std::optional<AtaRequest> request_;
  std::vector<ReplyDifference> found_;
};

}  // namespace

const std::set<std::string>& reply_fields() {
  static const std::set<std::string> fields{
      "answer",         "size",           "frame",           "version",
      "flags",          "error",          "address",         "command",
      "ata.flags",      "ata.status",     "ata.error",       "ata.count",
      "ata.lba",        "ata.data",       "identify",        "identify.capacity",
      "smart",          "config.buffers", "config.firmware", "config.sectors",
      "config.version", "config.op",      "config.string",   "mask.op",
      "mask.error",     "mask.count",     "mask.list",       "reserve.op",
      "reserve.list"};
  return fields;
}

const std::set<std::string>& free_reply_fields() {
  static const std::set<std::string> fields{
      "size",  "ata.flags",      "ata.lba",         "identify",
      "smart", "config.buffers", "config.firmware", "config.sectors"};
  return fields;
}

std::vector<ReplyDifference> compare_replies(Bytes request, Bytes expected, Bytes got, Address at,
                                             const std::set<std::string>& ignored) {
  return Comparison(request, expected, got, ignored).compare(at);
}

}  // namespace aoe::harness
