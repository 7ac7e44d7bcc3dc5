#include "target/admin/control_top.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "target/admin/control.h"
#include "target/service/report.h"

namespace aoe::target {
namespace {

using Json = nlohmann::ordered_json;

/// One column: the sum of some counters, for a second.
struct TopColumn {
  const char* heading;
  const char* json;
  std::vector<const char*> counters;

  bool is_bytes() const { return std::string_view(heading).starts_with("MB-"); }
};

/// A kind of things that have counters: what tells one from another, and what is shown of each.
struct TopKind {
  const char* list;  // its key in the reply
  std::vector<const char*> names;
  std::vector<TopColumn> columns;
};

const TopKind& top_luns() {
  static const TopKind kind{
      "luns",
      {"lun"},
      {{"requests/s", "requests", {"requests"}},
       {"reads/s", "reads", {"reads"}},
       {"writes/s", "writes", {"writes"}},
       {"flushes/s", "flushes", {"flushes"}},
       {"MB-read/s", "bytes_read", {"bytes_read"}},
       {"MB-written/s", "bytes_written", {"bytes_written"}},
       {"errors/s", "errors", {"aoe_errors", "ata_errors"}},
       {"dropped/s",
        "dropped",
        {"dropped_limit", "dropped_busy", "dropped_memory", "dropped_port"}}}};
  return kind;
}

const TopKind& top_ports() {
  static const TopKind kind{"ports",
                            {"interface"},
                            {{"received/s", "received", {"received"}},
                             {"sent/s", "sent", {"sent"}},
                             {"lost/s", "lost", {"receive_dropped"}},
                             {"unsent/s", "unsent", {"send_dropped"}}}};
  return kind;
}

const TopKind& top_clients() {
  static const TopKind kind{"clients",
                            {"client", "lun"},
                            {{"requests/s", "requests", {"requests"}},
                             {"MB-read/s", "bytes_read", {"bytes_read"}},
                             {"MB-written/s", "bytes_written", {"bytes_written"}},
                             {"errors/s", "errors", {"errors"}}}};
  return kind;
}

/// One thing, and its columns for a second.
struct TopEntry {
  std::vector<std::string> names;
  std::vector<double> rates;
};

std::vector<std::string> names_of(const TopKind& kind, const Json& each) {
  std::vector<std::string> names;
  for (const char* const key : kind.names) names.push_back(each.at(key).get<std::string>());
  return names;
}

double total(const TopColumn& column, const Json& each) {
  double sum = 0;
  for (const char* const key : column.counters) sum += each.at(key).get<double>();
  return sum;
}

std::vector<TopEntry> entries(const TopKind& kind, const Json& before, const Json& now,
                              double seconds) {
  std::map<std::vector<std::string>, const Json*> former;
  for (const Json& each : before.at(kind.list)) former[names_of(kind, each)] = &each;
  std::vector<TopEntry> all;
  for (const Json& each : now.at(kind.list)) {
    TopEntry entry{names_of(kind, each), {}};
    const auto found = former.find(entry.names);
    for (const TopColumn& column : kind.columns) {
      const double count = total(column, each);
      const double earlier = found == former.end() ? 0 : total(column, *found->second);
      // Counters begin at 0 again when a LUN's image is opened again, and when they are cleared.
      entry.rates.push_back((count >= earlier ? count - earlier : count) / seconds);
    }
    all.push_back(std::move(entry));
  }
  return all;
}

std::string table_of(const TopKind& kind, const std::vector<TopEntry>& all) {
  std::vector<std::vector<std::string>> rows(1);
  for (const char* const name : kind.names) rows[0].emplace_back(name);
  for (const TopColumn& column : kind.columns) rows[0].emplace_back(column.heading);
  for (const TopEntry& entry : all) {
    std::vector<std::string> row;
    for (const std::string& name : entry.names) row.push_back(escaped(name));
    for (std::size_t i = 0; i < entry.rates.size(); ++i) {
      row.push_back(kind.columns[i].is_bytes() ? fmt::format("{:.1f}", entry.rates[i] / 1e6)
                                               : fmt::format("{:.0f}", entry.rates[i]));
    }
    rows.push_back(std::move(row));
  }
  return text_table(std::string(kind.names.size(), '<') + std::string(kind.columns.size(), '>'),
                    rows);
}

Json json_of(const TopKind& kind, const std::vector<TopEntry>& all) {
  Json list = Json::array();
  for (const TopEntry& entry : all) {
    Json each = Json::object();
    for (std::size_t i = 0; i < entry.names.size(); ++i) each[kind.names[i]] = entry.names[i];
    for (std::size_t i = 0; i < entry.rates.size(); ++i) {
      each[kind.columns[i].json] = entry.rates[i];
    }
    list.push_back(std::move(each));
  }
  return list;
}

}  // namespace

tl::expected<std::string, std::string> top_text(const TopSample& before, const TopSample& now,
                                                bool json) {
  for (const std::string* const reply :
       {&before.stats, &before.clients, &now.stats, &now.clients}) {
    if (const auto text = parse_reply(*reply); !text) return tl::unexpected(text.error());
  }
  const double seconds =
      std::max(std::chrono::duration<double>(now.time - before.time).count(), 1e-3);
  try {
    const Json former = Json::parse(before.stats).at("report");
    const Json latter = Json::parse(now.stats).at("report");
    const auto luns = entries(top_luns(), former, latter, seconds);
    const auto ports = entries(top_ports(), former, latter, seconds);
    auto clients =
        entries(top_clients(), Json::parse(before.clients), Json::parse(now.clients), seconds);
    std::ranges::stable_sort(clients, std::ranges::greater(),
                             [](const TopEntry& entry) { return entry.rates.front(); });
    if (clients.size() > top_clients_max) clients.resize(top_clients_max);
    if (!json) {
      return fmt::format("{}\n{}\n{}", table_of(top_luns(), luns), table_of(top_ports(), ports),
                         table_of(top_clients(), clients));
    }
    const Json all{{"seconds", seconds},
                   {"luns", json_of(top_luns(), luns)},
                   {"ports", json_of(top_ports(), ports)},
                   {"clients", json_of(top_clients(), clients)}};
    return all.dump() + '\n';
  } catch (const Json::exception&) {
    return tl::unexpected(std::string("the reply is not a target's"));
  }
}

}  // namespace aoe::target
