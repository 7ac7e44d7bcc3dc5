// Our initiator as an engine of this process, on a real interface.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/world/live_ends.h"
#include "initiator/client/live_session.h"

namespace aoe::harness {

/// Returns the parameters of our engine in a scenario.
initiator::Parameters parameters_of(const Givens& given);
/// InitiatorEnd::state() of an engine.
std::string_view state_of(Address device, const initiator::Engine& engine);

class EngineInitiator final : public LiveInitiator {
 public:
  /// Works on these interfaces of the network namespace that it is made in. `gave_up` is called when
  /// a device went down.
  static tl::expected<std::unique_ptr<EngineInitiator>, std::string> open(
      boost::asio::io_context& loop, const Givens& given,
      const std::vector<std::string>& interfaces, std::function<void(Address)> gave_up);

  ~EngineInitiator() override { alive_.reset(); }

  void discover(Address whom) override { session_->call(&initiator::Engine::discover, whom); }
  void submit(const initiator::IoRequest& request, Done done) override {
    session_->call(&initiator::Session::submit, request,
                   [done = std::move(done),
                    alive = std::weak_ptr(alive_)](const initiator::Completion& completion) {
                     if (!alive.expired()) done(completion);
                   });
  }
  std::string_view state(Address device) const override {
    return state_of(device, session_->engine());
  }
  bool open(Address device) override;
  void close(Address device) override;

 private:
  explicit EngineInitiator(std::unique_ptr<initiator::LiveSession> session)
      : session_(std::move(session)) {}

  std::unique_ptr<initiator::LiveSession> session_;
  unsigned users_ = 0;  // of the device
  /// Gone before the session, which cancels what is outstanding: that must not reach `done`.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace aoe::harness
