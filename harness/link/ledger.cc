#include "harness/link/ledger.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace aoe::harness {

LedgerEntry& Ledger::add(Direction direction, Bytes frame, Instant now) {
  std::array<char, description_size_max> room;
  LedgerEntry entry{.id = size(),
                    .direction = direction,
                    .sent = now,
                    .size = static_cast<std::uint32_t>(frame.size()),
                    .summary = std::string(describe(frame, room))};
  return entries_.emplace_back(std::move(entry));
}

std::string Ledger::fate(const LedgerEntry& entry) const {
  std::string fate;
  if (!entry.dropped_by.empty()) {
    fate = "dropped by " + entry.dropped_by;
  } else if (entry.deliveries == 0) {
    fate = "on its way";
  } else if (entry.deliveries > 1) {
    fate = fmt::format("delivered {} times", entry.deliveries);
  }
  if (!entry.struck_by.empty()) fate += (fate.empty() ? "(" : " (") + entry.struck_by + ")";
  if (entry.repeats)
    fate += fmt::format("{}retransmission of #{}", fate.empty() ? "" : ", ", *entry.repeats);
  return fate;
}

std::string Ledger::line(FrameId id) const {
  const LedgerEntry& entry = entries_[id];
  const std::chrono::duration<double, std::milli> at = entry.sent - origin_;
  std::string line =
      fmt::format("{:>12.3f} {:>5}  {} {:<44} {}", at.count(), id,
                  entry.direction == Direction::to_target ? "→" : "←", entry.summary, fate(entry));
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Ledger::tail(FrameId last, std::size_t count) const {
  std::string lines;
  const FrameId first = last + 1 > count ? static_cast<FrameId>(last + 1 - count) : 0;
  for (FrameId id = first; id <= last && id < size(); ++id) lines += line(id) + "\n";
  return lines;
}

tl::expected<void, std::string> Ledger::write(const std::string& path) const {
  errno = 0;
  std::ofstream file(path);
  for (const LedgerEntry& entry : entries_) {
    nlohmann::ordered_json json = {{"id", entry.id},
                                   {"t", (entry.sent - origin_).count()},
                                   {"direction", text(entry.direction)},
                                   {"size", entry.size},
                                   {"frame", entry.summary},
                                   {"deliveries", entry.deliveries}};
    if (entry.deliveries > 0) json["delivered"] = (entry.delivered - origin_).count();
    if (!entry.struck_by.empty()) json["struck-by"] = entry.struck_by;
    if (!entry.dropped_by.empty()) json["dropped-by"] = entry.dropped_by;
    if (entry.repeats) json["repeats"] = *entry.repeats;
    if (entry.repeated_by) json["repeated-by"] = *entry.repeated_by;
    file << json.dump() << '\n';
  }
  file.flush();
  if (!file)
    return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(errno)));
  return {};
}

}  // namespace aoe::harness
