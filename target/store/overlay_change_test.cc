#include "target/store/overlay_change.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/store/overlay_store.h"
#include "target/testing/test_disk_queue.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_overlay.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Data = std::vector<std::uint8_t>;

constexpr std::size_t block_bytes = overlay_block_size;
/// The disk: 40 blocks, the last of them of one sector, from sector 3 of its base on.
constexpr ByteRange served{512 * 3, 39 * block_bytes + 512};
constexpr std::size_t base_bytes = served.offset + served.length + 1024;

/// golden.img; client3.cow over it, with a block that was trimmed, one that equals the base's, and the
/// last one; and new.img, which differs in some blocks that the delta has and in some that it hasn't.
class OverlayChangeTest : public ::testing::Test {
 protected:
  OverlayChangeTest() {
    folder.make_image(golden, "golden.img");
    with_store("golden.img", [&](Store& store) {
      for (const std::uint64_t at : {std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{7}}) {
        EXPECT_FALSE(
            write_to(store, at * block_bytes, pattern(block_bytes, static_cast<std::uint8_t>(at))));
      }
      EXPECT_FALSE(write_to(store, 11 * block_bytes + 512, pattern(512, 11)));
      EXPECT_FALSE(write_to(store, 39 * block_bytes, pattern(512, 39)));
      EXPECT_FALSE(trim(store, {{20 * 8, 16}}));
      const auto same = Bytes(golden).subspan(served.offset + 30 * block_bytes, block_bytes);
      EXPECT_FALSE(write_to(store, 30 * block_bytes, same));
      expected = read_from(store, 0, served.length).value_or(Data{});
    });
    Data other = golden;
    for (const std::size_t at :
         {std::size_t{3}, std::size_t{5}, std::size_t{25}, std::size_t{38}}) {
      other[served.offset + at * block_bytes + 17] ^= 1;
    }
    other.back() ^= 1;
    folder.make_image(other, "new.img");
  }

  File open_file(const std::string& name, FileUse use) const {
    auto file = File::open(folder.path(name), {.use = use, .create = use == FileUse::sole});
    EXPECT_TRUE(file) << file.error();
    return *std::move(file);
  }
  OverlayFile open_delta(FileUse use = FileUse::sole) const {
    auto delta = OverlayFile::open(open_file("client3.cow", use), boot);
    EXPECT_TRUE(delta) << delta.error();
    return *std::move(delta);
  }
  /// Serves the delta over a base. Returns why it can't be served; "" if it was.
  std::string with_store(const std::string& base, const std::function<void(Store&)>& work) {
    TestDiskQueue queue;
    Handover handover;
    const auto store =
        open_overlay_over(open_file(base, FileUse::read), served,
                          open_file("client3.cow", FileUse::sole), queue, handover, boot);
    if (!store) return folder.shorten(store.error());
    work(**store);
    return {};
  }
  /// Returns what a client reads, or why it can't be served.
  std::string seen_over(const std::string& base) {
    std::string seen;
    const std::string refusal = with_store(base, [&](Store& store) {
      seen = read_from(store, 0, served.length) == expected ? "as before" : "something else";
    });
    return refusal.empty() ? seen : refusal;
  }
  std::string outcome(const tl::expected<std::uint64_t, std::string>& result) const {
    return result ? fmt::format("{}", *result) : folder.shorten(result.error());
  }
  std::string adopt(const std::string& base) {
    OverlayFile delta = open_delta();
    const auto done = adopt_base(delta, open_file(base, FileUse::read));
    return done ? "adopted" : folder.shorten(done.error());
  }
  std::string do_rebase(const std::string& from, const std::string& to) {
    OverlayFile delta = open_delta();
    return outcome(
        rebase(delta, open_file(from, FileUse::read), open_file(to, FileUse::read), [](auto) {}));
  }
  std::string do_commit(const std::string& base = "golden.img") {
    OverlayFile delta = open_delta();
    return outcome(commit(delta, open_file(base, FileUse::write), progress()));
  }
  std::string do_compact() {
    OverlayFile delta = open_delta();
    return outcome(compact(delta, open_file("golden.img", FileUse::read), [](auto) {}));
  }
  OverlayProgress progress() {
    return [this](std::uint64_t bytes) { reported = bytes; };
  }
  std::uint64_t own_blocks() const {
    const OverlayFile delta = open_delta(FileUse::read);
    std::uint64_t own = 0;
    for (std::uint64_t i = 0; i < delta.blocks(); ++i) own += delta.has(i) ? 1 : 0;
    return own;
  }
  /// Returns whether a base holds what a client read.
  bool holds_what_was_seen(const std::string& base) const {
    const Data data = folder.contents(base);
    return std::ranges::equal(Bytes(data).subspan(served.offset, served.length), expected);
  }
  void poke(const std::string& name, std::size_t at) const {
    Data data = folder.contents(name);
    data[at] ^= 1;
    folder.make_image(data, name);
    const auto path = folder.path(name);
    std::filesystem::last_write_time(
        path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  }

  TestFolder folder{TestFolder::Where::memory};
  const Data golden = pattern(base_bytes, 7);
  std::string boot = "first boot";
  Data expected;  // what a client reads
  std::uint64_t reported = 0;
};

// The file system may have failed to write what it still has in memory.
TEST_F(OverlayChangeTest, RepeatedCommitWritesAgainWhatTheBaseSeemsToHold) {
  ASSERT_EQ(do_commit(), "8");
  {
    OverlayFile delta = open_delta();
    const File base = open_file("golden.img", FileUse::read);
    delta.set(3, true);  // with what the base holds
    ASSERT_TRUE(delta.begin());
    Data same(block_bytes);
    ASSERT_FALSE(base.read(served.offset + 3 * block_bytes, same));
    ASSERT_FALSE(delta.file.write(delta.layout.data_at + 3 * block_bytes, same));
    ASSERT_TRUE(delta.save_bits());
    ASSERT_TRUE(delta.save_header(delta.header.committing(*delta.content_over(base))));
  }
  {
    OverlayFile delta = open_delta();
    const auto done = commit(delta, open_file("golden.img", FileUse::read), progress());
    EXPECT_FALSE(done) << "this base can't be written to";
  }
  EXPECT_EQ(adopt("golden.img"),
            "client3.cow: its commit into its base was interrupted; do "
            "aoe-target overlay commit again");
  EXPECT_EQ(do_commit(), "1");
}

TEST_F(OverlayChangeTest, AdoptedBaseShowsThroughWhereTheDeltaHasNoBlock) {
  EXPECT_EQ(seen_over("new.img"), "client3.cow: made over another new.img (it has changed since)");
  EXPECT_EQ(adopt("new.img"), "adopted");
  for (const std::size_t at : {std::size_t{5}, std::size_t{25}, std::size_t{38}}) {
    expected[at * block_bytes + 17] ^= 1;
  }
  EXPECT_EQ(seen_over("new.img"), "as before");
  EXPECT_NE(seen_over("golden.img"), "as before");
}

TEST_F(OverlayChangeTest, ABaseOfAnotherSizeIsRefused) {
  folder.make_image(base_bytes + 512, "large.img");
  const std::string why =
      fmt::format("client3.cow: over {} bytes, and large.img has {}", base_bytes, base_bytes + 512);
  EXPECT_EQ(adopt("large.img"), why);
  EXPECT_EQ(do_rebase("golden.img", "large.img"), why);
  EXPECT_EQ(do_commit("large.img"),
            "client3.cow: made over another large.img (it has changed since)");
  EXPECT_EQ(seen_over("golden.img"), "as before");
}

TEST_F(OverlayChangeTest, RebaseKeepsWhatDiffers) {
  EXPECT_EQ(do_rebase("golden.img", "new.img"), "3") << "blocks 5, 25 and 38; the delta has 3";
  EXPECT_EQ(seen_over("new.img"), "as before");
  EXPECT_EQ(folder.contents("golden.img"), golden);
  boot = "another boot";
  EXPECT_EQ(seen_over("new.img"), "as before");
}

TEST_F(OverlayChangeTest, RebaseNeedsTheOldBase) {
  EXPECT_EQ(do_rebase("new.img", "golden.img"),
            "client3.cow: made over another new.img (it has changed since)");
  EXPECT_EQ(seen_over("golden.img"), "as before");
}

TEST_F(OverlayChangeTest, CommitMovesAllBlocksIntoTheBase) {
  EXPECT_EQ(do_commit(), "8");
  EXPECT_TRUE(holds_what_was_seen("golden.img"));
  const Data data = folder.contents("golden.img");
  EXPECT_TRUE(
      std::ranges::equal(Bytes(data).first(served.offset), Bytes(golden).first(served.offset)));
  EXPECT_TRUE(std::ranges::equal(Bytes(data).last(1024), Bytes(golden).last(1024)));
  EXPECT_EQ(own_blocks(), 0U);
  EXPECT_EQ(seen_over("golden.img"), "as before");
  EXPECT_EQ(do_commit(), "0") << "nothing is left to do";
  EXPECT_EQ(open_delta(FileUse::read).match(open_file("golden.img", FileUse::read)),
            BaseMatch::same_time);
}

TEST_F(OverlayChangeTest, CommitNeedsTheBase) {
  EXPECT_EQ(do_commit("new.img"), "client3.cow: made over another new.img (it has changed since)");
  EXPECT_EQ(seen_over("golden.img"), "as before");
}

TEST_F(OverlayChangeTest, CompactTakesOutWhatEqualsTheBase) {
  EXPECT_EQ(do_compact(), "1");
  EXPECT_EQ(own_blocks(), 7U);
  EXPECT_EQ(seen_over("golden.img"), "as before");
  EXPECT_EQ(do_compact(), "0");
}

TEST_F(OverlayChangeTest, CompactGivesBackTheRoomOfBlocksThatAreNotInTheDelta) {
  struct stat before;
  struct stat after;
  ASSERT_EQ(::stat(folder.path("client3.cow").c_str(), &before), 0);
  EXPECT_EQ(do_compact(), "1");
  ASSERT_EQ(::stat(folder.path("client3.cow").c_str(), &after), 0);
  EXPECT_EQ(after.st_blocks, before.st_blocks - 8);
  EXPECT_EQ(after.st_size, before.st_size);
}

TEST_F(OverlayChangeTest, WhatWasNotFlushedBeforeTheMachineWentDownIsNotInTheDelta) {
  EXPECT_EQ(with_store("golden.img", [](Store& store) { EXPECT_FALSE(flush(store)); }), "");
  EXPECT_EQ(
      with_store("golden.img",
                 [](Store& store) { EXPECT_FALSE(write_to(store, 0, pattern(block_bytes, 99))); }),
      "");
  EXPECT_EQ(open_delta(FileUse::read).lost_blocks, 0U);
  EXPECT_EQ(own_blocks(), 9U);
  boot = "another boot";
  EXPECT_EQ(open_delta(FileUse::read).lost_blocks, 1U);
  EXPECT_EQ(do_commit(), "8");
  EXPECT_TRUE(holds_what_was_seen("golden.img"));
}

TEST_F(OverlayChangeTest, AFullDiskUnderTheBaseLeavesACommitThatGoesOnLater) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // a file that may not grow fails as one without room does
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{served.offset + 20 * block_bytes, RLIM_INFINITY};
    // The delta was made before; its bits and header lie below the limit.
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(do_commit() == "golden.img: File too large" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(
      seen_over("golden.img"),
      "client3.cow: its commit into its base was interrupted; do aoe-target overlay commit again");
  EXPECT_EQ(
      do_compact(),
      "client3.cow: its commit into its base was interrupted; do aoe-target overlay commit again");
  EXPECT_EQ(do_commit("new.img"), "client3.cow: its commit began with another new.img");
  EXPECT_EQ(do_commit(), "8");
  EXPECT_TRUE(holds_what_was_seen("golden.img"));
  EXPECT_EQ(seen_over("golden.img"), "as before");
}

/// The end of a process or of a machine at every call that changes a file or makes it stable.
class OverlayCrashTest : public OverlayChangeTest {
 protected:
  using Files = std::map<std::string, Data>;

  Files contents() const {
    Files all;
    for (const char* const name : {"client3.cow", "golden.img"}) all[name] = folder.contents(name);
    return all;
  }
  /// Makes the files hold this, those that hold something else.
  void restore(const Files& files) const {
    for (const auto& [name, data] : files) {
      if (folder.contents(name) != data) folder.make_image(data, name);
    }
  }

  static bool changes_files(std::uint64_t call) {
    return call == SYS_pwrite64 || call == SYS_fallocate || call == SYS_ftruncate ||
           call == SYS_fsync;
  }
  /// Runs `work` in a process that is killed before its call number `last` of these, or runs to its
  /// end. Returns whether it was killed, and notes in `stable` what was made stable.
  bool is_killed_at(int last, const std::function<void()>& work, Files& stable) const {
    const pid_t child = ::fork();
    EXPECT_GE(child, 0);
    if (child == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      std::raise(SIGSTOP);
      work();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSTOPPED(status)) << "ptrace(2) is needed";
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    std::string synced;
    for (int calls = 0;;) {
      ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
      ::waitpid(child, &status, 0);
      if (!WIFSTOPPED(status)) {
        EXPECT_EQ(status, 0);
        return false;
      }
      __ptrace_syscall_info call{};
      ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof call, &call);
      if (call.op == PTRACE_SYSCALL_INFO_EXIT && !synced.empty()) {
        stable[synced] = folder.contents(synced);
        synced.clear();
      }
      if (call.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_files(call.entry.nr)) continue;
      if (++calls == last) break;
      if (call.entry.nr != SYS_fsync) continue;
      synced =
          std::filesystem::read_symlink(fmt::format("/proc/{}/fd/{}", child, call.entry.args[0]))
              .filename();
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return true;
  }

  /// Of each sector, what was made stable, or what was written since.
  Data sectors_of_either(const Data& one, const Data& other) {
    if (one.size() != other.size()) return random() % 2 == 0 ? one : other;
    Data mixed = one;
    for (std::size_t at = 0; at < mixed.size(); at += 512) {
      if (random() % 2 == 0) continue;
      const std::size_t end = std::min(at + 512, mixed.size());
      std::copy(other.begin() + static_cast<std::ptrdiff_t>(at),
                other.begin() + static_cast<std::ptrdiff_t>(end),
                mixed.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return mixed;
  }

  /// Does `work` and stops it at every call. `check` sees what is left, after the end of the process
  /// and after that of the machine.
  void stop_everywhere(const std::function<void()>& work, const std::function<void()>& check) {
    const Files before = contents();
    int calls = 0;
    for (bool is_killed = true; is_killed; ++calls) {
      Files stable = before;
      is_killed = is_killed_at(calls + 1, work, stable);
      const Files written = contents();
      SCOPED_TRACE(fmt::format("call {}", calls + 1));
      check();
      for (int crash = 0; crash < 3; ++crash) {
        Files left;
        for (const auto& [name, data] : stable)
          left[name] = sectors_of_either(data, written.at(name));
        restore(left);
        boot += "'";
        SCOPED_TRACE(fmt::format("crash {}", crash));
        check();
        boot = "first boot";
      }
      restore(before);
      if (HasFailure()) return;
    }
    EXPECT_GT(calls, 2) << "too few calls were seen to believe this";
  }

  std::minstd_rand random{1};
};

TEST_F(OverlayCrashTest, RebaseThatIsKilledIsRightOverOneOfTheBases) {
  // What was never flushed is not promised to a machine that crashes.
  with_store("golden.img", [](Store& store) { EXPECT_FALSE(flush(store)); });
  stop_everywhere([&] { do_rebase("golden.img", "new.img"); },
                  [&] {
                    const std::string over_old = seen_over("golden.img");
                    if (over_old == "as before") return;
                    EXPECT_EQ(over_old,
                              "client3.cow: made over another golden.img (it has changed since)");
                    EXPECT_EQ(seen_over("new.img"), "as before");
                  });
}

TEST_F(OverlayCrashTest, CommitThatIsKilledEndsRightTheNextTime) {
  with_store("golden.img", [](Store& store) { EXPECT_FALSE(flush(store)); });
  stop_everywhere(
      [&] { do_commit(); },
      [&] {
        const std::string seen = seen_over("golden.img");
        if (seen != "as before") {
          EXPECT_EQ(seen,
                    "client3.cow: its commit into its base was interrupted; do aoe-target overlay "
                    "commit again");
        }
        EXPECT_EQ(do_commit().find(':'), std::string::npos);
        EXPECT_TRUE(holds_what_was_seen("golden.img"));
        EXPECT_EQ(own_blocks(), 0U);
        EXPECT_EQ(seen_over("golden.img"), "as before");
      });
}

TEST_F(OverlayCrashTest, CompactThatIsKilledChangesNothingThatIsSeen) {
  with_store("golden.img", [](Store& store) { EXPECT_FALSE(flush(store)); });
  stop_everywhere([&] { do_compact(); }, [&] { EXPECT_EQ(seen_over("golden.img"), "as before"); });
}

TEST_F(OverlayCrashTest, AdoptThatIsKilledIsDoneOrNot) {
  with_store("golden.img", [](Store& store) { EXPECT_FALSE(flush(store)); });
  Data copy = golden;
  copy[served.offset + 3 * block_bytes] ^= 1;  // in a block that the delta has
  folder.make_image(copy, "copy.img");
  stop_everywhere([&] { adopt("copy.img"); },
                  [&] {
                    if (seen_over("golden.img") != "as before") {
                      EXPECT_EQ(seen_over("copy.img"), "as before");
                    }
                  });
}

}  // namespace
}  // namespace aoe::target
