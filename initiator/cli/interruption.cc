#include "initiator/cli/interruption.h"

#include <csignal>

namespace aoe::initiator {

Interruption::Interruption(boost::asio::io_context& loop)
    : loop_(loop), signals_(loop, SIGINT, SIGTERM) {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    signal_ = number;
    signals_.clear();
  });
}

Interruption::~Interruption() {
  signals_.clear();
  signals_.cancel();
  loop_.poll();  // the handler
}

}  // namespace aoe::initiator
