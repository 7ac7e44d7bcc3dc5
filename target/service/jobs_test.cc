#include "target/service/jobs.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

LunOptions job_options() {
  LunOptions options;
  options.address = own_address;
  options.sectors = 8;
  return options;
}

class JobsTest : public ::testing::Test {
 protected:
  Job& begin(Operation::Kind kind, std::uint8_t sectors, Bytes data = {}, bool is_verify = false) {
    const PendingReply pending{{}, {}, 3, sectors, {kind, is_verify}, data};
    return jobs.begin(lun, *port, pending, 60);
  }

  void TearDown() override {
    while (!lun.jobs.empty()) lun.jobs.front()->done({});
  }

  ServedLun lun{job_options(), std::make_unique<MemoryStore>(8 * sector_size)};
  std::unique_ptr<MemoryPort> port = std::move(MemoryPort::pair({}, {}).first);
  RequestMemory memory;
  Jobs jobs{&memory};
};

TEST_F(JobsTest, WriteHasACopyOfItsDataAtThePlaceOfAReplysData) {
  auto data = pattern(1024, 1);
  const auto before = data;
  Job& job = begin(Operation::Kind::write, 2, data);
  std::ranges::fill(data, std::uint8_t{0});
  EXPECT_TRUE(std::ranges::equal(job.from, before));
  EXPECT_EQ(job.from.data(), job.frame.data() + ata_header_size);
  EXPECT_EQ(job.offset, 3 * sector_size);
  EXPECT_TRUE(job.into.empty() && job.pending.data.empty());
  EXPECT_EQ(lun.jobs, std::vector<Job*>{&job});
}

TEST_F(JobsTest, ReadHasRoomForItsDataEvenBeyondAFrame) {
  const Job& job = begin(Operation::Kind::read, 200, {}, true);
  EXPECT_EQ(job.into.size(), 200 * sector_size);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(job.into.data()) % Operation::alignment, 0U);
  EXPECT_TRUE(job.from.empty());
}

TEST_F(JobsTest, OnlyAFewFreeJobsAreKept) {
  std::vector<Job*> all;
  for (std::size_t i = 0; i < Jobs::free_max + 1; ++i)
    all.push_back(&begin(Operation::Kind::read, 2));
  const std::size_t taken = memory.used();
  EXPECT_EQ(taken, lun.jobs_size);
  EXPECT_GE(taken, (Jobs::free_max + 1) * 2 * sector_size);
  for (Job* const job : all) job->done({});
  jobs.recycle_finished();
  EXPECT_EQ(memory.used(), 0U);
  EXPECT_EQ(lun.jobs_size, 0U);
  begin(Operation::Kind::flush, 0);
  EXPECT_LT(memory.used(), taken / 2) << "counted by what it has";
}

TEST_F(JobsTest, FinishedJobsAreReusedWithTheirMemory) {
  Job& first = begin(Operation::Kind::read, 2);
  Job& second = begin(Operation::Kind::flush, 0);
  const std::uint8_t* const memory = first.frame.data();
  EXPECT_TRUE(jobs.finished().empty());
  first.done(std::make_error_code(std::errc::io_error));
  ASSERT_EQ(jobs.finished().size(), 1U);
  EXPECT_EQ(jobs.finished()[0], &first);
  EXPECT_EQ(first.error, std::errc::io_error);
  EXPECT_EQ(lun.jobs, std::vector<Job*>{&second});
  jobs.recycle_finished();
  EXPECT_TRUE(jobs.finished().empty());
  EXPECT_EQ(&begin(Operation::Kind::read, 1), &first);
  EXPECT_EQ(first.frame.data(), memory);
  second.done({});
  EXPECT_EQ(jobs.finished()[0], &second);
}

TEST_F(JobsTest, ForgottenPortLeavesItsJobsWithoutOne) {
  const auto other = std::move(MemoryPort::pair({}, {}).first);
  Job& here = begin(Operation::Kind::flush, 0);
  Job& there = jobs.begin(lun, *other, {}, 60);
  jobs.forget(*port);
  EXPECT_EQ(here.port, nullptr);
  EXPECT_EQ(there.port, other.get());
}

}  // namespace
}  // namespace aoe::target
