#include "target/service/job_order.h"

#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using Kind = Operation::Kind;

PendingReply request(Kind kind, std::uint64_t lba = 0, std::uint8_t sectors = 1) {
  PendingReply pending;
  pending.command.kind = kind;
  pending.lba = lba;
  pending.sectors = sectors;
  return pending;
}

/// The rule, for one pair.
bool conflict(const PendingReply& a, const PendingReply& b, std::uint64_t part) {
  const auto is = [&](Kind kind) { return a.command.kind == kind || b.command.kind == kind; };
  if (is(Kind::flush)) return false;
  if (is(Kind::trim)) return true;
  if (!is(Kind::write)) return false;
  const auto end = [part](const PendingReply& it) {
    return (it.lba + it.sectors + part - 1) / part;
  };
  return a.lba / part < end(b) && b.lba / part < end(a);
}

TEST(JobOrder, ReadsDoNotWaitForReadsNorFlushesForAnything) {
  JobOrder order(1);
  JobOrder::Entry first;
  order.add(first, request(Kind::read, 5));
  EXPECT_FALSE(order.has_conflict(request(Kind::read, 5)));
  EXPECT_TRUE(order.has_conflict(request(Kind::write, 5)));
  EXPECT_TRUE(order.has_conflict(request(Kind::trim)));
  EXPECT_FALSE(order.has_conflict(request(Kind::flush)));
  order.forget(first);
  EXPECT_FALSE(order.has_conflict(request(Kind::write, 5)));
}

TEST(JobOrder, ForgetsWhatWillNotBeBegun) {
  JobOrder order(1);
  JobOrder::Entry begun;
  JobOrder::Entry waiting;
  order.add(begun, request(Kind::write, 5));
  order.add(waiting, request(Kind::write, 5));
  EXPECT_EQ(waiting.earlier(), 1U);
  order.forget(waiting);
  order.done(begun, [](const JobOrder::Entry&) { FAIL() << "nothing waits"; });
}

/// Random requests and ends, beside a list that is searched.
TEST(JobOrder, AgreesWithTheRuleForEachPair) {
  struct Job : JobOrder::Entry {
    PendingReply pending;
    std::size_t waits_for = 0;
  };
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    const std::uint64_t part = seed % 2 == 0 ? 1 : 8;
    JobOrder order(part);
    std::deque<Job> jobs;
    std::vector<Job*> under_way;  // as they came
    for (int step = 0; step < 300; ++step) {
      std::vector<Job*> begun;
      for (Job* const job : under_way) {
        if (job->earlier() == 0) begun.push_back(job);
      }
      if (begun.empty() || random() % 5 < 3) {
        const auto dice = random() % 40;
        const Kind kind = dice == 0   ? Kind::trim
                          : dice == 1 ? Kind::flush
                          : dice < 20 ? Kind::read
                                      : Kind::write;
        const auto sectors = static_cast<std::uint8_t>(dice % 3 == 0 ? 255 : 1 + random() % 9);
        Job& job = jobs.emplace_back();
        job.pending = request(kind, random() % 2000, sectors);
        for (const Job* const earlier : under_way) {
          job.waits_for += conflict(earlier->pending, job.pending, part) ? 1 : 0;
        }
        EXPECT_EQ(order.has_conflict(job.pending), job.waits_for > 0);
        order.add(job, job.pending);
        under_way.push_back(&job);
      } else {
        Job& done = *begun[random() % begun.size()];
        std::erase(under_way, &done);
        std::vector<const JobOrder::Entry*> expected;
        for (Job* const later : under_way) {
          if (later->waits_for == 0 || !conflict(done.pending, later->pending, part)) continue;
          if (--later->waits_for == 0) expected.push_back(later);
        }
        std::vector<const JobOrder::Entry*> ready;
        order.done(done, [&](const JobOrder::Entry& entry) { ready.push_back(&entry); });
        EXPECT_TRUE(std::ranges::is_permutation(ready, expected));
      }
      for (const Job* const job : under_way) ASSERT_EQ(job->earlier(), job->waits_for);
    }
    for (Job* const job : under_way) order.forget(*job);
  }
}

}  // namespace
}  // namespace aoe::target
