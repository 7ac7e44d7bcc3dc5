#include "suts/guest/cable.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "proto/layout.h"

namespace aoe::guest {
namespace {

constexpr std::size_t length_size = 4;

bool is_aoe(Bytes frame) {
  return frame.size() >= ethernet_header_size && layout::get<Field::ethertype>(frame) == ethertype;
}

}  // namespace

Cable::Cable(boost::asio::io_context& loop, std::unique_ptr<PacketPort> port, Descriptor card,
             std::function<void()> look)
    : port_(std::move(port)), watcher_(loop), look_(std::move(look)), card_(loop) {
  card_.assign(boost::asio::local::stream_protocol(), ::dup(card.get()));
  watch_wire();
  from_card();
}

void Cable::watch_wire() {
  if (watching_ || held_ > 0 || !to_card_.empty()) return;
  watching_ = true;
  watcher_.watch(port_->descriptor(), [this] { from_wire(); });
}

void Cable::release() {
  --held_;
  watch_wire();
}

void Cable::from_wire() {
  look_();
  if (held_ > 0) {
    watching_ = false;
    return watcher_.unwatch(port_->descriptor());
  }
  std::array<Bytes, batch_size> frames;
  const std::size_t count = port_->receive(frames);
  for (const Bytes frame : std::span(frames).first(count)) {
    const std::size_t size = frame.size();
    for (const int shift : {24, 16, 8, 0}) {
      to_card_.push_back(static_cast<std::uint8_t>(size >> shift & 0xff));
    }
    to_card_.insert(to_card_.end(), frame.begin(), frame.end());
  }
  if (to_card_.empty()) return;
  watching_ = false;
  watcher_.unwatch(port_->descriptor());
  boost::asio::async_write(card_, boost::asio::buffer(to_card_),
                           [this](const boost::system::error_code& error, std::size_t) {
                             if (error) return;  // the machine has ended
                             to_card_.clear();
                             watch_wire();
                           });
}

void Cable::from_card() {
  card_.async_read_some(boost::asio::buffer(piece_),
                        [this](const boost::system::error_code& error, std::size_t size) {
                          if (error) return;
                          stream_.insert(stream_.end(), piece_.begin(),
                                         piece_.begin() + static_cast<std::ptrdiff_t>(size));
                          pass_to_wire();
                          from_card();
                        });
}

void Cable::pass_to_wire() {
  std::size_t at = 0;
  while (stream_.size() - at >= length_size) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < length_size; ++i) size = size << 8 | stream_[at + i];
    if (stream_.size() - at - length_size < size) break;
    const Bytes frame = Bytes(stream_).subspan(at + length_size, size);
    static constexpr std::array<std::uint8_t, frame_size_min> filling{};
    const std::size_t missing = frame_size_min - std::min(size, frame_size_min);
    const Outgoing outgoing{frame, Bytes(filling).first(missing)};
    if (is_aoe(frame)) port_->send({&outgoing, 1});
    at += length_size + size;
  }
  stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace aoe::guest
