#include "initiator/mount/diagnostics.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/check.h"

namespace aoe::initiator {

LogLevel level_of(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::device_up:
    case Event::Kind::device_forgotten:
    case Event::Kind::payload_restored:
    case Event::Kind::device_resized: return LogLevel::info;
    case Event::Kind::foreign_disk:
    case Event::Kind::foreign_content: return LogLevel::error;
    case Event::Kind::device_down:
    case Event::Kind::payload_shrunk:
    case Event::Kind::unproven_disk:
    case Event::Kind::disk_replaced:
    case Event::Kind::ambiguous_size:
    case Event::Kind::write_refused:
    case Event::Kind::identify_failed: return LogLevel::warning;
    case Event::Kind::config_answer:
    case Event::Kind::device_refused:
    case Event::Kind::retransmission:
    case Event::Kind::late_answer:
    case Event::Kind::duplicate_answer:
    case Event::Kind::unexpected_answer:
    case Event::Kind::wrong_address:
    case Event::Kind::unknown_source:
    case Event::Kind::bad_answer: return LogLevel::debug;
  }
  AOE_CHECK(false && "an event without a level");
}

void Diagnostics::add(std::string_view line) {
  lines_.add(line);
  answer_readers();
  for (const auto& [handle, waiter] : std::exchange(pollers_, {})) {
    fuse_lowlevel_notify_poll(waiter);
    fuse_pollhandle_destroy(waiter);
  }
}

void Diagnostics::read(Request request, std::size_t size, bool waits) {
  if (lines_.empty() && !waits) {
    fuse_reply_err(request, EAGAIN);
    return;
  }
  readers_.push_back({request, size});
  fuse_req_interrupt_func(request, interrupt, this);
  answer_readers();
}

void Diagnostics::answer_readers() {
  while (!readers_.empty() && !lines_.empty()) {
    const Reader reader = readers_.front();
    readers_.pop_front();
    const std::string text = lines_.take(reader.size);
    fuse_reply_buf(reader.request, text.data(), text.size());
  }
}

/// Called by libfuse, which holds locks of the request's.
void Diagnostics::interrupt(Request request, void* user) {
  Diagnostics& self = *static_cast<Diagnostics*>(user);
  boost::asio::post(self.loop_, [&self, request] { self.interrupted(request); });
}

void Diagnostics::interrupted(Request request) {
  const auto reader = std::ranges::find(readers_, request, &Reader::request);
  if (reader == readers_.end() || !fuse_req_interrupted(request)) return;
  readers_.erase(reader);
  fuse_reply_err(request, EINTR);
}

void Diagnostics::poll(Request request, std::uint64_t handle, fuse_pollhandle* waiter) {
  if (waiter != nullptr) {
    released(handle);
    pollers_[handle] = waiter;
  }
  fuse_reply_poll(request, lines_.empty() ? 0 : POLLIN);
}

void Diagnostics::released(std::uint64_t handle) {
  const auto poller = pollers_.find(handle);
  if (poller == pollers_.end()) return;
  fuse_pollhandle_destroy(poller->second);
  pollers_.erase(poller);
}

void Diagnostics::finish() {
  for (const Reader& reader : std::exchange(readers_, {})) fuse_reply_err(reader.request, ENODEV);
  for (const auto& [handle, waiter] : std::exchange(pollers_, {})) fuse_pollhandle_destroy(waiter);
}

}  // namespace aoe::initiator
