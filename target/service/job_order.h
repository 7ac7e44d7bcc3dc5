// Which of a LUN's jobs have to be done before which.
//
// Two jobs that touch the same sectors (or parts that the store copies as a whole), one of which
// changes them, are done one after the other, as they came: a client that has the answer to one may
// send the other, while a repetition of the first is still on its way to the disk. A trim's ranges may
// be anywhere; a flush waits for nothing, and nothing for it.
//
// Owned by the LUN's entry, used by its worker's thread. Takes no memory; the time that it takes does
// not grow with the jobs elsewhere on the disk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <boost/intrusive/set.hpp>

#include "target/lun/lun.h"
#include "target/store/operation.h"

namespace aoe::target {

class JobOrder {
 public:
  /// What the order knows of a job.
  class Entry {
   public:
    /// Jobs that have to be done before it.
    std::size_t earlier() const { return earlier_; }

   private:
    friend class JobOrder;
    boost::intrusive::set_member_hook<> link_;
    Operation::Kind what_ = Operation::Kind::flush;
    std::uint64_t first_ = 0;  // sectors of the request: [first_, end_)
    std::uint64_t end_ = 0;
    std::size_t earlier_ = 0;
  };

  /// `part`: what the store copies as a whole, sectors, a power of two.
  explicit JobOrder(std::uint64_t part) : part_(part) {}

  /// Returns whether a job has to be done before this request.
  bool has_conflict(const PendingReply& pending);
  /// Adds the job of a request as the latest.
  void add(Entry& entry, const PendingReply& pending);
  /// Takes a job out that is done. Calls `ready` with each that has none to wait for any more.
  template <class Ready>
  void done(Entry& entry, Ready ready) {
    if (!entry.link_.is_linked()) return;
    forget(entry);
    each_conflict(entry, [&](Entry& later) {
      if (later.earlier_ > 0 && --later.earlier_ == 0) ready(later);
      return true;
    });
  }
  /// Takes a job out that will not be begun, and neither will those that wait for it.
  void forget(Entry& entry) {
    if (entry.link_.is_linked()) entries_.erase(entries_.iterator_to(entry));
  }

 private:
  /// Trims first, then by the place on the disk.
  struct Before {
    static auto key(const Entry& entry) {
      return std::pair(entry.what_ != Operation::Kind::trim, entry.first_);
    }
    bool operator()(const Entry& a, const Entry& b) const { return key(a) < key(b); }
  };
  using Entries = boost::intrusive::multiset<
      Entry,
      boost::intrusive::member_hook<Entry, boost::intrusive::set_member_hook<>, &Entry::link_>,
      boost::intrusive::compare<Before>>;

  static void set(Entry& entry, const PendingReply& pending);
  /// Visits what conflicts with an entry, until `visit` returns false.
  template <class Visit>
  void each_conflict(const Entry& with, Visit visit);

  static constexpr std::uint64_t sectors_max = 255;  // of a request

  const std::uint64_t part_;
  Entries entries_;  // no flush is among them
};

template <class Visit>
void JobOrder::each_conflict(const Entry& with, Visit visit) {
  using Kind = Operation::Kind;
  if (with.what_ == Kind::flush) return;
  const bool is_trim = with.what_ == Kind::trim;
  auto at = entries_.begin();
  for (; at != entries_.end() && (is_trim || at->what_ == Kind::trim); ++at) {
    if (!visit(*at)) return;
  }
  const std::uint64_t first = with.first_ & ~(part_ - 1);
  const std::uint64_t end = (with.end_ + part_ - 1) & ~(part_ - 1);
  Entry least;
  least.first_ = first - std::min<std::uint64_t>(first, sectors_max);
  for (at = is_trim ? entries_.end() : entries_.lower_bound(least);
       at != entries_.end() && at->first_ < end; ++at) {
    const bool changes = with.what_ == Kind::write || at->what_ == Kind::write;
    if (first < at->end_ && changes && !visit(*at)) return;
  }
}

}  // namespace aoe::target
