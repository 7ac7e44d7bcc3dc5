// aoe-ceiling: answers AoE requests with no storage behind them, the ceiling for any target that
// moves frames with recvmmsg and sendmmsg.
//
// One thread, one packet socket, batches of 64. A reply is the request's own frame, turned round:
// addresses swapped, the response flag and a status set, and as long as the reply has to be; the
// data of a read is whatever lies in the buffer. It checks nothing, so it is no target: only what
// aoe-load asks is answered rightly, and what an initiator asks that finds a disk and reads it.
//
// With --loss it is a poor network as well: of the requests that share is lost, and of the replies.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "proto/address.h"
#include "proto/ata.h"
#include "proto/codes.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe {

/// By this CLI11 converts the words of the command line.
static bool lexical_cast(const std::string& word, Address& lun) {
  const auto parsed = parse_address(word);
  lun = parsed.value_or(Address{});
  return parsed.has_value();
}

namespace {

using layout::get;
using layout::set;

constexpr std::uint8_t batch = 64;
constexpr std::size_t frame_room = 9216;  // bytes: the longest frame at MTU 9000, in whole lines
constexpr std::uint64_t disk_sectors = 1 << 21;

struct Arguments {
  std::string interface;
  Address lun{};
  double loss = 0;  // of all frames, percent
  std::uint64_t seed = 1;
};

bool fail(std::string_view what) {
  fmt::print(stderr, "aoe-ceiling: {}: {}\n", what, std::generic_category().message(errno));
  return false;
}

/// Lets through what asks for this slot or for all of them.
bool filter_slot(int fd, std::uint8_t slot) {
  std::array<sock_filter, 5> program{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, layout::offset(Field::slot)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, slot, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xff, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

bool open_socket(const std::string& interface, Address lun, int& fd, ifreq& link) {
  fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) return fail("opening a packet socket");
  constexpr int receive_buffer = 8 << 20;
  constexpr int send_buffer = 4 << 20;
  constexpr int one = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 ||
      !filter_slot(fd, lun.slot)) {
    return fail("setting up a packet socket");
  }
  interface.copy(link.ifr_name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &link) != 0) return fail(interface);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ethertype);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(interface);
  }
  return true;
}

Identity disk_identity() {
  Identity identity;
  identity.sectors = disk_sectors;
  identity.lba48 = true;
  return identity;
}

/// Makes the request a reply, in place. Returns its size.
std::size_t turn_round(MutableBytes frame, const Mac& mac, Address lun) {
  set<Field::destination>(frame, get<Field::source>(frame));
  set<Field::source>(frame, mac);
  set<Field::flags>(frame, get<Field::flags>(frame) | flag_response);
  set<Field::shelf>(frame, lun.shelf);
  set<Field::slot>(frame, lun.slot);
  if (get<Field::command>(frame) != static_cast<std::uint8_t>(Command::ata)) {
    set<Field::config_buffers>(frame, batch);
    set<Field::config_sectors>(frame, sectors_per_frame(frame_room - ethernet_header_size));
    set<Field::config_version>(frame, protocol_version);
    return frame_size_min;
  }
  const ata::Kind kind = ata::kind(ata::Opcode{get<Field::ata_op>(frame)});
  std::size_t size = 0;
  if (kind == ata::Kind::read) size = ata_header_size + get<Field::ata_count>(frame) * sector_size;
  if (kind == ata::Kind::identify) {
    size = ata_header_size + identify_size;
    static const Identity identity = disk_identity();
    build_identify(identity, frame.subspan<ata_header_size, identify_size>());
  }
  set<Field::ata_count>(frame, 0);
  set<Field::ata_status>(frame, ata::status_drdy);
  return std::clamp(size, frame_size_min, frame_room);
}

int serve(int fd, const Mac& mac, const Arguments& arguments) {
  std::vector<std::uint8_t> memory(batch * frame_room);
  std::array<iovec, batch> pieces{};
  std::array<mmsghdr, batch> messages{};
  std::array<mmsghdr, batch> replies{};
  std::mt19937_64 random(arguments.seed);
  std::bernoulli_distribution is_lost(arguments.loss / 100);
  for (std::size_t i = 0; i < batch; ++i) {
    pieces[i].iov_base = &memory[i * frame_room];
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (;;) {
    for (iovec& piece : pieces) piece.iov_len = frame_room;
    const int count = recvmmsg(fd, messages.data(), batch, MSG_WAITFORONE, nullptr);
    if (count < 0) {
      fail("receiving");
      return 1;
    }
    unsigned kept = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      if (arguments.loss > 0 && (is_lost(random) || is_lost(random))) continue;
      pieces[i].iov_len =
          turn_round(std::span(memory).subspan(i * frame_room, frame_room), mac, arguments.lun);
      replies[kept++].msg_hdr = messages[i].msg_hdr;
    }
    // What the interface does not take is lost, as on a wire.
    if (kept > 0) sendmmsg(fd, replies.data(), kept, MSG_DONTWAIT);
  }
}

}  // namespace
}  // namespace aoe

int main(int argc, char** argv) {
  CLI::App app("Answers AoE requests with no storage behind them, until it is killed.",
               "aoe-ceiling");
  aoe::Arguments arguments;
  app.add_option("INTERFACE", arguments.interface)->required();
  app.add_option("LUN", arguments.lun, "Such as e0.2")->option_text(" ")->required();
  app.add_option("--loss", arguments.loss,
                 "Of the requests, and of the replies, are lost (default 0)")
      ->option_text("PERCENT")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--seed", arguments.seed, "Of which ones (default 1)")->option_text("N");
  app.footer("Example: aoe-ceiling veth1 e0.2");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  int fd = -1;
  ifreq link{};
  if (!aoe::open_socket(arguments.interface, arguments.lun, fd, link)) return 1;
  fmt::print(stderr, "aoe-ceiling: ready\n");
  aoe::Mac mac;
  std::copy_n(link.ifr_hwaddr.sa_data, mac.octets.size(), mac.octets.begin());
  return aoe::serve(fd, mac, arguments);
}
