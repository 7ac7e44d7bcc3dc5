#include "proto/frame.h"

#include <type_traits>

namespace aoe {
namespace {

constexpr std::uint8_t ata_extended = 0x40;
constexpr std::uint8_t ata_device_head = 0x10;
constexpr std::uint8_t ata_asynchronous = 0x02;
constexpr std::uint8_t ata_write = 0x01;
constexpr std::uint8_t ata_lba_mode = 0xe0;  // high bits of the device register, sent with an LBA28

using BodyOrReject = tl::expected<Body, Reject>;

tl::unexpected<Reject> reject(Rule rule, std::size_t offset, std::size_t have, std::size_t need) {
  return tl::unexpected(Reject{rule, static_cast<std::uint16_t>(offset),
                               static_cast<std::uint32_t>(have), static_cast<std::uint32_t>(need)});
}

/// The Arg of a command whose fixed part is `size` bytes long.
tl::unexpected<Reject> arg_too_short(Bytes arg, std::size_t size) {
  return reject(Rule::arg_too_short, header_size, header_size + arg.size(), header_size + size);
}

Mac take_mac(Reader& in) {
  Mac mac;
  copy(in.take(mac.octets.size()), mac.octets);
  return mac;
}

// Each decode_* is given the bytes after the header.

/// Written in its place: this is what nearly all frames are, and copying it took longer than
/// reading it.
void decode_ata(Bytes arg, bool response, BodyOrReject& body) {
  constexpr std::size_t fixed = ata_header_size - header_size;
  if (arg.size() < fixed) {
    body = arg_too_short(arg, fixed);
    return;
  }
  Reader in(arg);
  const std::uint8_t aflags = in.u8();
  const AtaFlags flags{(aflags & ata_extended) != 0, (aflags & ata_device_head) != 0,
                       (aflags & ata_asynchronous) != 0, (aflags & ata_write) != 0};
  const std::uint8_t error_or_feature = in.u8();
  const std::uint8_t sectors = in.u8();
  const std::uint8_t status_or_opcode = in.u8();
  const Bytes octets = in.take(6);
  std::uint64_t lba = 0;
  for (std::size_t i = flags.extended ? 6 : 4; i-- > 0;) lba = lba << 8 | octets[i];
  if (!flags.extended) lba &= 0x0fff'ffff;
  in.take(2);

  if (response) {
    AtaReply& reply = body->emplace<AtaReply>();
    reply.flags = flags;
    reply.error = error_or_feature;
    reply.sectors_left = sectors;
    reply.status = status_or_opcode;
    reply.lba = lba;
    reply.data = in.rest();
    return;
  }
  Bytes data;
  if (flags.write) {
    const std::size_t size = sectors * sector_size;
    if (in.remaining() < size) {
      body = reject(Rule::write_data_short, ata_header_size, in.remaining(), size);
      return;
    }
    data = in.take(size);
  }
  AtaRequest& request = body->emplace<AtaRequest>();
  request.flags = flags;
  request.feature = error_or_feature;
  request.sectors = sectors;
  request.opcode = ata::Opcode{status_or_opcode};
  request.lba = lba;
  request.data = data;
}

BodyOrReject decode_config(Bytes arg, bool response) {
  constexpr std::size_t fixed = config_header_size - header_size;
  if (arg.size() < fixed) return arg_too_short(arg, fixed);
  Reader in(arg);
  const std::uint16_t buffer_count = in.u16();
  const std::uint16_t firmware = in.u16();
  const std::uint8_t sector_count = in.u8();
  const std::uint8_t ccmd = in.u8() & 0x0f;
  const std::uint16_t length = in.u16();
  constexpr auto ccmd_max = static_cast<std::uint8_t>(ConfigCommand::force_set);
  if (ccmd > ccmd_max) return reject(Rule::unknown_config_command, 29, ccmd, ccmd_max);
  if (length > config_string_size_max) {
    return reject(Rule::config_string_too_long, 30, length, config_string_size_max);
  }
  if (length > in.remaining()) {
    return reject(Rule::config_string_beyond_frame, 30, in.remaining(), length);
  }
  const Bytes string = in.take(length);
  if (response) {
    return ConfigReply{buffer_count, firmware, sector_count, ConfigCommand{ccmd}, string};
  }
  return ConfigRequest{ConfigCommand{ccmd}, string};
}

BodyOrReject decode_mask(Bytes arg, bool response) {
  constexpr std::size_t fixed = 4;
  if (arg.size() < fixed) return arg_too_short(arg, fixed);
  Reader in(arg);
  in.u8();
  const std::uint8_t mcmd = in.u8();
  const std::uint8_t merror = in.u8();
  const std::uint8_t count = in.u8();
  constexpr auto mcmd_max = static_cast<std::uint8_t>(MaskCommand::edit);
  if (mcmd > mcmd_max) return reject(Rule::unknown_mask_command, 25, mcmd, mcmd_max);
  const MaskCommand command{mcmd};
  if (response && merror != 0) {
    constexpr auto merror_max = static_cast<std::uint8_t>(MaskError::list_full);
    if (merror > merror_max) return reject(Rule::unknown_mask_error, 26, merror, merror_max);
    return MaskReply{command, MaskError{merror}, count, {}};
  }
  const std::size_t size = count * DirectiveList::entry_size;
  if (size > in.remaining()) {
    return reject(Rule::mask_directives_beyond_frame, 27, in.remaining(), size);
  }
  const DirectiveList list(in.take(size));
  if (response) return MaskReply{command, MaskError::none, 0, list};
  return MaskRequest{command, list};
}

BodyOrReject decode_reserve(Bytes arg, bool response) {
  constexpr std::size_t fixed = 2;
  if (arg.size() < fixed) return arg_too_short(arg, fixed);
  Reader in(arg);
  const std::uint8_t rcmd = in.u8();
  const std::uint8_t count = in.u8();
  constexpr auto rcmd_max = static_cast<std::uint8_t>(ReserveCommand::force_set);
  if (rcmd > rcmd_max) return reject(Rule::unknown_reserve_command, 24, rcmd, rcmd_max);
  const std::size_t size = count * MacList::entry_size;
  if (size > in.remaining()) {
    return reject(Rule::reserve_addresses_beyond_frame, 25, in.remaining(), size);
  }
  const MacList macs(in.take(size));
  if (response) return ReserveReply{ReserveCommand{rcmd}, macs};
  return ReserveRequest{ReserveCommand{rcmd}, macs};
}

void decode_body(std::uint8_t version_flags, std::uint8_t error, std::uint8_t command, Bytes arg,
                 BodyOrReject& body) {
  const bool response = (version_flags & flag_response) != 0;
  if (const std::uint8_t version = version_flags >> 4; version != protocol_version) {
    body = reject(Rule::unsupported_version, 14, version, protocol_version);
  } else if (response && (version_flags & flag_error) != 0) {
    body = ErrorReply{command, ErrorCode{error}};
  } else if (command >= vendor_command_min) {
    if (response) {
      body = VendorReply{command, arg};
    } else {
      body = VendorRequest{command, arg};
    }
  } else {
    switch (Command{command}) {
      case Command::ata: decode_ata(arg, response, body); return;
      case Command::config: body = decode_config(arg, response); return;
      case Command::mask: body = decode_mask(arg, response); return;
      case Command::reserve: body = decode_reserve(arg, response); return;
    }
    body = reject(Rule::unknown_command, 19, command, static_cast<std::size_t>(Command::reserve));
  }
}

/// The three header fields that a body decides.
struct Kind {
  std::uint8_t command;
  std::uint8_t flags = 0;
  std::uint8_t error = 0;
};

constexpr std::uint8_t number(Command command) {
  return static_cast<std::uint8_t>(command);
}

struct KindOf {
  Kind operator()(const AtaRequest&) const { return {number(Command::ata)}; }
  Kind operator()(const AtaReply&) const { return {number(Command::ata), flag_response}; }
  Kind operator()(const ConfigRequest&) const { return {number(Command::config)}; }
  Kind operator()(const ConfigReply&) const { return {number(Command::config), flag_response}; }
  Kind operator()(const MaskRequest&) const { return {number(Command::mask)}; }
  Kind operator()(const MaskReply&) const { return {number(Command::mask), flag_response}; }
  Kind operator()(const ReserveRequest&) const { return {number(Command::reserve)}; }
  Kind operator()(const ReserveReply&) const { return {number(Command::reserve), flag_response}; }
  Kind operator()(const VendorRequest& v) const { return {v.command}; }
  Kind operator()(const VendorReply& v) const { return {v.command, flag_response}; }
  Kind operator()(const ErrorReply& e) const {
    return {e.command, flag_response | flag_error, static_cast<std::uint8_t>(e.code)};
  }
};

void encode_registers(Writer& out, const AtaFlags& flags, std::uint8_t error_or_feature,
                      std::uint8_t sectors, std::uint8_t status_or_opcode, std::uint64_t lba) {
  AOE_CHECK(lba < std::uint64_t{1} << (flags.extended ? 48 : 28));
  out.u8(static_cast<std::uint8_t>(
      (flags.extended ? ata_extended : 0) | (flags.device_head ? ata_device_head : 0) |
      (flags.asynchronous ? ata_asynchronous : 0) | (flags.write ? ata_write : 0)));
  out.u8(error_or_feature);
  out.u8(sectors);
  out.u8(status_or_opcode);
  std::array<std::uint8_t, 6> octets;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    octets[i] = static_cast<std::uint8_t>(lba >> (8 * i));
  }
  if (!flags.extended) octets[3] |= ata_lba_mode;
  out.bytes(octets);
  out.zeros(2);
}

void encode_config(Writer& out, std::uint16_t buffer_count, std::uint16_t firmware,
                   std::uint8_t sector_count, std::uint8_t version, ConfigCommand command,
                   Bytes string) {
  AOE_CHECK(command <= ConfigCommand::force_set);
  AOE_CHECK(string.size() <= config_string_size_max);
  out.u16(buffer_count);
  out.u16(firmware);
  out.u8(sector_count);
  out.u8(static_cast<std::uint8_t>(version << 4 | static_cast<std::uint8_t>(command)));
  out.u16(static_cast<std::uint16_t>(string.size()));
  out.bytes(string);
}

struct EncodeArg {
  Writer& out;

  void operator()(const AtaRequest& r) const {
    AOE_CHECK(r.data.size() == (r.flags.write ? r.sectors * sector_size : 0));
    encode_registers(out, r.flags, r.feature, r.sectors, static_cast<std::uint8_t>(r.opcode),
                     r.lba);
  }
  void operator()(const AtaReply& r) const {
    encode_registers(out, r.flags, r.error, r.sectors_left, r.status, r.lba);
  }
  void operator()(const ConfigRequest& r) const {
    encode_config(out, 0, 0, 0, 0, r.command, r.string);
  }
  void operator()(const ConfigReply& r) const {
    encode_config(out, r.buffer_count, r.firmware, r.sector_count, protocol_version, r.command,
                  r.string);
  }
  void operator()(const MaskRequest& r) const {
    mask(r.command, MaskError::none, r.directives.size(), r.directives);
  }
  void operator()(const MaskReply& r) const {
    AOE_CHECK(r.error == MaskError::none || r.list.size() == 0);
    mask(r.command, r.error, r.error == MaskError::none ? r.list.size() : r.directives_done,
         r.list);
  }
  void operator()(const ReserveRequest& r) const { reserve(r.command, r.macs); }
  void operator()(const ReserveReply& r) const { reserve(r.command, r.macs); }
  void operator()(const VendorRequest& r) const { vendor(r.command, r.arg); }
  void operator()(const VendorReply& r) const { vendor(r.command, r.arg); }
  void operator()(const ErrorReply&) const {}

 private:
  void mask(MaskCommand command, MaskError error, std::size_t count, DirectiveList list) const {
    AOE_CHECK(command <= MaskCommand::edit && error <= MaskError::list_full);
    out.u8(0);
    out.u8(static_cast<std::uint8_t>(command));
    out.u8(static_cast<std::uint8_t>(error));
    out.u8(static_cast<std::uint8_t>(count));
    out.bytes(list.packed());
  }
  void reserve(ReserveCommand command, MacList macs) const {
    AOE_CHECK(command <= ReserveCommand::force_set);
    out.u8(static_cast<std::uint8_t>(command));
    out.u8(static_cast<std::uint8_t>(macs.size()));
    out.bytes(macs.packed());
  }
  void vendor(std::uint8_t command, Bytes arg) const {
    AOE_CHECK(command >= vendor_command_min);
    out.bytes(arg);
  }
};

Bytes ata_data(const Body& body) {
  if (const auto* request = std::get_if<AtaRequest>(&body)) return request->data;
  if (const auto* reply = std::get_if<AtaReply>(&body)) return reply->data;
  return {};
}

/// Header and Arg, neither ATA data nor padding.
void encode_fields(const Header& header, const Body& body, Writer& out) {
  const Kind kind = std::visit(KindOf{}, body);
  out.bytes(header.destination.octets);
  out.bytes(header.source.octets);
  out.u16(ethertype);
  out.u8(static_cast<std::uint8_t>(protocol_version << 4 | kind.flags));
  out.u8(kind.error);
  out.u16(header.address.shelf);
  out.u8(header.address.slot);
  out.u8(kind.command);
  out.u32(header.tag);
  std::visit(EncodeArg{out}, body);
}

void pad(Writer& out) {
  if (out.written() < frame_size_min) out.zeros(frame_size_min - out.written());
}

}  // namespace

template <>
Directive DirectiveList::operator[](std::size_t i) const {
  AOE_CHECK(i < size());
  Reader in(packed_.subspan(i * entry_size, entry_size));
  in.u8();
  const std::uint8_t command = in.u8();
  return {command, take_mac(in)};
}

template <>
Mac MacList::operator[](std::size_t i) const {
  AOE_CHECK(i < size());
  Reader in(packed_.subspan(i * entry_size, entry_size));
  return take_mac(in);
}

DirectiveList pack(std::span<const Directive> directives, MutableBytes room) {
  Writer out(room);
  for (const Directive& directive : directives) {
    out.u8(0);
    out.u8(directive.command);
    out.bytes(directive.mac.octets);
  }
  return DirectiveList(room.first(out.written()));
}

MacList pack(std::span<const Mac> macs, MutableBytes room) {
  Writer out(room);
  for (const Mac& mac : macs) out.bytes(mac.octets);
  return MacList(room.first(out.written()));
}

tl::expected<Frame, Reject> decode(Bytes bytes) {
  if (bytes.size() < header_size) {
    return reject(Rule::frame_too_short, 0, bytes.size(), header_size);
  }
  Reader in(bytes);
  tl::expected<Frame, Reject> decoded;
  Frame& frame = *decoded;
  frame.header.destination = take_mac(in);
  frame.header.source = take_mac(in);
  if (const std::uint16_t type = in.u16(); type != ethertype) {
    decoded = reject(Rule::not_aoe, 12, type, ethertype);
    return decoded;
  }
  const std::uint8_t version_flags = in.u8();
  const std::uint8_t error = in.u8();
  frame.header.address.shelf = in.u16();
  frame.header.address.slot = in.u8();
  frame.command = in.u8();
  frame.header.tag = in.u32();
  frame.response = (version_flags & flag_response) != 0;
  decode_body(version_flags, error, frame.command, in.rest(), frame.body);
  return decoded;
}

std::size_t encode_head(const Header& header, const Body& body, MutableBytes bytes) {
  Writer out(bytes);
  encode_fields(header, body, out);
  if (ata_data(body).empty()) pad(out);
  return out.written();
}

std::size_t encode(const Header& header, const Body& body, MutableBytes bytes) {
  Writer out(bytes);
  encode_fields(header, body, out);
  if (const Bytes data = ata_data(body); !data.empty()) {
    const std::size_t at = out.written();
    AOE_CHECK(data.size() <= bytes.size() - at);
    if (data.data() == bytes.data() + at) {
      out.skip(data.size());
    } else {
      out.bytes(data);
    }
  }
  pad(out);
  return out.written();
}

}  // namespace aoe
