#include "target/service/service.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace aoe::target {
// The lines of the trace, each after its time. FRAME is a frame in the words of describe(), SOURCE
// the MAC that sent it:
//
//   reject SOURCE: FRAME                    it breaks a rule; an error line follows if it is answered
//   ignore SOURCE: FRAME: REASON            a response, or a request for no LUN of this port
//   fan-out SOURCE: FRAME: 3 LUNs           a wildcard
//   silent e7.3 SOURCE: FRAME: REASON       masked, denied, …
//   error e7.3: FRAME                       the reply carries an AoE or ATA error
//   fail e7.3: read of 2 sectors at 10: …   the store failed an operation; an error line follows
//   drop e7.3 SOURCE: FRAME: REASON         too many operations are outstanding
//   hold, release, undo e7.3: FRAME         see held_state.cc
//   announce e7.3 to MAC

Service::Service(Clock clock, StateKeeper* keeper)
    : keeper_(keeper), trace_{std::move(clock), Trace{}} {}

// Which LUNs there are, and on which ports.

ServedLun& Service::add(std::unique_ptr<ServedLun> lun) {
  AOE_CHECK(find(lun->lun.address()) == nullptr);
  if (keeper_ != nullptr) {
    lun->held = std::make_shared<HeldState>(lun->lun, lun->counters, *keeper_, trace_);
  }
  for (auto& [port, table] : ports_) table.add(*lun);
  luns_.push_back(std::move(lun));
  return *luns_.back();
}

std::unique_ptr<Store> Service::remove(Address address) {
  ServedLun* const served = find(address);
  AOE_CHECK(served != nullptr);
  while (served->jobs > 0) {
    served->store->submit();
    served->store->wait();
  }
  if (served->held) served->held->refuse_all(std::make_error_code(std::errc::no_such_device));
  settle();
  gone_luns_.add(served->counters);
  auto store = std::move(served->store);
  for (auto& [port, table] : ports_) table.remove(*served);
  std::erase_if(luns_, [served](const auto& each) { return each.get() == served; });
  return store;
}

void Service::change(const LunOptions& options) {
  ServedLun* const served = find(options.address);
  AOE_CHECK(served != nullptr && options.sectors <= served->store->size() / sector_size);
  served->lun.change(options);
  admit_again();
}

bool Service::set_state(Address address, const LunState& state, StateKeeper::Done done) {
  ServedLun* const served = find(address);
  if (served == nullptr) return false;
  served->lun.restore(state);
  if (served->held) {
    served->held->call_when_stable(std::move(done));
  } else {
    done({});
  }
  return true;
}

void Service::attach(FramePort& port, Admission admission) {
  PortTable& attached = table(port);
  attached.set_admission(std::move(admission));
  attached.fill(luns_);
}

void Service::forget(FramePort& port) {
  jobs_.forget(port);
  for (const auto& served : luns_) {
    if (served->held) served->held->forget(port);
  }
  if (const auto found = ports_.find(&port); found != ports_.end()) {
    gone_ports_.add(found->second.counters);
    ports_.erase(found);
  }
}

void Service::admit_again() {
  for (auto& [port, table] : ports_) table.fill(luns_);
}

PortTable& Service::table(FramePort& port) {
  const auto [found, is_new] = ports_.try_emplace(&port, port);
  if (is_new) found->second.fill(luns_);
  return found->second;
}

ServedLun* Service::find(Address address) const {
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
    received_ = trace_.now();
    const Link link = port.link();
    decoded_.clear();
    for (const Bytes frame : std::span(frames).first(count)) decoded_.push_back(decode(frame));
    for (const auto& frame : decoded_) fetch_ahead(frame, here);
    for (const auto& frame : decoded_) handle(frame, here, link);
    send_batch(port);
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
  const ServedLun* const found = table.find(frame->header.address);
  if (found == nullptr) return;
  const std::uint64_t sectors = found->store->size() / sector_size;
  if (ata->sectors > sectors || ata->lba > sectors - ata->sectors) return;
  found->store->fetch_ahead(
      ata->lba * sector_size, ata->sectors * sector_size,
      kind == ata::Kind::read ? Operation::Kind::read : Operation::Kind::write);
}

void Service::handle(const Decoded& frame, PortTable& table, const Link& link) {
  if (!frame) return reject(frame.error(), frame, table);
  const Mac source = frame->header.source;
  if (frame->response) {
    ++table.counters.responses;
    if (trace_) trace_("ignore {}: {}: a response", source, Described(*frame).text());
    return;
  }
  const auto luns = table.covered(frame->header.address);
  if (luns.empty()) {
    ++table.counters.not_addressed;
    if (trace_) trace_("ignore {}: {}: no such LUN here", source, Described(*frame).text());
    return;
  }
  if (!frame->body) reject(frame->body.error(), frame, table);
  if (trace_ && !frame->header.address.is_exact()) {
    trace_("fan-out {}: {}: {} LUNs", source, Described(*frame).text(), luns.size());
  }
  for (ServedLun* const served : luns) answer(*served, *frame, table.port(), link);
}

void Service::reject(const Reject& reject, const Decoded& frame, PortTable& table) const {
  ++table.counters.rejects[static_cast<std::size_t>(reject.rule)];
  if (!trace_) return;
  const Described why(reject);
  if (frame) {
    trace_("reject {}: {} tag {:08x}: {}", frame->header.source, frame->header.address,
           frame->header.tag, why.text());
  } else {
    trace_("reject: {}", why.text());
  }
}

void Service::answer(ServedLun& served, const Frame& request, FramePort& port, const Link& link) {
  ++served.counters.requests;
  make_room(port, link);
  const std::uint64_t revision = served.lun.revision();
  const Outcome outcome = served.lun.handle(request, link, batch_.scratch());
  if (served.lun.revision() != revision && changed_) changed_(served, request);
  if (const auto* pending = std::get_if<PendingReply>(&outcome)) {
    const DiskCommand command = pending->command;
    if (!command.is_verify && served.store->is_immediate(command.kind)) {
      perform(served, *pending);
    } else {
      begin(served, *pending, port, link);
    }
  } else if (const auto* ready = std::get_if<ReplyReady>(&outcome)) {
    reply(served, *ready, port);
  } else {
    const Silence silence = std::get<Silence>(outcome);
    ++served.counters.silences[static_cast<std::size_t>(silence)];
    if (!trace_) return;
    trace_("silent {} {}: {}: {}", served.lun.address(), request.header.source,
           Described(request).text(), text(silence));
  }
}

/// Answers with the reply that lies in the batch's scratch room.
void Service::reply(ServedLun& served, const ReplyReady& ready, FramePort& port) {
  const Bytes frame = Bytes(batch_.scratch()).first(ready.size);
  if (ready.says_set && served.held && served.held->is_unstable()) {
    return served.held->hold(port, frame);
  }
  count(served, ready, frame);
  batch_.add_copy(&served, frame);
}

void Service::perform(ServedLun& served, const PendingReply& pending) {
  const bool is_read = pending.command.kind == Operation::Kind::read;
  if (is_read && may_send_from_store_) {
    const Bytes data = served.store->view(pending.lba * sector_size, pending.sectors * sector_size);
    if (!data.empty()) {
      served.count_read(pending.sectors);
      ++served.counters.replies;
      const MutableBytes head = batch_.next_head();
      const std::size_t size = Lun::finish_head(pending, data, head);
      return batch_.add_from_store(served, pending, head.first(size), data);
    }
  }
  const MutableBytes place = is_read ? batch_.next_frame() : batch_.next_head();
  batch_.add(&served, ask_store(served, pending, place));
}

/// Has a store that answers at once do an operation. Returns the reply, within `reply`.
Bytes Service::ask_store(ServedLun& served, const PendingReply& pending, MutableBytes reply) {
  AwaitedOperation operation;
  operation.kind = pending.command.kind;
  operation.offset = pending.lba * sector_size;
  operation.into = Lun::read_place(pending, reply);
  operation.from = pending.data;
  served.store->start(operation);
  AOE_CHECK(operation.result.has_value());
  const std::error_code error = *operation.result;
  served.count(pending, static_cast<bool>(error));
  if (error) failed(served, pending, error);
  const ReplyReady ready = Lun::finish(pending, error, reply);
  count(served, ready, reply);
  return reply.first(ready.size);
}

void Service::begin(ServedLun& served, const PendingReply& pending, FramePort& port,
                    const Link& link) {
  if (served.jobs >= served.lun.options().in_flight_max()) {
    ++served.counters.dropped_busy;
    if (trace_) {
      trace_("drop {} {}: {} tag {:08x}: {} operations are outstanding", served.lun.address(),
             pending.header.destination, text(pending.command), pending.header.tag, served.jobs);
    }
    return;
  }
  Job& job = jobs_.begin(served, port, pending, reply_size_max(link.mtu));
  job.received = received_;
  if (!std::exchange(served.must_submit, true)) to_submit_.push_back(&served);
  served.store->start(job);
}

void Service::settle() {
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
    if (job.error) failed(served, job.pending, job.error);
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
}

/// Counts a reply that is about to be sent.
void Service::count(ServedLun& served, const ReplyReady& ready, Bytes reply) const {
  served.counters.count(ready);
  if (trace_ && ready.verdict != Verdict::success) {
    trace_("error {}: {}", served.lun.address(), Described(reply.first(ready.size)).text());
  }
}

void Service::failed(ServedLun& served, const PendingReply& pending, std::error_code error) {
  if (trace_) {
    trace_("fail {}: {} of {} sectors at {}: {}", served.lun.address(), text(pending.command),
           pending.sectors, pending.lba, error.message());
  }
  if (trouble_) trouble_(served, pending, error);
}

// The batch of replies.

/// Makes room for one more reply of any size.
void Service::make_room(FramePort& port, const Link& link) {
  const std::size_t size = reply_size_max(link.mtu);
  if (batch_.has_room(size)) return;
  send_batch(port);
  batch_.fit(size);
}

void Service::send_batch(FramePort& port) {
  const auto sent = batch_.send(port);
  if (sent.empty()) return;
  const Duration latency = trace_.now() - received_;
  for (const ReplyBatch::Entry& entry : sent) {
    if (entry.lun != nullptr) entry.lun->counters.latency.add(latency);
  }
  for (const ReplyBatch::Entry& entry : sent) {
    if (entry.unreadable) read_again(*entry.lun, entry.pending, port);
  }
}

/// The port could not read what the store showed: the store itself knows what is wrong with it.
void Service::read_again(ServedLun& served, const PendingReply& pending, FramePort& port) {
  --served.counters.replies;
  --served.counters.reads;
  served.counters.bytes_read -= pending.sectors * sector_size;
  served.lun.health().sectors_read -= pending.sectors;
  std::vector<std::uint8_t> room(
      std::max(frame_size_min, ata_header_size + pending.sectors * sector_size));
  const Outgoing outgoing{ask_store(served, pending, room), {}};
  port.send({&outgoing, 1});
}

// Announcements.

void Service::announce(FramePort& port) {
  const Link link = port.link();
  for (ServedLun* const served : table(port).luns()) announce(*served, port, link);
  send_batch(port);
}

void Service::announce(Address address) {
  for (auto& [port, table] : ports_) {
    const Link link = port->link();
    ServedLun* const served = table.find(address);
    if (!link.up || served == nullptr) continue;
    announce(*served, table.port(), link);
    send_batch(table.port());
  }
}

void Service::announce(ServedLun& served, FramePort& port, const Link& link) {
  for (const Mac destination : served.lun.announce_to()) {
    make_room(port, link);
    const std::size_t size = served.lun.announce(link, destination, batch_.scratch());
    if (size == 0) continue;
    if (trace_) trace_("announce {} to {}", served.lun.address(), destination);
    batch_.add_copy(nullptr, Bytes(batch_.scratch()).first(size));
    ++served.counters.announcements;
  }
}

// Counters.

LunCounters Service::counters() const {
  LunCounters sum = gone_luns_;
  for (const auto& served : luns_) sum.add(served->counters);
  return sum;
}

EdgeCounters Service::edge_counters(const FramePort& port) const {
  const auto found = ports_.find(&port);
  return found == ports_.end() ? EdgeCounters{} : found->second.counters;
}

EdgeCounters Service::edge_counters() const {
  EdgeCounters sum = gone_ports_;
  for (const auto& [port, table] : ports_) sum.add(table.counters);
  return sum;
}

}  // namespace aoe::target
