#include "initiator/client/session.h"

#include <array>
#include <utility>

namespace aoe::initiator {

Session::Session(const Parameters& parameters, std::uint64_t seed, Observer& observer, Trace trace)
    : engine_(parameters, seed, std::move(trace)), observer_(observer) {}

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

std::uint32_t Session::discover(Address whom, Instant now) {
  const std::uint32_t tag = engine_.discover(whom, now, actions_);
  carry_out();
  return tag;
}

void Session::set_parameters(const Parameters& parameters, Instant now) {
  engine_.set_parameters(parameters, now, actions_);
  carry_out();
}

bool Session::revalidate(Address device, Instant now) {
  const bool known = engine_.revalidate(device, now, actions_);
  carry_out();
  return known;
}

bool Session::forget(Address device, Instant now) {
  const bool forgotten = engine_.forget(device, now, actions_);
  carry_out();
  return forgotten;
}

std::size_t Session::forget_down(Instant now) {
  const std::size_t count = engine_.forget_down(now, actions_);
  carry_out();
  return count;
}

std::size_t Session::forget_unopened(Instant now) {
  const std::size_t count = engine_.forget_unopened(now, actions_);
  carry_out();
  return count;
}

bool Session::cancel(Address device, std::uint64_t id, Instant now) {
  const bool found = engine_.cancel(device, id, now, actions_);
  carry_out();
  return found;
}

void Session::submit(const IoRequest& request, Instant now) {
  engine_.submit(request, now, actions_);
  carry_out();
}

void Session::ask(const QueryRequest& request, Instant now) {
  engine_.ask(request, now, actions_);
  carry_out();
}

void Session::cancel_query(std::uint64_t id) {
  engine_.cancel_query(id, actions_);
  carry_out();
}

void Session::receive(PortId port, Instant now) {
  while (receive_batch(port, now)) {
  }
}

bool Session::receive_batch(PortId port, Instant now) {
  if (ports_[port] == nullptr) return false;  // detached from within a report
  // Not all that wait at once: the target has something to do while these are handled.
  std::array<Bytes, batch_size / 2> frames;
  const std::size_t count = ports_[port]->receive(frames);
  for (const Bytes frame : std::span(frames).first(count)) {
    engine_.on_frame(port, frame, now, actions_);
  }
  if (count > 0) carry_out();
  return count > 0;
}

void Session::tick(Instant now) {
  engine_.tick(now, actions_);
  carry_out();
}

void Session::carry_out() {
  if (carrying_out_) return;  // submitted from within a report: the loop below takes it up
  carrying_out_ = true;
  while (true) {
    send_frames();
    if (actions_.completions.empty() && actions_.answers.empty() && actions_.events.empty()) break;
    std::swap(actions_, reporting_);
    for (const Event& event : reporting_.events) observer_.happened(event);
    for (const Completion& completion : reporting_.completions) observer_.completed(completion);
    for (const QueryResult& result : reporting_.answers) observer_.answered(result);
    reporting_.clear();
  }
  carrying_out_ = false;
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
