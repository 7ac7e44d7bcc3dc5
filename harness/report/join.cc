#include "harness/report/join.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/coverage.h"

namespace aoe::harness {
namespace {

/// So many of the parts that lack are named; shards may be 10,000.
constexpr std::size_t lacking_named_max = 8;

std::string named(const RunRecord& run) {
  return run.parts == 1 ? "a whole run" : fmt::format("part {}/{}", run.part, run.parts);
}

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
  if (a.peer != b.peer) return differ("peer", a.peer, b.peer);
  if (a.peer_version != b.peer_version)
    return differ("peer's version", a.peer_version, b.peer_version);
  if (a.world != b.world) return differ("world", a.world, b.world);
  if (a.version != b.version) return differ("aoe-harness", a.version, b.version);
  if (a.seed != b.seed)
    return differ("seed", std::to_string(a.seed), std::to_string(b.seed),
                  " (give each part the same --seed)");
  if (a.parts != b.parts)
    return fmt::format("{}: it is {}, {} is {}", other.path, named(b), first.path, named(a));
  return {};
}

/// Returns what keeps parts of one run from being all of it: one that is there twice, or not at
/// all; empty: nothing. Runs that were played whole may have any cases.
std::string gap(const std::vector<RunPart>& parts) {
  const RunRecord& run = parts.front().run;
  if (run.parts == 1 || parts.size() == 1) return {};
  std::map<std::uint64_t, const RunPart*> there;
  for (const RunPart& part : parts) {
    const auto [same, is_new] = there.try_emplace(part.run.part, &part);
    if (!is_new)
      return fmt::format("{}: it is {}, and so is {}", part.path, named(part.run),
                         same->second->path);
  }
  std::vector<std::string> lacking;
  for (std::uint64_t i = 1; i <= run.parts && lacking.size() <= lacking_named_max; ++i) {
    if (!there.contains(i)) lacking.push_back(fmt::format("{}/{}", i, run.parts));
  }
  if (lacking.empty()) return {};
  const std::string next = lacking.front();
  if (lacking.size() > lacking_named_max) lacking.back() = "more";
  return fmt::format(
      "of the run's {} parts {} given; lacking: {} (play it with --shard {} --seed {})", run.parts,
      there.size() == 1 ? "1 is" : fmt::format("{} are", there.size()), fmt::join(lacking, ", "),
      next, run.seed);
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
  if (parts.size() > 1) whole.part = whole.parts = 1;
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
  if (std::string why = gap(parts); !why.empty()) return tl::unexpected(std::move(why));
  // Each part has every Nth case from its own on.
  std::ranges::stable_sort(parts, {}, [](const RunPart& part) { return part.run.part; });
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
