#include "harness/world/wire_discovery.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <memory>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "proto/frame.h"
#include "proto/identify.h"
#include "wire/interfaces.h"
#include "wire/packet_port.h"

namespace aoe::harness {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t tag = 0x4c4f4f4b;
constexpr int asked = 3;  // times
constexpr auto patience = std::chrono::milliseconds(333);

/// Sends the request until `is_enough` returns true of an answer, and gives each answer to it.
template <class IsEnough>
tl::expected<void, std::string> ask(const std::string& interface, const Mac& to, Address whom,
                                    const Body& request, IsEnough is_enough) {
  auto port = PacketPort::open(interface);
  if (!port) return tl::unexpected(port.error());
  if (!(*port)->link().up) return tl::unexpected(fmt::format("{}: it is down", interface));
  std::array<std::uint8_t, frame_size_min> bytes{};
  encode({.destination = to, .source = (*port)->link().mac, .address = whom, .tag = tag}, request,
         bytes);
  const Outgoing frame{bytes, {}};
  for (int i = 0; i < asked; ++i) {
    (*port)->send({&frame, 1});
    const Clock::time_point end = Clock::now() + patience;
    while (Clock::now() < end) {
      pollfd readable{(*port)->descriptor(), POLLIN, 0};
      ::poll(&readable, 1, 20);
      std::array<Bytes, batch_size> frames;
      const std::size_t count = (*port)->receive(frames);
      for (std::size_t j = 0; j < count; ++j) {
        const auto answer = decode(frames[j]);
        if (answer && answer->response && answer->header.tag == tag && is_enough(*answer))
          return {};
      }
    }
  }
  return {};
}

/// Returns an IP address as people write it; empty for others, and for those that begin with fe80.
std::string shown(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address == nullptr) return {};
  if (address->sa_family == AF_INET) {
    const auto* const in = reinterpret_cast<const sockaddr_in*>(address);
    return ::inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size());
  }
  if (address->sa_family != AF_INET6) return {};
  const auto* const in = reinterpret_cast<const sockaddr_in6*>(address);
  if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr)) return {};
  return ::inet_ntop(AF_INET6, &in->sin6_addr, text.data(), text.size());
}

/// Returns the interface's first IP address; empty: it has none.
std::string ip_address_of(const std::string& interface) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, ::freeifaddrs);
  std::string found;
  for (const ifaddrs* one = all; one != nullptr && found.empty(); one = one->ifa_next) {
    if (one->ifa_name == interface) found = shown(one->ifa_addr);
  }
  return found;
}

}  // namespace

tl::expected<Link, std::string> link_for_tests(const std::string& interface) {
  const auto found = choose_interfaces({interface});
  if (!found) return tl::unexpected(found.error());
  if (!found->front().link.up) return tl::unexpected(fmt::format("{}: it is down", interface));
  const std::string address = ip_address_of(found->front().name);
  if (address.empty()) return found->front().link;
  return tl::unexpected(fmt::format(
      "{}: it has the address {}, so it is not left to tests: use an interface without one",
      interface, address));
}

tl::expected<std::vector<Address>, std::string> disks_on(const std::string& interface) {
  std::set<std::tuple<std::uint16_t, std::uint8_t>> found;
  const auto note = [&](const Frame& answer) {
    found.emplace(answer.header.address.shelf, answer.header.address.slot);
    return false;  // there may be more
  };
  if (auto done = ask(interface, Mac::broadcast(), Address::everyone(), ConfigRequest{}, note);
      !done)
    return tl::unexpected(done.error());
  std::vector<Address> disks;
  disks.reserve(found.size());
  for (const auto& [shelf, slot] : found) disks.push_back({shelf, slot});
  return disks;
}

tl::expected<std::optional<std::uint64_t>, std::string> sectors_on(const std::string& interface,
                                                                   Address disk) {
  std::optional<Mac> where;
  const auto note = [&](const Frame& answer) {
    if (answer.header.address == disk) where = answer.header.source;
    return where.has_value();
  };
  if (auto done = ask(interface, Mac::broadcast(), disk, ConfigRequest{}, note); !done)
    return tl::unexpected(done.error());
  std::optional<std::uint64_t> sectors;
  if (!where) return sectors;
  const auto read = [&](const Frame& answer) {
    const auto* reply = answer.body ? std::get_if<AtaReply>(&*answer.body) : nullptr;
    if (answer.header.address != disk || reply == nullptr || reply->data.size() < identify_size)
      return false;
    const auto identity = parse_identify(reply->data);
    if (identity) sectors = identity->sectors;
    return sectors.has_value();
  };
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  if (auto done = ask(interface, *where, disk, identify, read); !done)
    return tl::unexpected(done.error());
  return sectors;
}

}  // namespace aoe::harness
