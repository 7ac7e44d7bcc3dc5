#include "harness/report/plain_frames.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/report/frame_fields.h"

namespace aoe::harness {
namespace {

constexpr std::size_t bytes_shown_max = 10;  // of a field
constexpr std::size_t row_size = 16;         // bytes of a sector

std::string octets(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), bytes_shown_max)))
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
  return bytes.size() > bytes_shown_max ? text + " …" : text;
}

std::string field_row(const FieldView& field, Bytes frame) {
  return fmt::format(
      "<tr{}><td class=\"number\">{}</td><td><code>{}</code></td><th>{}</th><td>{}{}</td></tr>\n",
      field.wrong ? " class=\"wrong\"" : "", field.at, octets(frame.subspan(field.at, field.size)),
      markup(field.name), field.wrong ? "<strong>✕ </strong>" : "", markup(field.value));
}

std::string frame_table(const LadderLine& line, const FailureRecord& failure) {
  const std::vector<std::uint8_t> frame = from_hex(line.bytes);
  std::string html = fmt::format(
      "<section class=\"frame-view\"><h4>{} #{} <code class=\"soft\">{}</code></h4>\n"
      "<table "
      "class=\"fields\"><thead><tr><th>at</th><th>bytes</th><th>field</th><th>value</th></tr>"
      "</thead><tbody>\n",
      line.to_target ? "Request" : "Answer", line.frame, markup(one_line(line.what)));
  for (const FieldView& field : fields_of(frame, failure)) html += field_row(field, frame);
  return html + "</tbody></table></section>\n";
}

/// A request and its answer; a frame alone where the ladder has no other beside it.
using Exchange = std::vector<const LadderLine*>;

std::vector<Exchange> exchanges_of(const FailureRecord& failure) {
  std::vector<Exchange> exchanges;
  for (const LadderLine& line : failure.ladder) {
    if (line.bytes.empty()) continue;
    const bool begins = line.to_target || exchanges.empty() || exchanges.back().size() > 1;
    if (begins && exchanges.size() == plain_exchanges_max) break;
    if (begins) exchanges.emplace_back();
    exchanges.back().push_back(&line);
  }
  return exchanges;
}

/// A row of one side, its bytes marked where the other side has another.
std::string side(Bytes own, Bytes other, std::size_t at) {
  std::string html;
  for (std::size_t i = at; i < std::min(at + row_size, own.size()); ++i) {
    const bool differs = i >= other.size() || own[i] != other[i];
    const std::string octet = fmt::format("{:02x}", own[i]);
    html += differs ? "<mark>" + octet + "</mark> " : octet + " ";
  }
  return "<td><code>" + html + "</code></td>";
}

std::string sector_table(const SectorRecord& sector) {
  const std::vector<std::uint8_t> expected = from_hex(sector.expected);
  const std::vector<std::uint8_t> actual = from_hex(sector.actual);
  std::string rows;
  std::size_t shown = 0;
  std::size_t more = 0;
  for (std::size_t at = 0; at < std::max(expected.size(), actual.size()); at += row_size) {
    const auto row = [at](Bytes bytes) {
      const Bytes rest = bytes.subspan(std::min(at, bytes.size()));
      return rest.first(std::min(rest.size(), row_size));
    };
    if (std::ranges::equal(row(expected), row(actual))) continue;
    if (shown == plain_sector_rows_max) {
      ++more;
      continue;
    }
    ++shown;
    rows += fmt::format("<tr><td class=\"number\">{}</td>{}{}</tr>\n", at,
                        side(expected, actual, at), side(actual, expected, at));
  }
  if (more > 0)
    rows += fmt::format("<tr class=\"soft\"><td colspan=\"3\">{} more</td></tr>\n", more);
  return fmt::format(
      "<h4>Sector {}</h4>\n<table class=\"diff\"><thead><tr><th class=\"number\">byte</th>"
      "<th>it must hold</th><th>it holds</th></tr></thead><tbody>\n{}</tbody></table>\n",
      sector.lba, rows);
}

}  // namespace

std::string plain_frames(const FailureRecord& failure) {
  std::string html;
  for (const Exchange& exchange : exchanges_of(failure)) {
    html += "<div class=\"beside\">\n";
    for (const LadderLine* const line : exchange) html += frame_table(*line, failure);
    html += "</div>\n";
  }
  if (!failure.sectors.empty()) html += sector_table(failure.sectors.front());
  return html;
}

}  // namespace aoe::harness
