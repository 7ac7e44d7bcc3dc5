#include "target/service/service.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"

namespace aoe::target {
namespace {

/// LUNs that answer a wildcard at once: more of them answer by and by.
constexpr std::size_t answered_at_once_max = 8;
/// LUNs that answer a wildcard, and announcements on a port, in one go_on().
constexpr std::size_t fan_out_step = 32;

}  // namespace

// The lines of the trace, each after its time. FRAME is a frame in the words of describe(), SOURCE
// the MAC that sent it:
//
//   reject SOURCE: FRAME                    it breaks a rule; an error line follows if it is answered
//   ignore SOURCE: FRAME: REASON            a response, a request for no LUN of this port, or one
//                                           that may have no wildcard
//   fan-out SOURCE: FRAME: 3 LUNs           a wildcard
//   silent e7.3 SOURCE: FRAME: REASON       masked, denied, …
//   error e7.3: FRAME                       the reply carries an AoE or ATA error
//   fail e7.3: read of 2 sectors at 10: …   the store failed an operation; an error line follows
//   drop e7.3 SOURCE: FRAME: REASON         too many operations are outstanding, there is no memory
//                                           for it, or it is too far beyond a limit
//   drop SOURCE: FRAME: REASON              a wildcard, while an earlier one is being answered
//   take over e7.3: read of 2 sectors at 10 its thread waits for the disk, and another serves on
//   hold, release, undo e7.3: FRAME         see held_state.cc
//   announce e7.3 to MAC

Service::Service(Clock clock, StateKeeper* keeper, RequestMemory* memory)
    : keeper_(keeper), trace_{std::move(clock), Trace{}}, jobs_(memory) {
  decoded_.reserve(batch_size);
}

// Which LUNs there are, and on which ports.

ServedLun& Service::add(std::unique_ptr<ServedLun> lun) {
  AOE_CHECK(find(lun->lun.address()) == nullptr);
  if (keeper_ != nullptr) {
    lun->held =
        std::make_shared<HeldState>(lun->lun, lun->counters, *keeper_, trace_, &lun->request_log);
  }
  for (auto& [port, table] : ports_) table.add(*lun);
  const Address address = lun->lun.address();
  return *luns_.emplace(address, std::move(lun)).first->second;
}

void Service::remove(Address address, Drained drained) {
  const auto found = luns_.find(address);
  AOE_CHECK(found != luns_.end());
  std::unique_ptr<ServedLun> served = std::move(found->second);
  luns_.erase(found);
  clients_.forget(address);
  if (served->held) served->held->refuse_all(std::make_error_code(std::errc::no_such_device));
  served->held.reset();  // what is saved from now on is another LUN's
  settle();
  for (auto& [port, table] : ports_) table.remove(*served);
  served->counters.dropped_busy += jobs_.forget(*served);
  served->jobs_delayed = 0;
  std::erase(delaying_, served.get());
  draining_.push_back({std::move(served), std::move(drained)});
  give_back_drained();
}

void Service::give_back_drained() {
  const auto is_drained = [](const Draining& each) { return each.served->jobs.empty(); };
  while (true) {
    const auto found = std::ranges::find_if(draining_, is_drained);
    if (found == draining_.end()) return;
    Draining done = std::move(*found);
    draining_.erase(found);
    gone_luns_.add(done.served->counters);
    done.drained(std::move(done.served));
  }
}

void Service::silence(Address address) {
  const ServedLun* const served = find(address);
  AOE_CHECK(served != nullptr);
  for (auto& [port, table] : ports_) table.remove(*served);
}

void Service::change(const LunOptions& options) {
  ServedLun* const served = find(options.address);
  AOE_CHECK(served != nullptr && options.sectors <= served->store->size() / sector_size);
  served->lun.change(options);
  for (auto& [port, table] : ports_) {
    table.remove(*served);
    table.add(*served);
  }
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
  clients_.forget(port);
  fan_outs_.forget(port);
  to_announce_.erase(&port);
  for (const auto& [address, served] : luns_) {
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
  const auto found = luns_.find(address);
  return found == luns_.end() ? nullptr : found->second.get();
}

// Requests.

bool Service::serve(FramePort& port, std::size_t frames_max) {
  PortTable& here = table(port);
  std::size_t wanted = 0;
  std::size_t count = 0;
  do {
    const std::size_t room = port.room_for(reply_size_max(port.link().mtu));
    wanted = std::min({frames_max, batch_size, room});
    count = port.receive(std::span(frames_).first(wanted));
    if (count == 0) break;
    received_ = trace_.now();
    at_ = {&here, port.link(), 0, 0, nullptr};
    decoded_.clear();
    for (const Bytes frame : std::span(frames_).first(count)) decoded_.push_back(decode(frame));
    for (const auto& frame : decoded_) fetch_ahead(frame, here);
    handle_batch();
    frames_max -= count;
  } while (count == wanted && frames_max > 0);
  settle();
  return count == wanted;
}

/// Handles what is left of the batch, and sends the replies.
void Service::handle_batch() {
  for (; at_.frame < decoded_.size(); ++at_.frame, at_.lun = 0) {
    try {
      handle(frames_[at_.frame], decoded_[at_.frame]);
    } catch (const std::bad_alloc&) {
      drop_for_want_of_memory();
    }
  }
  send_batch(at_.table->port());
  at_.table = nullptr;
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

void Service::handle(Bytes bytes, const Decoded& frame) {
  PortTable& table = *at_.table;
  if (!frame) return reject(frame.error(), frame, table);
  const Mac source = frame->header.source;
  if (frame->response) {
    ++table.counters.responses;
    note_foreign_answer(*frame, table);
    if (trace_) trace_("ignore {}: {}: a response", source, Described(*frame).text());
    return;
  }
  const bool is_config = frame->body && std::holds_alternative<ConfigRequest>(*frame->body);
  if (wildcards_ == Wildcards::config_only && !frame->header.address.is_exact() && !is_config) {
    ++table.counters.wildcards_refused;
    if (trace_) trace_("ignore {}: {}: a wildcard", source, Described(*frame).text());
    return;
  }
  const auto luns = table.covered(frame->header.address, {}, answered_at_once_max + 1);
  if (luns.empty()) {
    ++table.counters.not_addressed;
    if (trace_) trace_("ignore {}: {}: no such LUN here", source, Described(*frame).text());
    return;
  }
  const bool is_resumed = at_.lun > 0;
  if (!is_resumed && !frame->body) reject(frame->body.error(), frame, table);
  if (luns.size() > answered_at_once_max) return begin_fan_out(bytes, *frame, table);
  if (!is_resumed && trace_ && !frame->header.address.is_exact()) {
    trace_("fan-out {}: {}: {} LUNs", source, Described(*frame).text(), luns.size());
  }
  while (at_.lun < luns.size()) answer(*luns[at_.lun++], *frame, table.port(), at_.link);
}

/// Notices a response that another target has sent for an address that is served here.
void Service::note_foreign_answer(const Frame& response, PortTable& table) {
  const Mac source = response.header.source;
  ServedLun* const served = table.find(response.header.address);
  if (served == nullptr || !response.body) return;
  // Our own announcements come back where two ports are in one segment.
  const auto is_own = [source](const auto& port) { return port.first->link().mac == source; };
  if (std::ranges::any_of(ports_, is_own)) return;
  ++served->counters.foreign_answers;
  served->other_target = source;
}

/// An allocation has failed in the middle of handling a frame.
void Service::drop_for_want_of_memory() {
  asked_ = {};
  ++at_.table->counters.out_of_memory;
}

void Service::begin_fan_out(Bytes bytes, const Frame& request, PortTable& table) {
  const Mac source = request.header.source;
  auto copy = std::make_shared<const std::vector<std::uint8_t>>(bytes.begin(), bytes.end());
  if (!fan_outs_.add({&table.port(), source, std::move(copy), received_})) {
    ++table.counters.wildcards_dropped;
    if (trace_) {
      trace_("drop {}: {}: an earlier wildcard is being answered", source,
             Described(request).text());
    }
    return;
  }
  if (trace_) {
    trace_("fan-out {}: {}: {} LUNs", source, Described(request).text(),
           table.covered(request.header.address).size());
  }
}

Service::Due Service::go_on() {
  const Due delayed = delaying_.empty() ? Due::none : start_due();
  const Due announced = to_announce_.empty() ? Due::none : go_on_with_announcements();
  const Due replied = fan_outs_.empty() ? Due::none : go_on_with_wildcards();
  return std::max({delayed, announced, replied});
}

Service::Due Service::go_on_with_wildcards() {
  for (std::size_t tries = fan_outs_.size(); tries > 0; --tries) {
    FanOut& turn = fan_outs_.front();
    FramePort& port = *turn.port;
    if (!port.has_room()) {
      fan_outs_.pass();
      continue;
    }
    received_ = turn.received;
    PortTable& here = table(port);
    // A thread that takes over in the middle sends what there is, and goes on with the next LUN.
    at_ = {&here, port.link(), decoded_.size(), 0, turn.request};
    bool is_last = false;
    try {
      is_last = answer_some(turn, here);
    } catch (const std::bad_alloc&) {
      drop_for_want_of_memory();  // of one LUN; it goes on with the next
    }
    send_batch(port);
    at_.table = nullptr;
    settle();
    if (is_last) {
      fan_outs_.end();
    } else {
      fan_outs_.pass();
    }
    return fan_outs_.empty() ? Due::none : Due::soon;
  }
  return fan_outs_.empty() ? Due::none : Due::later;
}

/// Has a few of the LUNs answer. Returns whether these were the last.
bool Service::answer_some(FanOut& turn, PortTable& here) {
  const Decoded request = decode(*turn.request);
  const auto luns = here.covered(request->header.address, turn.next, fan_out_step);
  for (ServedLun* const served : luns) {
    const Address address = served->lun.address();
    turn.next = {address.shelf, static_cast<std::uint8_t>(address.slot + 1)};
    answer(*served, *request, here.port(), at_.link);
  }
  return luns.size() < fan_out_step;
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
  const Address address = served.lun.address();
  clients_.request(request.header.source, address, port, received_);
  if (served.request_log) [[unlikely]]
    served.request_log->request(received_, request);
  make_room(port, link);
  const std::uint64_t revision = served.lun.revision();
  const Outcome outcome = served.lun.handle(request, link, batch_.scratch());
  if (served.lun.revision() != revision && changed_) changed_(served, request);
  if (const auto* pending = std::get_if<PendingReply>(&outcome)) {
    carry_out(served, *pending, port, link);
  } else if (const auto* ready = std::get_if<ReplyReady>(&outcome)) {
    reply(served, *ready, port);
  } else {
    const Silence silence = std::get<Silence>(outcome);
    ++served.counters.silences[static_cast<std::size_t>(silence)];
    if (silence == Silence::source_denied || silence == Silence::source_masked) {
      served.silenced = {request.header.source, silence};
    }
    ++clients_.counters(request.header.source, address).unanswered;
    if (served.request_log) {
      served.request_log->unanswered(received_, request.header.source,
                                     fmt::format("silent: {}", text(silence)));
    }
    if (!trace_) return;
    trace_("silent {} {}: {}: {}", address, request.header.source, Described(request).text(),
           text(silence));
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

/// Counts a reply that is about to be sent.
void Service::count(ServedLun& served, const ReplyReady& ready, Bytes reply) {
  served.counters.count(ready);
  if (served.request_log) [[unlikely]] {
    served.request_log->reply(trace_.now(), reply.first(ready.size));
  }
  if (ready.verdict != Verdict::success) {
    Mac client;
    std::ranges::copy(reply.first(client.octets.size()), client.octets.begin());
    ++clients_.counters(client, served.lun.address()).errors;
  }
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
  clients_.counters(pending.header.destination, served.lun.address()).bytes_read -=
      pending.sectors * sector_size;
  begin(served, pending, port, port.link());
}

// Announcements.

void Service::announce(FramePort& port) {
  std::set<Address>& waiting = to_announce_[&port];
  for (const auto& [address, served] : table(port).luns()) waiting.insert(address);
  announce_some(port, waiting);
}

void Service::announce(Address address) {
  for (auto& [port, table] : ports_) {
    if (!port->link().up || table.find(address) == nullptr) continue;
    std::set<Address>& waiting = to_announce_[&table.port()];
    waiting.insert(address);
    announce_some(table.port(), waiting);
  }
}

/// Announces a few LUNs of those that wait for it, where the port has room.
Service::Due Service::announce_some(FramePort& port, std::set<Address>& waiting) {
  if (!port.has_room()) return Due::later;
  const Link link = port.link();
  const PortTable& here = table(port);
  for (std::size_t frames = 0; frames < fan_out_step && !waiting.empty();) {
    const auto next = waiting.begin();
    if (ServedLun* const served = here.find(*next)) frames += announce(*served, port, link);
    waiting.erase(next);
  }
  send_batch(port);
  return waiting.empty() ? Due::none : Due::soon;
}

Service::Due Service::go_on_with_announcements() {
  Due due = Due::none;
  for (auto& [port, waiting] : to_announce_) due = std::max(due, announce_some(*port, waiting));
  std::erase_if(to_announce_, [](const auto& each) { return each.second.empty(); });
  return due;
}

/// Returns the number of frames.
std::size_t Service::announce(ServedLun& served, FramePort& port, const Link& link) {
  std::size_t count = 0;
  for (const Mac destination : served.lun.announce_to()) {
    make_room(port, link);
    const std::size_t size = served.lun.announce(link, destination, batch_.scratch());
    if (size == 0) continue;
    if (trace_) trace_("announce {} to {}", served.lun.address(), destination);
    batch_.add_copy(nullptr, Bytes(batch_.scratch()).first(size));
    ++served.counters.announcements;
    ++count;
  }
  return count;
}

// Counters.

LunCounters Service::counters() const {
  LunCounters sum = gone_luns_;
  for (const auto& [address, served] : luns_) sum.add(served->counters);
  for (const Draining& each : draining_) sum.add(each.served->counters);
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
