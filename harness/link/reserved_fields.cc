#include "harness/link/reserved_fields.h"

#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr std::uint8_t reserved_flags = 0x03;
constexpr std::uint8_t reserved_ata_flags = 0xac;

std::string_view of_ata(Bytes bytes) {
  if ((layout::get<Field::ata_flags>(bytes) & reserved_ata_flags) != 0)
    return "the reserved AFlags (§3.1)";
  if (layout::get<Field::ata_reserved>(bytes) != 0)
    return "the reserved bytes after the LBA (§3.1)";
  return {};
}

std::string_view of_query(Bytes bytes) {
  const bool is_empty = layout::get<Field::config_buffers>(bytes) == 0 &&
                        layout::get<Field::config_firmware>(bytes) == 0 &&
                        layout::get<Field::config_sectors>(bytes) == 0;
  return is_empty
             ? std::string_view()
             : "the fields of a query that are the server's: buffers, firmware, sectors (§3.2)";
}

std::string_view of_mask(Bytes bytes, const DirectiveList& list) {
  if (layout::get<Field::mask_reserved>(bytes) != 0)
    return "the reserved byte of the mask list (§3.3)";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (layout::get<Field::mask_directive_reserved>(bytes, i) != 0)
      return "the reserved byte of a directive (§3.3)";
  }
  return {};
}

}  // namespace

std::string_view set_reserved_field(Bytes bytes, const Frame& frame) {
  if ((layout::get<Field::flags>(bytes) & reserved_flags) != 0) return "the reserved flags (§2)";
  if (!frame.body) return {};
  // An error is of none of these: its Arg may be an echo of the request's.
  const Body& body = *frame.body;
  if (std::holds_alternative<AtaRequest>(body) || std::holds_alternative<AtaReply>(body))
    return of_ata(bytes);
  if (std::holds_alternative<ConfigRequest>(body)) return of_query(bytes);
  if (const auto* mask = std::get_if<MaskRequest>(&body)) return of_mask(bytes, mask->directives);
  if (const auto* mask = std::get_if<MaskReply>(&body)) return of_mask(bytes, mask->list);
  return {};
}

}  // namespace aoe::harness
