#include "harness/run/raw_exchange.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "harness/judge/pattern.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

/// Below all tags of our initiator, which has bit 31 set, and not near where Linux's begin.
constexpr std::uint32_t first_tag = 0x5c00'0001;

constexpr std::uint8_t extended_flag = 0x40;
constexpr std::uint8_t write_flag = 0x01;
constexpr std::uint8_t lba_mode = 0xe0;  // of LBA28, in lba3

constexpr std::size_t source_at = 6;
constexpr std::size_t version_at = 14;
constexpr std::size_t error_at = 15;
constexpr std::size_t shelf_at = 16;
constexpr std::size_t slot_at = 18;
constexpr std::size_t command_at = 19;
constexpr std::size_t tag_at = 20;
constexpr auto config_code = static_cast<std::uint8_t>(Command::config);

// encode

std::uint8_t natural_flags(std::uint8_t opcode) {
  switch (ata::Opcode{opcode}) {
    case ata::Opcode::read_sectors_ext:
    case ata::Opcode::read_dma_ext:
    case ata::Opcode::read_verify_ext:
    case ata::Opcode::flush_cache_ext: return extended_flag;
    case ata::Opcode::write_sectors_ext:
    case ata::Opcode::write_dma_ext:
    case ata::Opcode::data_set_management: return extended_flag | write_flag;
    case ata::Opcode::write_sectors:
    case ata::Opcode::write_dma: return write_flag;
    default: return 0;
  }
}

/// What follows the header, whatever it says.
struct ArgWriter {
  std::vector<std::uint8_t>& out;
  const RawDefaults& defaults;

  void operator()(std::monostate) const {}
  void operator()(const ArgBytes& bytes) const {
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  void operator()(const AtaFields& ata) const {
    const std::uint8_t flags = ata.flags.value_or(natural_flags(ata.opcode));
    const std::uint8_t count = ata.most ? defaults.sectors_most : ata.count;
    for (const std::uint8_t byte : {flags, ata.feature, count, ata.opcode}) out.push_back(byte);
    for (unsigned i = 0; i < 6; ++i) out.push_back(static_cast<std::uint8_t>(ata.lba >> (8 * i)));
    if ((flags & extended_flag) == 0) *(out.end() - 3) |= lba_mode;
    out.resize(out.size() + 2);
    if (ata.data.kind == Content::Kind::none) return;
    const std::size_t at = out.size();
    out.resize(at + count * sector_size);
    fill(ata.data, ata.lba, defaults.disk_has_pattern, std::span(out).subspan(at));
  }

  void operator()(const ConfigFields& config) const {
    number(config.buffers, 2);
    number(config.firmware, 2);
    number(config.sectors, 1);
    number(static_cast<std::uint64_t>(config.version << 4 | config.command), 1);
    number(config.length.value_or(static_cast<std::uint16_t>(config.string.size())), 2);
    out.insert(out.end(), config.string.begin(), config.string.end());
  }

  void operator()(const MaskFields& mask) const {
    number(0, 1);
    number(mask.command, 1);
    number(mask.error, 1);
    number(mask.count.value_or(static_cast<std::uint8_t>(mask.directives.size())), 1);
    for (const Directive& directive : mask.directives) {
      number(0, 1);
      number(directive.command, 1);
      address(directive.mac);
    }
  }

  void operator()(const ReserveFields& reserve) const {
    number(reserve.command, 1);
    number(reserve.count.value_or(static_cast<std::uint8_t>(reserve.macs.size())), 1);
    for (const Mac& mac : reserve.macs) address(mac);
  }

  void number(std::uint64_t value, unsigned size) const {
    while (size-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * size)));
  }
  void address(const Mac& mac) const {
    out.insert(out.end(), mac.octets.begin(), mac.octets.end());
  }
};

// mismatch

std::uint64_t number_at(Bytes frame, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : frame.subspan(at, size)) value = value << 8 | byte;
  return value;
}

Mac mac_at(Bytes frame, std::size_t at) {
  Mac mac;
  std::ranges::copy(frame.subspan(at, 6), mac.octets.begin());
  return mac;
}

std::string named_error(std::uint64_t code) {
  if (code == 0) return "none";
  return fmt::format("{} ({})", code, text(ErrorCode{static_cast<std::uint8_t>(code)}));
}

/// "DRDY|ERR (0x41)"
std::string named_status(std::uint8_t status) {
  constexpr std::array<std::pair<std::uint8_t, std::string_view>, 5> bits{
      {{ata::status_bsy, "BSY"},
       {ata::status_drdy, "DRDY"},
       {ata::status_df, "DF"},
       {ata::status_drq, "DRQ"},
       {ata::status_err, "ERR"}}};
  std::vector<std::string_view> names;
  for (const auto& [bit, name] : bits) {
    if ((status & bit) != 0) names.push_back(name);
  }
  return fmt::format("{} (0x{:02x})",
                     names.empty() ? "none" : fmt::format("{}", fmt::join(names, "|")), status);
}

/// Compares field after field, and keeps the first that is not as expected.
class Comparison {
 public:
  Comparison(Bytes request, Bytes answer, const RawDefaults& defaults)
      : request_(request), answer_(answer), defaults_(defaults) {}

  void header(const ReplySpec& expected);
  void success(bool demanded);
  void ata(const ReplySpec& expected);
  void identify(const ReplySpec& expected);
  void config(const ReplySpec& expected);
  void lists(const ReplySpec& expected);

  std::optional<std::string> result() && { return std::move(wrong_); }

 private:
  void differ(std::string_view field, std::string_view expected, std::string_view got) {
    if (!wrong_) wrong_ = fmt::format("{}: expected {}, got {}", field, expected, got);
  }
  bool reaches(std::string_view field, std::size_t end) {
    if (answer_.size() >= end) return true;
    differ(field, fmt::format("a frame of {} bytes or more", end),
           fmt::format("{}", answer_.size()));
    return false;
  }
  template <class Number>
  void exact(std::string_view field, std::size_t at, std::size_t size,
             const std::optional<Number>& expected) {
    if (!expected || !reaches(field, at + size)) return;
    const std::uint64_t got = number_at(answer_, at, size);
    if (got != *expected) differ(field, fmt::format("{}", *expected), fmt::format("{}", got));
  }
  template <class Number>
  void least(std::string_view field, std::size_t at, std::size_t size,
             const std::optional<Number>& expected) {
    if (!expected || !reaches(field, at + size)) return;
    const std::uint64_t got = number_at(answer_, at, size);
    if (got < *expected)
      differ(field, fmt::format("{} or more", *expected), fmt::format("{}", got));
  }
  void nibble(std::string_view field, std::size_t at, bool high,
              const std::optional<std::uint8_t>& expected) {
    if (!expected || !reaches(field, at + 1)) return;
    const unsigned got = high ? answer_[at] >> 4 : answer_[at] & 0xfU;
    if (got != *expected) differ(field, fmt::format("{}", *expected), fmt::format("{}", got));
  }
  void status(const Bits& expected);
  void data(const Content& expected);
  std::size_t list_count() const { return answer_[is_mask() ? 27 : 25]; }
  /// The command that was asked for: an answer may have another, which is a finding of its own.
  std::uint8_t command() const { return request_.size() > command_at ? request_[command_at] : 0; }
  bool is_mask() const { return command() == static_cast<std::uint8_t>(Command::mask); }

  const Bytes request_;
  const Bytes answer_;
  const RawDefaults& defaults_;
  std::optional<std::string> wrong_;
};

void Comparison::header(const ReplySpec& expected) {
  if (!reaches("frame", header_size)) return;
  const std::uint8_t flags = answer_[version_at] & 0xf;
  const bool has_error = (flags & flag_error) != 0;
  const std::uint8_t error = has_error ? answer_[error_at] : 0;
  if (expected.error && *expected.error != error) {
    differ("error", named_error(*expected.error), named_error(error));
  }
  nibble("flags", version_at, false, expected.flags);
  nibble("version", version_at, true, expected.version);
  exact("shelf", shelf_at, 2, expected.shelf);
  exact("slot", slot_at, 1, expected.slot);
  exact("command", command_at, 1, expected.command);
  if (expected.size && answer_.size() < *expected.size) {
    differ("size", fmt::format("{} or more", *expected.size), fmt::format("{}", answer_.size()));
  }
}

void Comparison::success(bool demanded) {
  if (!demanded || wrong_) return;
  if ((answer_[version_at] & flag_error) != 0) {
    differ("error", "none", named_error(answer_[error_at]));
    return;
  }
  const std::uint8_t command = this->command();
  if (command == static_cast<std::uint8_t>(Command::ata)) {
    status({ata::status_drdy | ata::status_failed, ata::status_drdy});
  } else if (command == static_cast<std::uint8_t>(Command::mask)) {
    exact("mask.error", 26, 1, std::optional(0U));
  }
}

void Comparison::status(const Bits& expected) {
  if (!reaches("ata.status", ata_header_size)) return;
  const std::uint8_t got = answer_[27];
  if (expected.any) {
    if ((got & expected.mask) != 0) return;
    differ("ata.status", "one of BSY, DF, DRQ and ERR", named_status(got));
    return;
  }
  if ((got & expected.mask) == expected.value) return;
  differ("ata.status", named_status(expected.value), named_status(got));
}

void Comparison::data(const Content& expected) {
  if (!reaches("request", ata_header_size) || request_.size() < ata_header_size) return;
  if (expected.kind == Content::Kind::none) {
    const std::size_t got = answer_.size() - ata_header_size;
    if (answer_.size() > frame_size_min) differ("ata.data", "none", fmt::format("{} bytes", got));
    return;
  }
  const std::size_t size = request_[26] * sector_size;
  if (!reaches("ata.data", ata_header_size + size)) return;
  std::uint64_t lba = 0;
  const unsigned lba_bytes = (request_[24] & extended_flag) != 0 ? 6 : 3;
  for (unsigned i = lba_bytes; i-- > 0;) lba = lba << 8 | request_[28 + i];
  std::vector<std::uint8_t> sectors(size);
  fill(expected, lba, defaults_.disk_has_pattern, sectors);
  const Bytes got = answer_.subspan(ata_header_size, size);
  const auto [want, have] = std::ranges::mismatch(sectors, got);
  if (want == sectors.end()) return;
  const auto at = static_cast<std::size_t>(want - sectors.begin());
  differ(fmt::format("ata.data byte {} (lba {})", at, lba + at / sector_size),
         fmt::format("0x{:02x}", *want), fmt::format("0x{:02x}", *have));
}

void Comparison::ata(const ReplySpec& expected) {
  if (expected.ata_status) status(*expected.ata_status);
  exact("ata.error", 25, 1, expected.ata_error);
  exact("ata.count", 26, 1, expected.ata_count);
  if (expected.ata_lba && reaches("ata.lba", ata_header_size)) {
    std::uint64_t got = 0;
    for (unsigned i = 6; i-- > 0;) got = got << 8 | answer_[28 + i];
    if (got != *expected.ata_lba) {
      differ("ata.lba", fmt::format("{}", *expected.ata_lba), fmt::format("{}", got));
    }
  }
  if (expected.ata_data) data(*expected.ata_data);
}

void Comparison::identify(const ReplySpec& expected) {
  if (expected.identify_words.empty() && !expected.identify_texts && !expected.identify_checksum) {
    return;
  }
  if (!reaches("identify", ata_header_size + identify_size)) return;
  const Bytes block = answer_.subspan(ata_header_size, identify_size);
  for (const IdentifyWords& words : expected.identify_words) {
    std::uint64_t got = 0;
    for (std::size_t i = 2 * std::size_t{words.count}; i-- > 0;) {
      got = got << 8 | block[2 * std::size_t{words.word} + i];
    }
    if ((got & words.mask) != words.value) {
      differ(fmt::format("identify word {}", words.word), fmt::format("0x{:x}", words.value),
             fmt::format("0x{:x}", got & words.mask));
    }
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

void Comparison::config(const ReplySpec& expected) {
  least("config.buffers", 24, 2, expected.buffers);
  exact("config.firmware", 26, 2, expected.firmware);
  least("config.sectors", 28, 1, expected.sectors);
  nibble("config.version", 29, true, expected.config_version);
  nibble("config.op", 29, false, expected.config_command);
  if (!expected.string || !reaches("config.string", config_header_size)) return;
  const std::size_t length = number_at(answer_, 30, 2);
  if (!reaches("config.string", config_header_size + length)) return;
  const Bytes got = answer_.subspan(config_header_size, length);
  const auto as_byte = [](char c) { return static_cast<std::uint8_t>(c); };
  if (std::ranges::equal(got, *expected.string, {}, {}, as_byte)) return;
  differ("config.string", fmt::format("\"{}\"", printable(*expected.string)),
         fmt::format("\"{}\"", printable({got.begin(), got.end()})));
}

void Comparison::lists(const ReplySpec& expected) {
  exact("mask.op", 25, 1, expected.mask_command);
  exact("mask.error", 26, 1, expected.mask_error);
  exact("mask.count", 27, 1, expected.mask_count);
  exact("reserve.op", 24, 1, expected.reserve_command);
  exact("reserve.count", 25, 1, expected.reserve_count);
  if (!expected.macs && !expected.list_whole) return;
  if (!reaches("list", is_mask() ? 28 : 26)) return;
  const std::size_t entry = is_mask() ? 8 : 6;
  const std::size_t begin = is_mask() ? 28 : 26;
  if (!reaches("list", begin + list_count() * entry) || !expected.macs) return;
  std::vector<Mac> got;
  for (std::size_t i = 0; i < list_count(); ++i) {
    got.push_back(mac_at(answer_, begin + (i + 1) * entry - 6));
  }
  std::vector<Mac> want = *expected.macs;
  std::ranges::sort(want);
  std::ranges::sort(got);
  if (want == got) return;
  const auto listed = [](const std::vector<Mac>& macs) {
    return macs.empty() ? "an empty list" : fmt::format("{}", fmt::join(macs, " "));
  };
  differ("list", listed(want), listed(got));
}

std::optional<std::uint32_t> tag_of(Bytes frame) {
  if (frame.size() < header_size) return std::nullopt;
  return static_cast<std::uint32_t>(number_at(frame, tag_at, 4));
}

bool awaits_announcements(const Scenario& scenario) {
  return std::ranges::any_of(scenario.steps, [](const Step& step) {
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    return expect != nullptr && expect->announcement.has_value();
  });
}

}  // namespace

void fill(const Content& content, std::uint64_t lba, bool disk_has_pattern, MutableBytes into) {
  if (content.kind == Content::Kind::pattern && disk_has_pattern) {
    fill_pattern(lba, 0, into);
  } else if (content.kind == Content::Kind::bytes) {
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = content.bytes[i % content.bytes.size()];
  } else {
    std::ranges::fill(into, std::uint8_t{0});
  }
}

std::vector<std::uint8_t> encode(const FrameSpec& spec, const RawDefaults& defaults) {
  std::vector<std::uint8_t> frame;
  if (spec.bytes) {
    frame = *spec.bytes;
  } else {
    const bool to_target = spec.direction == Direction::to_target;
    const ArgWriter out{frame, defaults};
    out.address(spec.destination.value_or(to_target ? defaults.target : defaults.initiator));
    out.address(spec.source.value_or(to_target ? defaults.initiator : defaults.target));
    out.number(ethertype, 2);
    const std::uint8_t flags = spec.flags.value_or(to_target ? 0 : flag_response);
    out.number(static_cast<std::uint64_t>(spec.version << 4 | flags), 1);
    out.number(spec.error, 1);
    out.number(spec.shelf.value_or(defaults.address.shelf), 2);
    out.number(spec.slot.value_or(defaults.address.slot), 1);
    out.number(spec.command, 1);
    out.number(spec.tag.value_or(defaults.tag), 4);
    std::visit(out, spec.arg);
  }
  if (spec.truncate && *spec.truncate < frame.size()) frame.resize(*spec.truncate);
  frame.resize(std::max<std::size_t>(frame.size(), spec.pad));
  return frame;
}

std::optional<std::string> mismatch(const ReplySpec& expected, Bytes request, Bytes answer,
                                    const RawDefaults& defaults) {
  Comparison comparison(request, answer, defaults);
  comparison.header(expected);
  comparison.success(expected.success);
  comparison.ata(expected);
  comparison.identify(expected);
  comparison.config(expected);
  comparison.lists(expected);
  return std::move(comparison).result();
}

RawExchanges::RawExchanges(const Scenario& scenario, World& world)
    : scenario_(scenario),
      world_(world),
      listens_(awaits_announcements(scenario)),
      next_tag_(first_tag) {
  if (listens_) world_.stage().listen(this);
}

RawExchanges::~RawExchanges() {
  if (listens_) world_.stage().listen(nullptr);
}

bool RawExchanges::Request::all_answered() const {
  return std::ranges::all_of(tags, [this](std::uint32_t tag) {
    return std::ranges::any_of(answers,
                               [tag](const Answer& answer) { return tag_of(answer.bytes) == tag; });
  });
}

const RawExchanges::Request& RawExchanges::send(const FrameSpec& spec) {
  listens_ = true;
  world_.stage().listen(this);
  const Counts counts = this->counts().value_or(Counts{});
  RawDefaults defaults{.initiator = world_.mac(End::initiator),
                       .target = world_.mac(End::target),
                       .address = scenario_.target.address,
                       .luns = scenario_.target.luns,
                       .tag = next_tag_++,
                       .disk_has_pattern = scenario_.target.fill_pattern,
                       .sectors_most = counts.sectors};
  Request& request = requests_.emplace_back(Request{.id = spec.id,
                                                    .bytes = encode(spec, defaults),
                                                    .defaults = defaults,
                                                    .direction = spec.direction,
                                                    .sent = world_.now()});
  if (const auto tag = tag_of(request.bytes)) by_tag_[*tag] = &request;
  const std::uint32_t copies = spec.repeat_buffers ? counts.buffers : spec.repeat;
  for (std::uint32_t i = 0; i < copies; ++i) {
    if (i > 0 && spec.tag_each) {
      defaults.tag = next_tag_++;
      request.bytes = encode(spec, defaults);
      by_tag_[defaults.tag] = &request;
      request.tags.push_back(defaults.tag);
    }
    sending_ = &request;
    world_.inject(spec.direction, request.bytes);
    sending_ = nullptr;
    if (i == 0) request.first = request.frame;
  }
  return request;
}

const RawExchanges::Request& RawExchanges::find(const std::string& id) const {
  AOE_CHECK(!requests_.empty());
  if (id.empty()) return requests_.back();
  return *std::ranges::find(requests_, id, &Request::id);
}

std::optional<RawExchanges::Counts> RawExchanges::counts() const {
  for (auto request = requests_.rbegin(); request != requests_.rend(); ++request) {
    for (auto answer = request->answers.rbegin(); answer != request->answers.rend(); ++answer) {
      const Bytes bytes = answer->bytes;
      const bool is_config = bytes.size() >= config_header_size &&
                             request->bytes[command_at] == config_code &&
                             (bytes[version_at] & flag_error) == 0;
      if (!is_config) continue;
      const auto sectors = static_cast<std::uint8_t>(bytes[28] == 0 ? 2 : bytes[28]);
      return Counts{static_cast<std::uint16_t>(number_at(bytes, 24, 2)), sectors};
    }
  }
  return std::nullopt;
}

std::vector<RawExchanges::Answer> RawExchanges::announcements(Instant since) const {
  std::vector<Answer> found;
  std::ranges::copy_if(announcements_, std::back_inserter(found),
                       [since](const Answer& answer) { return answer.at >= since; });
  return found;
}

Duration RawExchanges::silence(Duration otherwise) const {
  return answered_ ? round_trips_.rto(1) : otherwise;
}

RawExchanges::Request* RawExchanges::with_tag_of(Bytes frame) {
  const auto tag = tag_of(frame);
  const auto found = tag ? by_tag_.find(*tag) : by_tag_.end();
  return found == by_tag_.end() ? nullptr : found->second;
}

bool RawExchanges::entered(FrameId id, Direction direction, Bytes frame, Instant) {
  if (sending_ != nullptr) {
    sending_->frame = id;
    return true;
  }
  const Request* request = with_tag_of(frame);
  return request != nullptr && request->direction != direction;
}

bool RawExchanges::left(FrameId id, Direction direction, Bytes frame, Instant now) {
  Request* request = with_tag_of(frame);
  if (request == nullptr || id < request->first) {  // it was there before
    const bool is_config = frame.size() > command_at && frame[command_at] == config_code;
    if (direction == Direction::to_initiator && is_config) {
      announcements_.push_back({id, now, {frame.begin(), frame.end()}});
    }
    return false;
  }
  if (request->direction != direction) {
    if (request->answers.empty()) {
      round_trips_.sample(now - request->sent);
      answered_ = true;
    }
    request->answers.push_back({id, now, {frame.begin(), frame.end()}});
  }
  return true;
}

}  // namespace aoe::harness
