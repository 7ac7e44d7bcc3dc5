#include "target/lun.h"

#include <algorithm>

#include "proto/check.h"

namespace aoe::target {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

bool fits(std::size_t frame_size, const Link& link) {
  return frame_size <= ethernet_header_size + link.mtu;
}

AtaReply ata_reply(const AtaFlags& flags, std::uint64_t lba, const AtaRegisters& registers,
                   Bytes data = {}) {
  return {flags, registers.error, registers.sectors_left, registers.status, lba, data};
}

}  // namespace

/// One request and what its reply needs.
struct Lun::Exchange {
  Header header;  // of the reply
  std::uint8_t command;
  const Link& link;
  MutableBytes reply;

  Mac source() const { return header.destination; }
  ReplyReady answer(const Body& body, Verdict verdict = Verdict::success) const {
    return {encode(header, body, reply), verdict};
  }
  ReplyReady refuse(ErrorCode code) const {
    return answer(ErrorReply{command, code}, Verdict::aoe_error);
  }
};

Lun::Lun(const LunOptions& options)
    : options_(options), device_{options.sectors, options.read_only} {
  AOE_CHECK(options.address.is_exact());
  AOE_CHECK(options.sectors > 0 && options.sectors <= ata::lba48_sectors_max);
  const std::string& text = options.config_string;
  AOE_CHECK(text.size() <= config_string_size_max);
  set_config_string(Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

Outcome Lun::handle(const Frame& request, const Link& link, MutableBytes reply) {
  AOE_CHECK(!request.response && request.header.address.covers(address()));
  AOE_CHECK(reply.size() >= reply_size_max(link.mtu));
  const Header& asked = request.header;
  if (asked.source.is_multicast()) return Silence::source_multicast;
  if (!mask_.admits(asked.source)) return Silence::source_masked;

  const Exchange exchange{
      {asked.source, link.mac, address(), asked.tag}, request.command, link, reply};
  if (!request.body) {
    const auto code = answer_to(request.body.error().rule);
    AOE_CHECK(code.has_value());
    return exchange.refuse(*code);
  }
  return std::visit(
      Overloaded{
          [&](const ConfigRequest& r) { return config(r, exchange); },
          [&](const MaskRequest& r) { return mask(r, exchange); },
          [&](const ReserveRequest& r) { return reserve(r, exchange); },
          [&](const AtaRequest& r) { return ata(r, exchange); },
          [&](const VendorRequest&) -> Outcome {
            return exchange.refuse(ErrorCode::unrecognized_command);
          },
          [](const auto&) -> Outcome { AOE_CHECK(false && "a reply where a request belongs"); },
      },
      *request.body);
}

Outcome Lun::config(const ConfigRequest& request, const Exchange& exchange) {
  const Bytes current = config_string();
  const bool is_equal = std::ranges::equal(request.string, current);
  switch (request.command) {
    case ConfigCommand::read: break;
    case ConfigCommand::test:
      if (!is_equal) return Silence::config_mismatch;
      break;
    case ConfigCommand::prefix:
      if (request.string.size() > current.size() ||
          !std::ranges::equal(request.string, current.first(request.string.size()))) {
        return Silence::config_mismatch;
      }
      break;
    case ConfigCommand::set:
      if (!current.empty() && !is_equal) return exchange.refuse(ErrorCode::config_string_present);
      [[fallthrough]];
    case ConfigCommand::force_set:
      if (!fits(config_header_size + request.string.size(), exchange.link)) {
        return exchange.refuse(ErrorCode::bad_argument);
      }
      set_config_string(request.string);
      break;
  }
  if (!fits(config_header_size + config_string_size_, exchange.link)) {
    return exchange.refuse(ErrorCode::bad_argument);
  }
  return exchange.answer(config_reply(request.command, exchange.link));
}

Outcome Lun::mask(const MaskRequest& request, const Exchange& exchange) {
  const std::size_t entries_max = mask_entries_per_frame(exchange.link.mtu);
  MaskReply reply{request.command, MaskError::none, 0, {}};
  if (request.command == MaskCommand::edit) {
    const auto [error, done] = mask_.edit(request.directives, entries_max);
    reply.error = error;
    reply.directives_done = done;
  }
  if (reply.error == MaskError::none && mask_.entries().size() > entries_max) {
    reply.error = MaskError::unspecified;
  }
  std::array<std::uint8_t, MacSet::capacity * DirectiveList::entry_size> room;
  if (reply.error == MaskError::none) {
    std::array<Directive, MacSet::capacity> directives;
    const auto entries = mask_.entries();
    std::ranges::transform(entries, directives.begin(), [](Mac mac) {
      return Directive{static_cast<std::uint8_t>(DirectiveCommand::none), mac};
    });
    reply.list = pack(std::span(directives).first(entries.size()), room);
  }
  return exchange.answer(reply);
}

Outcome Lun::reserve(const ReserveRequest& request, const Exchange& exchange) {
  const std::size_t entries_max = reserve_entries_per_frame(exchange.link.mtu);
  if (request.command != ReserveCommand::read) {
    if (request.macs.size() > entries_max) return exchange.refuse(ErrorCode::bad_argument);
    if (request.command == ReserveCommand::set && !reservation_.admits(exchange.source())) {
      return exchange.refuse(ErrorCode::target_reserved);
    }
    reservation_.set(request.macs);
  }
  if (reservation_.entries().size() > entries_max) {
    return exchange.refuse(ErrorCode::bad_argument);
  }
  std::array<std::uint8_t, MacSet::capacity * MacList::entry_size> room;
  return exchange.answer(ReserveReply{request.command, pack(reservation_.entries(), room)});
}

Outcome Lun::ata(const AtaRequest& request, const Exchange& exchange) const {
  if (request.opcode != ata::Opcode::identify_device && !reservation_.admits(exchange.source())) {
    return exchange.refuse(ErrorCode::target_reserved);
  }
  return std::visit(Overloaded{
                        [&](DiskAction action) -> Outcome {
                          const std::uint8_t sectors =
                              action == DiskAction::flush ? 0 : request.sectors;
                          return DiskWork{action, request.lba, sectors,
                                          action == DiskAction::write ? request.data : Bytes{},
                                          PendingReply{exchange.header, request.flags, request.lba,
                                                       sectors, action == DiskAction::read}};
                        },
                        [&](IdentifyData) -> Outcome { return identify(request, exchange); },
                        [&](const AtaRegisters& registers) -> Outcome {
                          const bool is_error = (registers.status & ata::status_failed) != 0;
                          return exchange.answer(ata_reply(request.flags, request.lba, registers),
                                                 is_error ? Verdict::ata_error : Verdict::success);
                        },
                        [&](ErrorCode code) -> Outcome { return exchange.refuse(code); },
                    },
                    device_.start(request, sectors_per_frame(exchange.link.mtu)));
}

ReplyReady Lun::identify(const AtaRequest& request, const Exchange& exchange) const {
  Identity identity;
  identity.serial = options_.serial;
  identity.firmware = options_.revision;
  identity.model = options_.model;
  identity.sectors = options_.sectors;
  identity.lba48 = identity.flush_cache = identity.flush_cache_ext = true;
  const auto place = exchange.reply.subspan<ata_header_size, identify_size>();
  build_identify(identity, place);
  return exchange.answer(ata_reply(request.flags, request.lba, {}, place));
}

MutableBytes Lun::read_place(const PendingReply& pending, MutableBytes reply) {
  return reply.subspan(ata_header_size, pending.is_read ? pending.sectors * sector_size : 0);
}

std::size_t Lun::finish(const PendingReply& pending, bool failed, MutableBytes reply) {
  AtaRegisters registers;
  Bytes data;
  if (failed) {
    const DiskAction action = pending.is_read        ? DiskAction::read
                              : pending.sectors == 0 ? DiskAction::flush
                                                     : DiskAction::write;
    registers = disk_failed(action, pending.sectors);
  } else {
    data = read_place(pending, reply);
  }
  return encode(pending.header, ata_reply(pending.flags, pending.lba, registers, data), reply);
}

std::vector<Mac> Lun::announce_to() const {
  const auto masked = mask_.entries();
  if (masked.empty()) return {Mac::broadcast()};
  return {masked.begin(), masked.end()};
}

std::size_t Lun::announce(const Link& link, Mac destination, MutableBytes frame) const {
  if (!fits(config_header_size + config_string_size_, link)) return 0;
  return encode({destination, link.mac, address(), 0}, config_reply(ConfigCommand::read, link),
                frame);
}

void Lun::set_config_string(Bytes string) {
  AOE_CHECK(string.size() <= config_string_size_max);
  std::ranges::copy(string, config_string_.begin());
  config_string_size_ = string.size();
}

ConfigReply Lun::config_reply(ConfigCommand command, const Link& link) const {
  // A sector count of 0 would be taken for 2; where not even one sector fits, 1 is nearer.
  const auto sectors = std::max<std::uint8_t>(sectors_per_frame(link.mtu), 1);
  return {options_.buffer_count, options_.firmware, sectors, command, config_string()};
}

}  // namespace aoe::target
