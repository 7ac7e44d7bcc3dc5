#include "target/admin/metrics.h"

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

/// A reader of the exposition format that takes no liberties: families are described before their
/// samples and stand together, a series is there once, a counter ends in _total, the buckets of a
/// histogram grow and end at +Inf with its count.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
    check_histograms();
  }

  double value(const std::string& series) const {
    const auto found = series_.find(series);
    return found == series_.end() ? std::nan("") : found->second;
  }
  std::size_t families() const { return described_.size(); }

 private:
  void read(const std::string& line) {
    static const std::regex help(R"(# HELP ([a-z_]+) \S.*)");
    static const std::regex type(R"(# TYPE ([a-z_]+) (counter|gauge|histogram))");
    static const std::regex sample(
        R"rx(([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})?)rx"
        R"rx( ([-+0-9.e]+|\+Inf))rx");
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      EXPECT_TRUE(described_.insert(match[1]).second) << line;
      family_ = match[1];
      type_.clear();
    } else if (std::regex_match(line, match, type)) {
      EXPECT_EQ(match[1], family_) << line;
      type_ = match[2];
      EXPECT_EQ(family_.ends_with("_total"), type_ == "counter") << line;
      if (type_ == "histogram") histograms_.insert(family_);
    } else if (std::regex_match(line, match, sample)) {
      read_sample(line, match[1], match[2], std::stod(match[3]));
    } else {
      ADD_FAILURE() << "no line of the format: " << line;
    }
  }

  void read_sample(const std::string& line, const std::string& name, const std::string& labels,
                   double value) {
    const bool is_of_family =
        type_ == "histogram"
            ? name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count"
            : !type_.empty() && name == family_;
    EXPECT_TRUE(is_of_family) << line;
    EXPECT_TRUE(series_.emplace(name + labels, value).second) << line;
    static const std::regex bucket(R"rx((.*),le="([^"]+)"\})rx");
    std::smatch match;
    if (!name.ends_with("_bucket")) return;
    ASSERT_TRUE(std::regex_match(labels, match, bucket)) << line;
    const double limit = match[2] == "+Inf" ? HUGE_VAL : std::stod(match[2]);
    buckets_[family_ + "_count" + std::string(match[1]) + "}"].emplace_back(limit, value);
  }

  void check_histograms() const {
    for (const auto& [count, buckets] : buckets_) {
      EXPECT_EQ(buckets.size(), LatencyHistogram::size) << count;
      EXPECT_TRUE(std::ranges::is_sorted(buckets)) << count;
      EXPECT_TRUE(std::ranges::is_sorted(buckets, {}, [](auto b) { return b.second; })) << count;
      EXPECT_TRUE(std::isinf(buckets.back().first)) << count;
      EXPECT_EQ(buckets.back().second, value(count)) << count;
    }
    EXPECT_EQ(histograms_.empty(), buckets_.empty());
  }

  std::string family_;
  std::string type_;
  std::set<std::string> described_;
  std::set<std::string> histograms_;
  std::map<std::string, double> series_;
  std::map<std::string, std::vector<std::pair<double, double>>> buckets_;
};

TargetReport report() {
  TargetReport report;
  report.version = "0.1.0";
  report.uptime = 90s;
  report.luns.resize(3);
  for (std::size_t i = 0; i < 3; ++i) {
    LunReport& lun = report.luns[i];
    lun.definition.address = {0, static_cast<std::uint8_t>(i / 2)};
    lun.sectors = 8;
    lun.requests = 10 * (i + 1);
    lun.latency.add(100us);
    lun.latency.add(3s);
    lun.latency.add(10s);
  }
  report.luns[0].definition.interfaces = {"eth0"};
  report.luns[1].definition.interfaces = {"eth1", "e\"\\\n*"};
  report.luns[2].silences[static_cast<std::size_t>(Silence::source_masked)] = 4;
  report.luns[2].bytes_written = 1 << 20;
  report.ports.resize(2);
  report.ports[0].interface = "eth0";
  report.ports[0].up = true;
  report.ports[1].interface = "eth1";
  report.ports[1].rejects[static_cast<std::size_t>(Rule::unknown_command)] = 7;
  return report;
}

TEST(Metrics, TheTextKeepsTheRulesOfPrometheus) {
  const Exposition exposition(prometheus_text(report()));
  EXPECT_EQ(exposition.value("aoe_target_info{version=\"0.1.0\"}"), 1);
  EXPECT_EQ(exposition.value("aoe_target_uptime_seconds"), 90);
  EXPECT_EQ(exposition.value("aoe_target_lun_size_bytes{lun=\"e0.1\"}"), 4096);
  EXPECT_EQ(exposition.value("aoe_target_lun_requests_total{lun=\"e0.1\"}"), 30);
  EXPECT_EQ(exposition.value("aoe_target_lun_written_bytes_total{lun=\"e0.1\"}"), 1 << 20);
  EXPECT_EQ(
      exposition.value("aoe_target_lun_silences_total{lun=\"e0.1\",reason=\"masked source\"}"), 4);
  EXPECT_EQ(exposition.value("aoe_target_port_up{interface=\"eth0\"}"), 1);
  EXPECT_EQ(exposition.value("aoe_target_port_up{interface=\"eth1\"}"), 0);
  EXPECT_EQ(exposition.value(
                "aoe_target_port_rejects_total{interface=\"eth1\",reason=\"unknown command\"}"),
            7);
}

TEST(Metrics, AnAddressServedTwiceMakesTwoSeries) {
  const Exposition exposition(prometheus_text(report()));
  EXPECT_EQ(exposition.value("aoe_target_lun_requests_total{lun=\"e0.0\",interfaces=\"eth0\"}"),
            10);
  EXPECT_EQ(exposition.value("aoe_target_lun_requests_total{lun=\"e0.0\","
                             "interfaces=\"eth1,e\\\"\\\\\\n*\"}"),
            20);
}

TEST(Metrics, LatencyIsAHistogramInSeconds) {
  const Exposition exposition(prometheus_text(report()));
  const auto bucket = [&](const char* limit) {
    return exposition.value(
        fmt::format("aoe_target_lun_latency_seconds_bucket{{lun=\"e0.1\",le=\"{}\"}}", limit));
  };
  EXPECT_EQ(bucket("1e-06"), 0);
  EXPECT_EQ(bucket("6.4e-05"), 0);
  EXPECT_EQ(bucket("0.000128"), 1);
  EXPECT_EQ(bucket("4.194304"), 2);
  EXPECT_EQ(bucket("+Inf"), 3);
  EXPECT_EQ(exposition.value("aoe_target_lun_latency_seconds_count{lun=\"e0.1\"}"), 3);
  EXPECT_NEAR(exposition.value("aoe_target_lun_latency_seconds_sum{lun=\"e0.1\"}"), 13.0001, 1e-9);
}

TEST(Metrics, ATargetWithoutLunsAndPortsHasOnlyItself) {
  TargetReport empty;
  empty.version = "0.1.0";
  EXPECT_EQ(Exposition(prometheus_text(empty)).families(), 3U);
}

}  // namespace
}  // namespace aoe::target
