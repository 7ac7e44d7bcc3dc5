#include "initiator/testing/test_words.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

void add(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

/// Tests tell commands by what they ask for, not by their tags.
std::string without_tags(std::string line) {
  for (const std::string_view end : {" to tag ", ": tag ", ", tag "}) {
    line = line.substr(0, line.find(end));
  }
  return line;
}

}  // namespace

const Identity World::large_disk = a_disk(1000, Addressing::lba48, Cache::flush_ext);
const Identity World::small_disk = a_disk(1000, Addressing::lba28, Cache::flush);

const Identity World::thin_disk = [] {
  Identity identity = large_disk;
  identity.trim = true;
  identity.trim_blocks_max = 1;
  return identity;
}();

Identity a_disk(std::uint64_t sectors, Addressing addressing, Cache cache) {
  Identity identity;
  identity.serial = "S1";
  identity.sectors = sectors;
  identity.lba48 = addressing == Addressing::lba48;
  identity.flush_cache = cache == Cache::flush || cache == Cache::both;
  identity.flush_cache_ext = cache == Cache::flush_ext || cache == Cache::both;
  return identity;
}

std::vector<std::uint8_t> disk_data(std::uint64_t lba, std::size_t sectors) {
  std::vector<std::uint8_t> data(sectors * sector_size);
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<std::uint8_t>(31 * (lba + i / sector_size) + i % sector_size + 1);
  }
  return data;
}

std::vector<std::uint8_t> frame_of(const Header& header, const Body& body) {
  std::vector<std::uint8_t> bytes(10'000);
  bytes.resize(encode(header, body, bytes));
  return bytes;
}

std::string text(const std::vector<Sent>& commands) {
  std::string list;
  for (const Sent& command : commands) {
    add(list, fmt::format("{} {}+{}", ata::name(command.opcode), command.lba, command.sectors));
  }
  return list;
}

void World::add_ports(int count, std::uint16_t mtu) {
  for (int i = 0; i < count; ++i) {
    Link link{.mac = port_mac, .mtu = mtu, .up = true};
    link.mac.octets[5] = static_cast<std::uint8_t>(port_mac.octets[5] + links_.size());
    links_.push_back(link);
    engine.add_port(link, now, actions);
  }
  gather();
}

void World::change_port(PortId port, Link link) {
  link.mac = links_[port].mac;
  links_[port] = link;
  engine.change_port(port, link, now, actions);
  gather();
}

void World::bring_up(Identity identity, ConfigReply offer) {
  if (links_.empty()) add_ports();
  for (PortId port = 0; port < links_.size(); ++port) config(offer, target_mac, port);
  for (int i = 0; i < 2; ++i) {  // a second answer may have come while IDENTIFY was on its way
    for (const Sent& command : take()) answer_identify(command, identity);
  }
  ASSERT_EQ(state(), DeviceState::up);
  queries();
  events();
}

std::vector<Sent> World::take() {
  return std::exchange(sent_, {});
}

std::string World::queries() {
  return std::exchange(queries_, {});
}

std::string World::completions() {
  return std::exchange(completions_, {});
}

std::string World::events() {
  return std::exchange(events_, {});
}

void World::hear(const std::vector<std::uint8_t>& frame, PortId port) {
  engine.on_frame(port, frame, now, actions);
  gather();
}

void World::config(ConfigReply offer, Mac from, PortId port) {
  offers_[from] = offer;
  hear(frame_of({links_[port].mac, from, disk, asked_by_another}, offer), port);
}

void World::announce(Mac from, PortId port) {
  hear(frame_of({Mac::broadcast(), from, disk, 0}, offers_[from]), port);
}

void World::announce(ConfigReply offer) {
  offers_[target_mac] = offer;
  announce();
}

void World::answer_as(const Sent& command, const Identity& identity, Mac from) {
  std::array<std::uint8_t, identify_size> block;
  build_identify(identity, block);
  const Header& asked = command.header;
  hear(frame_of({asked.source, from, asked.address, asked.tag},
                AtaReply{.status = ata::status_drdy, .data = block}),
       command.port);
}

std::vector<std::uint8_t> World::answer_frame(const Sent& command, const Body& body) {
  const Header& asked = command.header;
  return frame_of({asked.source, asked.destination, asked.address, asked.tag}, body);
}

void World::answer(const Sent& command, const Body& body) {
  hear(answer_frame(command, body), command.port);
}

void World::answer(const Sent& command) {
  if (command.opcode == ata::Opcode::identify_device) return answer_identify(command, large_disk);
  std::vector<std::uint8_t> data;
  if (ata::kind(command.opcode) == ata::Kind::read) data = disk_data(command.lba, command.sectors);
  answer(command,
         AtaReply{
             .flags = command.flags, .status = ata::status_drdy, .lba = command.lba, .data = data});
}

void World::answer(const std::vector<Sent>& commands) {
  for (const Sent& command : commands) answer(command);
}

void World::answer_identify(const Sent& command, const Identity& identity) {
  ASSERT_EQ(command.opcode, ata::Opcode::identify_device);
  std::array<std::uint8_t, identify_size> block;
  build_identify(identity, block);
  answer(command, AtaReply{.status = ata::status_drdy, .data = block});
}

std::uint64_t World::read(std::uint64_t lba, std::size_t sectors) {
  return submit({.kind = IoKind::read, .device = disk, .lba = lba},
                std::vector<std::uint8_t>(sectors * sector_size));
}

std::uint64_t World::write(std::uint64_t lba, std::size_t sectors) {
  return submit({.kind = IoKind::write, .device = disk, .lba = lba}, disk_data(lba, sectors));
}

std::uint64_t World::flush() {
  return submit({.kind = IoKind::flush, .device = disk}, {});
}

std::uint64_t World::trim(std::uint64_t lba, std::uint64_t sectors) {
  return submit({.kind = IoKind::trim, .device = disk, .lba = lba, .sectors = sectors}, {});
}

bool World::cancel(std::uint64_t id) {
  const bool found = engine.cancel(disk, id, now, actions);
  gather();
  return found;
}

void World::close() {
  engine.close(disk, now, actions);
  gather();
}

bool World::revalidate() {
  const bool known = engine.revalidate(disk, now, actions);
  gather();
  return known;
}

bool World::forget() {
  const bool forgotten = engine.forget(disk, now, actions);
  gather();
  return forgotten;
}

void World::set_parameters(const Parameters& parameters) {
  engine.set_parameters(parameters, now, actions);
  gather();
}

std::uint64_t World::submit(IoRequest request, std::vector<std::uint8_t> buffer) {
  request.id = ++last_id_;
  std::vector<std::uint8_t>& kept = buffers_[request.id] = std::move(buffer);
  if (request.kind == IoKind::read) request.into = kept;
  if (request.kind == IoKind::write) request.from = kept;
  engine.submit(request, now, actions);
  gather();
  return request.id;
}

std::size_t World::outstanding() const {
  std::size_t sum = 0;
  for (const RemoteTarget& remote : device().remotes()) sum += remote.window.outstanding();
  return sum;
}

void World::advance(Duration by) {
  now += by;
  engine.tick(now, actions);
  gather();
}

void World::advance_to(Instant at) {
  advance(std::max(at - now, Duration(0)));
}

void World::until_sent(Duration limit) {
  const Instant end = now + limit;
  while (sent_.empty() && engine.deadline() <= end) advance_to(engine.deadline());
}

void World::gather() {
  std::vector<std::pair<PortId, Header>> asked;
  for (const Transmit& frame : actions.frames) {
    std::vector<std::uint8_t> bytes(frame.head.begin(), frame.head.begin() + frame.head_size);
    bytes.insert(bytes.end(), frame.data.begin(), frame.data.end());
    ASSERT_GE(bytes.size(), frame_size_min);
    ASSERT_LE(bytes.size(), links_[frame.port].frame_size_max());
    ASSERT_TRUE(links_[frame.port].up);
    const auto decoded = decode(bytes);
    ASSERT_TRUE(decoded && decoded->body);
    const Header& header = decoded->header;
    ASSERT_EQ(header.source, links_[frame.port].mac);
    if (std::holds_alternative<ConfigRequest>(*decoded->body)) {
      if (header.destination == Mac::broadcast()) {
        add(queries_, fmt::format("{} on {}", header.address, frame.port));
      } else {
        asked.push_back({frame.port, header});
      }
      continue;
    }
    const auto& ata = std::get<AtaRequest>(*decoded->body);
    sent_.push_back({frame.port,
                     header,
                     ata.flags,
                     ata.opcode,
                     ata.lba,
                     ata.sectors,
                     {ata.data.begin(), ata.data.end()}});
  }
  for (const Completion& completion : actions.completions) {
    add(completions_, fmt::format("{} {}", completion.id, describe(completion)));
  }
  for (const Event& event : actions.events) add(events_, without_tags(describe(event)));
  actions.clear();
  // A target that is asked for its limits answers at once.
  for (const auto& [port, header] : asked) {
    const auto offer = offers_.find(header.destination);
    if (offer == offers_.end() || !is_honest) continue;
    hear(frame_of({header.source, header.destination, header.address, header.tag}, offer->second),
         port);
  }
}

}  // namespace aoe::initiator
