// Keeps a serving thread going while a page of a file is fetched for it.
//
// A copy from or to a mapped file is the fastest way to its sectors, but it waits where a page is
// not in memory, or may not be written just now (a slow disk, a frozen file system, a server that
// has gone). Such a copy is done in lend(). Where it takes longer than a few milliseconds, another
// thread takes the work over and serves on. The first thread, when its wait is over, says so and
// becomes the one that stands by. Until then the disk is stuck, and nothing more should be lent for it.
//
// Owns the threads: one for each wait under way, one that serves, and one that stands by, which looks
// every four milliseconds while there is work and sleeps otherwise. Without start(), lend() just does its
// work: for stores that no such thread serves.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/one_sided_barrier.h"

namespace aoe::target {

class Handover {
 public:
  /// The number of one lend(), never 0.
  using Loan = std::uint64_t;

  /// What the threads do.
  struct Duties {
    /// Serves until it is told to end, on the first thread and on each that takes over.
    std::function<void()> serve;
    /// Called on the thread that takes over, before it serves: it takes what the former thread was
    /// in the middle of, and may not lend. The former thread holds nothing but what its work uses,
    /// and does not leave lend() before this returns.
    std::function<void(Loan)> take_over;
    /// The wait of a loan that was taken over has ended, and its memory is no longer used. Called on
    /// the thread that waited, beside the one that serves.
    std::function<void(Loan)> returned;
  };

  Handover() = default;
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  /// Never started, or end() has returned true.
  ~Handover();

  /// Begins to serve. The threads inherit the caller's signal mask.
  void start(Duties duties);
  bool has_started() const { return has_started_; }

  /// Waits until serve() has returned, which the caller has asked it for, or `patience` is over.
  /// Returns whether it has. Until end() the threads stay, and so does what they began.
  bool wait_until_served(std::chrono::milliseconds patience);
  /// Ends the threads, after wait_until_served(). Returns false where one of them still waits for a
  /// disk after `patience`: it uses a store and this, so the program can only end by _exit().
  bool end(std::chrono::milliseconds patience);

  /// Does `work`, which may wait for `disk` (File::disk()), on the serving thread. It may only use memory that
  /// stays as it is until returned(). Where another thread has taken over meanwhile this does not
  /// return: an exception that only Handover catches unwinds the thread, whose callers hold nothing
  /// that would have to be undone.
  template <typename Work>
  void lend(std::uint64_t disk, Work&& work) {
    Slot& slot = *slot_;
    const Loan loan = begin(slot, disk);
    work();
    slot.loan.store(0, std::memory_order_release);
    barrier_.here();
    if (slot.claimed.load(std::memory_order_relaxed) == loan) [[unlikely]]
      settle(slot, loan);
  }

  // On the serving thread.

  /// Returns whether a former thread waits for this disk.
  bool is_stuck(std::uint64_t disk) const {
    return !stuck_.empty() && std::ranges::count(stuck_, disk, &Stuck::disk) != 0;
  }
  /// The wait of a loan has ended (see Duties::returned).
  void end_wait(Loan loan) {
    std::erase_if(stuck_, [loan](const Stuck& stuck) { return stuck.loan == loan; });
  }

 private:
  struct TakenOver {};
  struct Stuck {
    Loan loan;
    std::uint64_t disk;
  };

  /// What a thread that serves and the one that stands by tell each other. Each writes one of them and
  /// then reads the other, so that one of the two at least sees what the other has written.
  struct Slot {
    std::atomic<Loan> loan{0};     // that the thread is in; 0: none
    std::atomic<Loan> claimed{0};  // that the other takes over, unless it has ended
  };

  Loan begin(Slot& slot, std::uint64_t disk) {
    disk_ = disk;
    const Loan loan = last_loan_.load(std::memory_order_relaxed) + 1;
    last_loan_.store(loan, std::memory_order_relaxed);
    slot.loan.store(loan, std::memory_order_release);
    barrier_.here();
    if (is_asleep_.load(std::memory_order_relaxed)) [[unlikely]]
      wake();
    return loan;
  }
  void settle(Slot& slot, Loan loan);
  void wake();
  void add_thread(bool serves);
  void run(bool serves);
  bool take_over(std::unique_lock<std::mutex>& lock, Slot& own);
  Loan wait_for_stuck_loan(std::unique_lock<std::mutex>& lock);

  Duties duties_;
  std::vector<Stuck> stuck_;  // loans that were taken over
  bool has_started_ = false;
  OneSidedBarrier barrier_;
  Slot no_thread_;
  Slot* slot_ = &no_thread_;            // of the serving thread
  std::uint64_t disk_ = 0;              // of the present loan
  std::atomic<Loan> last_loan_{0};      // the latest
  std::atomic<bool> is_asleep_{false};  // the thread that stands by

  std::mutex guard_;  // of what follows; held while work is taken over
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
  std::size_t running_ = 0;
  std::size_t spare_ = 0;   // of them: neither serve, nor wait in a loan, nor stand by
  bool stands_by_ = false;  // one of them does
  bool is_served_ = false;  // serve() has returned
  bool is_over_ = false;
  int server_ = 0;  // the serving thread's number for the kernel
};

}  // namespace aoe::target
