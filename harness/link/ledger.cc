#include "harness/link/ledger.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/describe.h"

namespace aoe::harness {
namespace {

using Room = std::array<char, description_size_max>;

constexpr std::size_t tag_size = std::string_view(" tag 00000001").size();

/// The frame that an entry was made of, as far as a line about it goes.
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

/// A line of ledger.jsonl in the making, written out when the buffer is full.
class JsonLines {
 public:
  explicit JsonLines(std::FILE* file) : file_(file) {}

  void begin() { separator_ = '{'; }
  void number(std::string_view key, std::uint64_t value) { number_of(key, value); }
  void number(std::string_view key, std::int64_t value) { number_of(key, value); }
  void text(std::string_view key, std::string_view value) {
    name(key);
    put('"');
    for (const char c : value) {  // printable ASCII, all of it
      if (c == '"' || c == '\\') put('\\');
      put(c);
    }
    put('"');
  }
  void end() { add("}\n"); }
  void flush() {
    std::fwrite(buffer_.data(), 1, size_, file_);
    size_ = 0;
  }

 private:
  template <class Number>
  void number_of(std::string_view key, Number value) {
    name(key);
    std::array<char, 20> digits;
    const char* const end = std::to_chars(digits.begin(), digits.end(), value).ptr;
    add({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  void name(std::string_view key) {
    put(std::exchange(separator_, ','));
    put('"');
    add(key);
    add("\":");
  }
  void put(char c) { add({&c, 1}); }
  void add(std::string_view text) {
    while (true) {
      const std::size_t taken = text.copy(buffer_.data() + size_, buffer_.size() - size_);
      size_ += taken;
      if (taken == text.size()) return;
      text.remove_prefix(taken);
      flush();
    }
  }

  std::FILE* const file_;
  std::size_t size_ = 0;
  char separator_ = '{';
  std::array<char, std::size_t{1} << 16> buffer_;
};

}  // namespace

LedgerEntry& Ledger::add(Direction direction, Bytes bytes, const Decoded& decoded, Instant now) {
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
    std::string_view line = describe(bytes, room);
    if (decoded) {
      const bool is_ata = good && decoded->command == static_cast<std::uint8_t>(Command::ata);
      entry.kind = is_ata ? FrameKind::ata_error : FrameKind::other;
      line.remove_suffix(tag_size);  // what is left is the same for many
    }
    entry.what = keep(line);
  }
  return entries_.add(entry);
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
  return std::string(describe(frame_of(entry), room));
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

std::string Ledger::line(FrameId id) const {
  const LedgerEntry& entry = entries_[id];
  const std::chrono::duration<double, std::milli> at = entry.sent - origin_;
  std::string line =
      fmt::format("{:>12.3f} {:>5}  {} {:<44} {}", at.count(), id,
                  entry.direction == Direction::to_target ? "→" : "←", summary(id), fate(id));
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Ledger::tail(FrameId last, std::size_t count) const {
  std::string lines;
  const FrameId first = last + 1 > count ? last + 1 - count : 0;
  for (FrameId id = first; id <= last && id < size(); ++id) lines += line(id) + "\n";
  return lines;
}

tl::expected<void, std::string> Ledger::write(const std::string& path) const {
  errno = 0;
  const auto failed = [&] {
    return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(errno)));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "we"),
                                                             std::fclose);
  if (file == nullptr) return failed();
  const auto lines = std::make_unique<JsonLines>(file.get());
  entries_.for_each([&](const LedgerEntry& entry) {
    lines->begin();
    lines->number("id", entry.id);
    lines->number("t", (entry.sent - origin_).count());
    lines->text("direction", harness::text(entry.direction));
    lines->number("size", std::uint64_t{entry.size});
    lines->text("frame", summary(entry.id));
    lines->number("deliveries", std::uint64_t{entry.deliveries});
    if (entry.deliveries > 0) lines->number("delivered", (entry.delivered - origin_).count());
    if (entry.struck_by != 0) lines->text("struck-by", text(entry.struck_by));
    if (entry.dropped_by != 0) lines->text("dropped-by", text(entry.dropped_by));
    if (entry.lost_by != 0) lines->text("lost-by", text(entry.lost_by));
    if (entry.repeats) lines->number("repeats", *entry.repeats);
    if (entry.repeated_by) lines->number("repeated-by", *entry.repeated_by);
    if (entry.answers) lines->number("answers", *entry.answers);
    lines->end();
  });
  lines->flush();
  if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0) return failed();
  return {};
}

}  // namespace aoe::harness
