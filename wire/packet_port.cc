#include "wire/packet_port.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/privileges.h"
#include "proto/address.h"
#include "proto/codes.h"
#include "proto/layout.h"
#include "wire/receive_ring.h"

namespace aoe {
namespace {

/// Interfaces let frames through that are longer than their MTU by a VLAN tag or a check sequence.
constexpr std::size_t overlength_max = 4;

/// Descriptors that ports leave to the rest of the program: for disks, the control socket, listing
/// interfaces.
constexpr std::size_t left_by_ports = 16;

/// The same of lanes but the first of a port: they leave a quarter of all, so that there are many ports
/// with few lanes rather than few ports with many.
std::size_t left_by_lanes() {
  return std::max(left_by_ports, descriptor_limit() / 4);
}

/// The least that may wait in the queue of an interface, bytes with what the kernel adds.
constexpr int room_min = 16 << 10;
/// Bytes that are sent without a loss until twice as much may wait.
constexpr std::size_t trusted_after = 64 << 20;

/// Frames start on cache lines of their own.
constexpr std::size_t alignment = 64;

template <class Value>
bool set_option(int fd, int level, int option, const Value& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/// An interface with the MTU that a port may use of it.
Interface limited(Interface interface, const PacketPort::Options& options) {
  interface.link.mtu = std::min(interface.link.mtu, options.mtu_max);
  return interface;
}

/// Past the system's limit where we may, up to it where not.
bool set_buffer(int fd, int forced_option, int option, int bytes) {
  const NetAdminRaised raised;
  return set_option(fd, SOL_SOCKET, forced_option, bytes) ||
         set_option(fd, SOL_SOCKET, option, bytes);
}

/// A program for the kernel's packet filter, made of tests that each let a frame pass on or not.
class Filter {
 public:
  void load(std::uint16_t mode, std::uint32_t operand) { add(BPF_STMT(mode, operand)); }
  void accept_if_equal(std::uint32_t value) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, everything));
  }
  void discard_if_equal(std::uint32_t value) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, nothing));
  }
  void discard_unless_equal(std::uint32_t value) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    add(BPF_STMT(BPF_RET | BPF_K, nothing));
  }
  void accept_if_matches(const TagPattern& pattern) {
    add(BPF_STMT(BPF_MISC | BPF_TAX, 0));
    add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, pattern.mask));
    accept_if_equal(pattern.value);
    add(BPF_STMT(BPF_MISC | BPF_TXA, 0));
  }
  void discard_unless_set(std::uint32_t bits) {
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0));
    add(BPF_STMT(BPF_RET | BPF_K, nothing));
  }
  void accept() { add(BPF_STMT(BPF_RET | BPF_K, everything)); }
  void discard() { add(BPF_STMT(BPF_RET | BPF_K, nothing)); }
  void give_accumulator() { add(BPF_STMT(BPF_RET | BPF_A, 0)); }

  bool set(int fd, int level, int option) {
    const sock_fprog program{.len = static_cast<unsigned short>(code_.size()),
                             .filter = code_.data()};
    return set_option(fd, level, option, program);
  }

 private:
  static constexpr std::uint32_t everything = 0xffffffff;
  static constexpr std::uint32_t nothing = 0;
  void add(sock_filter instruction) { code_.push_back(instruction); }

  std::vector<sock_filter> code_;
};

constexpr std::uint32_t ancillary(int field) {
  return static_cast<std::uint32_t>(SKF_AD_OFF + field);
}

/// Lets the kernel discard what is not for us, before it takes room in the receive queue.
Filter filter_of(const PacketPort::Options& options, int interface_index) {
  Filter filter;
  // A frame of a VLAN passes by the interface below it as well, without its tag.
  filter.load(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_IFINDEX));
  filter.discard_unless_equal(static_cast<std::uint32_t>(interface_index));
  filter.load(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_PKTTYPE));
  filter.discard_if_equal(PACKET_OUTGOING);
  if (!options.promiscuous) filter.discard_if_equal(PACKET_OTHERHOST);
  // A frame too short for what is loaded below is discarded.
  if (!options.answers.empty()) {
    filter.load(BPF_LD | BPF_B | BPF_ABS, layout::offset(Field::flags));
    filter.discard_unless_set(flag_response);
    filter.load(BPF_LD | BPF_B | BPF_ABS, layout::offset(Field::command));
    filter.accept_if_equal(static_cast<std::uint32_t>(Command::config));
    filter.load(BPF_LD | BPF_W | BPF_ABS, layout::offset(Field::tag));
    for (const TagPattern& own : options.answers) filter.accept_if_matches(own);
    filter.discard();
    return filter;
  }
  if (options.shares > 1) {
    constexpr std::uint32_t shelf_at = layout::offset(Field::shelf);
    constexpr std::uint32_t slot_at = layout::offset(Field::slot);
    filter.load(BPF_LD | BPF_H | BPF_ABS, shelf_at);
    filter.accept_if_equal(Address::any_shelf);
    filter.load(BPF_MISC | BPF_TAX, 0);
    filter.load(BPF_LD | BPF_B | BPF_ABS, slot_at);
    filter.accept_if_equal(Address::any_slot);
    filter.load(BPF_ALU | BPF_ADD | BPF_X, 0);
    filter.load(BPF_ALU | BPF_MOD | BPF_K, options.shares);
    filter.discard_unless_equal(options.share);
  }
  filter.accept();
  return filter;
}

/// A number from a frame's source address; the kernel takes its remainder by the number of lanes.
Filter lane_of_source() {
  constexpr auto last_four_octets = static_cast<std::uint32_t>(SKF_LL_OFF + 8);
  constexpr std::uint32_t golden_ratio = 0x9e3779b1;
  Filter filter;
  filter.load(BPF_LD | BPF_W | BPF_ABS, last_four_octets);
  filter.load(BPF_ALU | BPF_MUL | BPF_K, golden_ratio);
  filter.load(BPF_ALU | BPF_RSH | BPF_K, 24);
  filter.give_accumulator();
  return filter;
}

}  // namespace

struct PacketPort::Socket {
  Socket(Interface opened, const Options& chosen);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  tl::expected<Descriptor, std::string> make_lane(std::size_t left) const;
  tl::expected<void, std::string> attach(int fd);
  tl::expected<void, std::string> open();
  bool spread();
  void reopen();
  void fit_receive_buffers();
  int queued() const;
  void notice_full();
  void notice_sent(std::span<const mmsghdr> messages);
  std::size_t receive_from(int fd, std::span<Bytes> frames);
  std::size_t receive_in_turn(std::span<Bytes> frames);
  std::size_t receive_from_ring(std::span<Bytes> frames);
  void make_ring();
  void fit_ring();
  tl::unexpected<std::string> failure(std::string_view what) const {
    return tl::unexpected(
        fmt::format("{}: {}: {}", interface.name, what, text_with_descriptor_limit(last_error())));
  }

  Interface interface;
  const Options options;
  mutable PortCounters counters;

  // How much may wait in the queue of the interface, bytes: any, until it was full.
  static constexpr int any_room = std::numeric_limits<int>::max();
  int room = any_room;
  std::size_t sent_since_full = 0;  // bytes

  // The first lane sends for all. With more than one, `readable` tells which have frames; `current`
  // is the one read last, `waiting` those whose turn comes next.
  std::vector<Descriptor> lanes;
  Descriptor readable;
  int current = -1;
  bool current_was_full = false;
  std::vector<int> waiting;

  std::optional<ReceiveRing> ring;  // of the only lane
  bool ring_was_empty = true;       // at the last look

  // What recvmmsg and sendmmsg are given, wired up once: a batch fills in lengths and pointers
  // only. A message to receive has one piece, one to send has two.
  std::size_t receive_size = 0;  // of each receive buffer
  std::vector<std::uint8_t> receive_memory;
  std::array<iovec, batch_size> receive_pieces{};
  std::array<mmsghdr, batch_size> receive_messages{};
  std::array<std::array<iovec, 2>, batch_size> send_pieces{};
  std::array<mmsghdr, batch_size> send_messages{};
  std::array<bool*, batch_size> send_unreadable{};
};

PacketPort::Socket::Socket(Interface opened, const Options& chosen)
    : interface(std::move(opened)), options(chosen) {
  for (std::size_t i = 0; i < batch_size; ++i) {
    receive_messages[i].msg_hdr.msg_iov = &receive_pieces[i];
    receive_messages[i].msg_hdr.msg_iovlen = 1;
    send_messages[i].msg_hdr.msg_iov = send_pieces[i].data();
  }
  fit_receive_buffers();
}

/// A socket that is bound to nothing yet, so that no frame of another interface is queued. `left`:
/// descriptors that must be left.
tl::expected<Descriptor, std::string> PacketPort::Socket::make_lane(std::size_t left) const {
  Descriptor lane(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = lane.get();
  const bool is_too_many = fd >= 0 && static_cast<std::size_t>(fd) + left >= descriptor_limit();
  if (fd < 0 || is_too_many) {
    const int error = is_too_many ? EMFILE : errno;
    return tl::unexpected(fmt::format("{}: opening a packet socket: {}{}", interface.name,
                                      text_with_descriptor_limit(error_of(error)),
                                      error == EPERM ? " (CAP_NET_RAW is needed)" : ""));
  }
  if (!set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer))
    return failure("setting the receive buffer");
  // Saves the kernel a copy of all that is sent; where it does not know how, the filter does.
  set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  return lane;
}

/// Binds a socket to the interface: from here on frames arrive, and from nowhere else.
tl::expected<void, std::string> PacketPort::Socket::attach(int fd) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ethertype);
  address.sll_ifindex = interface.index;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure("binding a packet socket");
  return {};
}

tl::expected<void, std::string> PacketPort::Socket::open() {
  auto first = make_lane(left_by_ports);
  if (!first) return tl::unexpected(first.error());
  const int fd = first->get();
  if (!set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer))
    return failure("setting the send buffer");
  if (!filter_of(options, interface.index).set(fd, SOL_SOCKET, SO_ATTACH_FILTER))
    return failure("setting a packet filter");
  if (auto attached = attach(fd); !attached) return attached;
  packet_mreq membership{};
  membership.mr_ifindex = interface.index;
  membership.mr_type = PACKET_MR_PROMISC;
  if (options.promiscuous && !set_option(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership))
    return failure("setting the interface promiscuous");

  if (options.lanes > 1 && readable.get() < 0) {
    readable = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (readable.get() < 0) return failure("making an epoll instance");
  }
  lanes.clear();
  waiting.clear();
  current = fd;
  lanes.push_back(*std::move(first));
  if (options.ring_slots > 0) make_ring();
  if (options.lanes > 1) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(readable.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return failure("watching a packet socket");
    spread();
  }
  return {};
}

/// Opens the other lanes. Where the kernel can not (the interface is down), it stays at one.
bool PacketPort::Socket::spread() {
  const int first = lanes.front().get();
  int group = PACKET_FANOUT_CBPF << 16 | PACKET_FANOUT_FLAG_UNIQUEID << 16;
  if (!set_option(first, SOL_PACKET, PACKET_FANOUT, group)) return false;
  socklen_t size = sizeof group;
  if (getsockopt(first, SOL_PACKET, PACKET_FANOUT, &group, &size) != 0) return false;
  group &= ~(PACKET_FANOUT_FLAG_UNIQUEID << 16);
  while (lanes.size() < static_cast<std::size_t>(options.lanes)) {
    auto lane = make_lane(left_by_lanes());
    if (!lane) break;
    const int fd = lane->get();
    // Receives nothing until it is in the group: the first lane has those frames, too.
    Filter deaf;
    deaf.discard();
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (!deaf.set(fd, SOL_SOCKET, SO_ATTACH_FILTER) || !attach(fd) ||
        !set_option(fd, SOL_PACKET, PACKET_FANOUT, group) ||
        !filter_of(options, interface.index).set(fd, SOL_SOCKET, SO_ATTACH_FILTER) ||
        epoll_ctl(readable.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      break;
    }
    lanes.push_back(*std::move(lane));
  }
  return lane_of_source().set(first, SOL_PACKET, PACKET_FANOUT_DATA);
}

/// The interface has another index now. The descriptor that an event loop waits for stays.
void PacketPort::Socket::reopen() {
  const bool is_single = options.lanes <= 1;
  // Gone again already: the monitor will say so, and until then this is a link that is down.
  if (is_single) {
    const int fd = lanes.front().get();
    interface.link.up &= attach(fd).has_value() &&
                         filter_of(options, interface.index).set(fd, SOL_SOCKET, SO_ATTACH_FILTER);
  } else {
    interface.link.up &= open().has_value();
  }
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

/// Frames wait in the queue where there can be no ring.
void PacketPort::Socket::make_ring() {
  const std::size_t size = interface.link.frame_size_max() + overlength_max;
  if (auto made = ReceiveRing::open(lanes.front().get(), size, options.ring_slots)) {
    ring.emplace(*std::move(made));
  }
}

/// Makes another ring where its slots are too small. One that is shared with a child stays, and drops
/// longer frames.
void PacketPort::Socket::fit_ring() {
  if (!ring || ring->frame_size() >= interface.link.frame_size_max() + overlength_max) return;
  if (!ring->close()) return;
  ring.reset();
  make_ring();
}

std::size_t PacketPort::Socket::receive_from_ring(std::span<Bytes> frames) {
  const std::size_t count =
      ring->receive(frames.first(std::min(frames.size(), batch_size)), counters.receive_dropped);
  counters.received += count;
  // Looked for nothing, twice: a loop that waits for the descriptor was woken by an error (ENETDOWN
  // when the interface goes down), which the call that asks for it takes off the socket.
  if (count == 0 && ring_was_empty) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(lanes.front().get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  ring_was_empty = count == 0;
  return count;
}

std::size_t PacketPort::Socket::receive_from(int fd, std::span<Bytes> frames) {
  const std::size_t wanted = std::min(frames.size(), batch_size);
  constexpr int errors_max = 3;
  for (int errors = 0; wanted > 0 && errors < errors_max;) {
    const int arrived =
        recvmmsg(fd, receive_messages.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
    if (arrived < 0 && errno == EAGAIN) return 0;
    if (arrived < 0) {
      // A pending error (ENETDOWN when the interface goes down) is taken off the socket by the
      // call that reports it. Frames may wait behind it.
      ++errors;
      continue;
    }
    current_was_full = static_cast<std::size_t>(arrived) == wanted;
    std::size_t count = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(arrived); ++i) {
      const mmsghdr& message = receive_messages[i];
      if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        ++counters.receive_dropped;
        continue;
      }
      frames[count++] = {static_cast<const std::uint8_t*>(receive_pieces[i].iov_base),
                         message.msg_len};
    }
    counters.received += count;
    if (count > 0) return count;
  }
  return 0;
}

/// A lane that was emptied is tried again first, for with one source there is no other; one that
/// was not lets all others have their turn.
std::size_t PacketPort::Socket::receive_in_turn(std::span<Bytes> frames) {
  if (waiting.empty() && !current_was_full) {
    if (const std::size_t count = receive_from(current, frames)) return count;
  }
  for (int look = 0; look < 2; ++look) {
    while (!waiting.empty()) {
      current = waiting.back();
      waiting.pop_back();
      current_was_full = false;
      if (const std::size_t count = receive_from(current, frames)) return count;
    }
    std::array<epoll_event, 16> events;
    const int ready = epoll_wait(readable.get(), events.data(), static_cast<int>(events.size()), 0);
    if (ready <= 0) break;
    for (int i = 0; i < ready; ++i) waiting.push_back(events[static_cast<std::size_t>(i)].data.fd);
  }
  current_was_full = false;
  return 0;
}

tl::expected<std::unique_ptr<PacketPort>, std::string> PacketPort::open(
    const std::string& interface) {
  return open(interface, Options{});
}

tl::expected<std::unique_ptr<PacketPort>, std::string> PacketPort::open(
    const std::string& interface, const Options& options) {
  auto chosen = choose_interfaces({interface});
  if (!chosen) return tl::unexpected(chosen.error());
  Interface found = limited(std::move(chosen->front()), options);
  auto socket = std::make_unique<Socket>(std::move(found), options);
  if (auto opened = socket->open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<PacketPort>(new PacketPort(std::move(socket)));
}

PacketPort::PacketPort(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
PacketPort::~PacketPort() = default;

std::size_t PacketPort::receive(std::span<Bytes> frames) {
  Socket& s = *socket_;
  s.fit_receive_buffers();
  if (frames.empty()) return 0;
  if (s.ring) return s.receive_from_ring(frames);
  if (s.options.lanes > 1) return s.receive_in_turn(frames);
  return s.receive_from(s.current, frames);
}

std::shared_ptr<const void> PacketPort::keep_received() {
  AOE_CHECK(!socket_->ring);
  socket_->receive_size = 0;  // the next receive() takes new memory
  return std::make_shared<std::vector<std::uint8_t>>(std::exchange(socket_->receive_memory, {}));
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
      s.send_unreadable[count] = frame.unreadable;
      ++count;
    }

    bool may_be_stale = true;
    for (std::size_t done = 0; done < count;) {
      const int taken = sendmmsg(s.lanes.front().get(), &s.send_messages[done],
                                 static_cast<unsigned>(count - done), MSG_DONTWAIT);
      if (taken > 0) {
        if (s.room != Socket::any_room) {
          s.notice_sent(std::span(s.send_messages).subspan(done, static_cast<std::size_t>(taken)));
        }
        done += static_cast<std::size_t>(taken);
        s.counters.sent += static_cast<std::size_t>(taken);
      } else if (errno == ENETDOWN && may_be_stale) {
        // The socket reports once that its interface went down: in the next call, even if the
        // interface is up again by then.
        may_be_stale = false;
      } else if (errno == EFAULT && s.send_unreadable[done] != nullptr) {
        *s.send_unreadable[done++] = true;
      } else {
        // It fails only where the first frame does: for want of room, a link, an interface.
        if (errno == EAGAIN || errno == ENOBUFS) s.notice_full();
        ++done;
        ++s.counters.send_dropped;
      }
    }
  }
}

/// Bytes in the queue of the interface, with what the kernel adds to each frame.
int PacketPort::Socket::queued() const {
  int bytes = 0;
  return ::ioctl(lanes.front().get(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void PacketPort::Socket::notice_full() {
  room = std::max(queued() / 2, room_min);
  sent_since_full = 0;
}

void PacketPort::Socket::notice_sent(std::span<const mmsghdr> messages) {
  for (const mmsghdr& message : messages) sent_since_full += message.msg_len;
  if (sent_since_full < trusted_after) return;
  sent_since_full = 0;
  room = room < options.send_buffer ? 2 * room : any_room;
}

bool PacketPort::has_room() const {
  constexpr int waiting_max = 64 << 10;
  return socket_->queued() < waiting_max;
}

std::size_t PacketPort::room_for(std::size_t frame_size) const {
  if (socket_->room == Socket::any_room) return std::numeric_limits<std::size_t>::max();
  const int left = socket_->room - socket_->queued();
  if (left <= 0) return 0;
  const std::size_t charged = 2 * frame_size + 1024;  // about what the kernel counts
  return std::max<std::size_t>(static_cast<std::size_t>(left) / charged, 1);
}

int PacketPort::descriptor() const {
  return socket_->options.lanes > 1 ? socket_->readable.get() : socket_->lanes.front().get();
}
Link PacketPort::link() const {
  return socket_->interface.link;
}
const Interface& PacketPort::interface() const {
  return socket_->interface;
}

int PacketPort::receive_buffer() const {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  getsockopt(socket_->lanes.front().get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return bytes / 2;  // the kernel reports twice the size that was requested
}

bool PacketPort::has_frame() const {
  if (socket_->ring) return socket_->ring->has_frame();
  return ::recv(socket_->current, nullptr, 0, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) >= 0;
}

std::size_t PacketPort::ring_size() const {
  return socket_->ring ? socket_->ring->size() : 0;
}

PortCounters PacketPort::counters() const {
  for (const Descriptor& lane : socket_->lanes) {
    tpacket_stats lost{};  // since the last call
    socklen_t size = sizeof lost;
    if (getsockopt(lane.get(), SOL_PACKET, PACKET_STATISTICS, &lost, &size) == 0)
      socket_->counters.receive_dropped += lost.tp_drops;
  }
  return socket_->counters;
}

void PacketPort::update(const Interface& changed) {
  Socket& s = *socket_;
  const bool replaced = changed.index != s.interface.index;
  s.interface = limited(changed, s.options);
  s.fit_ring();
  if (replaced) {
    s.reopen();
  } else if (s.options.lanes > 1 && s.lanes.size() == 1 && changed.link.up) {
    s.spread();
  }
}

}  // namespace aoe
