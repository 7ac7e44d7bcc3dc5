// The words in which the engine's tests are told: what it sent, and answers made by hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/engine/engine.h"

namespace aoe::initiator {

inline constexpr Address disk{7, 3};
inline constexpr Mac port_mac{{2, 0, 0, 0, 0, 0x0c}};    // of port 0; port 1 has the next one
inline constexpr Mac target_mac{{2, 0, 0, 0, 0, 0x01}};  // where the disk answers
inline constexpr Mac second_mac{{2, 0, 0, 0, 0, 0x02}};  // where it answers as well

/// What is on the disk from `lba` on: told apart by sector.
std::vector<std::uint8_t> disk_data(std::uint64_t lba, std::size_t sectors);

enum class Addressing { lba28, lba48 };
enum class Cache { none, flush, flush_ext, both };
Identity a_disk(std::uint64_t sectors, Addressing addressing, Cache cache);

/// What a target says that it takes.
inline ConfigReply offer(std::uint16_t buffers, std::uint8_t sectors) {
  return {.buffer_count = buffers, .sector_count = sectors};
}

/// No discovery of the engine's own.
inline Parameters with_deadsecs(int seconds) {
  return {.deadsecs = std::chrono::seconds(seconds), .discovery_interval = std::chrono::seconds(0)};
}

std::vector<std::uint8_t> frame_of(const Header& header, const Body& body);

/// An ATA command that the engine sent.
struct Sent {
  PortId port = 0;
  Header header{};
  AtaFlags flags{};
  ata::Opcode opcode{};
  std::uint64_t lba = 0;
  std::uint8_t sectors = 0;
  std::vector<std::uint8_t> data;
};

/// "READ EXT 0+2, READ EXT 2+1"
std::string text(const std::vector<Sent>& commands);

/// An engine without a network: the test is the network, the disk and the clock.
class World {
 public:
  /// No discovery of its own, unless a test asks for it.
  explicit World(Parameters parameters = {.discovery_interval = std::chrono::seconds(0)},
                 Trace trace = {})
      : engine(parameters, 1, std::move(trace)) {}

  /// Ports, and a disk that is up on all of them at target_mac.
  void add_ports(int count = 1, std::uint16_t mtu = 1500);
  void change_port(PortId port, Link link);
  void bring_up(Identity identity = large_disk, ConfigReply offer = default_offer);

  // What the engine did since it was last asked.
  std::vector<Sent> take();
  std::string taken() { return text(take()); }
  std::string queries();      // "e7.3 on 0, e7.3 on 1"
  std::string completions();  // "1 ok, 2 device is down"
  std::string events();       // one line each, joined by ", ", no tags

  // What the network does.
  void hear(const std::vector<std::uint8_t>& frame, PortId port = 0);
  /// A config answer that another initiator asked for. From now on the target answers so when it is
  /// asked for its limits.
  void config(ConfigReply offer = default_offer, Mac from = target_mac, PortId port = 0);
  /// The target says to everyone that it came up.
  void announce(Mac from = target_mac, PortId port = 0);
  void announce(ConfigReply offer);
  void answer_as(const Sent& command, const Identity& identity, Mac from);
  /// Answers as a good disk would, and as large_disk.
  void answer(const Sent& command);
  void answer(const std::vector<Sent>& commands);
  void answer(const Sent& command, const Body& body);
  void answer_identify(const Sent& command, const Identity& identity);
  std::vector<std::uint8_t> answer_frame(const Sent& command, const Body& body);

  // What the user does; requests are numbered from 1 on.
  std::uint64_t read(std::uint64_t lba, std::size_t sectors);
  std::uint64_t write(std::uint64_t lba, std::size_t sectors);
  std::uint64_t flush();
  std::uint64_t trim(std::uint64_t lba, std::uint64_t sectors);
  bool cancel(std::uint64_t id);
  void close();
  bool revalidate();
  bool forget();
  void set_parameters(const Parameters& parameters);
  const std::vector<std::uint8_t>& buffer(std::uint64_t id) const { return buffers_.at(id); }

  // Time.
  void advance(Duration by);
  /// Ticks at that time, or now where it is over.
  void advance_to(Instant at);
  /// Ticks at the engine's deadlines until it has sent an ATA command, or does nothing more before
  /// `limit` is over.
  void until_sent(Duration limit = std::chrono::hours(1));

  /// What the device's users see.
  std::string_view seen() const { return driver_text(device().state()); }
  const Device& device() const { return *engine.find(disk); }
  /// Commands that are sent and not answered yet.
  std::size_t outstanding() const;
  DeviceState state() const { return device().state(); }

  static constexpr ConfigReply default_offer{.buffer_count = 16, .firmware = 1, .sector_count = 2};
  static const Identity large_disk;  // LBA48 and FLUSH CACHE EXT, 1000 sectors
  static const Identity thin_disk;   // the same with TRIM
  static const Identity small_disk;  // LBA28 and FLUSH CACHE, 1000 sectors

  static constexpr std::uint32_t asked_by_another = 0x8000'0001;

  bool is_honest = true;  // targets answer when they are asked for their limits
  Engine engine;
  Instant now = Instant(std::chrono::hours(1));
  Actions actions;

 private:
  std::uint64_t submit(IoRequest request, std::vector<std::uint8_t> buffer);
  void gather();

  std::map<Mac, ConfigReply> offers_;
  std::vector<Link> links_;
  std::vector<Sent> sent_;
  std::string queries_;
  std::string completions_;
  std::string events_;
  std::map<std::uint64_t, std::vector<std::uint8_t>> buffers_;
  std::uint64_t last_id_ = 0;
};

}  // namespace aoe::initiator
