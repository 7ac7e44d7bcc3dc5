// As many samples and incidents as a plot can show, of however many there were.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

/// Of each of many equal parts of a time the first sample, the last, and the extremes: at most
/// samples_max of them.
class Thinned {
 public:
  explicit Thinned(Duration span) : width_(span / parts + Duration(1)) {}

  void add(const Sample& sample);
  std::vector<Sample> finish();

 private:
  static constexpr Duration::rep parts = samples_max / 4;

  void flush();

  const Duration width_;
  Duration::rep part_ = 0;
  std::size_t held_ = 0;
  Sample first_;
  Sample least_;
  Sample most_;
  Sample last_;
  std::vector<Sample> samples_;
};

/// Every one of the incidents, or every second, or every fourth, …: at most incidents_max of them.
class Spread {
 public:
  void add(Incident incident);
  std::vector<Incident> finish() { return std::move(incidents_); }

 private:
  std::uint64_t seen_ = 0;
  std::uint64_t stride_ = 1;
  std::vector<Incident> incidents_;
};

}  // namespace aoe::harness
