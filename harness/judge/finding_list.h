// The findings of a capture: the first of each rule and level, and the number of all.
//
// A capture of hours may break a rule with every frame, and a report shows a few of a kind.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "harness/judge/finding.h"

namespace aoe::harness {

class FindingList {
 public:
  /// How often a rule was broken, by Level.
  using Counts = std::array<std::size_t, 4>;

  /// `kept`: so many of a rule and level; 0: all.
  explicit FindingList(std::size_t kept) : kept_(kept) {}

  void add(Finding finding) {
    const auto level = static_cast<std::size_t>(level_of(finding));
    const std::size_t count = ++counts_[find_rule(finding.rule)][level];
    if (count <= kept_ || kept_ == 0) keep(std::move(finding));
  }
  void add(FindingList others) {
    for (Finding& finding : others.findings_) keep(std::move(finding));
    for (const auto& [rule, counts] : others.counts_) {
      for (std::size_t i = 0; i < counts.size(); ++i) counts_[rule][i] += counts[i];
    }
  }
  /// Calls `see` for each finding that is kept from now on.
  void watch(std::function<void(const Finding&)> see) { see_ = std::move(see); }
  /// In the order of their frames.
  void sort() { std::ranges::stable_sort(findings_, {}, &Finding::frame); }

  /// The most that are kept of a rule and level; 0: all.
  std::size_t limit() const { return kept_; }
  std::size_t size() const {
    std::size_t size = 0;
    for (const auto& [rule, counts] : counts_) {
      for (const std::size_t count : counts) size += count;
    }
    return size;
  }
  const std::vector<Finding>& kept() const { return findings_; }
  /// In the order of the rules (language/rules.h).
  const std::map<const RuleRow*, Counts>& counts() const { return counts_; }

 private:
  void keep(Finding finding) {
    findings_.push_back(std::move(finding));
    if (see_) see_(findings_.back());
  }

  std::size_t kept_;
  std::function<void(const Finding&)> see_;
  std::vector<Finding> findings_;
  std::map<const RuleRow*, Counts> counts_;
};

}  // namespace aoe::harness
