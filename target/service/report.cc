#include "target/service/report.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace aoe::target {
namespace {

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell, two spaces apart; `alignment` has a '<' for each that
/// begins at the left, a '>' for each that ends at the right.
std::string table(std::string_view alignment, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(alignment.size());
  for (const Row& row : rows) {
    AOE_CHECK(row.size() == widths.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      line += alignment[i] == '<' ? row[i] + space : space + row[i];
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

template <std::size_t N>
std::uint64_t sum(const std::array<std::uint64_t, N>& counters) {
  return std::accumulate(counters.begin(), counters.end(), std::uint64_t{0});
}

std::string duration(Duration duration) {
  using namespace std::chrono;
  if (duration < 1ms) return fmt::format("{}us", duration_cast<microseconds>(duration).count());
  if (duration < 1s) return fmt::format("{}ms", duration_cast<milliseconds>(duration).count());
  return fmt::format("{:.1f}s", std::chrono::duration<double>(duration).count());
}

std::string uptime(Duration uptime) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
  const std::string time =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  const auto days = seconds / 86400;
  return days == 0 ? time : fmt::format("{}d {}", days, time);
}

/// "<=128us": the most that this part of all operations took.
std::string percentile(const LatencyHistogram& histogram, double part) {
  const auto place = histogram.percentile(part);
  if (!place) return "-";
  if (const auto limit = LatencyHistogram::limit(*place)) return "<=" + duration(*limit);
  return ">" + duration(*LatencyHistogram::limit(LatencyHistogram::size - 2));
}

std::string capacity(std::uint64_t sectors) {
  return fmt::format("{:.3f}GB", static_cast<double>(sectors) * 512 / 1e9);
}

/// Lists belong on lines of their own where they are long: `mask` and `reserve` show them.
std::string admitted(const std::vector<Mac>& macs) {
  return macs.empty() ? "everyone" : std::to_string(macs.size());
}

std::string head(const TargetReport& report) {
  return fmt::format("aoe-target {}, up {}\n\n", escaped(report.version), uptime(report.uptime));
}

std::string reasons(const PortReport& port) {
  std::vector<std::string> parts;
  for (int i = 0; i < rule_count; ++i) {
    const std::uint64_t count = port.rejects[static_cast<std::size_t>(i)];
    if (count > 0) parts.push_back(fmt::format("{} {}", count, text(static_cast<Rule>(i))));
  }
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string reasons(const LunReport& lun) {
  std::vector<std::string> parts;
  for (int i = 0; i < silence_count; ++i) {
    const std::uint64_t count = lun.silences[static_cast<std::size_t>(i)];
    if (count > 0) parts.push_back(fmt::format("{} {}", count, text(static_cast<Silence>(i))));
  }
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string_view text(Silence silence) {
  switch (silence) {
    case Silence::source_multicast: return "multicast source";
    case Silence::source_denied: return "denied source";
    case Silence::source_masked: return "masked source";
    case Silence::config_mismatch: return "config mismatch";
  }
  AOE_CHECK(false && "a silence without words");
}

std::string escaped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c == '\\')
      text += "\\\\";
    else if (c >= ' ' && c <= '~')
      text += c;
    else
      fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string status_table(const TargetReport& report) {
  std::vector<Row> luns{
      {"lun", "store", "access", "interfaces", "size", "mask", "reserved", "path"}};
  for (const LunReport& lun : report.luns) {
    luns.push_back(
        {fmt::format("{}", lun.address), lun.store, lun.read_only ? "read-only" : "read-write",
         lun.interfaces.empty() ? "all"
                                : escaped(fmt::format("{}", fmt::join(lun.interfaces, ","))),
         capacity(lun.sectors), admitted(lun.mask), admitted(lun.reservation), escaped(lun.path)});
  }
  std::vector<Row> ports{{"interface", "mac", "state", "mtu", "received", "sent", "dropped"}};
  for (const PortReport& port : report.ports) {
    ports.push_back({port.interface, fmt::format("{}", port.mac), port.up ? "up" : "down",
                     std::to_string(port.mtu), std::to_string(port.received),
                     std::to_string(port.sent),
                     std::to_string(port.receive_dropped + port.send_dropped)});
  }
  return head(report) + table("<<<<>>><", luns) + "\n" + table("<<<>>>>", ports);
}

std::string stats_table(const TargetReport& report) {
  std::vector<Row> luns{{"lun", "requests", "reads", "writes", "flushes", "trims", "MB-read",
                         "MB-written", "errors", "busy", "p50", "p99", "not answered"}};
  for (const LunReport& lun : report.luns) {
    const auto megabytes = [](std::uint64_t bytes) {
      return fmt::format("{:.1f}", static_cast<double>(bytes) / 1e6);
    };
    luns.push_back(
        {fmt::format("{}", lun.address), std::to_string(lun.requests), std::to_string(lun.reads),
         std::to_string(lun.writes), std::to_string(lun.flushes), std::to_string(lun.trims),
         megabytes(lun.bytes_read), megabytes(lun.bytes_written),
         std::to_string(lun.aoe_errors + lun.ata_errors), std::to_string(lun.dropped_busy),
         percentile(lun.latency, 0.5), percentile(lun.latency, 0.99), reasons(lun)});
  }
  std::vector<Row> ports{{"interface", "received", "sent", "lost", "unsent", "responses", "others",
                          "rejected", "reasons"}};
  for (const PortReport& port : report.ports) {
    ports.push_back({port.interface, std::to_string(port.received), std::to_string(port.sent),
                     std::to_string(port.receive_dropped), std::to_string(port.send_dropped),
                     std::to_string(port.responses), std::to_string(port.not_addressed),
                     std::to_string(sum(port.rejects)), reasons(port)});
  }
  return head(report) + table("<>>>>>>>>>>><", luns) + "\n" + table("<>>>>>>><", ports);
}

}  // namespace aoe::target
