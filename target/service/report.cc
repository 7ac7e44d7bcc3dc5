#include "target/service/report.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace aoe::target {
namespace {

using Row = std::vector<std::string>;

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

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / 1e6);
}

std::string uptime(Duration uptime) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
  const std::string time =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  const auto days = seconds / 86400;
  return days == 0 ? time : fmt::format("{}d {}", days, time);
}

/// Returns the upper bound on the time of this part of all operations: "<=128us".
std::string percentile(const LatencyHistogram& histogram, double part) {
  const auto place = histogram.percentile(part);
  if (!place) return "-";
  if (const auto limit = LatencyHistogram::limit(*place)) return "<=" + duration(*limit);
  return ">" + duration(*LatencyHistogram::limit(LatencyHistogram::size - 2));
}

std::string capacity(std::uint64_t sectors) {
  return fmt::format("{:.3f}GB", static_cast<double>(sectors) * 512 / 1e9);
}

/// Returns the length of a list: the commands `mask` and `reserve` show its entries.
std::string admitted(const std::vector<Mac>& macs) {
  return macs.empty() ? "everyone" : std::to_string(macs.size());
}

/// Returns limits in words: "5000 operations and 50.0 MB per second".
std::string per_second(const RateLimits& limits) {
  std::vector<std::string> parts;
  if (limits.iops > 0) parts.push_back(fmt::format("{} operations", limits.iops));
  if (limits.bytes_per_second > 0) {
    parts.push_back(fmt::format("{:.1f} MB", static_cast<double>(limits.bytes_per_second) / 1e6));
  }
  return fmt::format("{} per second", fmt::join(parts, " and "));
}

std::string head(const TargetReport& report) {
  return fmt::format("aoe-target {}, up {}\n\n", escaped(report.version), uptime(report.uptime));
}

/// Returns the counters of an enumeration that are not 0: "2 frame too short, 3 unknown command".
template <typename Enum, std::size_t N>
std::string reasons(const std::array<std::uint64_t, N>& counters) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < N; ++i) {
    if (counters[i] > 0) {
      parts.push_back(fmt::format("{} {}", counters[i], text(static_cast<Enum>(i))));
    }
  }
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

/// Adds the columns of a list of counters to a row: their headings, or what `counters` holds.
template <typename Counters, std::size_t N>
void add_columns(Row& row, const std::array<CounterField<Counters>, N>& fields,
                 const Counters* counters) {
  for (std::size_t i = 0; i < N; ++i) {
    const std::string_view column = fields[i].column;
    if (column.empty()) continue;
    const bool goes_on = i + 1 < N && fields[i + 1].column == column;
    if (counters == nullptr) {
      if (!goes_on) row.emplace_back(column);
      continue;
    }
    std::uint64_t value = counters->*fields[i].value;
    if (goes_on) value += counters->*fields[++i].value;
    row.push_back(column.starts_with("MB-") ? megabytes(value) : std::to_string(value));
  }
}

}  // namespace

std::string text_table(std::string_view alignment,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(alignment.size());
  for (const auto& row : rows) {
    AOE_CHECK(row.size() == widths.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
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
    luns.push_back({fmt::format("{}", lun.definition.address), lun.store,
                    lun.definition.store.read_only ? "read-only" : "read-write",
                    lun.definition.interfaces.empty()
                        ? "all"
                        : escaped(fmt::format("{}", fmt::join(lun.definition.interfaces, ","))),
                    capacity(lun.sectors), admitted(lun.state.mask), admitted(lun.state.reserved),
                    escaped(lun.definition.store.path)});
  }
  std::vector<Row> ports{{"interface", "mac", "state", "mtu", "received", "sent", "dropped"}};
  for (const PortReport& port : report.ports) {
    ports.push_back({port.interface, fmt::format("{}", port.mac), port.up ? "up" : "down",
                     std::to_string(port.mtu), std::to_string(port.received),
                     std::to_string(port.sent),
                     std::to_string(port.receive_dropped + port.send_dropped)});
  }
  std::string remarks;
  const auto say = [&](Address lun, const std::string& what) {
    if (remarks.empty()) remarks = "\n";
    remarks += fmt::format("{}: {}\n", lun, what);
  };
  const auto remark = [&](const LunReport& lun, const std::string& what) {
    say(lun.definition.address, what);
  };
  for (const std::string& interface : report.absent) {
    if (remarks.empty()) remarks = "\n";
    remarks += escaped(interface) + "\n";
  }
  for (const LunDefinition& lun : report.standby) {
    say(lun.address, "stands by: " + escaped(lun.store.path));
  }
  for (const MissingReport& lun : report.missing) {
    say(lun.address, "not served, and tried again: " + escaped(lun.why));
  }
  for (const LunReport& lun : report.luns) {
    if (lun.definition.limits) remark(lun, "limited to " + per_second(lun.definition.limits));
    if (!lun.other_target) continue;
    remark(lun, fmt::format("warning: another target is at this address: {}", *lun.other_target));
  }
  return head(report) + text_table("<<<<>>><", luns) + "\n" + text_table("<<<>>>>", ports) +
         remarks;
}

std::string stats_table(const TargetReport& report) {
  Row luns_head{"lun"};
  add_columns<LunCounters>(luns_head, lun_counters, nullptr);
  luns_head.insert(luns_head.end(), {"p50", "p99", "not answered"});
  std::vector<Row> luns{luns_head};
  for (const LunReport& lun : report.luns) {
    Row row{fmt::format("{}", lun.definition.address)};
    add_columns<LunCounters>(row, lun_counters, &lun);
    row.push_back(percentile(lun.latency, 0.5));
    row.push_back(percentile(lun.latency, 0.99));
    row.push_back(reasons<Silence>(lun.silences));
    luns.push_back(std::move(row));
  }
  Row ports_head{"interface"};
  add_columns<PortCounters>(ports_head, port_counters, nullptr);
  add_columns<EdgeCounters>(ports_head, edge_counters, nullptr);
  ports_head.insert(ports_head.end(), {"rejected", "reasons"});
  std::vector<Row> ports{ports_head};
  for (const PortReport& port : report.ports) {
    Row row{port.interface};
    add_columns<PortCounters>(row, port_counters, &port);
    add_columns<EdgeCounters>(row, edge_counters, &port);
    row.push_back(std::to_string(sum(port.rejects)));
    row.push_back(reasons<Rule>(port.rejects));
    ports.push_back(std::move(row));
  }
  const auto alignment = [](const Row& head) {
    return '<' + std::string(head.size() - 2, '>') + '<';
  };
  return head(report) + text_table(alignment(luns_head), luns) + "\n" +
         text_table(alignment(ports_head), ports);
}

std::string clients_table(const ClientsReport& report) {
  std::vector<const ClientReport*> clients;
  for (const ClientReport& client : report.clients) clients.push_back(&client);
  std::ranges::sort(clients, {}, [](const ClientReport* c) {
    return std::tuple(c->last_seen_ago, c->lun, c->mac);
  });
  std::vector<Row> rows{{"client", "lun", "interface", "requests", "MB-read", "MB-written",
                         "errors", "unanswered", "seen"}};
  const auto add = [&rows](std::initializer_list<std::string> who, const ClientCounters& counters,
                           const std::string& seen) {
    Row row(who);
    for (const std::string& cell :
         {std::to_string(counters.requests), megabytes(counters.bytes_read),
          megabytes(counters.bytes_written), std::to_string(counters.errors),
          std::to_string(counters.unanswered), seen}) {
      row.push_back(cell);
    }
    rows.push_back(std::move(row));
  };
  for (const ClientReport* const client : clients) {
    add({fmt::format("{}", client->mac), fmt::format("{}", client->lun),
         client->interface.empty() ? "-" : escaped(client->interface)},
        *client, duration(client->last_seen_ago) + " ago");
  }
  if (report.others.requests > 0) add({"others", "-", "-"}, report.others, "-");
  return text_table("<<<>>>>>>", rows);
}

}  // namespace aoe::target
