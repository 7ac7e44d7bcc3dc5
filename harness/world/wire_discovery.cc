#include "harness/world/wire_discovery.h"

#include <poll.h>

#include <array>
#include <chrono>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "proto/frame.h"
#include "wire/packet_port.h"

namespace aoe::harness {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t tag = 0x4c4f4f4b;
constexpr int asked = 3;  // times
constexpr auto patience = std::chrono::milliseconds(333);

void ask(PacketPort& port) {
  std::array<std::uint8_t, frame_size_min> bytes{};
  encode({.destination = Mac::broadcast(),
          .source = port.link().mac,
          .address = {Address::any_shelf, Address::any_slot},
          .tag = tag},
         ConfigRequest{}, bytes);
  const Outgoing frame{bytes, {}};
  port.send({&frame, 1});
}

}  // namespace

tl::expected<std::vector<Address>, std::string> disks_on(const std::string& interface) {
  auto port = PacketPort::open(interface);
  if (!port) return tl::unexpected(port.error());
  if (!(*port)->link().up) return tl::unexpected(fmt::format("{}: it is down", interface));
  std::set<std::tuple<std::uint16_t, std::uint8_t>> found;
  for (int i = 0; i < asked; ++i) {
    ask(**port);
    const Clock::time_point end = Clock::now() + patience;
    while (Clock::now() < end) {
      pollfd readable{(*port)->descriptor(), POLLIN, 0};
      ::poll(&readable, 1, 20);
      std::array<Bytes, batch_size> frames;
      const std::size_t count = (*port)->receive(frames);
      for (std::size_t j = 0; j < count; ++j) {
        const auto frame = decode(frames[j]);
        if (!frame || !frame->response || frame->header.tag != tag) continue;
        found.emplace(frame->header.address.shelf, frame->header.address.slot);
      }
    }
  }
  std::vector<Address> disks;
  disks.reserve(found.size());
  for (const auto& [shelf, slot] : found) disks.push_back({shelf, slot});
  return disks;
}

}  // namespace aoe::harness
