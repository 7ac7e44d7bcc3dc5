#include "target/store/handover.h"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/thread_state.h"

namespace aoe::target {
namespace {

/// How often the thread that stands by looks. A wait is noticed after one to two of these.
constexpr std::chrono::milliseconds look_interval{4};

/// Looks without any work after which it sleeps.
constexpr int idle_looks_max = 5;

}  // namespace

Handover::~Handover() {
  AOE_CHECK(!has_started_);
}

void Handover::start(Duties duties) {
  AOE_CHECK(!has_started_);
  has_started_ = true;
  duties_ = std::move(duties);
  const std::lock_guard lock(guard_);
  add_thread(true);
  add_thread(false);
}

bool Handover::wait_until_served(std::chrono::milliseconds patience) {
  std::unique_lock lock(guard_);
  return changed_.wait_for(lock, patience, [this] { return is_served_; });
}

bool Handover::end(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(guard_);
    is_over_ = true;
    changed_.notify_all();
    if (!changed_.wait_for(lock, patience, [this] { return running_ == 0; })) return false;
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  has_started_ = false;
  return true;
}

void Handover::add_thread(bool serves) {
  threads_.emplace_back([this, serves] { run(serves); });
  ++running_;
}

void Handover::run(bool serves) {
  Slot slot;
  std::unique_lock lock(guard_);
  while (serves || take_over(lock, slot)) {
    serves = false;
    slot_ = &slot;
    server_ = ::gettid();
    lock.unlock();
    try {
      duties_.serve();
      lock.lock();
      slot_ = &no_thread_;
      is_served_ = true;
      changed_.notify_all();
    } catch (const TakenOver&) {
      lock.lock();
    }
  }
  --running_;
  changed_.notify_all();
}

/// Stands by. Returns true once this thread has taken over, false at the end.
bool Handover::take_over(std::unique_lock<std::mutex>& lock, Slot& own) {
  ++spare_;
  changed_.wait(lock, [this] { return is_over_ || (!stands_by_ && !is_served_); });
  --spare_;
  if (is_over_) return false;
  stands_by_ = true;
  const Loan loan = wait_for_stuck_loan(lock);
  stands_by_ = false;
  if (loan == 0) return false;
  if (spare_ == 0) {
    try {
      add_thread(false);
    } catch (const std::system_error&) {
      // No thread is to be had: the one that waits will stand by when its wait is over.
    }
  } else {
    changed_.notify_all();
  }
  slot_ = &own;
  stuck_.push_back({loan, disk_});
  duties_.take_over(loan);
  return true;
}

/// Returns the loan that this thread has taken over; 0 at the end.
Handover::Loan Handover::wait_for_stuck_loan(std::unique_lock<std::mutex>& lock) {
  Loan seen = 0;
  Loan latest = 0;
  for (int idle_looks = 0; !is_over_;) {
    Slot& slot = *slot_;
    const Loan loan = slot.loan.load(std::memory_order_acquire);
    if (loan != 0 && loan == seen && is_blocked(server_)) {
      slot.claimed.store(loan, std::memory_order_relaxed);
      barrier_.everywhere();
      if (slot.loan.load(std::memory_order_acquire) == loan) return loan;
      slot.claimed.store(0, std::memory_order_relaxed);
    }
    seen = loan;
    const Loan last = last_loan_.load(std::memory_order_relaxed);
    idle_looks = loan != 0 || last != std::exchange(latest, last) ? 0 : idle_looks + 1;
    if (idle_looks < idle_looks_max) {
      changed_.wait_for(lock, look_interval, [this] { return is_over_; });
      continue;
    }
    is_asleep_.store(true, std::memory_order_relaxed);
    barrier_.everywhere();
    if (slot.loan.load(std::memory_order_relaxed) != 0) {
      is_asleep_.store(false, std::memory_order_relaxed);
    } else {
      changed_.wait(lock, [this] { return is_over_ || !is_asleep_.load(); });
    }
    idle_looks = 0;
  }
  return 0;
}

void Handover::wake() {
  const std::lock_guard lock(guard_);
  is_asleep_.store(false);
  changed_.notify_all();
}

/// The loan was claimed when it ended. Unwinds the thread if it was taken over.
void Handover::settle(Slot& slot, Loan loan) {
  {
    const std::lock_guard until_it_is_decided(guard_);
    if (slot.claimed.load(std::memory_order_relaxed) != loan) return;
  }
  duties_.returned(loan);
  throw TakenOver{};
}

}  // namespace aoe::target
