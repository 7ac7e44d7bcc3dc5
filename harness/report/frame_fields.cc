#include "harness/report/frame_fields.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/printable.h"
#include "proto/codes.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::Row;

bool is_of(const Row& row, Bytes frame) {
  if (row.message == layout::Message::header) return true;
  if (frame.size() < header_size) return false;
  const bool is_reply = (layout::get<Field::flags>(frame) & flag_response) != 0;
  // Behind an error's header is nothing that means anything.
  const bool is_error = (layout::get<Field::flags>(frame) & flag_error) != 0;
  if (is_reply && is_error) return false;
  const bool fits_side =
      row.side == layout::Side::both || (row.side == layout::Side::reply) == is_reply;
  return fits_side && layout::get<Field::command>(frame) == static_cast<std::uint8_t>(row.message);
}

/// Does the failure say that this field is wrong? It names one; or, where several answers were
/// allowed, each says what it misses: "ata.status: expected …; error: expected …".
bool is_blamed(const Row& row, const FailureRecord& failure) {
  const std::string_view name = row.name;
  const auto is_about = [&](std::string_view field) {
    if (field == name) return true;
    if (field == "flag R") return row.field == Field::flags;
    if (field == "shelf and slot") return row.field == Field::shelf || row.field == Field::slot;
    if (field == "mask.list") return name.starts_with("mask.directive");
    if (field == "reserve.list") return row.field == Field::reserve_address;
    const bool is_data = field.starts_with("identify") || field == "smart";
    return is_data && row.field == Field::ata_data;
  };
  if (!failure.field.empty()) return is_about(failure.field);
  const std::size_t at = failure.actual.find(fmt::format("{}: expected", name));
  return at != std::string::npos && (at == 0 || failure.actual[at - 1] == ' ');
}

/// The place that a failure names where no field is: "byte 25 of an error".
std::optional<std::size_t> byte_in(std::string_view field) {
  constexpr std::string_view word = "byte ";
  std::size_t place = 0;
  if (!field.starts_with(word)) return std::nullopt;
  field.remove_prefix(word.size());
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), place);
  return error == std::errc{} ? std::optional(place) : std::nullopt;
}

FieldView view_of(const Row& row, Bytes frame, std::size_t entry) {
  FieldView view{.name = std::string(row.name), .at = row.offset + entry * row.stride};
  if (row.stride > 0) view.name += fmt::format("[{}]", entry);
  if (row.size == 0) {
    view.size = frame.size() - row.offset;
    view.value = quantity(view.size, "byte");
  } else {
    view.size = row.size;
    view.value = layout::format(row.field, layout::get(row.field, frame, entry));
  }
  return view;
}

/// How many entries a list has, by its count.
std::size_t entries_in(const Row& row, Bytes frame) {
  const Field count =
      row.message == layout::Message::mask ? Field::mask_count : Field::reserve_count;
  return layout::get(count, frame);
}

}  // namespace

std::vector<FieldView> fields_of(Bytes frame, const FailureRecord& failure) {
  std::vector<FieldView> fields;
  const bool is_answer =
      frame.size() >= header_size && (layout::get<Field::flags>(frame) & flag_response) != 0;
  std::size_t end = 0;
  const auto add = [&](const Row& row, std::size_t entry) {
    FieldView view = view_of(row, frame, entry);
    view.wrong = is_answer && is_blamed(row, failure);
    end = std::max(end, view.at + view.size);
    fields.push_back(std::move(view));
  };
  for (const Row& row : layout::rows) {
    if (!is_of(row, frame) || frame.size() < row.end()) continue;
    if (row.field == Field::ata_data && frame.size() <= frame_size_min) continue;  // padding
    if (row.size == 0) {
      const bool has_length = row.field == Field::config_string;
      const std::size_t length =
          has_length ? layout::get<Field::config_length>(frame) : frame.size() - row.offset;
      if (length == 0 || frame.size() == row.offset) continue;
      add(row, 0);
      fields.back().size = std::min(fields.back().size, length);
      fields.back().value = quantity(fields.back().size, "byte");
      end = fields.back().at + fields.back().size;
    } else if (row.stride > 0) {
      for (std::size_t i = 0; i < entries_in(row, frame) && row.end(i) <= frame.size(); ++i)
        add(row, i);
    } else {
      add(row, 0);
    }
  }
  std::ranges::stable_sort(fields, {}, &FieldView::at);
  const auto add_rest = [&](std::size_t until, bool wrong) {
    if (until <= end) return;
    fields.push_back({"the rest", quantity(until - end, "byte"), end, until - end, wrong});
    end = until;
  };
  if (const auto byte = byte_in(failure.field); is_answer && byte && *byte < frame.size()) {
    add_rest(*byte, false);
    add_rest(*byte + 1, true);
  }
  add_rest(frame.size(), false);
  return fields;
}

std::vector<std::uint8_t> from_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at + 2 <= text.size(); at += 2) {
    std::uint8_t byte = 0;
    const char* const end = text.data() + at + 2;
    const auto [stop, error] = std::from_chars(text.data() + at, end, byte, 16);
    if (error != std::errc{} || stop != end) break;
    bytes.push_back(byte);
  }
  return bytes;
}

}  // namespace aoe::harness
