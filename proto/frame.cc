#include "proto/frame.h"

#include <algorithm>

#include "proto/layout.h"

namespace aoe {
namespace {

constexpr std::uint8_t ata_extended = 0x40;
constexpr std::uint8_t ata_device_head = 0x10;
constexpr std::uint8_t ata_asynchronous = 0x02;
constexpr std::uint8_t ata_write = 0x01;
/// Bits of the device register, sent with an LBA28 in the byte of its high four bits.
constexpr std::uint64_t ata_lba_mode = 0xe000'0000;

using layout::get;
using layout::Message;
using layout::rest;
using layout::set;
using BodyOrReject = tl::expected<Body, Reject>;

constexpr std::size_t mask_header_size = layout::fixed_size(Message::mask);
constexpr std::size_t reserve_header_size = layout::fixed_size(Message::reserve);

tl::unexpected<Reject> reject(Rule rule, std::size_t offset, std::size_t have, std::size_t need) {
  return tl::unexpected(Reject{rule, static_cast<std::uint16_t>(offset),
                               static_cast<std::uint32_t>(have), static_cast<std::uint32_t>(need)});
}

tl::unexpected<Reject> reject(Rule rule, Field field, std::size_t have, std::size_t need) {
  return reject(rule, layout::offset(field), have, need);
}

/// Rejects a code that is larger than the last one of its field.
template <class Code>
tl::unexpected<Reject> unknown(Rule rule, Field field, std::uint8_t code, Code last) {
  return reject(rule, field, code, static_cast<std::size_t>(last));
}

tl::unexpected<Reject> arg_too_short(Bytes frame, Message message) {
  return reject(Rule::arg_too_short, header_size, frame.size(), layout::fixed_size(message));
}

// Each decode_* is given the whole frame, whose header is there.

/// Written in its place: this is what nearly all frames are, and copying it took longer than
/// reading it.
void decode_ata(Bytes frame, bool response, BodyOrReject& body) {
  if (frame.size() < ata_header_size) {
    body = arg_too_short(frame, Message::ata);
    return;
  }
  const std::uint8_t aflags = get<Field::ata_flags>(frame);
  const AtaFlags flags{(aflags & ata_extended) != 0, (aflags & ata_device_head) != 0,
                       (aflags & ata_asynchronous) != 0, (aflags & ata_write) != 0};
  const std::uint8_t sectors = get<Field::ata_count>(frame);
  std::uint64_t lba = get<Field::ata_lba>(frame);
  if (!flags.extended) lba &= ata::lba28_sectors_max;

  if (response) {
    AtaReply& reply = body->emplace<AtaReply>();
    reply.flags = flags;
    reply.error = get<Field::ata_error>(frame);
    reply.sectors_left = sectors;
    reply.status = get<Field::ata_status>(frame);
    reply.lba = lba;
    reply.data = rest<Field::ata_data>(frame);
    return;
  }
  Bytes data;
  if (flags.write) {
    data = rest<Field::ata_data>(frame);
    const std::size_t size = sectors * sector_size;
    if (data.size() < size) {
      body = reject(Rule::write_data_short, Field::ata_data, data.size(), size);
      return;
    }
    data = data.first(size);
  }
  AtaRequest& request = body->emplace<AtaRequest>();
  request.flags = flags;
  request.feature = get<Field::ata_feature>(frame);
  request.sectors = sectors;
  request.opcode = ata::Opcode{get<Field::ata_op>(frame)};
  request.lba = lba;
  request.data = data;
}

BodyOrReject decode_config(Bytes frame, bool response) {
  if (frame.size() < config_header_size) return arg_too_short(frame, Message::config);
  const std::uint8_t ccmd = get<Field::config_op>(frame);
  const ConfigCommand command{ccmd};
  const std::uint16_t length = get<Field::config_length>(frame);
  const Bytes room = rest<Field::config_string>(frame);
  if (command > ConfigCommand::force_set) {
    return unknown(Rule::unknown_config_command, Field::config_op, ccmd, ConfigCommand::force_set);
  }
  if (length > config_string_size_max) {
    return reject(Rule::config_string_too_long, Field::config_length, length,
                  config_string_size_max);
  }
  if (length > room.size()) {
    return reject(Rule::config_string_beyond_frame, Field::config_length, room.size(), length);
  }
  const Bytes string = room.first(length);
  if (!response) return ConfigRequest{command, string};
  return ConfigReply{get<Field::config_buffers>(frame), get<Field::config_firmware>(frame),
                     get<Field::config_sectors>(frame), command, string};
}

BodyOrReject decode_mask(Bytes frame, bool response) {
  if (frame.size() < mask_header_size) return arg_too_short(frame, Message::mask);
  const std::uint8_t mcmd = get<Field::mask_op>(frame);
  const std::uint8_t merror = get<Field::mask_error>(frame);
  const std::uint8_t count = get<Field::mask_count>(frame);
  const MaskCommand command{mcmd};
  if (command > MaskCommand::edit) {
    return unknown(Rule::unknown_mask_command, Field::mask_op, mcmd, MaskCommand::edit);
  }
  if (response && merror != 0) {
    if (MaskError{merror} > MaskError::list_full) {
      return unknown(Rule::unknown_mask_error, Field::mask_error, merror, MaskError::list_full);
    }
    return MaskReply{command, MaskError{merror}, count, {}};
  }
  const std::size_t size = count * DirectiveList::entry_size;
  const Bytes room = rest<Field::mask_directive_reserved>(frame);
  if (size > room.size()) {
    return reject(Rule::mask_directives_beyond_frame, Field::mask_count, room.size(), size);
  }
  const DirectiveList list(room.first(size));
  if (response) return MaskReply{command, MaskError::none, 0, list};
  return MaskRequest{command, list};
}

BodyOrReject decode_reserve(Bytes frame, bool response) {
  if (frame.size() < reserve_header_size) return arg_too_short(frame, Message::reserve);
  const std::uint8_t rcmd = get<Field::reserve_op>(frame);
  const ReserveCommand command{rcmd};
  if (command > ReserveCommand::force_set) {
    return unknown(Rule::unknown_reserve_command, Field::reserve_op, rcmd,
                   ReserveCommand::force_set);
  }
  const std::size_t size = get<Field::reserve_count>(frame) * MacList::entry_size;
  const Bytes room = rest<Field::reserve_address>(frame);
  if (size > room.size()) {
    return reject(Rule::reserve_addresses_beyond_frame, Field::reserve_count, room.size(), size);
  }
  const MacList macs(room.first(size));
  if (response) return ReserveReply{command, macs};
  return ReserveRequest{command, macs};
}

void decode_body(Bytes bytes, const Frame& frame, BodyOrReject& body) {
  const std::uint8_t version = get<Field::version>(bytes);
  const std::uint8_t command = frame.command;
  if (version != protocol_version) {
    body = reject(Rule::unsupported_version, Field::version, version, protocol_version);
  } else if (frame.response && (get<Field::flags>(bytes) & flag_error) != 0) {
    body = ErrorReply{command, ErrorCode{get<Field::error>(bytes)}};
  } else if (command >= vendor_command_min) {
    const Bytes arg = bytes.subspan(header_size);
    if (frame.response) {
      body = VendorReply{command, arg};
    } else {
      body = VendorRequest{command, arg};
    }
  } else {
    switch (Command{command}) {
      case Command::ata: decode_ata(bytes, frame.response, body); return;
      case Command::config: body = decode_config(bytes, frame.response); return;
      case Command::mask: body = decode_mask(bytes, frame.response); return;
      case Command::reserve: body = decode_reserve(bytes, frame.response); return;
    }
    body = unknown(Rule::unknown_command, Field::command, command, Command::reserve);
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

/// Zeros the bytes from `from` to `to`, where a message's fields are set next.
void clear(MutableBytes out, std::size_t from, std::size_t to) {
  AOE_CHECK(out.size() >= to);
  std::ranges::fill(out.subspan(from, to - from), std::uint8_t{0});
}

/// Writes what follows the header, but no ATA data. Returns where it ends.
struct EncodeArg {
  MutableBytes out;

  std::size_t operator()(const AtaRequest& r) const {
    AOE_CHECK(r.data.size() == (r.flags.write ? r.sectors * sector_size : 0));
    return registers(r.flags, r.feature, r.sectors, static_cast<std::uint8_t>(r.opcode), r.lba);
  }
  std::size_t operator()(const AtaReply& r) const {
    return registers(r.flags, r.error, r.sectors_left, r.status, r.lba);
  }
  std::size_t operator()(const ConfigRequest& r) const { return config(r.command, r.string); }
  std::size_t operator()(const ConfigReply& r) const {
    const std::size_t end = config(r.command, r.string);
    set<Field::config_buffers>(out, r.buffer_count);
    set<Field::config_firmware>(out, r.firmware);
    set<Field::config_sectors>(out, r.sector_count);
    set<Field::config_version>(out, protocol_version);
    return end;
  }
  std::size_t operator()(const MaskRequest& r) const {
    return mask(r.command, MaskError::none, r.directives.size(), r.directives);
  }
  std::size_t operator()(const MaskReply& r) const {
    AOE_CHECK(r.error == MaskError::none || r.list.size() == 0);
    return mask(r.command, r.error, r.error == MaskError::none ? r.list.size() : r.directives_done,
                r.list);
  }
  std::size_t operator()(const ReserveRequest& r) const { return reserve(r.command, r.macs); }
  std::size_t operator()(const ReserveReply& r) const { return reserve(r.command, r.macs); }
  std::size_t operator()(const VendorRequest& r) const { return vendor(r.command, r.arg); }
  std::size_t operator()(const VendorReply& r) const { return vendor(r.command, r.arg); }
  std::size_t operator()(const ErrorReply&) const { return header_size; }

 private:
  std::size_t registers(const AtaFlags& flags, std::uint8_t error_or_feature, std::uint8_t sectors,
                        std::uint8_t status_or_opcode, std::uint64_t lba) const {
    AOE_CHECK(lba < std::uint64_t{1} << (flags.extended ? 48 : 28));
    clear(out, header_size, ata_header_size);
    set<Field::ata_flags>(
        out, static_cast<std::uint8_t>(
                 (flags.extended ? ata_extended : 0) | (flags.device_head ? ata_device_head : 0) |
                 (flags.asynchronous ? ata_asynchronous : 0) | (flags.write ? ata_write : 0)));
    set<Field::ata_feature>(out, error_or_feature);
    set<Field::ata_count>(out, sectors);
    set<Field::ata_op>(out, status_or_opcode);
    set<Field::ata_lba>(out, flags.extended ? lba : lba | ata_lba_mode);
    return ata_header_size;
  }
  std::size_t config(ConfigCommand command, Bytes string) const {
    AOE_CHECK(command <= ConfigCommand::force_set);
    AOE_CHECK(string.size() <= config_string_size_max);
    clear(out, header_size, config_header_size);
    set<Field::config_op>(out, static_cast<std::uint8_t>(command));
    set<Field::config_length>(out, static_cast<std::uint16_t>(string.size()));
    return bytes(string, config_header_size);
  }
  std::size_t mask(MaskCommand command, MaskError error, std::size_t count,
                   DirectiveList list) const {
    AOE_CHECK(command <= MaskCommand::edit && error <= MaskError::list_full);
    clear(out, header_size, mask_header_size);
    set<Field::mask_op>(out, static_cast<std::uint8_t>(command));
    set<Field::mask_error>(out, static_cast<std::uint8_t>(error));
    set<Field::mask_count>(out, static_cast<std::uint8_t>(count));
    return bytes(list.packed(), mask_header_size);
  }
  std::size_t reserve(ReserveCommand command, MacList macs) const {
    AOE_CHECK(command <= ReserveCommand::force_set);
    clear(out, header_size, reserve_header_size);
    set<Field::reserve_op>(out, static_cast<std::uint8_t>(command));
    set<Field::reserve_count>(out, static_cast<std::uint8_t>(macs.size()));
    return bytes(macs.packed(), reserve_header_size);
  }
  std::size_t vendor(std::uint8_t command, Bytes arg) const {
    AOE_CHECK(command >= vendor_command_min);
    return bytes(arg, header_size);
  }
  std::size_t bytes(Bytes source, std::size_t at) const {
    copy(source, out.subspan(at));
    return at + source.size();
  }
};

Bytes ata_data(const Body& body) {
  if (const auto* request = std::get_if<AtaRequest>(&body)) return request->data;
  if (const auto* reply = std::get_if<AtaReply>(&body)) return reply->data;
  return {};
}

/// Header and Arg, neither ATA data nor padding. Returns where they end.
std::size_t encode_fields(const Header& header, const Body& body, MutableBytes out) {
  const Kind kind = std::visit(KindOf{}, body);
  clear(out, 0, header_size);
  set<Field::destination>(out, header.destination);
  set<Field::source>(out, header.source);
  set<Field::ethertype>(out, ethertype);
  set<Field::version>(out, protocol_version);
  set<Field::flags>(out, kind.flags);
  set<Field::error>(out, kind.error);
  set<Field::shelf>(out, header.address.shelf);
  set<Field::slot>(out, header.address.slot);
  set<Field::command>(out, kind.command);
  set<Field::tag>(out, header.tag);
  return std::visit(EncodeArg{out}, body);
}

/// Zeros what a frame of `size` bytes lacks of the smallest one. Returns its size then.
std::size_t pad(MutableBytes out, std::size_t size) {
  if (size < frame_size_min) clear(out, size, frame_size_min);
  return std::max(size, frame_size_min);
}

}  // namespace

template <>
Directive DirectiveList::operator[](std::size_t i) const {
  constexpr Field first = Field::mask_directive_reserved;
  AOE_CHECK(i < size());
  return {get<Field::mask_directive_op, first>(packed_, i),
          get<Field::mask_directive_address, first>(packed_, i)};
}

template <>
Mac MacList::operator[](std::size_t i) const {
  AOE_CHECK(i < size());
  return get<Field::reserve_address, Field::reserve_address>(packed_, i);
}

DirectiveList pack(std::span<const Directive> directives, MutableBytes room) {
  constexpr Field first = Field::mask_directive_reserved;
  for (std::size_t i = 0; i < directives.size(); ++i) {
    set<first, first>(room, 0, i);
    set<Field::mask_directive_op, first>(room, directives[i].command, i);
    set<Field::mask_directive_address, first>(room, directives[i].mac, i);
  }
  return DirectiveList(room.first(directives.size() * DirectiveList::entry_size));
}

MacList pack(std::span<const Mac> macs, MutableBytes room) {
  constexpr Field first = Field::reserve_address;
  for (std::size_t i = 0; i < macs.size(); ++i) set<first, first>(room, macs[i], i);
  return MacList(room.first(macs.size() * MacList::entry_size));
}

tl::expected<Frame, Reject> decode(Bytes bytes) {
  if (bytes.size() < header_size) {
    return reject(Rule::frame_too_short, 0, bytes.size(), header_size);
  }
  tl::expected<Frame, Reject> decoded;
  if (const std::uint16_t type = get<Field::ethertype>(bytes); type != ethertype) {
    decoded = reject(Rule::not_aoe, Field::ethertype, type, ethertype);
    return decoded;
  }
  Frame& frame = *decoded;
  frame.header.destination = get<Field::destination>(bytes);
  frame.header.source = get<Field::source>(bytes);
  frame.header.address.shelf = get<Field::shelf>(bytes);
  frame.header.address.slot = get<Field::slot>(bytes);
  frame.header.tag = get<Field::tag>(bytes);
  frame.command = get<Field::command>(bytes);
  frame.response = (get<Field::flags>(bytes) & flag_response) != 0;
  decode_body(bytes, frame, frame.body);
  return decoded;
}

std::size_t encode_head(const Header& header, const Body& body, MutableBytes bytes) {
  const std::size_t size = encode_fields(header, body, bytes);
  return ata_data(body).empty() ? pad(bytes, size) : size;
}

std::size_t encode(const Header& header, const Body& body, MutableBytes bytes) {
  const std::size_t at = encode_fields(header, body, bytes);
  const Bytes data = ata_data(body);
  const MutableBytes room = bytes.subspan(at);
  AOE_CHECK(data.size() <= room.size());
  if (data.data() != room.data()) copy(data, room);
  return pad(bytes, at + data.size());
}

}  // namespace aoe
