#include "harness/world/wire_guard.h"

#include "proto/frame.h"

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

}  // namespace

std::string_view would_change(Bytes frame) {
  const auto decoded = decode(frame);
  if (!decoded || !decoded->body) return "a malformed frame";
  return std::visit(Change{}, *decoded->body);
}

}  // namespace aoe::harness
