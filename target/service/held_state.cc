#include "target/service/held_state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proto/describe.h"

namespace aoe::target {

HeldState::HeldState(Lun& lun, LunCounters& counters, StateKeeper& keeper, const TimedTrace& trace,
                     const std::unique_ptr<RequestLog>* log)
    : lun_(lun),
      counters_(counters),
      keeper_(keeper),
      trace_(trace),
      log_(log),
      stable_(lun.state()),
      saved_revision_(lun.revision()) {}

void HeldState::hold(FramePort& port, Bytes reply) {
  if (waiting_.size() >= std::min(lun_.options().in_flight_max(), held_max)) {
    ++counters_.dropped_busy;
    if (trace_) trace_("drop {}: {} replies are held already", lun_.address(), waiting_.size());
    return;
  }
  if (trace_) trace_("hold {}: {}", lun_.address(), Described(reply).text());
  waiting_.push_back({lun_.revision(), &port, {reply.begin(), reply.end()}, {}});
  save();
}

void HeldState::call_when_stable(StateKeeper::Done done) {
  waiting_.push_back({lun_.revision(), nullptr, {}, std::move(done)});
  save();
}

void HeldState::forget(const FramePort& port) {
  for (Waiting& waiting : waiting_) {
    if (waiting.port == &port) waiting.port = nullptr;
  }
}

void HeldState::save() {
  if (is_saving_) return;
  is_saving_ = true;
  saving_ = lun_.state();
  keeper_.save(lun_.address(), saving_,
               [self = weak_from_this(), revision = lun_.revision()](std::error_code error) {
                 if (const auto held = self.lock()) held->saved(revision, error);
               });
}

void HeldState::saved(std::uint64_t revision, std::error_code error) {
  is_saving_ = false;
  if (error) {
    ++counters_.state_errors;
    if (trace_) trace_("undo {}: saving its state: {}", lun_.address(), error.message());
    lun_.restore(stable_);
    saved_revision_ = lun_.revision();
    return release(error);
  }
  stable_ = std::move(saving_);
  saved_revision_ = revision;
  if (lun_.revision() != revision) save();
  release({});
}

void HeldState::release(std::error_code error) {
  std::vector<Waiting> due;
  std::erase_if(waiting_, [&](Waiting& waiting) {
    if (!error && waiting.revision > saved_revision_) return false;
    due.push_back(std::move(waiting));
    return true;
  });
  for (const Waiting& waiting : due) {
    if (waiting.done) {
      waiting.done(error);
    } else {
      send(waiting, error);
    }
  }
}

void HeldState::send(const Waiting& waiting, std::error_code error) {
  if (waiting.port == nullptr) {
    ++counters_.dropped_port;
    if (trace_) trace_("drop {}: the port of a held reply is gone", lun_.address());
    return;
  }
  std::array<std::uint8_t, frame_size_min> room;
  Bytes frame = waiting.reply;
  ReplyReady ready{frame.size()};
  if (error) {
    ready = Lun::refuse_set(waiting.reply, room);
    frame = Bytes(room).first(ready.size);
  }
  counters_.count(ready);
  if (log_ != nullptr && *log_) (*log_)->reply(trace_.now(), frame);
  if (trace_) trace_("release {}: {}", lun_.address(), Described(frame).text());
  const Outgoing outgoing{frame, {}};
  waiting.port->send({&outgoing, 1});
}

}  // namespace aoe::target
