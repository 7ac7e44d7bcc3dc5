#include "target/service/job_order.h"

namespace aoe::target {

void JobOrder::set(Entry& entry, const PendingReply& pending) {
  entry.what_ = pending.command.kind;
  entry.first_ = pending.lba;
  entry.end_ = pending.lba + pending.sectors;
  entry.earlier_ = 0;
}

bool JobOrder::has_conflict(const PendingReply& pending) {
  Entry entry;
  set(entry, pending);
  bool found = false;
  each_conflict(entry, [&](const Entry&) {
    found = true;
    return false;
  });
  return found;
}

void JobOrder::add(Entry& entry, const PendingReply& pending) {
  set(entry, pending);
  if (entry.what_ == Operation::Kind::flush) return;
  each_conflict(entry, [&](const Entry&) {
    ++entry.earlier_;
    return true;
  });
  entries_.insert(entry);
}

}  // namespace aoe::target
