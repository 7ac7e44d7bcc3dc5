#include "harness/link/reserved_fields.h"

namespace aoe::harness {
namespace {

constexpr std::uint8_t reserved_flags = 0x03;
constexpr std::uint8_t reserved_aflags = 0xac;

bool is_zero(Bytes bytes) {
  for (const std::uint8_t byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

struct Look {
  Bytes bytes;

  std::string_view registers() const {
    if ((bytes[24] & reserved_aflags) != 0) return "the reserved AFlags (§3.1)";
    if (!is_zero(bytes.subspan(34, 2))) return "the reserved bytes after the LBA (§3.1)";
    return {};
  }
  std::string_view directives(const DirectiveList& list) const {
    if (bytes[24] != 0) return "the reserved byte of the mask list (§3.3)";
    const Bytes packed = list.packed();
    for (std::size_t at = 0; at < packed.size(); at += DirectiveList::entry_size) {
      if (packed[at] != 0) return "the reserved byte of a directive (§3.3)";
    }
    return {};
  }

  std::string_view operator()(const AtaRequest&) const { return registers(); }
  std::string_view operator()(const AtaReply&) const { return registers(); }
  std::string_view operator()(const ConfigRequest&) const {
    if (is_zero(bytes.subspan(24, 5))) return {};
    return "the fields of a query that are the server's: buffers, firmware, sectors (§3.2)";
  }
  std::string_view operator()(const ConfigReply&) const { return {}; }
  std::string_view operator()(const MaskRequest& mask) const { return directives(mask.directives); }
  std::string_view operator()(const MaskReply& mask) const { return directives(mask.list); }
  std::string_view operator()(const ReserveRequest&) const { return {}; }
  std::string_view operator()(const ReserveReply&) const { return {}; }
  std::string_view operator()(const VendorRequest&) const { return {}; }
  std::string_view operator()(const VendorReply&) const { return {}; }
  std::string_view operator()(const ErrorReply&) const { return {}; }  // its Arg may be an echo
};

}  // namespace

std::string_view set_reserved_field(Bytes bytes, const Frame& frame) {
  if ((bytes[14] & reserved_flags) != 0) return "the reserved flags (§2)";
  if (!frame.body) return {};
  return std::visit(Look{bytes}, *frame.body);
}

}  // namespace aoe::harness
