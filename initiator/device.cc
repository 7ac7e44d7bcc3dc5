#include "initiator/device.h"

#include <algorithm>

#include "proto/check.h"

namespace aoe::initiator {
namespace {

constexpr std::size_t remotes_max = 16;  // what a network can make us remember of one device
constexpr Duration search_interval = std::chrono::seconds(1);
constexpr Duration flush_timeout_min =
    RttEstimator::timeout_initial;  // a disk's time, not a path's

}  // namespace

std::string_view text(DeviceState state) {
  switch (state) {
    case DeviceState::down: return "down";
    case DeviceState::identifying: return "identifying";
    case DeviceState::up: return "up";
  }
  AOE_CHECK(false && "a state without a text");
}

Device::Device(Address address, const Parameters& parameters, const PortTable& ports,
               TagTable& tags)
    : address_(address), parameters_(parameters), ports_(ports), tags_(tags) {}

std::size_t Device::outstanding() const {
  std::size_t sum = 0;
  for (const RemoteTarget& remote : remotes_) sum += remote.window.outstanding();
  return sum;
}

// Paths.

bool Device::is_usable(PortId port) const {
  return ports_[port].up && sectors_per_frame(ports_[port].mtu) > 0;
}

std::size_t Device::payload_sectors() const {
  std::size_t least = 0;
  for (const RemoteTarget& remote : remotes_) {
    constexpr std::uint8_t old_server = 2;
    const std::uint8_t accepts = remote.sector_count == 0 ? old_server : remote.sector_count;
    for (const PortId port : remote.ports) {
      if (!is_usable(port)) continue;
      const std::size_t fits = std::min(sectors_per_frame(ports_[port].mtu), accepts);
      least = least == 0 ? fits : std::min(least, fits);
    }
  }
  return least;
}

RemoteTarget* Device::find_remote(const Mac& mac) {
  const auto found = std::ranges::find(remotes_, mac, &RemoteTarget::mac);
  return found == remotes_.end() ? nullptr : &*found;
}

RemoteTarget* Device::find_remote(std::uint64_t serial) {
  const auto found = std::ranges::find(remotes_, serial, &RemoteTarget::serial);
  return found == remotes_.end() ? nullptr : &*found;
}

RemoteTarget* Device::choose_remote(bool within_window) {
  RemoteTarget* best = nullptr;
  bool trusted = false;  // one that answers is worth waiting for
  for (std::size_t i = 0; i < remotes_.size(); ++i) {
    RemoteTarget& remote = remotes_[(turn_ + i) % remotes_.size()];
    if (std::ranges::none_of(remote.ports, [&](PortId port) { return is_usable(port); })) continue;
    const bool room = within_window ? remote.window.has_room() : remote.window.has_buffer();
    if (!remote.is_suspect()) {
      if (!trusted) best = nullptr;
      trusted = true;
    } else if (trusted) {
      continue;
    }
    if (room && best == nullptr) best = &remote;
  }
  if (best != nullptr) ++turn_;
  return best;
}

void Device::on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                       Actions& out) {
  const Mac& mac = frame.header.source;
  const auto limit = std::min(std::max<std::uint16_t>(reply.buffer_count, 1), parameters_.maxout);
  RemoteTarget* remote = find_remote(mac);
  if (remote == nullptr) {
    if (remotes_.size() == remotes_max) {
      const auto longest_silent = std::ranges::min_element(remotes_, {}, &RemoteTarget::heard);
      if (longest_silent->window.outstanding() > 0) return;
      remotes_.erase(longest_silent);
    }
    remote = &remotes_.emplace_back();
    remote->serial = next_serial_++;
    remote->mac = mac;
    remote->window = Window(limit);
  }
  remote->window.set_limit(limit);
  remote->sector_count = reply.sector_count;
  remote->add_port(port);
  remote->answered(now);
  firmware_ = reply.firmware;
  if (state_ == DeviceState::down) state_ = DeviceState::identifying;
  if (!identify_pending_) {
    identify_pending_ = true;
    waiting_.push_front(add_command(none, 0, 1, 0));
  }
  pump(now, out);
}

void Device::on_port_lost(PortId port, Instant now, Actions& out) {
  for (Index i = 0; i < commands_.size(); ++i) {
    Command& command = commands_[i];
    if (command.state != Command::State::outstanding || command.port != port) continue;
    if (RemoteTarget* remote = find_remote(command.remote)) remote->window.withdrawn();
    supersede(command);
    command.state = Command::State::waiting;
    waiting_.push_back(i);
  }
  for (RemoteTarget& remote : remotes_) std::erase(remote.ports, port);
  std::erase_if(remotes_, [](const RemoteTarget& remote) { return remote.ports.empty(); });
  pump(now, out);
}

bool Device::take_search(Instant now) {
  if (std::ranges::none_of(remotes_, &RemoteTarget::is_suspect)) search_ = false;
  if (!search_ || (searched_ != Instant::min() && now < searched_ + search_interval)) return false;
  search_ = false;
  searched_ = now;
  return true;
}

// Requests.

void Device::submit(const IoRequest& io, Instant now, Actions& out) {
  const bool flush = io.kind == IoKind::flush;
  const std::size_t size = io.kind == IoKind::read ? io.into.size() : io.from.size();
  const auto fail = [&](IoError error) {
    ++counters_.failures;
    out.completions.push_back({.id = io.id, .error = error});
  };
  if (state_ != DeviceState::up) return fail(IoError::device_down);
  if (!flush) {
    if (size == 0 || size % sector_size != 0) return fail(IoError::invalid);
    if (io.lba > identity_->sectors || size / sector_size > identity_->sectors - io.lba) {
      return fail(IoError::out_of_range);
    }
  } else if (!identity_->flush_cache && !identity_->flush_cache_ext) {
    ++counters_.flushes;  // a disk without a cache has nothing to flush
    out.completions.push_back({.id = io.id});
    return;
  }

  Index index = static_cast<Index>(requests_.size());
  if (unused_requests_.empty()) {
    requests_.emplace_back();
  } else {
    index = unused_requests_.back();
    unused_requests_.pop_back();
  }
  requests_[index] = {.io = io, .size = flush ? 0 : size, .result = {.id = io.id}};
  queue_.push_back(index);
  pump(now, out);
}

Device::Index Device::add_command(Index request, std::uint64_t lba, std::uint8_t sectors,
                                  std::size_t offset) {
  Index index = static_cast<Index>(commands_.size());
  if (unused_commands_.empty()) {
    commands_.emplace_back();
  } else {
    index = unused_commands_.back();
    unused_commands_.pop_back();
  }
  commands_[index] = {.state = Command::State::waiting,
                      .request = request,
                      .lba = lba,
                      .sectors = sectors,
                      .offset = offset};
  if (request != none) ++requests_[request].commands;
  return index;
}

void Device::free_command(Index index) {
  commands_[index].state = Command::State::unused;
  unused_commands_.push_back(index);
}

Device::Index Device::next_command() {
  if (!waiting_.empty()) {
    const Index index = waiting_.front();
    waiting_.pop_front();
    split(index);
    return index;
  }
  const Index request_index = queue_.front();
  Request& request = requests_[request_index];
  const std::size_t offset = request.started;
  const std::size_t sectors = std::min(payload_sectors(), (request.size - offset) / sector_size);
  request.started += sectors * sector_size;
  if (request.started == request.size) {
    request.parts_left = false;
    queue_.pop_front();
  }
  return add_command(request_index, request.io.lba + offset / sector_size,
                     static_cast<std::uint8_t>(sectors), offset);
}

/// Cuts a command down to what fits the paths as they are now; the rest becomes a command of its
/// own.
void Device::split(Index index) {
  const Command command = commands_[index];
  const std::size_t fits = payload_sectors();
  if (command.request == none || command.sectors <= fits) return;
  commands_[index].sectors = static_cast<std::uint8_t>(fits);
  waiting_.push_front(add_command(command.request, command.lba + fits,
                                  static_cast<std::uint8_t>(command.sectors - fits),
                                  command.offset + fits * sector_size));
}

// Commands on the wire.

void Device::pump(Instant now, Actions& out) {
  while (has_to_send()) {
    RemoteTarget* remote = choose_remote(true);
    if (remote == nullptr) break;
    transmit(next_command(), *remote, now, out);
  }
  if (!has_to_send() || payload_sectors() > 0) {
    stranded_ = never;
  } else if (stranded_ == never) {
    stranded_ = now;
    deadline_ = std::min(deadline_, dead_at(stranded_));
  }
}

bool Device::is_flush(const Command& command) const {
  return command.request != none && requests_[command.request].io.kind == IoKind::flush;
}

AtaRequest Device::registers(const Command& command) const {
  AtaRequest ata{.sectors = command.sectors, .lba = command.lba};
  if (command.request == none) {
    ata.opcode = ata::Opcode::identify_device;
    return ata;
  }
  const Request& request = requests_[command.request];
  // A disk may say another thing of itself than when the request was accepted.
  const bool extended = identity_->lba48 || command.lba + command.sectors > ata::lba28_sectors_max;
  const std::size_t size = command.sectors * sector_size;
  switch (request.io.kind) {
    case IoKind::read:
      ata.flags.extended = extended;
      ata.opcode = extended ? ata::Opcode::read_sectors_ext : ata::Opcode::read_sectors;
      break;
    case IoKind::write:
      ata.flags.extended = extended;
      ata.flags.write = true;
      ata.opcode = extended ? ata::Opcode::write_sectors_ext : ata::Opcode::write_sectors;
      ata.data = request.io.from.subspan(command.offset, size);
      break;
    case IoKind::flush:
      ata.flags.extended = identity_->flush_cache_ext;
      ata.opcode =
          identity_->flush_cache_ext ? ata::Opcode::flush_cache_ext : ata::Opcode::flush_cache;
      ata.lba = 0;
      break;
  }
  return ata;
}

void Device::transmit(Index index, RemoteTarget& remote, Instant now, Actions& out) {
  Command& command = commands_[index];
  PortId port = remote.take_port();
  while (!is_usable(port)) port = remote.take_port();

  TagTable::Entry& entry = tags_.issue();
  entry.device = this;
  entry.command = index;
  entry.remote = remote.serial;
  entry.sent = now;
  entry.timed = !is_flush(command);
  if (command.attempts == 0) command.first_sent = now;
  const std::uint32_t old_tag = command.tag;
  command.state = Command::State::outstanding;
  command.tag = entry.tag;
  command.remote = remote.serial;
  command.port = port;
  command.last_sent = now;
  const Duration timeout = remote.rtt.timeout(++command.attempts);
  command.deadline = now + (entry.timed ? timeout : std::max(timeout, flush_timeout_min));
  deadline_ = std::min(deadline_, due(command));
  remote.window.sent();
  ++counters_.commands;
  if (command.attempts > 1) {
    ++counters_.retransmissions;
    out.events.push_back({.kind = Event::Kind::retransmission,
                          .device = address_,
                          .port = port,
                          .mac = remote.mac,
                          .tag = command.tag,
                          .old_tag = old_tag,
                          .attempt = command.attempts});
  }

  const AtaRequest ata = registers(command);
  Transmit& frame = out.frames.emplace_back();
  frame.port = port;
  frame.data = ata.data;
  frame.head_size = static_cast<std::uint8_t>(
      encode_head({remote.mac, ports_[port].mac, address_, command.tag}, ata, frame.head));
}

void Device::on_answer(TagTable::Entry& entry, const Frame& frame, PortId port, Instant now,
                       Actions& out) {
  Event event{.kind = Event::Kind::unexpected_answer,
              .device = address_,
              .port = port,
              .mac = frame.header.source,
              .tag = entry.tag};
  if (frame.header.address != address_ || find_remote(frame.header.source) == nullptr) {
    out.events.push_back(event);
    return;
  }
  if (entry.state == TagTable::State::answered) {
    event.kind = Event::Kind::duplicate_answer;
    out.events.push_back(event);
    return;
  }
  RemoteTarget* remote = find_remote(entry.remote);
  if (entry.state == TagTable::State::superseded) {
    entry.state = TagTable::State::answered;
    if (remote != nullptr) {
      if (entry.timed) remote->rtt.sample(now - entry.sent);
      remote->answered(now);
    }
    ++counters_.late_answers;
    event.kind = Event::Kind::late_answer;
    out.events.push_back(event);
    return;
  }

  const Index index = entry.command;
  const Command& command = commands_[index];
  const IoRequest* io = command.request == none ? nullptr : &requests_[command.request].io;
  Completion result;
  Bytes data;
  if (const auto* refused = std::get_if<ErrorReply>(&*frame.body)) {
    result.error = IoError::aoe_error;
    result.aoe_error = refused->code;
  } else {
    const auto& reply = std::get<AtaReply>(*frame.body);
    data = reply.data;
    const bool has_data = io == nullptr || io->kind == IoKind::read;
    const std::size_t size = has_data ? command.sectors * sector_size : 0;
    if ((reply.status & ata::status_failed) != 0) {
      result.error = IoError::ata_error;
      result.ata_status = reply.status;
      result.ata_error = reply.error;
    } else if (data.size() < size) {
      event.kind = Event::Kind::bad_answer;
      event.reject = {Rule::read_data_short, ata_header_size,
                      static_cast<std::uint32_t>(data.size()), static_cast<std::uint32_t>(size)};
      out.events.push_back(event);
      return;
    } else if (io != nullptr && has_data) {
      std::ranges::copy(data.first(size),
                        io->into.begin() + static_cast<std::ptrdiff_t>(command.offset));
    }
  }

  tags_.retire(entry, TagTable::State::answered);
  if (remote != nullptr) {
    if (entry.timed) remote->rtt.sample(now - entry.sent);
    remote->window.answered();
    remote->answered(now);
  }
  if (io == nullptr) {
    free_command(index);
    on_identity(result, data, event, out);
  } else {
    resolve(index, result, out);
  }
  pump(now, out);
}

void Device::resolve(Index index, const Completion& result, Actions& out) {
  const Index request_index = commands_[index].request;
  Request& request = requests_[request_index];
  free_command(index);
  --request.commands;
  if (result.error != IoError::none && request.result.error == IoError::none) {
    const std::uint64_t id = request.result.id;
    request.result = result;
    request.result.id = id;
    if (request.parts_left) {  // what has failed need not go on
      request.parts_left = false;
      std::erase(queue_, request_index);
    }
  }
  if (request.commands == 0 && !request.parts_left) complete(request_index, out);
}

void Device::complete(Index index, Actions& out) {
  const Request& request = requests_[index];
  if (request.result.error != IoError::none) ++counters_.failures;
  switch (request.io.kind) {
    case IoKind::read: ++counters_.reads; break;
    case IoKind::write: ++counters_.writes; break;
    case IoKind::flush: ++counters_.flushes; break;
  }
  out.completions.push_back(request.result);
  unused_requests_.push_back(index);
}

// Time.

Instant Device::dead_at(Instant since) const {
  return since == never || parameters_.deadsecs.count() == 0 ? never : since + parameters_.deadsecs;
}

Instant Device::due(const Command& command) const {
  const Instant due = command.state == Command::State::outstanding ? command.deadline : never;
  return command.attempts == 0 ? due : std::min(due, dead_at(command.first_sent));
}

void Device::expire(Instant now, Actions& out) {
  if (now < deadline_) return;
  if (now >= dead_at(stranded_)) {
    go_down(out);
    return;
  }
  for (Index i = 0; i < commands_.size(); ++i) {
    const Command& command = commands_[i];
    if (command.state == Command::State::unused || now < due(command)) continue;
    if (now >= dead_at(command.first_sent)) {
      go_down(out);
      return;
    }
    expire_command(i, now, out);
  }
  deadline_ = dead_at(stranded_);
  for (const Command& command : commands_) {
    if (command.state != Command::State::unused) deadline_ = std::min(deadline_, due(command));
  }
  pump(now, out);
}

void Device::expire_command(Index index, Instant now, Actions& out) {
  Command& command = commands_[index];
  bool collapsed = false;
  if (RemoteTarget* remote = find_remote(command.remote)) {
    collapsed = remote->window.expired(command.last_sent, now);
    if (collapsed) ++remote->expiries;
    search_ |= remote->is_suspect();
  }
  supersede(command);
  command.state = Command::State::waiting;
  RemoteTarget* next = collapsed ? choose_remote(false) : nullptr;
  if (next == nullptr) {
    waiting_.push_back(index);
    return;
  }
  split(index);
  transmit(index, *next, now, out);
}

void Device::supersede(const Command& command) {
  TagTable::Entry* entry = tags_.find(command.tag);
  AOE_CHECK(entry != nullptr);
  tags_.retire(*entry, TagTable::State::superseded);
}

// What the device is.

void Device::on_identity(const Completion& result, Bytes data, Event event, Actions& out) {
  identify_pending_ = false;
  auto parsed = parse_identify(data);
  if (result.error != IoError::none || !parsed) {
    event.kind = Event::Kind::identify_failed;
    event.result = result;
    if (result.error == IoError::none) event.reject = parsed.error();
    out.events.push_back(event);
    if (state_ == DeviceState::identifying) go_down(out);
    return;
  }
  event.sectors = parsed->sectors;
  if (state_ == DeviceState::identifying) {
    state_ = DeviceState::up;
    event.kind = Event::Kind::device_up;
    out.events.push_back(event);
  } else if (identity_->sectors != parsed->sectors) {
    event.kind = Event::Kind::device_resized;
    out.events.push_back(event);
  }
  identity_ = *parsed;
}

void Device::go_down(Actions& out) {
  for (Index i = 0; i < commands_.size(); ++i) {
    const Command& command = commands_[i];
    if (command.state == Command::State::unused) continue;
    if (command.state == Command::State::outstanding) supersede(command);
    if (command.request != none) --requests_[command.request].commands;
    free_command(i);
  }
  waiting_.clear();
  queue_.clear();
  identify_pending_ = false;
  remotes_.clear();  // what comes back is measured anew
  deadline_ = never;
  stranded_ = never;
  state_ = DeviceState::down;
  out.events.push_back({.kind = Event::Kind::device_down, .device = address_});

  std::vector<bool> idle(requests_.size(), false);
  for (const Index index : unused_requests_) idle[index] = true;
  for (Index i = 0; i < requests_.size(); ++i) {
    if (idle[i]) continue;
    if (requests_[i].result.error == IoError::none)
      requests_[i].result.error = IoError::device_down;
    complete(i, out);
  }
}

}  // namespace aoe::initiator
