// Service: operations, from what a LUN wants of its store to the reply. An operation is done at once, or
// is a job that waits for the store, for jobs on the same sectors, or for a limit.

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <span>
#include <utility>

#include "base/descriptor.h"
#include "target/service/service.h"

namespace aoe::target {

/// Has an operation done: at once, as a job, or when it is within the limits.
void Service::carry_out(ServedLun& served, const PendingReply& pending, FramePort& port,
                        const Link& link) {
  if (served.waits_for_former()) {
    ++served.counters.dropped_busy;
    return tell_drop(served, pending, "a former LUN of this image is not done yet");
  }
  if (served.limiter || !client_limiters_.empty()) {
    const auto due = due_within_limits(served, pending);
    if (!due) {
      ++served.counters.dropped_limit;
      return tell_drop(served, pending, "too far beyond a limit");
    }
    if (*due > received_) return begin(served, pending, port, link, *due);
  }
  if (!perform(served, pending)) begin(served, pending, port, link);
}

/// Counts an operation and returns when it is due; returns nothing where it can't wait for that.
std::optional<Instant> Service::due_within_limits(ServedLun& served, const PendingReply& pending) {
  const Mac client = pending.header.destination;
  RateLimiter* const of_client = client_limiters_.find(client, received_);
  Instant due = served.limiter.due(received_);
  if (of_client != nullptr) due = std::max(due, of_client->due(received_));
  if (due > received_) {
    // A trim that waits would hold up everything, as its ranges may be anywhere.
    const bool is_trim = pending.command.kind == Operation::Kind::trim;
    if (is_trim || due - received_ > RateLimiter::delay_max || !served.may_delay(client)) {
      return std::nullopt;
    }
  }
  const bool has_data = pending.command.kind == Operation::Kind::read ||
                        pending.command.kind == Operation::Kind::write;
  const std::uint64_t bytes = has_data ? pending.sectors * sector_size : 0;
  served.limiter.take(received_, bytes);
  if (of_client != nullptr) of_client->take(received_, bytes);
  return due;
}

/// Counts what an operation that succeeded has moved for its client.
void Service::count_bytes(ClientCounters& client, const PendingReply& pending) {
  const std::uint64_t bytes = pending.sectors * sector_size;
  if (pending.command == DiskCommand{Operation::Kind::read}) client.bytes_read += bytes;
  if (pending.command.kind == Operation::Kind::write) client.bytes_written += bytes;
}

/// Has the store do an operation at once, and answers. Returns false where that is not possible.
bool Service::perform(ServedLun& served, const PendingReply& pending) {
  if (pending.command.is_verify || served.jobs_taken_over > 0) return false;
  if (!served.jobs.empty() && served.order.has_conflict(pending)) return false;
  const bool is_read = pending.command.kind == Operation::Kind::read;
  const std::uint64_t offset = pending.lba * sector_size;
  asked_ = {&served, &pending};
  if (is_read && may_send_from_store_) {
    const auto data = served.store->view(offset, pending.sectors * sector_size);
    if (!data || !data->empty()) asked_ = {};
    if (!data) return false;
    if (!data->empty()) {
      served.count_read(pending.sectors);
      ++served.counters.replies;
      const MutableBytes head = batch_.next_head();
      const std::size_t size = Lun::finish_head(pending, *data, head);
      batch_.add_from_store(served, pending, head.first(size), *data);
      clients_.last().bytes_read += data->size();
      if (served.request_log) [[unlikely]] {
        served.request_log->reply(trace_.now(), Bytes(head).first(size));
      }
      return true;
    }
  }
  const MutableBytes reply = is_read ? batch_.next_frame() : batch_.next_head();
  AwaitedOperation operation;
  operation.kind = pending.command.kind;
  operation.offset = offset;
  operation.into = Lun::read_place(pending, reply);
  operation.from = pending.data;
  const auto error = served.store->try_now(operation);
  asked_ = {};
  if (!error) return false;
  served.count(pending, static_cast<bool>(*error));
  if (*error) {
    failed(served, pending, *error);
  } else {
    count_bytes(clients_.last(), pending);
  }
  const ReplyReady ready = Lun::finish(pending, *error, reply);
  count(served, ready, reply);
  batch_.add(&served, reply.first(ready.size));
  return true;
}

/// Begins a job, which waits until `due` if that is set.
void Service::begin(ServedLun& served, const PendingReply& pending, FramePort& port,
                    const Link& link, Instant due) {
  const bool is_delayed = due != Instant{};
  const std::size_t in_flight = served.jobs.size() - served.jobs_delayed;
  if (!is_delayed && in_flight >= served.lun.options().in_flight_max()) {
    ++served.counters.dropped_busy;
    return tell_drop(served, pending, "too many operations are outstanding");
  }
  if (!jobs_.have_memory(served, pending, reply_size_max(link.mtu))) {
    ++served.counters.dropped_memory;
    return tell_drop(served, pending, "no memory is left for it");
  }
  // Room first, so that a job that has begun is not left behind.
  if (is_delayed && served.jobs_delayed == 0) delaying_.push_back(&served);
  to_submit_.reserve(luns_.size() + draining_.size());
  Job& job = jobs_.begin(served, port, pending, reply_size_max(link.mtu));
  job.received = received_;
  if (is_delayed) {
    delay(job, due);
  } else if (job.earlier() == 0) {
    start(job);
  }
}

void Service::tell_drop(const ServedLun& served, const PendingReply& pending,
                        std::string_view why) const {
  if (served.request_log) {
    served.request_log->unanswered(received_, pending.header.destination,
                                   fmt::format("dropped: {}", why));
  }
  if (!trace_) return;
  trace_("drop {} {}: {} tag {:08x}: {}", served.lun.address(), pending.header.destination,
         text(pending.command), pending.header.tag, why);
}

void Service::delay(Job& job, Instant due) {
  ServedLun& served = *job.lun;
  job.due = due;
  ++served.counters.delayed;
  ++served.jobs_delayed;
}

/// Starts the delayed jobs whose time has come.
Service::Due Service::start_due() {
  const Instant now = trace_.now();
  for (ServedLun* const served : delaying_) start_due_of(*served, now);
  std::erase_if(delaying_, [](const ServedLun* served) { return served->jobs_delayed == 0; });
  settle();
  return delaying_.empty() ? Due::none : Due::later;
}

void Service::start(Job& job) {
  ServedLun& served = *job.lun;
  job.is_started = true;
  if (!std::exchange(served.must_submit, true)) to_submit_.push_back(&served);
  try {
    served.store->start(job);
  } catch (const std::bad_alloc&) {
    job.done(error_of(ENOMEM));
  }
}

/// Starts the delayed jobs of a LUN that are due.
void Service::start_due_of(ServedLun& served, Instant now) {
  for (std::size_t i = 0; i < served.jobs.size();) {
    Job& job = *served.jobs[i];
    if (job.due != Instant{} && job.due <= now) {
      job.due = {};
      --served.jobs_delayed;
      if (job.earlier() == 0) start(job);  // which may end it
    }
    if (i < served.jobs.size() && served.jobs[i] == &job) ++i;
  }
}

/// Starts the jobs that have to wait for no other any more.
void Service::start_ready(ServedLun& served) {
  while (!served.ready.empty()) {
    Job& job = static_cast<Job&>(served.ready.front());
    served.ready.pop_front();
    start(job);
  }
}

void Service::settle() {
  for (std::size_t i = 0; i < jobs_.finished().size(); ++i) {
    start_ready(*jobs_.finished()[i]->lun);
  }
  for (ServedLun* const served : to_submit_) {
    served->must_submit = false;
    served->store->submit();
  }
  to_submit_.clear();

  const auto finished = jobs_.finished();
  const Instant answered = finished.empty() ? Instant{} : trace_.now();
  std::array<Outgoing, batch_size> batch;
  std::size_t size = 0;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    Job& job = *finished[i];
    ServedLun& served = *job.lun;
    served.count(job.pending, static_cast<bool>(job.error));
    if (job.error) {
      failed(served, job.pending, job.error);
    } else {
      const Mac client = job.pending.header.destination;
      count_bytes(clients_.counters(client, served.lun.address()), job.pending);
    }
    if (job.port == nullptr) {
      ++served.counters.dropped_port;
      if (trace_) trace_("drop {}: the port of a reply is gone", served.lun.address());
      continue;
    }
    const ReplyReady ready = Lun::finish(job.pending, job.error, job.frame);
    count(served, ready, job.frame);
    served.counters.latency.add(answered - job.received);
    batch[size++] = {Bytes(job.frame).first(ready.size), {}};
    const bool is_last = i + 1 == finished.size() || finished[i + 1]->port != job.port;
    if (is_last || size == batch_size)
      job.port->send(std::span(batch).first(std::exchange(size, 0)));
  }
  jobs_.recycle_finished();
  if (!draining_.empty()) give_back_drained();
}

void Service::take_over(Handover::Loan loan) {
  if (asked_.served == nullptr) return;
  const auto [served, pending] = std::exchange(asked_, {});
  FramePort& port = at_.table->port();
  if (at_.kept == nullptr) at_.kept = port.keep_received();
  Job& job = jobs_.begin(*served, port, *pending, reply_size_max(at_.link.mtu));
  job.received = received_;
  job.is_started = true;
  job.kept = at_.kept;
  ++served->jobs_taken_over;
  taken_over_.emplace(loan, &job);
  if (trace_) {
    trace_("take over {}: {} of {} sectors at {}", served->lun.address(), text(pending->command),
           pending->sectors, pending->lba);
  }
}

void Service::resume() {
  if (at_.table != nullptr) handle_batch();
  settle();
}

void Service::returned(Handover::Loan loan) {
  const auto found = taken_over_.find(loan);
  if (found == taken_over_.end()) return;
  Job& job = *found->second;
  taken_over_.erase(found);
  --job.lun->jobs_taken_over;
  job.kept.reset();
  start(job);
  settle();
}

}  // namespace aoe::target
