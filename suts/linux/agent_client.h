// The host's end of the conversation with the agent: asks, and hands out the answers.
//
// Owns the stream. One thread; callbacks come from the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/descriptor.h"
#include "suts/linux/message.h"

namespace aoe::guest {

class AgentClient {
 public:
  /// Its code is an errno, 0 for success.
  using Done = std::function<void(Message answer)>;

  /// `lost` is called when the stream has ended: nothing will be answered any more.
  AgentClient(boost::asio::io_context& loop, Descriptor stream, std::function<void()> lost);

  /// With what the operation needs of a message; see Operation.
  void ask(Operation operation, Message question, Done done);
  bool is_idle() const { return asked_.empty(); }

 private:
  void receive();
  void send();

  boost::asio::local::stream_protocol::socket stream_;
  const std::function<void()> lost_;
  std::map<std::uint32_t, Done> asked_;
  std::uint32_t last_id_ = 0;
  std::deque<std::string> leaving_;  // the first is on its way
  MessageReader reader_;
  std::vector<char> piece_;
};

}  // namespace aoe::guest
