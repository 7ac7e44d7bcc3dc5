#include "initiator/client/session.h"

#include <algorithm>
#include <array>
#include <utility>

namespace aoe::initiator {

Session::Session(const Parameters& parameters, std::uint64_t seed, Trace trace)
    : engine_(parameters, seed, std::move(trace)) {}

void Session::listen(Listener listener) {
  listener_ = listener ? std::make_shared<const Listener>(std::move(listener)) : nullptr;
}

// Ports.

PortId Session::attach(FramePort& port, Instant now) {
  const PortId id = engine_.add_port(port.link(), now, actions_);
  if (id >= ports_.size()) ports_.resize(id + 1);
  ports_[id] = &port;
  carry_out();
  return id;
}

void Session::detach(PortId port, Instant now) {
  ports_[port] = nullptr;
  // What the port received goes with it.
  for (Actions* actions : {&actions_, &reporting_}) {
    for (Event& event : actions->events) {
      if (event.port == port) event.config.string = {};
    }
  }
  std::erase_if(actions_.frames, [port](const Transmit& frame) { return frame.port == port; });
  engine_.remove_port(port, now, actions_);
  carry_out();
}

void Session::link_changed(PortId port, Instant now) {
  engine_.change_port(port, ports_[port]->link(), now, actions_);
  carry_out();
}

void Session::receive(PortId port, Instant now) {
  while (receive_batch(port, now)) {
  }
}

bool Session::receive_batch(PortId port, Instant now) {
  if (ports_[port] == nullptr) return false;  // detached from within a callback
  // Not all that wait at once: the target has something to do while these are handled.
  std::array<Bytes, batch_size / 2> frames;
  const std::size_t count = ports_[port]->receive(frames);
  for (const Bytes frame : std::span(frames).first(count)) {
    engine_.on_frame(port, frame, now, actions_);
  }
  if (count > 0) carry_out();
  return count > 0;
}

// Operations.

std::uint64_t Session::add(Address device, Callback done) {
  const Index index = operations_.take();
  operations_[index] = {.device = device, .done = std::move(done)};
  ++outstanding_;
  return operations_.id(index);
}

Session::Callback Session::take(std::uint64_t id) {
  const Index index = operations_.find(id);
  AOE_CHECK(index != no_index);
  Callback done = std::move(operations_[index].done);
  operations_.release(index);
  --outstanding_;
  return done;
}

std::uint64_t Session::submit(IoRequest request, Done done, Instant now) {
  request.id = add(request.device, std::move(done));
  engine_.submit(request, now, actions_);
  carry_out();
  return request.id;
}

std::uint64_t Session::ask(QueryRequest request, QueryDone done, Instant now) {
  request.id = add(request.device, std::move(done));
  engine_.ask(request, now, actions_);
  carry_out();
  return request.id;
}

std::uint64_t Session::await(Address device, Duration limit, Done done, Instant now) {
  const std::uint64_t id = add(device, std::move(done));
  if (!device.is_exact()) {
    actions_.completions.push_back({.id = id, .error = IoError::invalid});
  } else if (is_up(device)) {
    actions_.completions.push_back({.id = id});
  } else {
    Operation& wait = operations_[operations_.find(id)];
    wait.repeat = now;
    wait.end = now + limit;
    waits_.push_back(id);
    tick_waits(now);
  }
  carry_out();
  return id;
}

void Session::cancel(std::uint64_t id, Instant now) {
  const Index index = operations_.find(id);
  if (index == no_index) return;
  const Operation& operation = operations_[index];
  if (std::erase(waits_, id) > 0) {
    actions_.completions.push_back({.id = id, .error = IoError::cancelled});
  } else if (std::holds_alternative<QueryDone>(operation.done)) {
    engine_.cancel_query(id, actions_);
  } else {
    engine_.cancel(operation.device, id, now, actions_);  // of no effect on a wait that is over
  }
  carry_out();
}

void Session::cancel_all() {
  waits_.clear();
  std::vector<std::pair<Completion, Callback>> cancelled;  // a callback may begin something new
  for (Index index = 0; index < operations_.end(); ++index) {
    if (!operations_.is_used(index)) continue;
    const std::uint64_t id = operations_.id(index);
    cancelled.emplace_back(Completion{.id = id, .error = IoError::cancelled}, take(id));
  }
  for (const auto& [completion, callback] : cancelled) {
    if (const auto* done = std::get_if<Done>(&callback)) {
      (*done)(completion);
    } else {
      std::get<QueryDone>(callback)({completion, {}});
    }
  }
}

bool Session::is_up(Address device) const {
  const Device* found = engine_.find(device);
  return found != nullptr && found->state() == DeviceState::up;
}

// Time.

Instant Session::deadline() const {
  Instant earliest = engine_.deadline();
  for (const std::uint64_t id : waits_) {
    earliest = std::min(earliest, operations_[operations_.find(id)].repeat);
  }
  return earliest;
}

void Session::tick(Instant now) {
  engine_.tick(now, actions_);
  tick_waits(now);
  carry_out();
}

void Session::tick_waits(Instant now) {
  std::erase_if(waits_, [&](std::uint64_t id) {
    Operation& wait = operations_[operations_.find(id)];
    if (now >= wait.end) {
      actions_.completions.push_back({.id = id, .error = IoError::no_such_device});
    } else if (now >= wait.repeat) {
      engine_.discover(wait.device, now, actions_);
      wait.repeat = std::min(now + wait_interval, wait.end);
    }
    return now >= wait.end;
  });
}

// Actions.

void Session::carry_out() {
  if (carrying_out_) return;  // called from within a callback: the loop below takes it up
  carrying_out_ = true;
  while (true) {
    send_frames();
    if (actions_.completions.empty() && actions_.answers.empty() && actions_.events.empty()) break;
    std::swap(actions_, reporting_);
    for (const Event& event : reporting_.events) report(event);
    for (const Completion& completion : reporting_.completions) {
      std::get<Done>(take(completion.id))(completion);
    }
    for (const QueryResult& result : reporting_.answers) {
      std::get<QueryDone>(take(result.completion.id))(result);
    }
    reporting_.clear();
  }
  carrying_out_ = false;
}

void Session::report(const Event& event) {
  if (event.kind == Event::Kind::device_up && is_up(event.device)) {
    std::vector<std::uint64_t> over;
    std::erase_if(waits_, [&](std::uint64_t id) {
      const bool its = operations_[operations_.find(id)].device == event.device;
      if (its) over.push_back(id);
      return its;
    });
    for (const std::uint64_t id : over) std::get<Done>(take(id))({.id = id});
  }
  if (const auto listener = listener_) (*listener)(event);
}

void Session::send_frames() {
  auto& frames = actions_.frames;
  for (std::size_t first = 0; first < frames.size();) {
    const PortId port = frames[first].port;
    batch_.clear();
    for (; first < frames.size() && frames[first].port == port; ++first) {
      const Transmit& frame = frames[first];
      batch_.push_back({Bytes(frame.head).first(frame.head_size), frame.data});
    }
    ports_[port]->send(batch_);
  }
  frames.clear();
}

}  // namespace aoe::initiator
