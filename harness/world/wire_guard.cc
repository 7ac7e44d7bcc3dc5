#include "harness/world/wire_guard.h"

#include <fmt/format.h>

#include "proto/frame.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

struct Change {
  std::string_view operator()(const AtaRequest& request) const {
    switch (request.opcode) {
      case ata::Opcode::read_sectors:
      case ata::Opcode::read_sectors_ext:
      case ata::Opcode::read_dma:
      case ata::Opcode::read_dma_ext:
      case ata::Opcode::read_verify:
      case ata::Opcode::read_verify_ext:
      case ata::Opcode::check_power_mode:
      case ata::Opcode::flush_cache:
      case ata::Opcode::flush_cache_ext:
      case ata::Opcode::identify_device: return "";
      case ata::Opcode::write_sectors:
      case ata::Opcode::write_sectors_ext:
      case ata::Opcode::write_dma:
      case ata::Opcode::write_dma_ext: return "a write";
      case ata::Opcode::data_set_management: return "a trim";
      case ata::Opcode::smart:
      case ata::Opcode::standby_immediate:
      case ata::Opcode::idle_immediate:
      case ata::Opcode::standby:
      case ata::Opcode::idle: return "a command that changes how a disk works";
    }
    return "an ATA command that is not known";  // the wire holds any
  }
  std::string_view operator()(const ConfigRequest& request) const {
    const bool sets =
        request.command == ConfigCommand::set || request.command == ConfigCommand::force_set;
    return sets ? "a config string" : "";
  }
  std::string_view operator()(const MaskRequest& request) const {
    return request.command == MaskCommand::read ? "" : "a change of the mask list";
  }
  std::string_view operator()(const ReserveRequest& request) const {
    return request.command == ReserveCommand::read ? "" : "a reservation";
  }
  std::string_view operator()(const VendorRequest&) const { return "a vendor's command"; }
  template <class Reply>
  std::string_view operator()(const Reply&) const {
    return "an answer to what nobody asked";
  }
};

bool is_for_any(Bytes frame) {
  return (layout::has(Field::shelf, frame) &&
          layout::get<Field::shelf>(frame) == Address::any_shelf) ||
         (layout::has(Field::slot, frame) && layout::get<Field::slot>(frame) == Address::any_slot);
}

}  // namespace

std::string_view would_change(Bytes frame) {
  const auto decoded = decode(frame);
  if (!decoded || !decoded->body) return "a malformed frame";
  return std::visit(Change{}, *decoded->body);
}

std::string refusal_on_wire(Bytes frame, const std::string& interface, bool write_ok) {
  const std::string_view change = would_change(frame);
  if (change.empty()) return {};
  if (is_for_any(frame))
    return fmt::format("would change every disk there: {} to any shelf or slot", change);
  return write_ok ? ""
                  : fmt::format("would send {} to {}: --write-ok allows it", change, interface);
}

}  // namespace aoe::harness
