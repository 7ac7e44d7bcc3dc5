#include "harness/report/join.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "harness/judge/coverage.h"

namespace aoe::harness {
namespace {

/// Returns what keeps the two from being parts of one run; empty: nothing.
std::string difference(const RunPart& first, const RunPart& other) {
  const auto differ = [&](std::string_view what, const std::string& one, const std::string& two,
                          std::string_view hint = "") {
    return fmt::format("{}: its {} is {}, that of {} is {}{}", other.path, what,
                       two.empty() ? "unknown" : two, first.path, one.empty() ? "unknown" : one,
                       hint);
  };
  const RunRecord& a = first.run;
  const RunRecord& b = other.run;
  if (a.suite != b.suite) return differ("suite", a.suite, b.suite);
  if (a.sut != b.sut) return differ("implementation", a.sut, b.sut);
  if (a.sut_version != b.sut_version) return differ("version", a.sut_version, b.sut_version);
  if (a.world != b.world) return differ("world", a.world, b.world);
  if (a.version != b.version) return differ("aoe-harness", a.version, b.version);
  if (a.seed != b.seed)
    return differ("seed", std::to_string(a.seed), std::to_string(b.seed),
                  " (give each part the same --seed)");
  return {};
}

struct Known {
  const RunPart* part;
  std::size_t place;  // in the joined run
};

/// Adds to a case that sums up cases of one part the same of another part.
void add(CaseRecord& whole, CaseRecord other) {
  if (other.outcome == Outcome::failed) whole.outcome = Outcome::failed;
  std::ranges::move(other.failures, std::back_inserter(whole.failures));
  std::ranges::move(other.notes, std::back_inserter(whole.notes));
}

}  // namespace

tl::expected<RunRecord, std::string> join(std::vector<RunPart> parts) {
  RunRecord whole = parts.front().run;
  whole.cases.clear();
  whole.not_run.clear();
  std::size_t longest = 0;
  for (const RunPart& part : parts) {
    if (std::string why = difference(parts.front(), part); !why.empty())
      return tl::unexpected(std::move(why));
    whole.started = std::min(whole.started, part.run.started);
    whole.real = std::max(whole.real, part.run.real);
    whole.slack = std::max(whole.slack, part.run.slack);
    whole.interrupted |= part.run.interrupted;
    whole.not_run.insert(whole.not_run.end(), part.run.not_run.begin(), part.run.not_run.end());
    longest = std::max(longest, part.run.cases.size());
  }
  // A part has every Nth case (shard.h): one of each in turn is their old order.
  std::map<std::string, Known, std::less<>> known;  // by case
  for (std::size_t i = 0; i < longest; ++i) {
    for (RunPart& part : parts) {
      if (i >= part.run.cases.size()) continue;
      CaseRecord& record = part.run.cases[i];
      const auto [same, is_new] = known.try_emplace(record.id, Known{&part, whole.cases.size()});
      if (is_new || same->second.part == &part) {
        whole.cases.push_back(std::move(record));
        continue;
      }
      CaseRecord& first = whole.cases[same->second.place];
      if (!is_made_of_others(record.id) || first.reproduce == record.reproduce) {
        return tl::unexpected(fmt::format("{}: case '{}' is in {}, too", part.path, record.id,
                                          same->second.part->path));
      }
      add(first, std::move(record));
    }
  }
  return whole;
}

}  // namespace aoe::harness
