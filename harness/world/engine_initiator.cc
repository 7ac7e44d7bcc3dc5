#include "harness/world/engine_initiator.h"

namespace aoe::harness {

initiator::Parameters parameters_of(const Givens& given) {
  return {.deadsecs = given.deadsecs,
          .maxout = given.maxout,
          .profile = given.profile,
          .early_retransmission = given.early_retransmission};
}

std::string_view state_of(Address device, const initiator::Engine& engine) {
  const initiator::Device* found = engine.find(device);
  return found == nullptr ? std::string_view() : initiator::text(found->state());
}

tl::expected<std::unique_ptr<EngineInitiator>, std::string> EngineInitiator::open(
    boost::asio::io_context& loop, const Givens& given, const std::vector<std::string>& interfaces,
    std::function<void(Address)> gave_up) {
  auto session = initiator::LiveSession::open(loop, parameters_of(given), interfaces);
  if (!session) return tl::unexpected(session.error().text);
  (*session)->listen([gave_up = std::move(gave_up)](const initiator::Event& event) {
    if (event.kind == initiator::Event::Kind::device_down) gave_up(event.device);
  });
  return std::unique_ptr<EngineInitiator>(new EngineInitiator(*std::move(session)));
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

}  // namespace aoe::harness
