#include "suts/linux/agent_client.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace aoe::guest {
namespace {

constexpr std::size_t piece_size = 256 << 10;

}  // namespace

AgentClient::AgentClient(boost::asio::io_context& loop, Descriptor stream,
                         std::function<void()> lost)
    : stream_(loop), lost_(std::move(lost)), piece_(piece_size) {
  stream_.assign(boost::asio::local::stream_protocol(), ::dup(stream.get()));
  receive();
}

void AgentClient::ask(Operation operation, Message question, Done done) {
  question.id = ++last_id_;
  question.code = static_cast<std::uint32_t>(operation);
  asked_.emplace(question.id, std::move(done));
  leaving_.push_back(encode(question));
  if (leaving_.size() == 1) send();
}

void AgentClient::send() {
  boost::asio::async_write(stream_, boost::asio::buffer(leaving_.front()),
                           [this](const boost::system::error_code& error, std::size_t) {
                             if (error) return;  // receive() notices it, too
                             leaving_.pop_front();
                             if (!leaving_.empty()) send();
                           });
}

void AgentClient::receive() {
  stream_.async_read_some(boost::asio::buffer(piece_),
                          [this](const boost::system::error_code& error, std::size_t size) {
                            if (error == boost::asio::error::operation_aborted) return;
                            if (!error) reader_.add({piece_.data(), size});
                            while (auto answer = reader_.next()) {
                              const auto asked = asked_.extract(answer->id);
                              if (!asked.empty()) asked.mapped()(*std::move(answer));
                            }
                            if (error || reader_.is_broken()) return lost_();
                            receive();
                          });
}

}  // namespace aoe::guest
