#include "harness/judge/request_kind.h"

#include <algorithm>
#include <string_view>

#include "proto/codes.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

std::optional<Field> subcommand_field(std::uint8_t command) {
  switch (Command{command}) {
    case Command::ata: return Field::ata_op;
    case Command::config: return Field::config_op;
    case Command::mask: return Field::mask_op;
    case Command::reserve: return Field::reserve_op;
  }
  return std::nullopt;  // a vendor's, or nobody's
}

/// Returns the field's word for the value, as scenarios spell it; empty where there is none.
std::string_view word_of(Field field, std::uint64_t value) {
  const layout::Words words = layout::row(field).words;
  const auto word = std::ranges::find(words, value, &layout::Word::value);
  return word == words.end() ? "" : word->text;
}

}  // namespace

std::optional<RequestKind> kind_of(Bytes frame) {
  if (frame.size() < header_size || (layout::get<Field::flags>(frame) & flag_response) != 0)
    return std::nullopt;
  const std::uint8_t command = layout::get<Field::command>(frame);
  const auto field = subcommand_field(command);
  if (!field || frame.size() < layout::row(*field).end()) return std::nullopt;
  const std::uint64_t subcommand = layout::get(*field, frame);
  if (word_of(*field, subcommand).empty()) return std::nullopt;
  return RequestKind{command, static_cast<std::uint8_t>(subcommand)};
}

std::string text(RequestKind kind) {
  const auto field = subcommand_field(kind.command);
  return std::string(word_of(Field::command, kind.command)) + " " +
         std::string(field ? word_of(*field, kind.subcommand) : "");
}

}  // namespace aoe::harness
