#include "wire/packet_port.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "proto/codes.h"

namespace aoe {
namespace {

/// Interfaces let frames through that are longer than their MTU by a VLAN tag or a check sequence.
constexpr std::size_t overlength_max = 4;

/// Frames start on cache lines of their own.
constexpr std::size_t alignment = 64;

template <class Value>
bool set_option(int fd, int level, int option, const Value& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/// Past the system's limit where we may, up to it where not.
bool set_buffer(int fd, int forced_option, int option, int bytes) {
  return set_option(fd, SOL_SOCKET, forced_option, bytes) ||
         set_option(fd, SOL_SOCKET, option, bytes);
}

/// Lets the kernel discard what is not for us, before it takes room in the receive queue.
bool set_filter(int fd, bool promiscuous) {
  constexpr auto packet_type = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);
  const std::uint32_t unwanted = promiscuous ? PACKET_OUTGOING : PACKET_OTHERHOST;
  std::array<sock_filter, 5> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, packet_type),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, unwanted, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter);
}

}  // namespace

struct PacketPort::Socket {
  Socket(int descriptor, Interface opened, bool is_promiscuous);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(fd); }

  tl::expected<void, std::string> configure(const Options& options);
  tl::expected<void, std::string> attach();
  void fit_receive_buffers();
  tl::unexpected<std::string> failure(std::string_view what) const {
    return tl::unexpected(
        fmt::format("{}: {}: {}", interface.name, what, std::generic_category().message(errno)));
  }

  int fd;
  Interface interface;
  bool promiscuous;
  PortCounters counters;

  // What recvmmsg and sendmmsg are given, wired up once: a batch fills in lengths and pointers
  // only. A message to receive has one piece, one to send has two.
  std::size_t receive_size = 0;  // of each receive buffer
  std::vector<std::uint8_t> receive_memory;
  std::array<iovec, batch_size> receive_pieces{};
  std::array<mmsghdr, batch_size> receive_messages{};
  std::array<std::array<iovec, 2>, batch_size> send_pieces{};
  std::array<mmsghdr, batch_size> send_messages{};
};

PacketPort::Socket::Socket(int descriptor, Interface opened, bool is_promiscuous)
    : fd(descriptor), interface(std::move(opened)), promiscuous(is_promiscuous) {
  for (std::size_t i = 0; i < batch_size; ++i) {
    receive_messages[i].msg_hdr.msg_iov = &receive_pieces[i];
    receive_messages[i].msg_hdr.msg_iovlen = 1;
    send_messages[i].msg_hdr.msg_iov = send_pieces[i].data();
  }
  fit_receive_buffers();
}

tl::expected<void, std::string> PacketPort::Socket::configure(const Options& options) {
  if (!set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer))
    return failure("setting the receive buffer");
  if (!set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer))
    return failure("setting the send buffer");
  if (!set_filter(fd, promiscuous)) return failure("setting a packet filter");
  // Saves the kernel a copy of all that is sent; where it does not know how, the filter does.
  set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  return {};
}

/// Binds the socket to the interface: from here on frames arrive, and from nowhere else.
tl::expected<void, std::string> PacketPort::Socket::attach() {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ethertype);
  address.sll_ifindex = interface.index;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure("binding a packet socket");
  packet_mreq membership{};
  membership.mr_ifindex = interface.index;
  membership.mr_type = PACKET_MR_PROMISC;
  if (promiscuous && !set_option(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership))
    return failure("setting the interface promiscuous");
  return {};
}

void PacketPort::Socket::fit_receive_buffers() {
  const std::size_t size = interface.link.frame_size_max() + overlength_max;
  if (size == receive_size) return;
  receive_size = size;
  const std::size_t stride = (size + alignment - 1) / alignment * alignment;
  receive_memory.resize(std::max(receive_memory.size(), batch_size * stride));
  for (std::size_t i = 0; i < batch_size; ++i)
    receive_pieces[i] = {.iov_base = receive_memory.data() + i * stride, .iov_len = size};
}

tl::expected<std::unique_ptr<PacketPort>, std::string> PacketPort::open(
    const std::string& interface) {
  return open(interface, Options{});
}

tl::expected<std::unique_ptr<PacketPort>, std::string> PacketPort::open(
    const std::string& interface, const Options& options) {
  auto chosen = choose_interfaces({interface});
  if (!chosen) return tl::unexpected(chosen.error());
  // Of no protocol, so that no frame of another interface is queued before the socket is bound.
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    const int error = errno;
    return tl::unexpected(fmt::format("{}: opening a packet socket: {}{}", interface,
                                      std::generic_category().message(error),
                                      error == EPERM ? " (CAP_NET_RAW is needed)" : ""));
  }
  auto socket = std::make_unique<Socket>(fd, std::move(chosen->front()), options.promiscuous);
  if (auto configured = socket->configure(options); !configured)
    return tl::unexpected(configured.error());
  if (auto attached = socket->attach(); !attached) return tl::unexpected(attached.error());
  return std::unique_ptr<PacketPort>(new PacketPort(std::move(socket)));
}

PacketPort::PacketPort(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
PacketPort::~PacketPort() = default;

std::size_t PacketPort::receive(std::span<Bytes> frames) {
  Socket& s = *socket_;
  s.fit_receive_buffers();
  const std::size_t wanted = std::min(frames.size(), batch_size);
  constexpr int errors_max = 3;
  for (int errors = 0; wanted > 0 && errors < errors_max;) {
    const int arrived = recvmmsg(s.fd, s.receive_messages.data(), static_cast<unsigned>(wanted),
                                 MSG_DONTWAIT, nullptr);
    if (arrived < 0 && errno == EAGAIN) return 0;
    if (arrived < 0) {
      // A pending error (ENETDOWN when the interface goes down) is taken off the socket by the
      // call that reports it. Frames may wait behind it.
      ++errors;
      continue;
    }
    std::size_t count = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(arrived); ++i) {
      const mmsghdr& message = s.receive_messages[i];
      if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        ++s.counters.receive_dropped;
        continue;
      }
      frames[count++] = {static_cast<const std::uint8_t*>(s.receive_pieces[i].iov_base),
                         message.msg_len};
    }
    s.counters.received += count;
    if (count > 0) return count;
  }
  return 0;
}

void PacketPort::send(std::span<const Outgoing> frames) {
  Socket& s = *socket_;
  const std::size_t size_max = s.interface.link.frame_size_max();
  while (!frames.empty()) {
    const auto batch = frames.first(std::min(frames.size(), batch_size));
    frames = frames.subspan(batch.size());

    std::size_t count = 0;
    for (const Outgoing& frame : batch) {
      if (frame.size() > size_max) {
        ++s.counters.send_dropped;
        continue;
      }
      // sendmmsg takes pointers to what it might write, and writes nothing.
      s.send_pieces[count] = {{
          {const_cast<std::uint8_t*>(frame.head.data()), frame.head.size()},
          {const_cast<std::uint8_t*>(frame.data.data()), frame.data.size()},
      }};
      s.send_messages[count].msg_hdr.msg_iovlen = frame.data.empty() ? 1 : 2;
      ++count;
    }

    bool may_be_stale = true;
    for (std::size_t done = 0; done < count;) {
      const int taken =
          sendmmsg(s.fd, &s.send_messages[done], static_cast<unsigned>(count - done), MSG_DONTWAIT);
      if (taken > 0) {
        done += static_cast<std::size_t>(taken);
        s.counters.sent += static_cast<std::size_t>(taken);
      } else if (errno == ENETDOWN && may_be_stale) {
        // The error that an interface leaves on the socket when it goes down is reported once, to
        // whoever calls next, even where the interface is up again.
        may_be_stale = false;
      } else {
        // It fails only where the first frame does: for want of room, a link, an interface.
        ++done;
        ++s.counters.send_dropped;
      }
    }
  }
}

int PacketPort::descriptor() const {
  return socket_->fd;
}
Link PacketPort::link() const {
  return socket_->interface.link;
}
const Interface& PacketPort::interface() const {
  return socket_->interface;
}

PortCounters PacketPort::counters() const {
  tpacket_stats lost{};  // since the last call
  socklen_t size = sizeof lost;
  if (getsockopt(socket_->fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) == 0)
    socket_->counters.receive_dropped += lost.tp_drops;
  return socket_->counters;
}

void PacketPort::update(const Interface& changed) {
  const bool replaced = changed.index != socket_->interface.index;
  socket_->interface = changed;
  // Gone again already: the monitor will say so, and until then this is a link that is down.
  if (replaced && !socket_->attach()) socket_->interface.link.up = false;
}

}  // namespace aoe
