#include "harness/world/engine_initiator.h"

namespace aoe::harness {

tl::expected<std::unique_ptr<EngineInitiator>, std::string> EngineInitiator::open(
    boost::asio::io_context& loop, const Givens& given, std::function<void(Address)> gave_up) {
  initiator::Parameters parameters;
  parameters.deadsecs = given.deadsecs;
  parameters.maxout = given.maxout;
  parameters.profile = given.profile;
  parameters.early_retransmission = given.early_retransmission;
  auto session = initiator::LiveSession::open(loop, parameters, {"eth0"});
  if (!session) return tl::unexpected(session.error());
  (*session)->listen([gave_up = std::move(gave_up)](const initiator::Event& event) {
    if (event.kind == initiator::Event::Kind::device_down) gave_up(event.device);
  });
  return std::unique_ptr<EngineInitiator>(new EngineInitiator(*std::move(session)));
}

bool EngineInitiator::is_up(Address device) const {
  const initiator::Device* found = session_->engine().find(device);
  return found != nullptr && found->state() == initiator::DeviceState::up;
}

bool EngineInitiator::open(Address device) {
  const bool opened = session_->open(device);
  users_ += opened ? 1 : 0;
  return opened;
}

void EngineInitiator::close(Address device) {
  if (users_ == 0) return;
  --users_;
  session_->call(&initiator::Engine::close, device);
}

std::string EngineInitiator::state(Address device) const {
  const initiator::Device* found = session_->engine().find(device);
  return found == nullptr ? std::string() : std::string(initiator::text(found->state()));
}

}  // namespace aoe::harness
