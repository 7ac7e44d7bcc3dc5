#include "harness/link/ledger.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/describe.h"

namespace aoe::harness {
namespace {

using Room = std::array<char, description_size_max>;

constexpr std::size_t tag_size = std::string_view(" tag 00000001").size();

/// The frame that an entry was made of, with the fields that its summary prints.
Frame frame_of(const LedgerEntry& entry) {
  Frame frame{.header = {.address = entry.address, .tag = entry.tag},
              .response = entry.kind == FrameKind::ata_reply,
              .command = static_cast<std::uint8_t>(Command::ata),
              .body = {}};
  if (entry.kind == FrameKind::ata_reply) {
    frame.body = AtaReply{.error = entry.error,
                          .sectors_left = entry.sectors,
                          .status = entry.status,
                          .lba = entry.lba};
  } else {
    frame.body = AtaRequest{.flags = {.asynchronous = entry.asynchronous},
                            .feature = entry.feature,
                            .sectors = entry.sectors,
                            .opcode = entry.opcode,
                            .lba = entry.lba};
  }
  return frame;
}

Traffic traffic_of(ata::Opcode opcode) {
  switch (ata::kind(opcode)) {
    case ata::Kind::read: return Traffic::read;
    case ata::Kind::write: return Traffic::write;
    case ata::Kind::flush: return Traffic::flush;
    case ata::Kind::identify: return Traffic::identify;
    case ata::Kind::other: return Traffic::ata;
  }
  return Traffic::ata;
}

/// Lines of ledger.jsonl, written to the file when there are many.
class JsonLines {
 public:
  explicit JsonLines(std::FILE* file) : file_(file) {}

  void begin() { separator_ = '{'; }
  void number(std::string_view key, auto value) {
    fmt::format_to(std::back_inserter(lines_), "{}\"{}\":{}", std::exchange(separator_, ','), key,
                   value);
  }
  void text(std::string_view key, std::string_view value) {
    number(key, '"');
    for (const char c : value) {  // printable ASCII, all of it
      if (c == '"' || c == '\\') lines_ += '\\';
      lines_ += c;
    }
    lines_ += '"';
  }
  void end() {
    lines_ += "}\n";
    if (lines_.size() > std::size_t{1} << 16) flush();
  }
  void flush() {
    std::fwrite(lines_.data(), 1, lines_.size(), file_);
    lines_.clear();
  }

 private:
  std::FILE* const file_;
  char separator_ = '{';
  std::string lines_;
};

}  // namespace

Bytes Ledger::bytes(FrameId id) const {
  const FrameId first = size() - bytes_.size();
  if (id < first || id >= size()) return {};
  return bytes_[id - first];
}

LedgerEntry& Ledger::add(Direction direction, Bytes bytes, const Decoded& decoded, Instant now) {
  bytes_.add(bytes);
  LedgerEntry entry{.id = size(),
                    .sent = now,
                    .size = static_cast<std::uint32_t>(bytes.size()),
                    .direction = direction};
  const bool good = decoded && decoded->body;
  if (decoded) {
    entry.address = decoded->header.address;
    entry.tag = decoded->header.tag;
    entry.command = decoded->command;
  }
  if (const auto* request = good ? std::get_if<AtaRequest>(&*decoded->body) : nullptr) {
    entry.kind = FrameKind::ata_request;
    entry.lba = request->lba;
    entry.sectors = request->sectors;
    entry.opcode = request->opcode;
    entry.feature = request->feature;
    entry.asynchronous = request->flags.asynchronous;
  } else if (const auto* reply = good ? std::get_if<AtaReply>(&*decoded->body) : nullptr) {
    entry.kind = FrameKind::ata_reply;
    entry.lba = reply->lba;
    entry.sectors = reply->sectors_left;
    entry.status = reply->status;
    entry.error = reply->error;
  } else {
    Room room;
    std::string_view line = aoe::describe(bytes, room);
    if (decoded) {
      const bool is_ata = good && decoded->command == static_cast<std::uint8_t>(Command::ata);
      entry.kind = is_ata ? FrameKind::ata_error : FrameKind::other;
      line.remove_suffix(tag_size);  // many frames share the rest
    }
    entry.what = keep(line);
  }
  return entries_.add(entry);
}

Subject Ledger::subject(const LedgerEntry& entry) const {
  switch (static_cast<Command>(entry.command)) {
    case Command::config: return {Traffic::config, entry.address};
    case Command::mask: return {Traffic::mask, entry.address};
    case Command::reserve: return {Traffic::reserve, entry.address};
    case Command::ata: break;
    default: return {Traffic::other, entry.address};
  }
  const LedgerEntry& request = entry.answers ? entries_[*entry.answers] : entry;
  if (request.kind != FrameKind::ata_request) return {Traffic::ata, entry.address};
  return {traffic_of(request.opcode), request.address, request.lba, request.sectors};
}

std::optional<Instant> Ledger::due(FrameId request) const {
  const LedgerEntry& entry = entries_[request];
  if (entry.kind != FrameKind::ata_request || entry.injected) return std::nullopt;
  return entry.sent + entry.wait;
}

TextId Ledger::keep(std::string_view text) {
  if (text.empty()) return 0;
  if (const auto kept = text_ids_.find(text); kept != text_ids_.end()) return kept->second;
  const auto id = static_cast<TextId>(texts_.size() + 1);
  text_ids_.emplace(texts_.emplace_back(text), id);
  return id;
}

std::string Ledger::summary(FrameId id) const {
  const LedgerEntry& entry = entries_[id];
  switch (entry.kind) {
    case FrameKind::bad: return std::string(text(entry.what));
    case FrameKind::other:
    case FrameKind::ata_error: return fmt::format("{} tag {:08x}", text(entry.what), entry.tag);
    case FrameKind::ata_request:
    case FrameKind::ata_reply: break;
  }
  Room room;
  return std::string(aoe::describe(frame_of(entry), room));
}

std::string Ledger::fate(FrameId id) const {
  const LedgerEntry& entry = entries_[id];
  std::string fate;
  if (entry.dropped_by != 0) {
    fate = fmt::format("dropped by {}", text(entry.dropped_by));
  } else if (entry.deliveries == 0 && entry.lost_by != 0) {
    fate = fmt::format("lost: {}", text(entry.lost_by));
  } else if (entry.deliveries == 0) {
    fate = "on its way";
  } else if (entry.deliveries > 1) {
    fate = fmt::format("delivered {} times", entry.deliveries);
  }
  if (entry.struck_by != 0)
    fate += fmt::format("{}({})", fate.empty() ? "" : " ", text(entry.struck_by));
  if (entry.repeats)
    fate += fmt::format("{}retransmission of #{}", fate.empty() ? "" : ", ", *entry.repeats);
  return fate;
}

tl::expected<void, std::string> Ledger::write(const std::string& path) const {
  errno = 0;
  const auto failed = [&] {
    return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(errno)));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "we"),
                                                             std::fclose);
  if (file == nullptr) return failed();
  JsonLines lines(file.get());
  entries_.for_each([&](const LedgerEntry& entry) {
    lines.begin();
    lines.number("id", entry.id);
    lines.number("t", (entry.sent - origin_).count());
    lines.text("direction", harness::text(entry.direction));
    if (!port_names_.empty()) lines.text("from", sender(entry.id));
    lines.number("size", entry.size);
    lines.text("frame", summary(entry.id));
    lines.number("deliveries", entry.deliveries);
    if (entry.deliveries > 0) lines.number("delivered", (entry.delivered - origin_).count());
    if (entry.struck_by != 0) lines.text("struck-by", text(entry.struck_by));
    if (entry.dropped_by != 0) lines.text("dropped-by", text(entry.dropped_by));
    if (entry.lost_by != 0) lines.text("lost-by", text(entry.lost_by));
    if (entry.repeats) lines.number("repeats", *entry.repeats);
    if (entry.repeated_by) lines.number("repeated-by", *entry.repeated_by);
    if (entry.answers) lines.number("answers", *entry.answers);
    lines.end();
  });
  lines.flush();
  if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0) return failed();
  return {};
}

}  // namespace aoe::harness
