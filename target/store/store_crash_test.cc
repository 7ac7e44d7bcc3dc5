// What a store promises to a process that is killed at any instant: what was flushed is there when
// it is opened again, and in an overlay all that was acknowledged.
//
// A child writes the same random sequence of records as the parent can, and counts in shared memory
// what was acknowledged and what was flushed. The parent kills it when the count has come to a
// random number, wherever the child then is.

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <new>
#include <random>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/store/open_store.h"
#include "target/testing/test_operation.h"

namespace aoe::target {
namespace {

constexpr std::size_t sector = 512;
constexpr std::size_t sectors = 256;

struct Progress {
  std::atomic<std::uint64_t> acknowledged = 0;  // records written
  std::atomic<std::uint64_t> flushed = 0;       // of these
};

/// One write: every sector holds the record's number, again and again.
struct Record {
  std::size_t first;
  std::size_t count;

  Record(std::uint32_t seed, std::uint64_t number) {
    std::seed_seq seeds{seed, static_cast<std::uint32_t>(number)};
    std::minstd_rand random(seeds);
    first = random() % sectors;
    count = 1 + random() % std::min<std::size_t>(12, sectors - first);
  }
};

struct Way {
  const char* name;
  IoMode io;
  bool overlay;
};

class StoreCrashTest : public ::testing::TestWithParam<Way> {
 protected:
  StoreCrashTest() {
    folder.make_image(sectors * sector);
    definition.path = folder.path();
    definition.io = GetParam().io;
    if (GetParam().overlay) definition.overlay = folder.path("client3.cow");
    definition.create = true;
    void* const memory = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    progress = new (memory) Progress;
  }
  ~StoreCrashTest() override { ::munmap(progress, sizeof(Progress)); }

  /// In the child, until it is killed: writes records, and flushes now and then.
  [[noreturn]] void write_records(std::uint32_t seed) const {
    const auto queue = make_disk_queue();
    Handover handover;
    const auto opened = open_store(definition, *queue, handover);
    if (!opened) ::_exit(1);
    for (std::uint64_t number = 1;; ++number) {
      const Record record(seed, number);
      const std::vector<std::uint64_t> data(record.count * sector / sizeof number, number);
      const Bytes bytes(reinterpret_cast<const std::uint8_t*>(data.data()), record.count * sector);
      if (write_to(*opened->store, record.first * sector, bytes)) ::_exit(2);
      progress->acknowledged = number;
      if (number % 16 != 0) continue;
      if (flush(*opened->store)) ::_exit(3);
      progress->flushed = number;
    }
  }

  /// The number of the record that a sector holds; nothing where it holds parts of several.
  static std::optional<std::uint64_t> number_in(Bytes bytes) {
    std::array<std::uint64_t, sector / 8> numbers;
    std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(numbers.data()));
    if (std::ranges::count(numbers, numbers[0]) != std::ssize(numbers)) return std::nullopt;
    return numbers[0];
  }

  TestFolder folder{TestFolder::Where::memory};
  StoreDefinition definition;
  Progress* progress;
};

TEST_P(StoreCrashTest, KilledAtAnyInstantLosesNothingThatWasPromised) {
  std::mt19937 random(7);
  std::uint64_t floor_of_sector[sectors] = {};
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    progress->acknowledged = 0;
    progress->flushed = 0;
    const std::uint64_t enough = random() % 200;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_records(seed);
    int status = 0;
    while (progress->acknowledged < enough && ::waitpid(child, &status, WNOHANG) == 0) {
      ::sched_yield();
    }
    ASSERT_EQ(status, 0) << "the child could not go on";
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    const std::uint64_t acknowledged = progress->acknowledged;
    const std::uint64_t promised = GetParam().overlay ? acknowledged : progress->flushed.load();
    // Numbers begin again with each seed, so only what this child wrote is compared.
    std::ranges::fill(floor_of_sector, 0);
    for (std::uint64_t number = 1; number <= promised; ++number) {
      const Record record(seed, number);
      std::fill_n(floor_of_sector + record.first, record.count, number);
    }
    const auto queue = make_disk_queue();
    Handover handover;
    const auto opened = open_store(definition, *queue, handover);
    ASSERT_TRUE(opened) << opened.error();
    const auto contents = read_from(*opened->store, 0, sectors * sector);
    ASSERT_TRUE(contents);
    for (std::size_t i = 0; i < sectors; ++i) {
      if (floor_of_sector[i] == 0) continue;
      const auto number = number_in(Bytes(*contents).subspan(i * sector, sector));
      // A write under way when the kill came may be there in part, sector by sector and within.
      const Record last(seed, acknowledged + 1);
      const bool is_under_way = i >= last.first && i < last.first + last.count;
      if (is_under_way && !GetParam().overlay) continue;
      if (is_under_way && !number) continue;
      ASSERT_TRUE(number) << "sector " << i << " with seed " << seed;
      EXPECT_GE(*number, floor_of_sector[i]) << "sector " << i << " with seed " << seed;
      EXPECT_LE(*number, acknowledged + 1) << "sector " << i << " with seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, StoreCrashTest,
                         ::testing::Values(Way{"mapped", IoMode::mapped, false},
                                           Way{"buffered", IoMode::buffered, false},
                                           Way{"overlay", IoMode::automatic, true}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace aoe::target
