#include "target/service.h"

#include <algorithm>
#include <optional>

#include "proto/check.h"

namespace aoe::target {
namespace {

constexpr std::uint32_t key(Address address) {
  return static_cast<std::uint32_t>(address.shelf << 8 | address.slot);
}

StoreOperation::Kind operation_kind(DiskAction action) {
  switch (action) {
    case DiskAction::read: return StoreOperation::Kind::read;
    case DiskAction::write: return StoreOperation::Kind::write;
    case DiskAction::flush: return StoreOperation::Kind::flush;
  }
  AOE_CHECK(false && "an action without an operation");
}

/// An operation that is done before start() returns: it lives on the stack.
class ImmediateOperation final : public StoreOperation {
 public:
  void done(std::error_code error) override { result_ = error; }
  bool failed() const {
    AOE_CHECK(result_.has_value());
    return static_cast<bool>(*result_);
  }

 private:
  std::optional<std::error_code> result_;
};

}  // namespace

struct Service::Served {
  Served(const LunOptions& options, std::unique_ptr<Store> its_store)
      : lun(options),
        store(std::move(its_store)),
        jobs_max(4 * std::max<std::size_t>(options.buffer_count, 1)) {
    AOE_CHECK(options.sectors <= store->size() / sector_size);
  }

  Lun lun;
  std::unique_ptr<Store> store;
  std::size_t jobs_max;
  std::size_t jobs = 0;
};

/// An operation that may be done later. Its frame holds the data at the place where a reply has it.
class Service::Job final : public StoreOperation {
 public:
  explicit Job(Service& service) : service_(service) {}
  void done(std::error_code error) override { service_.finished(*this, error); }

  Served* served = nullptr;
  FramePort* port = nullptr;  // null when it was forgotten
  DiskAction action{};
  PendingReply pending;
  std::vector<std::uint8_t> frame;

 private:
  Service& service_;
};

Service::Service() = default;
Service::~Service() = default;

void Service::add(const LunOptions& options, std::unique_ptr<Store> store) {
  luns_.push_back(std::make_unique<Served>(options, std::move(store)));
  const bool is_new = by_address_.emplace(key(options.address), luns_.back().get()).second;
  AOE_CHECK(is_new);
}

bool Service::serve(FramePort& port, std::size_t frames_max) {
  std::array<Bytes, batch_size> frames;
  while (frames_max > 0) {
    const std::size_t count =
        port.receive(std::span(frames).first(std::min(frames_max, batch_size)));
    if (count == 0) return false;
    const Link link = port.link();
    for (std::size_t i = 0; i < count; ++i) handle(frames[i], port, link);
    send_queued(port);
    frames_max -= count;
  }
  return true;
}

void Service::handle(Bytes bytes, FramePort& port, const Link& link) {
  const auto frame = decode(bytes);
  const auto count_reject = [this](Rule rule) {
    ++counters_.rejects[static_cast<std::size_t>(rule)];
  };
  if (!frame) return count_reject(frame.error().rule);
  if (frame->response) {
    ++counters_.responses;
    return;
  }
  const Address asked = frame->header.address;
  const std::uint64_t requests_before = counters_.requests;
  if (asked.is_exact()) {
    const auto found = by_address_.find(key(asked));
    if (found != by_address_.end()) handle(*found->second, *frame, port, link);
  } else {
    for (const auto& served : luns_) {
      if (asked.covers(served->lun.address())) handle(*served, *frame, port, link);
    }
  }
  if (counters_.requests == requests_before) {
    ++counters_.not_addressed;
  } else if (!frame->body) {
    count_reject(frame->body.error().rule);
  }
}

void Service::handle(Served& served, const Frame& request, FramePort& port, const Link& link) {
  ++counters_.requests;
  const MutableBytes reply = next_reply(port, link);
  const Outcome outcome = served.lun.handle(request, link, reply);
  if (const auto* ready = std::get_if<ReplyReady>(&outcome)) {
    counters_.aoe_errors += ready->verdict == Verdict::aoe_error;
    counters_.ata_errors += ready->verdict == Verdict::ata_error;
    queue(reply.first(ready->size));
    ++counters_.replies;
  } else if (const auto* work = std::get_if<DiskWork>(&outcome)) {
    if (served.store->is_immediate(operation_kind(work->kind))) {
      perform(served, *work, port, link);
    } else {
      begin(served, *work, port, link);
    }
  } else {
    ++counters_.silences[static_cast<std::size_t>(std::get<Silence>(outcome))];
  }
}

void Service::perform(Served& served, const DiskWork& work, FramePort& port, const Link& link) {
  const MutableBytes reply = next_reply(port, link);
  ImmediateOperation operation;
  operation.kind = operation_kind(work.kind);
  operation.offset = work.lba * sector_size;
  operation.into = Lun::read_place(work.pending, reply);
  operation.from = work.data;
  served.store->start(operation);
  count(work.kind, operation.failed());
  queue(reply.first(Lun::finish(work.pending, operation.failed(), reply)));
  ++counters_.replies;
}

void Service::begin(Served& served, const DiskWork& work, FramePort& port, const Link& link) {
  if (served.jobs >= served.jobs_max) {
    ++counters_.dropped_busy;
    return;
  }
  if (free_jobs_.empty()) {
    jobs_.push_back(std::make_unique<Job>(*this));
    free_jobs_.reserve(jobs_.size());
    free_jobs_.push_back(jobs_.back().get());
  }
  Job& job = *free_jobs_.back();
  free_jobs_.pop_back();
  ++served.jobs;
  job.served = &served;
  job.port = &port;
  job.action = work.kind;
  job.pending = work.pending;
  const std::size_t data_end = ata_header_size + work.data.size();
  job.frame.resize(std::max({job.frame.size(), reply_size_max(link.mtu), data_end}));
  job.kind = operation_kind(work.kind);
  job.offset = work.lba * sector_size;
  job.into = Lun::read_place(work.pending, job.frame);
  std::ranges::copy(work.data, job.frame.begin() + ata_header_size);
  job.from = Bytes(job.frame).subspan(ata_header_size, work.data.size());
  served.store->start(job);
}

void Service::finished(Job& job, std::error_code error) {
  const bool failed = static_cast<bool>(error);
  count(job.action, failed);
  if (job.port != nullptr) {
    const std::size_t size = Lun::finish(job.pending, failed, job.frame);
    const Outgoing reply{Bytes(job.frame).first(size), {}};
    job.port->send({&reply, 1});
    ++counters_.replies;
  } else {
    ++counters_.dropped_port;
  }
  AOE_CHECK(job.served->jobs > 0);
  --job.served->jobs;
  job.served = nullptr;
  job.port = nullptr;
  free_jobs_.push_back(&job);
}

void Service::count(DiskAction action, bool failed) {
  switch (action) {
    case DiskAction::read: ++counters_.reads; break;
    case DiskAction::write: ++counters_.writes; break;
    case DiskAction::flush: ++counters_.flushes; break;
  }
  counters_.store_errors += failed;
  counters_.ata_errors += failed;
}

void Service::announce(FramePort& port) {
  const Link link = port.link();
  for (const auto& served : luns_) {
    for (const Mac destination : served->lun.announce_to()) {
      const MutableBytes frame = next_reply(port, link);
      const std::size_t size = served->lun.announce(link, destination, frame);
      if (size == 0) continue;
      queue(frame.first(size));
      ++counters_.announcements;
    }
  }
  send_queued(port);
}

void Service::forget(FramePort& port) {
  for (const auto& job : jobs_) {
    if (job->port == &port) job->port = nullptr;
  }
}

std::vector<Store*> Service::stores() const {
  std::vector<Store*> stores;
  for (const auto& served : luns_) stores.push_back(served->store.get());
  return stores;
}

MutableBytes Service::next_reply(FramePort& port, const Link& link) {
  if (queued_count_ == batch_size) send_queued(port);
  const std::size_t size = reply_size_max(link.mtu);
  if (size > reply_stride_) {
    send_queued(port);
    constexpr std::size_t cache_line = 64;
    reply_stride_ = (size + cache_line - 1) / cache_line * cache_line;
    replies_.assign(batch_size * reply_stride_, 0);
  }
  return MutableBytes(replies_).subspan(queued_count_ * reply_stride_, size);
}

void Service::queue(Bytes frame) {
  AOE_CHECK(queued_count_ < batch_size);
  queued_[queued_count_++] = {frame, {}};
}

void Service::send_queued(FramePort& port) {
  if (queued_count_ > 0) port.send(std::span(queued_).first(queued_count_));
  queued_count_ = 0;
}

}  // namespace aoe::target
