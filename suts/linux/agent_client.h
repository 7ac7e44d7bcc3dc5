// The host's end of the stream of messages with the agent: sends requests, and calls back with the
// answers.
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
  /// The answer's code is an errno, 0 for success.
  using Done = std::function<void(Message answer)>;

  /// `lost` is called when the stream has ended: no more answers come.
  AgentClient(boost::asio::io_context& loop, Descriptor stream, std::function<void()> lost);

  /// Sends a request with the members of a message that the operation needs: see Operation.
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
