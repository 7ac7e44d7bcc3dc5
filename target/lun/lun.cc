#include "target/lun/lun.h"

#include <algorithm>

#include "base/check.h"

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

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

AtaReply ata_reply(const AtaFlags& flags, std::uint64_t lba, const AtaRegisters& registers,
                   Bytes data = {}) {
  return {flags, registers.error, registers.sectors_left, registers.status, lba, data};
}

}  // namespace

/// What the reply to one request needs.
struct Lun::Exchange {
  Header header;  // of the reply
  std::uint8_t command;
  const Link& link;
  MutableBytes reply;

  Mac source() const { return header.destination; }
  ReplyReady answer(const Body& body, Verdict verdict = Verdict::success) const {
    return {encode(header, body, reply), verdict};
  }
  /// Returns the reply to a request that set something.
  ReplyReady confirm(const Body& body) const {
    return {encode(header, body, reply), Verdict::success, true};
  }
  ReplyReady refuse(ErrorCode code) const {
    return answer(ErrorReply{command, code}, Verdict::aoe_error);
  }
};

std::string_view text(Silence silence) {
  switch (silence) {
    case Silence::source_multicast: return "multicast source";
    case Silence::source_denied: return "denied source";
    case Silence::source_masked: return "masked source";
    case Silence::config_mismatch: return "config mismatch";
  }
  AOE_CHECK(false && "a silence without words");
}

Lun::Lun(const LunOptions& options) : options_(options) {
  AOE_CHECK(options.address.is_exact());
  change(options);
}

void Lun::change(const LunOptions& options) {
  AOE_CHECK(options.address == options_.address);
  AOE_CHECK(options.sectors > 0 && options.sectors <= ata::lba48_sectors_max);
  options_ = options;
  limits_rights_ = options.access.rights != ClientRights();
  device_.sectors = options.sectors;
  device_.read_only = options.read_only;
  device_.can_trim = options.disk.can_trim;
  if (is_default_string_) take_default_string();
}

LunState Lun::state() const {
  const auto all = [](std::span<const Mac> macs) {
    return std::vector<Mac>(macs.begin(), macs.end());
  };
  const Bytes text = config_string();
  return {{text.begin(), text.end()},
          all(mask_.entries()),
          all(reservation_.entries()),
          is_default_string_};
}

void Lun::restore(const LunState& state) {
  is_default_string_ = state.is_default_string;
  if (is_default_string_) {
    take_default_string();
  } else {
    set_config_string(bytes_of(state.config_string));
  }
  mask_.set(state.mask);
  reservation_.set(state.reserved);
  ++revision_;
}

Outcome Lun::handle(const Frame& request, const Link& link, MutableBytes reply) {
  AOE_CHECK(!request.response && request.header.address.covers(address()));
  AOE_CHECK(reply.size() >= reply_size_max(link.mtu));
  const Header& asked = request.header;
  if (asked.source.is_multicast()) return Silence::source_multicast;
  if (!options_.access.admits(asked.source)) return Silence::source_denied;
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

bool Lun::may(Right right, const Exchange& exchange) const {
  return options_.access.rights.of(exchange.source()).has(right);
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
      if (!may(Right::config_set, exchange)) {
        return exchange.refuse(ErrorCode::config_string_present);
      }
      if (!is_equal || is_default_string_) {
        set_config_string(request.string);
        is_default_string_ = false;
        ++revision_;
      }
      return exchange.confirm(config_reply(request.command, exchange.link));
  }
  if (!fits(config_header_size + config_string_size_, exchange.link)) {
    return exchange.refuse(ErrorCode::bad_argument);
  }
  return exchange.answer(config_reply(request.command, exchange.link));
}

Outcome Lun::mask(const MaskRequest& request, const Exchange& exchange) {
  const std::size_t entries_max = mask_entries_per_frame(exchange.link.mtu);
  MaskReply reply{request.command, MaskError::none, 0, {}};
  const bool is_edit = request.command == MaskCommand::edit;
  if (is_edit && !may(Right::mask, exchange)) {
    reply.error = MaskError::unspecified;
    return exchange.answer(reply);
  }
  if (is_edit) {
    const auto [error, done, changed] = mask_.edit(request.directives, entries_max);
    reply.error = error;
    reply.directives_done = done;
    if (changed) ++revision_;
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
  return is_edit ? exchange.confirm(reply) : exchange.answer(reply);
}

Outcome Lun::reserve(const ReserveRequest& request, const Exchange& exchange) {
  const std::size_t entries_max = reserve_entries_per_frame(exchange.link.mtu);
  if (request.command != ReserveCommand::read) {
    if (request.macs.size() > entries_max) return exchange.refuse(ErrorCode::bad_argument);
    const bool is_held_by_others =
        request.command == ReserveCommand::set && !reservation_.admits(exchange.source());
    if (is_held_by_others || !may(Right::reserve, exchange)) {
      return exchange.refuse(ErrorCode::target_reserved);
    }
    std::array<Mac, MacSet::capacity> macs;
    for (std::size_t i = 0; i < request.macs.size(); ++i) macs[i] = request.macs[i];
    if (reservation_.set(std::span(macs).first(request.macs.size()))) ++revision_;
  }
  if (reservation_.entries().size() > entries_max) {
    return exchange.refuse(ErrorCode::bad_argument);
  }
  std::array<std::uint8_t, MacSet::capacity * MacList::entry_size> room;
  const ReserveReply reply{request.command, pack(reservation_.entries(), room)};
  return request.command == ReserveCommand::read ? exchange.answer(reply) : exchange.confirm(reply);
}

Outcome Lun::ata(const AtaRequest& request, const Exchange& exchange) {
  if (request.opcode != ata::Opcode::identify_device && !reservation_.admits(exchange.source())) {
    return exchange.refuse(ErrorCode::target_reserved);
  }
  const AtaDevice* device = &device_;
  AtaDevice of_client;
  if (limits_rights_) {
    of_client = device_;
    of_client.read_only |= !may(Right::write, exchange);
    of_client.unreadable = !may(Right::read, exchange);
    device = &of_client;
  }
  return std::visit(
      Overloaded{
          [&](DiskCommand command) -> Outcome {
            const bool takes_data =
                command.kind == Operation::Kind::write || command.kind == Operation::Kind::trim;
            return PendingReply{exchange.header, request.flags,
                                request.lba,     request.sectors,
                                command,         takes_data ? request.data : Bytes{}};
          },
          [&](IdentifyData) -> Outcome { return identify(request, exchange); },
          [&](SmartWork work) -> Outcome {
            const bool sets = work.what == ata::Smart::enable || work.what == ata::Smart::disable;
            if (!sets || may(Right::write, exchange)) return smart(work.what, request, exchange);
            const AtaRegisters aborted{ata::status_drdy | ata::status_err, ata::error_abrt};
            return exchange.answer(ata_reply(request.flags, request.lba, aborted),
                                   Verdict::ata_error);
          },
          [&](const AtaRegisters& registers) -> Outcome {
            const bool is_error = (registers.status & ata::status_failed) != 0;
            return exchange.answer(ata_reply(request.flags, request.lba, registers),
                                   is_error ? Verdict::ata_error : Verdict::success);
          },
          [&](ErrorCode code) -> Outcome { return exchange.refuse(code); },
      },
      device->start(request, sectors_per_frame(exchange.link.mtu)));
}

ReplyReady Lun::identify(const AtaRequest& request, const Exchange& exchange) const {
  Identity identity;
  identity.serial = options_.serial;
  identity.firmware = options_.revision;
  identity.model = options_.model;
  identity.sectors = options_.sectors;
  identity.lba48 = identity.flush_cache = identity.flush_cache_ext = true;
  identity.dma = identity.power_management = true;
  identity.smart = device_.smart_enabled;
  identity.write_cache = options_.write_cache;
  identity.physical_sector_size = options_.disk.physical_sector_size;
  identity.trim = options_.disk.can_trim && !options_.read_only && may(Right::write, exchange);
  if (identity.trim) {
    identity.trim_blocks_max = sectors_per_frame(exchange.link.mtu);
    identity.trimmed_reads_zero = options_.disk.trimmed_reads_zero;
  }
  const auto place = exchange.reply.subspan<ata_header_size, identify_size>();
  build_identify(identity, place);
  return exchange.answer(ata_reply(request.flags, request.lba, {}, place));
}

/// Every SMART reply has 512 bytes of data, zeros for a command without any: aoeping accepts no
/// shorter one.
ReplyReady Lun::smart(ata::Smart what, const AtaRequest& request, const Exchange& exchange) {
  const auto data = exchange.reply.subspan<ata_header_size, sector_size>();
  std::ranges::fill(data, std::uint8_t{0});
  std::uint64_t lba = request.lba;
  switch (what) {
    case ata::Smart::read_data: build_smart_data(health_, data); break;
    case ata::Smart::read_thresholds: build_smart_thresholds(data); break;
    case ata::Smart::read_log: build_smart_log_directory(data); break;
    case ata::Smart::enable: device_.smart_enabled = true; break;
    case ata::Smart::disable: device_.smart_enabled = false; break;
    case ata::Smart::return_status:
      if (health_.is_failing()) lba = (lba & ~std::uint64_t{0xffff00}) | ata::smart_failing << 8;
      break;
  }
  return exchange.answer(ata_reply(request.flags, lba, {}, data));
}

MutableBytes Lun::read_place(const PendingReply& pending, MutableBytes reply) {
  const bool sends_data = pending.command == DiskCommand{Operation::Kind::read};
  return reply.subspan(ata_header_size, sends_data ? pending.sectors * sector_size : 0);
}

ReplyReady Lun::finish(const PendingReply& pending, std::error_code error, MutableBytes reply) {
  if (!error) {
    const Bytes data = read_place(pending, reply);
    return {encode(pending.header, ata_reply(pending.flags, pending.lba, {}, data), reply)};
  }
  if (is_gone(error)) {
    const ErrorReply gone{static_cast<std::uint8_t>(Command::ata), ErrorCode::device_unavailable};
    return {encode(pending.header, gone, reply), Verdict::aoe_error};
  }
  const AtaRegisters registers = disk_failed(pending.command.kind, pending.sectors);
  return {encode(pending.header, ata_reply(pending.flags, pending.lba, registers), reply),
          Verdict::ata_error};
}

ReplyReady Lun::refuse_set(Bytes confirmation, MutableBytes reply) {
  const auto frame = decode(confirmation);
  AOE_CHECK(frame.has_value() && frame->response && frame->body.has_value());
  if (const auto* mask = std::get_if<MaskReply>(&*frame->body)) {
    const MaskReply refused{mask->command, MaskError::unspecified, 0, {}};
    return {encode(frame->header, refused, reply)};
  }
  const ErrorReply refused{frame->command, ErrorCode::device_unavailable};
  return {encode(frame->header, refused, reply), Verdict::aoe_error};
}

std::vector<Mac> Lun::announce_to() const {
  if (!options_.announced) return {};
  const auto masked = mask_.entries();
  const AccessRules& access = options_.access;
  if (masked.empty() && access.allow.empty()) return {Mac::broadcast()};
  const std::span<const Mac> named = masked.empty() ? std::span(access.allow) : masked;
  std::vector<Mac> admitted;
  std::ranges::copy_if(named, std::back_inserter(admitted),
                       [&](Mac mac) { return access.admits(mac); });
  return admitted;
}

std::size_t Lun::announce(const Link& link, Mac destination, MutableBytes frame) const {
  if (!fits(config_header_size + config_string_size_, link)) return 0;
  return encode({destination, link.mac, address(), 0}, config_reply(ConfigCommand::read, link),
                frame);
}

void Lun::take_default_string() {
  set_config_string(bytes_of(options_.config_string));
}

void Lun::set_config_string(Bytes string) {
  AOE_CHECK(string.size() <= config_string_size_max);
  std::ranges::copy(string, config_string_.begin());
  config_string_size_ = string.size();
}

ConfigReply Lun::config_reply(ConfigCommand command, const Link& link) const {
  // A sector count of 0 means 2; where not even one sector fits, 1 is nearer to the truth.
  const auto sectors = std::max<std::uint8_t>(sectors_per_frame(link.mtu), 1);
  return {options_.buffer_count, options_.firmware, sectors, command, config_string()};
}

}  // namespace aoe::target
