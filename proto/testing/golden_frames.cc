#include "proto/testing/golden_frames.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

#include "proto/identify.h"

namespace aoe {
namespace {

using ata::Opcode;

constexpr Mac server{{0x02, 0, 0, 0, 0, 0x05}};
constexpr Mac client{{0x02, 0, 0, 0, 0, 0x0c}};
constexpr Mac other{{0x02, 0, 0, 0, 0, 0x0d}};
constexpr Address lun{0x0102, 3};

constexpr AtaFlags extended{.extended = true};
constexpr AtaFlags device_head{.device_head = true};
constexpr AtaFlags write{.write = true};
constexpr AtaFlags extended_write{.extended = true, .asynchronous = true, .write = true};

/// The first `size` bytes of a pattern in which no two sectors are alike.
Bytes pattern(std::size_t size) {
  static const auto bytes = [] {
    std::array<std::uint8_t, 4 * sector_size> filled{};
    for (std::size_t i = 0; i < filled.size(); ++i) {
      filled[i] = static_cast<std::uint8_t>(i * 7 + i / sector_size);
    }
    return filled;
  }();
  return Bytes(bytes).first(size);
}

/// A config string of the greatest length.
Bytes long_string() {
  static const auto bytes = [] {
    std::array<std::uint8_t, config_string_size_max> filled{};
    for (std::size_t i = 0; i < filled.size(); ++i) {
      filled[i] = static_cast<std::uint8_t>('a' + i % 26);
    }
    return filled;
  }();
  return bytes;
}

Bytes identify_data() {
  static const auto bytes = [] {
    std::array<std::uint8_t, identify_size> block{};
    Identity identity;
    identity.serial = "S-0001";
    identity.firmware = "1.0";
    identity.model = "golden disk";
    identity.sectors = 20480;
    identity.lba48 = identity.flush_cache = identity.flush_cache_ext = true;
    build_identify(identity, block);
    return block;
  }();
  return bytes;
}

/// The characters of a literal, without its closing zero.
template <std::size_t N>
Bytes chars(const char (&literal)[N]) {
  return {reinterpret_cast<const std::uint8_t*>(literal), N - 1};
}

DirectiveList directives(std::initializer_list<Directive> list) {
  static std::vector<std::vector<std::uint8_t>> kept;
  auto& room = kept.emplace_back(list.size() * DirectiveList::entry_size);
  return pack(std::span(list.begin(), list.size()), room);
}

MacList macs(std::initializer_list<Mac> list) {
  static std::vector<std::vector<std::uint8_t>> kept;
  auto& room = kept.emplace_back(list.size() * MacList::entry_size);
  return pack(std::span(list.begin(), list.size()), room);
}

struct Frames {
  std::vector<GoldenFrame> all{};

  /// `hex` and `tail` are the frame without its padding.
  void add(std::string_view name, const Header& header, const Body& body, const std::string& hex,
           Bytes tail = {}) {
    GoldenFrame frame{name, header, body, octets(hex)};
    frame.bytes.insert(frame.bytes.end(), tail.begin(), tail.end());
    frame.unpadded = frame.bytes.size();
    if (frame.bytes.size() < frame_size_min) frame.bytes.resize(frame_size_min);
    all.push_back(std::move(frame));
  }
  // Each adds a frame of the client, or of the server. `hex` begins with the command and the tag,
  // an error's with version and flags: what is before these is the same in all.
  void request(std::string_view name, std::uint32_t tag, const Body& body, const std::string& hex,
               Bytes tail = {}) {
    add(name, {server, client, lun, tag}, body,
        "020000000005 02000000000c 88a2 10 00 0102 03" + hex, tail);
  }
  void reply(std::string_view name, std::uint32_t tag, const Body& body, const std::string& hex,
             Bytes tail = {}) {
    add(name, {client, server, lun, tag}, body,
        "02000000000c 020000000005 88a2 18 00 0102 03" + hex, tail);
  }
  void error(std::string_view name, std::uint32_t tag, const ErrorReply& body,
             const std::string& hex) {
    add(name, {client, server, lun, tag}, body, "02000000000c 020000000005 88a2" + hex);
  }
};

// E: LBA48, D: device/head, A: asynchronous, W: write.

void add_ata(Frames& frames) {
  // AFlags, err/feature, sector count, command/status, LBA (least significant first), reserved.
  frames.request("ata read request", 0x0a0b0c01,
                 AtaRequest{{}, 0, 2, Opcode::read_sectors, 0x0a123456, {}},
                 "00 0a0b0c01  00 00 02 20 563412ea0000 0000");  // 2 sectors, READ; e: LBA mode
  frames.reply("ata read reply", 0x0a0b0c01,
               AtaReply{{}, 0, 0, ata::status_drdy, 0x0a123456, pattern(2 * sector_size)},
               "00 0a0b0c01  00 00 00 40 563412ea0000 0000",
               pattern(2 * sector_size));  // DRDY, nothing left
  frames.request("ata read ext request", 0x0a0b0c02,
                 AtaRequest{extended, 0, 1, Opcode::read_sectors_ext, 0x010203040506, {}},
                 "00 0a0b0c02  40 00 01 24 060504030201 0000");  // E; READ EXT
  frames.reply("ata read ext reply", 0x0a0b0c02,
               AtaReply{extended, 0, 0, ata::status_drdy, 0x010203040506, pattern(sector_size)},
               "00 0a0b0c02  40 00 00 40 060504030201 0000", pattern(sector_size));
  frames.request("ata write request", 0x0a0b0c03,
                 AtaRequest{write, 0, 1, Opcode::write_sectors, 0x0fffffff, pattern(sector_size)},
                 "00 0a0b0c03  01 00 01 30 ffffffef0000 0000",
                 pattern(sector_size));  // W; WRITE to the last sector of LBA28
  frames.reply("ata write reply", 0x0a0b0c03,
               AtaReply{write, 0, 0, ata::status_drdy, 0x0fffffff, {}},
               "00 0a0b0c03  01 00 00 40 ffffffef0000 0000");
  frames.request("ata write ext request", 0x0a0b0c04,
                 AtaRequest{extended_write, 0, 2, Opcode::write_sectors_ext, 0xffffffffffff,
                            pattern(2 * sector_size)},
                 "00 0a0b0c04  43 00 02 34 ffffffffffff 0000",
                 pattern(2 * sector_size));  // E, A, W; WRITE EXT to the last LBA48
  frames.reply("ata write ext reply: no such sector", 0x0a0b0c04,
               AtaReply{extended_write, ata::error_idnf, 2, 0x41, 0xffffffffffff, {}},
               "00 0a0b0c04  43 10 02 41 ffffffffffff 0000");  // IDNF, 2 left, DRDY|ERR
  frames.request("ata flush request", 0x0a0b0c05, AtaRequest{{}, 0, 0, Opcode::flush_cache, 0, {}},
                 "00 0a0b0c05  00 00 00 e7 000000e00000 0000");
  frames.reply("ata flush reply", 0x0a0b0c05, AtaReply{{}, 0, 0, ata::status_drdy, 0, {}},
               "00 0a0b0c05  00 00 00 40 000000e00000 0000");
  frames.request("ata flush ext request", 0x0a0b0c06,
                 AtaRequest{extended, 0, 0, Opcode::flush_cache_ext, 0, {}},
                 "00 0a0b0c06  40 00 00 ea 000000000000 0000");
  frames.reply("ata flush ext reply: aborted", 0x0a0b0c06,
               AtaReply{extended, ata::error_abrt, 0, 0x41, 0, {}},
               "00 0a0b0c06  40 04 00 41 000000000000 0000");  // ABRT, DRDY|ERR
  frames.request("ata identify request", 0x0a0b0c07,
                 AtaRequest{{}, 0, 1, Opcode::identify_device, 0, {}},
                 "00 0a0b0c07  00 00 01 ec 000000e00000 0000");
  frames.reply("ata identify reply", 0x0a0b0c07,
               AtaReply{{}, 0, 0, ata::status_drdy, 0, identify_data()},
               "00 0a0b0c07  00 00 00 40 000000e00000 0000", identify_data());
  frames.request("ata check power mode request", 0x0a0b0c08,
                 AtaRequest{device_head, 0, 0, Opcode::check_power_mode, 0, {}},
                 "00 0a0b0c08  10 00 00 e5 000000e00000 0000");
  frames.reply("ata check power mode reply", 0x0a0b0c08,
               AtaReply{device_head, 0, 0xff, ata::status_drdy, 0, {}},
               "00 0a0b0c08  10 00 ff 40 000000e00000 0000");  // count ff: active or idle
  frames.request("ata smart request", 0x0a0b0c09,
                 AtaRequest{{}, 0xda, 0, Opcode::smart, 0x00c24f00, {}},
                 "00 0a0b0c09  00 da 00 b0 004fc2e00000 0000");  // feature da: return status
}

void add_config(Frames& frames) {
  // Buffer count, firmware, sector count, version supported and CCmd, length, string.
  // To every shelf and slot.
  frames.add("config discovery", {Mac::broadcast(), client, Address::everyone(), 0x0a0b0c10},
             ConfigRequest{ConfigCommand::read, {}},
             "ffffffffffff 02000000000c 88a2 10 00 ffff ff 01 0a0b0c10  0000 0000 00 00 0000");
  frames.reply("config reply, empty", 0x0a0b0c10,
               ConfigReply{16, 0x4711, 17, ConfigCommand::read, {}},
               "01 0a0b0c10  0010 4711 11 10 0000");  // 16 buffers, 17 sectors; version 1, CCmd 0
  frames.request("config test request", 0x0a0b0c11,
                 ConfigRequest{ConfigCommand::test, chars("web")},
                 "01 0a0b0c11  0000 0000 00 01 0003 776562");
  frames.reply("config test reply", 0x0a0b0c11,
               ConfigReply{0x1234, 1, 2, ConfigCommand::test, chars("web")},
               "01 0a0b0c11  1234 0001 02 11 0003 776562");
  frames.request("config prefix request", 0x0a0b0c12,
                 ConfigRequest{ConfigCommand::prefix, chars("w")},
                 "01 0a0b0c12  0000 0000 00 02 0001 77");
  frames.reply("config prefix reply", 0x0a0b0c12,
               ConfigReply{16, 1, 2, ConfigCommand::prefix, chars("web")},
               "01 0a0b0c12  0010 0001 02 12 0003 776562");
  frames.request("config set request, 1024 bytes", 0x0a0b0c13,
                 ConfigRequest{ConfigCommand::set, long_string()},
                 "01 0a0b0c13  0000 0000 00 03 0400", long_string());
  frames.reply("config set reply, 1024 bytes", 0x0a0b0c13,
               ConfigReply{16, 1, 2, ConfigCommand::set, long_string()},
               "01 0a0b0c13  0010 0001 02 13 0400", long_string());
  frames.request("config force-set request, empty", 0x0a0b0c14,
                 ConfigRequest{ConfigCommand::force_set, {}}, "01 0a0b0c14  0000 0000 00 04 0000");
  frames.reply("config force-set reply, empty", 0x0a0b0c14,
               ConfigReply{0xffff, 0xffff, 255, ConfigCommand::force_set, {}},
               "01 0a0b0c14  ffff ffff ff 14 0000");
}

void add_mask(Frames& frames) {
  // Reserved, MCmd, MError, directive count; each directive: reserved, DCmd, address.
  frames.request("mask read request", 0x0a0b0c20, MaskRequest{MaskCommand::read, {}},
                 "02 0a0b0c20  00 00 00 00");
  frames.reply("mask read reply, empty", 0x0a0b0c20,
               MaskReply{MaskCommand::read, MaskError::none, 0, {}}, "02 0a0b0c20  00 00 00 00");
  frames.request(
      "mask edit request", 0x0a0b0c21,
      MaskRequest{MaskCommand::edit, directives({{1, client}, {2, other}, {0, {}}})},
      "02 0a0b0c21  00 01 00 03 00 01 02000000000c 00 02 02000000000d 00 00 000000000000");
  frames.reply(
      "mask edit reply", 0x0a0b0c21,
      MaskReply{MaskCommand::edit, MaskError::none, 0,
                directives({{1, client}, {1, other}, {1, server}, {1, client}, {1, other}})},
      "02 0a0b0c21  00 01 00 05 00 01 02000000000c 00 01 02000000000d 00 01 020000000005 00 01 "
      "02000000000c 00 01 02000000000d");
  frames.request("mask edit request, unknown directive", 0x0a0b0c22,
                 MaskRequest{MaskCommand::edit, directives({{9, client}})},
                 "02 0a0b0c22  00 01 00 01 00 09 02000000000c");
  frames.reply("mask reply: unspecified error", 0x0a0b0c23,
               MaskReply{MaskCommand::edit, MaskError::unspecified, 0, {}},
               "02 0a0b0c23  00 01 01 00");
  frames.reply("mask reply: bad directive", 0x0a0b0c22,
               MaskReply{MaskCommand::edit, MaskError::bad_directive, 2, {}},
               "02 0a0b0c22  00 01 02 02");  // two done before it
  frames.reply("mask reply: list full", 0x0a0b0c24,
               MaskReply{MaskCommand::edit, MaskError::list_full, 255, {}},
               "02 0a0b0c24  00 01 03 ff");
}

void add_reserve(Frames& frames) {
  // RCmd, address count, addresses.
  frames.request("reserve read request", 0x0a0b0c30, ReserveRequest{ReserveCommand::read, {}},
                 "03 0a0b0c30  00 00");
  frames.reply("reserve read reply", 0x0a0b0c30,
               ReserveReply{ReserveCommand::read, macs({client, other})},
               "03 0a0b0c30  00 02 02000000000c 02000000000d");
  frames.request("reserve set request", 0x0a0b0c31,
                 ReserveRequest{ReserveCommand::set, macs({client})},
                 "03 0a0b0c31  01 01 02000000000c");
  frames.reply("reserve set reply", 0x0a0b0c31, ReserveReply{ReserveCommand::set, macs({client})},
               "03 0a0b0c31  01 01 02000000000c");
  frames.request(
      "reserve set request, six addresses", 0x0a0b0c32,
      ReserveRequest{ReserveCommand::set, macs({client, other, server, client, other, server})},
      "03 0a0b0c32  01 06 02000000000c 02000000000d 020000000005 02000000000c 02000000000d "
      "020000000005");  // 62 bytes: no padding
  frames.reply(
      "reserve set reply, six addresses", 0x0a0b0c32,
      ReserveReply{ReserveCommand::set, macs({client, other, server, client, other, server})},
      "03 0a0b0c32  01 06 02000000000c 02000000000d 020000000005 02000000000c 02000000000d "
      "020000000005");
  frames.request("reserve force-set request, empty", 0x0a0b0c33,
                 ReserveRequest{ReserveCommand::force_set, {}}, "03 0a0b0c33  02 00");
  frames.reply("reserve force-set reply, empty", 0x0a0b0c33,
               ReserveReply{ReserveCommand::force_set, {}}, "03 0a0b0c33  02 00");
}

void add_vendor(Frames& frames) {
  frames.request("vendor request 240", 0x0a0b0c40, VendorRequest{240, chars("abc")},
                 "f0 0a0b0c40  616263");
  frames.reply("vendor reply 240", 0x0a0b0c40, VendorReply{240, {}}, "f0 0a0b0c40");
  frames.request("vendor request 255", 0x0a0b0c41, VendorRequest{255, pattern(100)}, "ff 0a0b0c41",
                 pattern(100));
  frames.reply("vendor reply 255", 0x0a0b0c41, VendorReply{255, pattern(100)}, "ff 0a0b0c41",
               pattern(100));
}

void add_errors(Frames& frames) {
  // Version 1, R and E; the error; shelf and slot, command, tag; no Arg.
  frames.error("error 1 to an unknown command", 0x0a0b0c51,
               ErrorReply{0x77, ErrorCode::unrecognized_command}, "1c 01 0102 03 77 0a0b0c51");
  frames.error("error 2 to config", 0x0a0b0c52, ErrorReply{1, ErrorCode::bad_argument},
               "1c 02 0102 03 01 0a0b0c52");
  frames.error("error 2 to mask", 0x0a0b0c57, ErrorReply{2, ErrorCode::bad_argument},
               "1c 02 0102 03 02 0a0b0c57");
  frames.error("error 3 to ata", 0x0a0b0c53, ErrorReply{0, ErrorCode::device_unavailable},
               "1c 03 0102 03 00 0a0b0c53");
  frames.error("error 4 to config", 0x0a0b0c54, ErrorReply{1, ErrorCode::config_string_present},
               "1c 04 0102 03 01 0a0b0c54");
  frames.error("error 5 to ata", 0x0a0b0c55, ErrorReply{0, ErrorCode::unsupported_version},
               "1c 05 0102 03 00 0a0b0c55");
  frames.error("error 6 to reserve", 0x0a0b0c56, ErrorReply{3, ErrorCode::target_reserved},
               "1c 06 0102 03 03 0a0b0c56");
}

bool equal(Bytes a, Bytes b) {
  return std::ranges::equal(a, b);
}

bool equal_but_for_padding(Bytes sent, Bytes received) {
  return sent.size() <= received.size() && equal(sent, received.first(sent.size())) &&
         std::ranges::all_of(received.subspan(sent.size()), [](auto octet) { return octet == 0; });
}

/// Compares two bodies of the same kind.
struct Arrival {
  const Body& received;

  template <class T>
  const T& got(const T&) const {
    return std::get<T>(received);
  }
  bool operator()(const AtaRequest& a) const {
    const auto& b = got(a);
    return a.flags == b.flags && a.feature == b.feature && a.sectors == b.sectors &&
           a.opcode == b.opcode && a.lba == b.lba && equal(a.data, b.data);
  }
  bool operator()(const AtaReply& a) const {
    const auto& b = got(a);
    return a.flags == b.flags && a.error == b.error && a.sectors_left == b.sectors_left &&
           a.status == b.status && a.lba == b.lba && equal_but_for_padding(a.data, b.data);
  }
  bool operator()(const ConfigRequest& a) const {
    const auto& b = got(a);
    return a.command == b.command && equal(a.string, b.string);
  }
  bool operator()(const ConfigReply& a) const {
    const auto& b = got(a);
    return a.buffer_count == b.buffer_count && a.firmware == b.firmware &&
           a.sector_count == b.sector_count && a.command == b.command && equal(a.string, b.string);
  }
  bool operator()(const MaskRequest& a) const {
    const auto& b = got(a);
    return a.command == b.command && same(a.directives, b.directives);
  }
  bool operator()(const MaskReply& a) const {
    const auto& b = got(a);
    return a.command == b.command && a.error == b.error && a.directives_done == b.directives_done &&
           same(a.list, b.list);
  }
  bool operator()(const ReserveRequest& a) const {
    const auto& b = got(a);
    return a.command == b.command && same(a.macs, b.macs);
  }
  bool operator()(const ReserveReply& a) const {
    const auto& b = got(a);
    return a.command == b.command && same(a.macs, b.macs);
  }
  bool operator()(const VendorRequest& a) const {
    const auto& b = got(a);
    return a.command == b.command && equal_but_for_padding(a.arg, b.arg);
  }
  bool operator()(const VendorReply& a) const {
    const auto& b = got(a);
    return a.command == b.command && equal_but_for_padding(a.arg, b.arg);
  }
  bool operator()(const ErrorReply& a) const {
    const auto& b = got(a);
    return a.command == b.command && a.code == b.code;
  }

 private:
  /// Entry by entry: their reserved bytes may differ.
  template <class List>
  static bool same(const List& a, const List& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
};

}  // namespace

const std::vector<GoldenFrame>& golden_frames() {
  static const auto frames = [] {
    Frames made;
    add_ata(made);
    add_config(made);
    add_mask(made);
    add_reserve(made);
    add_vendor(made);
    add_errors(made);
    return made;
  }();
  return frames.all;
}

bool arrives_as(const Body& sent, const Body& received) {
  return sent.index() == received.index() && std::visit(Arrival{received}, sent);
}

std::vector<std::uint8_t> octets(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  while (true) {
    while (hex.starts_with(' ')) hex.remove_prefix(1);
    if (hex.empty()) return bytes;
    AOE_CHECK(hex.size() >= 2);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + 2, bytes.emplace_back(), 16);
    AOE_CHECK(error == std::errc{} && end == hex.data() + 2);
    hex.remove_prefix(2);
  }
}

}  // namespace aoe
