#include "target/service/service.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace aoe::target {
namespace {

constexpr std::uint32_t key(Address address) {
  return static_cast<std::uint32_t>(address.shelf << 8 | address.slot);
}

/// What a store is asked to do. A verify reads, and shows nobody what.
StoreOperation::Kind operation_kind(DiskAction action) {
  switch (action) {
    case DiskAction::read:
    case DiskAction::verify: return StoreOperation::Kind::read;
    case DiskAction::write: return StoreOperation::Kind::write;
    case DiskAction::flush: return StoreOperation::Kind::flush;
    case DiskAction::trim: return StoreOperation::Kind::trim;
  }
  AOE_CHECK(false && "an action without an operation");
}

/// An operation that is done before start() returns: it lives on the stack.
class ImmediateOperation final : public StoreOperation {
 public:
  void done(std::error_code error) override { result_ = error; }
  std::error_code error() const {
    AOE_CHECK(result_.has_value());
    return *result_;
  }

 private:
  std::optional<std::error_code> result_;
};

/// Room for a frame whose ATA data is aligned as a StoreOperation's must be.
class AlignedFrame {
 public:
  MutableBytes room(std::size_t size) {
    constexpr std::size_t alignment = StoreOperation::alignment;
    if (memory_.size() < size + alignment) memory_.resize(size + alignment);
    const auto data_at = reinterpret_cast<std::uintptr_t>(memory_.data()) + ata_header_size;
    return MutableBytes(memory_).subspan((alignment - data_at % alignment) % alignment, size);
  }

 private:
  std::vector<std::uint8_t> memory_;
};

}  // namespace

/// Somebody who waits until what was set is stable: a reply to send, or a caller to tell.
struct Service::Held {
  std::uint64_t revision;
  FramePort* port = nullptr;  // null when it was forgotten, or for a caller
  std::vector<std::uint8_t> reply;
  StateKeeper::Done done;
};

struct Service::Served {
  Served(const LunOptions& options, std::unique_ptr<Store> its_store)
      : lun(options), store(std::move(its_store)) {
    AOE_CHECK(options.sectors <= store->size() / sector_size);
  }

  std::size_t in_flight_max() const {
    return 4 * std::max<std::size_t>(lun.options().buffer_count, 1);
  }

  Lun lun;
  std::unique_ptr<Store> store;
  std::size_t jobs = 0;  // operations that the store is at
  bool started = false;  // is the store among those to submit?
  LunCounters counters;

  std::uint64_t id = 0;  // no other LUN, before or after, has it
  LunState saved_state;  // is stable
  LunState state_to_save;
  std::uint64_t saved_revision = 0;
  bool saving = false;
  std::vector<Held> held;
};

/// The LUNs that are served on a port.
struct Service::PortTable {
  FramePort* port;
  Admission admission;
  std::unordered_map<std::uint32_t, Served*> by_address;
  std::vector<Served*> all;  // in the order they were added
  EdgeCounters edge;
};

/// An operation that may be done later. Its frame holds the data at the place where a reply has it.
class Service::Job final : public StoreOperation {
 public:
  explicit Job(Service& service) : service_(service) {}
  void done(std::error_code error) override { service_.finished(*this, error); }

  Served* served = nullptr;
  FramePort* port = nullptr;  // null when it was forgotten
  DiskWork work;
  Instant received{};
  std::error_code error;
  MutableBytes frame;
  AlignedFrame memory;

 private:
  Service& service_;
};

Service::Service(Clock clock, StateKeeper* keeper) : clock_(std::move(clock)), keeper_(keeper) {}
Service::~Service() = default;

// Which LUNs there are, and on which ports.

void Service::add(const LunOptions& options, std::unique_ptr<Store> store,
                  const std::optional<LunState>& state) {
  AOE_CHECK(find(options.address) == nullptr);
  auto served = std::make_unique<Served>(options, std::move(store));
  served->id = next_id_++;
  if (state) served->lun.restore(*state);
  served->saved_state = served->lun.state();
  served->saved_revision = served->lun.revision();
  for (const auto& [port, table] : ports_) admit(*table, *served);
  luns_.push_back(std::move(served));
}

std::unique_ptr<Store> Service::remove(Address address) {
  Served* const served = find(address);
  AOE_CHECK(served != nullptr);
  while (served->jobs > 0) {
    served->store->submit();
    served->store->wait();
  }
  release(*served, std::make_error_code(std::errc::no_such_device));
  settle();
  gone_luns_.add(served->counters);
  auto store = std::move(served->store);
  for (const auto& [port, table] : ports_) {
    if (std::erase(table->all, served) > 0) table->by_address.erase(key(address));
  }
  std::erase_if(luns_, [served](const auto& each) { return each.get() == served; });
  return store;
}

void Service::change(const LunOptions& options) {
  Served* const served = find(options.address);
  AOE_CHECK(served != nullptr && options.sectors <= served->store->size() / sector_size);
  served->lun.change(options);
  admit_again();
}

void Service::attach(FramePort& port, Admission admission) {
  PortTable& attached = table(port);
  attached.admission = std::move(admission);
  admit(attached);
}

void Service::forget(FramePort& port) {
  for (const auto& job : jobs_) {
    if (job->port == &port) job->port = nullptr;
  }
  for (const auto& served : luns_) {
    for (Held& held : served->held) {
      if (held.port == &port) held.port = nullptr;
    }
  }
  if (const auto found = ports_.find(&port); found != ports_.end()) {
    gone_ports_.add(found->second->edge);
    ports_.erase(found);
  }
}

void Service::admit_again() {
  for (const auto& [port, table] : ports_) admit(*table);
}

void Service::admit(PortTable& table) {
  table.by_address.clear();
  table.all.clear();
  for (const auto& served : luns_) admit(table, *served);
}

void Service::admit(PortTable& table, Served& served) {
  if (table.admission && !table.admission(served.lun.options())) return;
  table.by_address.emplace(key(served.lun.address()), &served);
  table.all.push_back(&served);
}

Service::PortTable& Service::table(FramePort& port) {
  auto& table = ports_[&port];
  if (!table) {
    table = std::make_unique<PortTable>();
    table->port = &port;
    admit(*table);
  }
  return *table;
}

Service::Served* Service::find(Address address) const {
  const auto found = std::ranges::find_if(
      luns_, [address](const auto& served) { return served->lun.address() == address; });
  return found == luns_.end() ? nullptr : found->get();
}

// Requests.

bool Service::serve(FramePort& port, std::size_t frames_max) {
  PortTable& here = table(port);
  std::array<Bytes, batch_size> frames;
  std::size_t wanted = 0;
  std::size_t count = 0;
  do {
    wanted = std::min(frames_max, batch_size);
    count = port.receive(std::span(frames).first(wanted));
    if (count == 0) break;
    received_ = now();
    const Link link = port.link();
    decoded_.clear();
    for (const Bytes frame : std::span(frames).first(count)) decoded_.push_back(decode(frame));
    for (const auto& frame : decoded_) fetch_ahead(frame, here);
    for (const auto& frame : decoded_) handle(frame, here, link);
    send_queued(port);
    frames_max -= count;
  } while (count == wanted && frames_max > 0);
  settle();
  return count == wanted;
}

/// Lets the store of a read or write begin with what it is about to be asked.
void Service::fetch_ahead(const Decoded& frame, const PortTable& table) {
  if (!frame || !frame->body) return;
  const auto* ata = std::get_if<AtaRequest>(&*frame->body);
  if (ata == nullptr) return;
  const ata::Kind kind = ata::kind(ata->opcode);
  if (kind != ata::Kind::read && kind != ata::Kind::write) return;
  const auto found = table.by_address.find(key(frame->header.address));
  if (found == table.by_address.end()) return;
  Store& store = *found->second->store;
  const std::uint64_t sectors = store.size() / sector_size;
  if (ata->sectors > sectors || ata->lba > sectors - ata->sectors) return;
  store.fetch_ahead(
      ata->lba * sector_size, ata->sectors * sector_size,
      kind == ata::Kind::read ? StoreOperation::Kind::read : StoreOperation::Kind::write);
}

void Service::handle(const Decoded& frame, PortTable& table, const Link& link) {
  const auto count_reject = [&table](Rule rule) {
    ++table.edge.rejects[static_cast<std::size_t>(rule)];
  };
  if (!frame) return count_reject(frame.error().rule);
  if (frame->response) {
    ++table.edge.responses;
    return;
  }
  const Address asked = frame->header.address;
  bool is_ours = false;
  if (asked.is_exact()) {
    const auto found = table.by_address.find(key(asked));
    is_ours = found != table.by_address.end();
    if (is_ours) handle(*found->second, *frame, *table.port, link);
  } else {
    for (Served* const served : table.all) {
      if (!asked.covers(served->lun.address())) continue;
      is_ours = true;
      handle(*served, *frame, *table.port, link);
    }
  }
  if (!is_ours) {
    ++table.edge.not_addressed;
  } else if (!frame->body) {
    count_reject(frame->body.error().rule);
  }
}

void Service::handle(Served& served, const Frame& request, FramePort& port, const Link& link) {
  ++served.counters.requests;
  make_room(port, link);
  const Outcome outcome = served.lun.handle(request, link, scratch_);
  if (const auto* work = std::get_if<DiskWork>(&outcome)) {
    const bool is_immediate =
        work->kind != DiskAction::verify && served.store->is_immediate(operation_kind(work->kind));
    if (is_immediate) {
      perform(served, *work);
    } else {
      begin(served, *work, port, link);
    }
  } else if (const auto* ready = std::get_if<ReplyReady>(&outcome)) {
    const Bytes frame = Bytes(scratch_).first(ready->size);
    const bool must_wait =
        ready->says_set && keeper_ != nullptr && served.saved_revision != served.lun.revision();
    if (must_wait) return hold(served, port, frame);
    count(served, *ready);
    queue_copy(&served, frame);
  } else {
    ++served.counters.silences[static_cast<std::size_t>(std::get<Silence>(outcome))];
  }
}

void Service::perform(Served& served, const DiskWork& work) {
  const bool is_read = work.kind == DiskAction::read;
  if (is_read && may_send_from_store_ && send_from_store(served, work)) return;
  const MutableBytes reply = is_read ? next_frame() : next_head();
  ImmediateOperation operation;
  operation.kind = operation_kind(work.kind);
  operation.offset = work.lba * sector_size;
  operation.into = Lun::read_place(work.pending, reply);
  operation.from = work.data;
#ifdef AOE_BREAK_EARLY_ACK  // for proving the harness
  if (work.kind == DiskAction::write) operation.from = {};
#endif
  served.store->start(operation);
  count(served, work, operation.error());
  const ReplyReady ready = Lun::finish(work.pending, operation.error(), reply);
  count(served, ready);
  queue(&served, {reply.first(ready.size), {}});
}

bool Service::send_from_store(Served& served, const DiskWork& work) {
  const Bytes data = served.store->view(work.lba * sector_size, work.sectors * sector_size);
  if (data.empty()) return false;
  FromStore& entry = from_store_[from_store_count_++];
  entry = {queued_count_, work, false};
  count(served, work, {});
  const MutableBytes head = next_head();
  const std::size_t size = Lun::finish_head(work.pending, data, head);
  ++served.counters.replies;
  queue(&served, {head.first(size), data, &entry.unreadable});
  return true;
}

void Service::begin(Served& served, const DiskWork& work, FramePort& port, const Link& link) {
  if (served.jobs >= served.in_flight_max()) {
    ++served.counters.dropped_busy;
    return;
  }
  if (free_jobs_.empty()) {
    jobs_.push_back(std::make_unique<Job>(*this));
    free_jobs_.reserve(jobs_.size());
    finished_jobs_.reserve(jobs_.size());
    free_jobs_.push_back(jobs_.back().get());
  }
  Job& job = *free_jobs_.back();
  free_jobs_.pop_back();
  ++served.jobs;
  job.served = &served;
  job.port = &port;
  job.work = work;
  job.received = received_;

  const std::size_t moved = work.kind == DiskAction::read || work.kind == DiskAction::verify
                                ? work.sectors * sector_size
                                : work.data.size();
  job.frame = job.memory.room(std::max(reply_size_max(link.mtu), ata_header_size + moved));
  const MutableBytes place = job.frame.subspan(ata_header_size, moved);
  copy(work.data, place);
  job.work.data = {};
  job.kind = operation_kind(work.kind);
  job.offset = work.lba * sector_size;
  job.into = job.kind == StoreOperation::Kind::read ? place : MutableBytes{};
  job.from = job.kind == StoreOperation::Kind::read ? Bytes{} : Bytes(place);
  if (!served.started) {
    served.started = true;
    started_.push_back(&served);
  }
  served.store->start(job);
}

void Service::finished(Job& job, std::error_code error) {
  AOE_CHECK(job.served != nullptr && job.served->jobs > 0);
  --job.served->jobs;
  count(*job.served, job.work, error);
  job.error = error;
  finished_jobs_.push_back(&job);
}

void Service::settle() {
  for (Served* const served : started_) {
    served->started = false;
    served->store->submit();
  }
  started_.clear();

  const Instant answered = finished_jobs_.empty() ? Instant{} : now();
  std::array<Outgoing, batch_size> batch;
  for (std::size_t i = 0; i < finished_jobs_.size();) {
    FramePort* const port = finished_jobs_[i]->port;
    std::size_t size = 0;
    for (; i < finished_jobs_.size() && finished_jobs_[i]->port == port && size < batch_size; ++i) {
      Job& job = *finished_jobs_[i];
      if (port != nullptr) {
        const ReplyReady ready = Lun::finish(job.work.pending, job.error, job.frame);
        count(*job.served, ready);
        job.served->counters.latency.add(answered - job.received);
        batch[size++] = {Bytes(job.frame).first(ready.size), {}};
      } else {
        ++job.served->counters.dropped_port;
      }
      job.served = nullptr;
      job.port = nullptr;
      free_jobs_.push_back(&job);
    }
    if (size > 0) port->send(std::span(batch).first(size));
  }
  finished_jobs_.clear();
}

void Service::count(Served& served, const DiskWork& work, const std::error_code& error) {
  LunCounters& c = served.counters;
  Health& health = served.lun.health();
  const std::uint64_t sectors = error ? 0 : work.sectors;
  switch (work.kind) {
    case DiskAction::read:
      ++c.reads;
      c.bytes_read += sectors * sector_size;
      health.sectors_read += sectors;
      break;
    case DiskAction::verify: ++c.verifies; break;
    case DiskAction::write:
      ++c.writes;
      c.bytes_written += sectors * sector_size;
      health.sectors_written += sectors;
      break;
    case DiskAction::flush: ++c.flushes; break;
    case DiskAction::trim: ++c.trims; break;
  }
  if (!error) return;
  ++c.store_errors;
  if (trouble_) trouble_(served.lun.address(), work, error);
  const bool is_read = operation_kind(work.kind) == StoreOperation::Kind::read;
  ++(is_read ? health.reads_failed : health.writes_failed);
}

void Service::count(Served& served, const ReplyReady& reply) {
  ++served.counters.replies;
  served.counters.aoe_errors += reply.verdict == Verdict::aoe_error;
  served.counters.ata_errors += reply.verdict == Verdict::ata_error;
}

// What clients set.

void Service::hold(Served& served, FramePort& port, Bytes reply) {
  if (served.held.size() >= served.in_flight_max()) {
    ++served.counters.dropped_busy;
    return;
  }
  served.held.push_back({served.lun.revision(), &port, {reply.begin(), reply.end()}, {}});
  save(served);
}

bool Service::set_state(Address address, const std::function<void(LunState&)>& edit,
                        StateKeeper::Done done) {
  Served* const served = find(address);
  if (served == nullptr) return false;
  LunState state = served->lun.state();
  edit(state);
  served->lun.restore(state);
  if (keeper_ == nullptr) {
    done({});
    return true;
  }
  served->held.push_back({served->lun.revision(), nullptr, {}, std::move(done)});
  save(*served);
  return true;
}

void Service::save(Served& served) {
  if (served.saving) return;
  served.saving = true;
  served.state_to_save = served.lun.state();
  keeper_->save(served.lun.address(), served.state_to_save,
                [this, id = served.id, revision = served.lun.revision()](std::error_code error) {
                  saved(id, revision, error);
                });
}

void Service::saved(std::uint64_t id, std::uint64_t revision, std::error_code error) {
  const auto found =
      std::ranges::find_if(luns_, [id](const auto& served) { return served->id == id; });
  if (found == luns_.end()) return;  // removed meanwhile
  Served& served = **found;
  served.saving = false;
  if (error) {
    ++served.counters.state_errors;
    served.lun.restore(served.saved_state);
    served.saved_revision = served.lun.revision();
    release(served, error);
    return;
  }
  served.saved_state = std::move(served.state_to_save);
  served.saved_revision = revision;
  release(served, {});
  if (served.lun.revision() != revision) save(served);
}

void Service::release(Served& served, std::error_code error) {
  std::vector<Held> due;
  std::erase_if(served.held, [&](Held& held) {
    if (!error && held.revision > served.saved_revision) return false;
    due.push_back(std::move(held));
    return true;
  });
  for (Held& held : due) {
    if (held.done) {
      held.done(error);
      continue;
    }
    if (held.port == nullptr) {
      ++served.counters.dropped_port;
      continue;
    }
    std::array<std::uint8_t, frame_size_min> room;
    Bytes frame = held.reply;
    ReplyReady ready{frame.size()};
    if (error) {
      ready = Lun::refuse_set(held.reply, room);
      frame = Bytes(room).first(ready.size);
    }
    count(served, ready);
    const Outgoing outgoing{frame, {}};
    held.port->send({&outgoing, 1});
  }
}

// Announcements.

void Service::announce(FramePort& port) {
  const Link link = port.link();
  for (Served* const served : table(port).all) announce(*served, port, link);
  send_queued(port);
}

void Service::announce(Address address) {
  Served* const served = find(address);
  AOE_CHECK(served != nullptr);
  for (const auto& [port, table] : ports_) {
    const Link link = port->link();
    if (!link.up || !table->by_address.contains(key(address))) continue;
    announce(*served, *table->port, link);
    send_queued(*table->port);
  }
}

void Service::announce(Served& served, FramePort& port, const Link& link) {
  for (const Mac destination : served.lun.announce_to()) {
    make_room(port, link);
    const std::size_t size = served.lun.announce(link, destination, scratch_);
    if (size == 0) continue;
    queue_copy(nullptr, Bytes(scratch_).first(size));
    ++served.counters.announcements;
  }
}

// For whoever shows it.

std::vector<Service::View> Service::luns() const {
  std::vector<View> views;
  for (const auto& served : luns_) {
    views.push_back({served->lun, *served->store, served->counters});
  }
  return views;
}

LunCounters Service::counters() const {
  LunCounters sum = gone_luns_;
  for (const auto& served : luns_) sum.add(served->counters);
  return sum;
}

EdgeCounters Service::edge_counters(const FramePort& port) const {
  const auto found = ports_.find(&port);
  return found == ports_.end() ? EdgeCounters{} : found->second->edge;
}

EdgeCounters Service::edge_counters() const {
  EdgeCounters sum = gone_ports_;
  for (const auto& [port, table] : ports_) sum.add(table->edge);
  return sum;
}

// The batch of replies.

/// Room for one more reply of any size.
void Service::make_room(FramePort& port, const Link& link) {
  if (queued_count_ == batch_size) send_queued(port);
  const std::size_t size = reply_size_max(link.mtu);
  if (size <= reply_size_) return;
  send_queued(port);
  reply_size_ = size;
  scratch_.resize(size);
  frames_.clear();
}

MutableBytes Service::next_frame() {
  if (frames_.empty()) frames_.resize(batch_size * reply_size_);
  return MutableBytes(frames_).subspan(queued_count_ * reply_size_, reply_size_);
}

void Service::queue(Served* served, const Outgoing& reply) {
  AOE_CHECK(queued_count_ < batch_size);
  queued_for_[queued_count_] = served;
  queued_[queued_count_++] = reply;
}

void Service::queue_copy(Served* served, Bytes frame) {
  const MutableBytes place = frame.size() <= head_size ? next_head() : next_frame();
  copy(frame, place);
  queue(served, {place.first(frame.size()), {}});
}

void Service::send_queued(FramePort& port) {
  if (queued_count_ == 0) return;
  port.send(std::span(queued_).first(queued_count_));
  const Duration latency = now() - received_;
  for (Served* const served : std::span(queued_for_).first(queued_count_)) {
    if (served != nullptr) served->counters.latency.add(latency);
  }
  queued_count_ = 0;

  const auto sent_from_store = std::span(from_store_).first(std::exchange(from_store_count_, 0));
  for (const FromStore& entry : sent_from_store) {
    if (entry.unreadable) read_again(*queued_for_[entry.place], entry.work, port);
  }
}

/// The port could not read what the store showed: the store itself can tell what is wrong with it.
void Service::read_again(Served& served, const DiskWork& work, FramePort& port) {
  LunCounters& c = served.counters;
  --c.replies;
  --c.reads;
  const std::uint64_t bytes = work.sectors * sector_size;
  c.bytes_read -= bytes;
  served.lun.health().sectors_read -= work.sectors;
  std::vector<std::uint8_t> reply(reply_size_);
  ImmediateOperation operation;
  operation.offset = work.lba * sector_size;
  operation.into = Lun::read_place(work.pending, reply);
  served.store->start(operation);
  count(served, work, operation.error());
  const ReplyReady ready = Lun::finish(work.pending, operation.error(), reply);
  count(served, ready);
  const Outgoing outgoing{Bytes(reply).first(ready.size), {}};
  port.send({&outgoing, 1});
}

}  // namespace aoe::target
