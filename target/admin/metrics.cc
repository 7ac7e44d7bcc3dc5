#include "target/admin/metrics.h"

#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <prometheus/text_serializer.h>

namespace aoe::target {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::vector<Label> labels(const LunDefinition& lun) {
  std::vector<Label> labels{{"lun", fmt::format("{}", lun.address)}};
  if (!lun.interfaces.empty()) {
    labels.push_back({"interfaces", fmt::format("{}", fmt::join(lun.interfaces, ","))});
  }
  return labels;
}

std::vector<Label> labels(const LunReport& lun) {
  return labels(lun.definition);
}

std::vector<Label> labels(const PortReport& port) {
  return {{"interface", port.interface}};
}

std::vector<Label> with(std::vector<Label> labels, std::string name, std::string_view value) {
  labels.push_back({std::move(name), std::string(value)});
  return labels;
}

ClientMetric& add_series(MetricFamily& family, std::vector<Label> labels = {}) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  return metric;
}

ClientMetric::Histogram histogram(const LatencyHistogram& latency) {
  ClientMetric::Histogram histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t place = 0; place < LatencyHistogram::size; ++place) {
    cumulative += latency.counts[place];
    const auto limit = LatencyHistogram::limit(place);
    if (limit) histogram.bucket.push_back({cumulative, seconds(*limit)});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = seconds(latency.sum);
  return histogram;
}

class Families {
 public:
  MetricFamily& add(std::string name, std::string help, MetricType type) {
    return families_.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}});
  }

  /// Adds counters of every report in `of`: aoe_target_KIND_METRIC_total.
  template <typename Report, typename Counters, std::size_t N>
  void count(const std::vector<Report>& of, std::string_view kind,
             const std::array<CounterField<Counters>, N>& fields) {
    for (const auto& field : fields) {
      MetricFamily& family = add(fmt::format("aoe_target_{}_{}_total", kind, field.metric),
                                 std::string(field.help), MetricType::Counter);
      for (const Report& report : of) {
        add_series(family, labels(report)).counter.value = static_cast<double>(report.*field.value);
      }
    }
  }

  /// Adds a counter for each value of an enumeration, whose words are the label `reason`.
  template <typename Enum, typename Report, typename Counters, std::size_t N>
  void count(const std::vector<Report>& of, std::string name, std::string help,
             std::array<std::uint64_t, N> Counters::*values) {
    MetricFamily& family = add(std::move(name), std::move(help), MetricType::Counter);
    for (const Report& report : of) {
      for (std::size_t i = 0; i < N; ++i) {
        add_series(family, with(labels(report), "reason", text(static_cast<Enum>(i))))
            .counter.value = static_cast<double>((report.*values)[i]);
      }
    }
  }

  template <typename Report, typename Value>
  void show(const std::vector<Report>& of, std::string name, std::string help, Value value) {
    MetricFamily& family = add(std::move(name), std::move(help), MetricType::Gauge);
    for (const Report& report : of) {
      add_series(family, labels(report)).gauge.value =
          static_cast<double>(std::invoke(value, report));
    }
  }

  /// Leaves out families without series, which Prometheus has no use for.
  std::string serialized() && {
    std::erase_if(families_, [](const MetricFamily& family) { return family.metric.empty(); });
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

void add_luns(Families& families, const std::vector<LunReport>& luns) {
  families.show(luns, "aoe_target_lun_size_bytes", "Size of the LUN",
                [](const LunReport& lun) { return lun.sectors * 512; });
  families.show(luns, "aoe_target_lun_read_only", "1 where writes are refused",
                [](const LunReport& lun) { return lun.definition.store.read_only; });
  families.show(luns, "aoe_target_lun_mask_entries", "Addresses on the mask list; 0: all answered",
                [](const LunReport& lun) { return lun.state.mask.size(); });
  families.show(luns, "aoe_target_lun_reservation_entries", "Addresses that hold the reservation",
                [](const LunReport& lun) { return lun.state.reserved.size(); });
  families.count(luns, "lun", lun_counters);
  families.count<Silence>(luns, "aoe_target_lun_silences_total", "Requests not answered",
                          &LunReport::silences);
  MetricFamily& latency = families.add("aoe_target_lun_latency_seconds",
                                       "Time from request to reply", MetricType::Histogram);
  for (const LunReport& lun : luns) {
    add_series(latency, labels(lun)).histogram = histogram(lun.latency);
  }
}

void add_ports(Families& families, const std::vector<PortReport>& ports) {
  families.show(ports, "aoe_target_port_up", "1 while the interface is up", &PortReport::up);
  families.show(ports, "aoe_target_port_mtu_bytes", "MTU of the interface", &PortReport::mtu);
  families.count(ports, "port", port_counters);
  families.count(ports, "port", edge_counters);
  families.count<Rule>(ports, "aoe_target_port_rejects_total", "Frames that break a rule",
                       &PortReport::rejects);
}

}  // namespace

std::string prometheus_text(const TargetReport& report) {
  Families families;
  add_series(families.add("aoe_target_info", "Version of the target", MetricType::Gauge),
             {{"version", report.version}})
      .gauge.value = 1;
  add_series(families.add("aoe_target_uptime_seconds", "Time since the start", MetricType::Gauge))
      .gauge.value = seconds(report.uptime);
  add_series(families.add("aoe_target_luns_missing",
                          "LUNs of the configuration that can't be served", MetricType::Gauge))
      .gauge.value = static_cast<double>(report.missing.size());
  MetricFamily& active =
      families.add("aoe_target_lun_active", "0 where the LUN stands by", MetricType::Gauge);
  for (const LunReport& lun : report.luns) add_series(active, labels(lun)).gauge.value = 1;
  for (const LunDefinition& lun : report.standby) add_series(active, labels(lun)).gauge.value = 0;
  add_luns(families, report.luns);
  add_ports(families, report.ports);
  return std::move(families).serialized();
}

}  // namespace aoe::target
