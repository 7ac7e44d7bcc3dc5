#include "harness/world/remote_words.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <boost/algorithm/hex.hpp>

#include "base/printable.h"

namespace aoe::harness {
namespace {

using Json = nlohmann::json;

}  // namespace

std::string greeting_line(const Implementation& target, const Link& link) {
  const Json greeting{{"aoe-harness", AOE_VERSION},
                      {"target", target.name},
                      {"given", target.given},
                      {"cannot", target.cannot},
                      {"mac", fmt::format("{}", link.mac)},
                      {"mtu", link.mtu}};
  return greeting.dump(-1, ' ', false, Json::error_handler_t::replace);
}

tl::expected<Greeting, std::string> greeting_from(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  const auto unexpected = [&] {
    constexpr std::size_t shown = 200;
    return tl::unexpected(fmt::format("expected the greeting of aoe-harness remote, got '{}'",
                                      one_line(line.substr(0, shown))));
  };
  if (!json.is_object()) return unexpected();
  try {
    if (json.contains("error")) return tl::unexpected(json.at("error").get<std::string>());
    const auto version = json.at("aoe-harness").get<std::string>();
    if (version != AOE_VERSION) {
      return tl::unexpected(
          fmt::format("it is aoe-harness {}, and this is {}: install the same on both machines",
                      one_line(version), AOE_VERSION));
    }
    Greeting greeting{.version = version,
                      .target = {.name = json.at("target"), .given = json.at("given")},
                      .link = {.mtu = json.at("mtu"), .up = true}};
    greeting.target.cannot = json.at("cannot").get<std::map<std::string, std::string>>();
    const auto mac = parse_mac(json.at("mac").get<std::string>());
    if (!mac) return unexpected();
    greeting.link.mac = *mac;
    return greeting;
  } catch (const Json::exception&) {
    return unexpected();
  }
}

Json to_json(const std::optional<DiskFaults>& faults) {
  if (!faults) return nullptr;
  return {{"reads", faults->reads},     {"writes", faults->writes},
          {"flushes", faults->flushes}, {"lba", faults->lba},
          {"sectors", faults->sectors}, {"count", faults->count},
          {"error", faults->error},     {"delay-ns", faults->delay.count()}};
}

std::optional<DiskFaults> faults_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return DiskFaults{.reads = json.at("reads"),
                    .writes = json.at("writes"),
                    .flushes = json.at("flushes"),
                    .lba = json.at("lba"),
                    .sectors = json.at("sectors"),
                    .count = json.at("count"),
                    .error = json.at("error"),
                    .delay = Duration(json.at("delay-ns").get<Duration::rep>())};
}

Json changes_between(Bytes begun, Bytes now) {
  Json changes = Json::array();
  for (std::size_t sector = 0; sector < now.size() / sector_size; ++sector) {
    const Bytes bytes = now.subspan(sector * sector_size, sector_size);
    if (std::ranges::equal(bytes, begun.subspan(sector * sector_size, sector_size))) continue;
    std::string digits;
    boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(digits));
    changes.push_back({sector, std::move(digits)});
  }
  return changes;
}

void apply_changes(const Json& changes, MutableBytes sectors) {
  for (const Json& change : changes) {
    const auto sector = change.at(0).get<std::size_t>();
    const auto& digits = change.at(1).get_ref<const std::string&>();
    if (sector >= sectors.size() / sector_size || digits.size() != 2 * sector_size)
      throw std::out_of_range("a change of another sector");
    const MutableBytes into = sectors.subspan(sector * sector_size, sector_size);
    boost::algorithm::unhex(digits.begin(), digits.end(), into.begin());
  }
}

}  // namespace aoe::harness
