#include "initiator/engine/likeness.h"

#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proto/frame.h"

namespace aoe::initiator {
namespace {

/// Returns why a disk of this identity can't be used.
std::optional<Reject> flaw_of(const Identity& identity, Bytes block) {
  const auto reject = [](Rule rule, std::size_t word, std::uint32_t have, std::uint32_t need) {
    return Reject{rule, static_cast<std::uint16_t>(ata_header_size + 2 * word), have, need};
  };
  if (identity.sectors == 0)
    return reject(Rule::identify_no_sectors, identity.lba48 ? 100 : 60, 0, 1);
  if (identity.checksum_wrong) {
    const auto sum = std::accumulate(block.begin(), block.begin() + identify_size, 0U);
    return reject(Rule::identify_checksum, 255, sum & 0xff, 0);
  }
  return std::nullopt;
}

}  // namespace

tl::expected<UsableIdentity, Reject> usable_identity(Bytes data) {
  const auto lenient = parse_identify(data, Reading::lenient);
  if (!lenient) return tl::unexpected(lenient.error());
  if (const auto flaw = flaw_of(*lenient, data)) return tl::unexpected(*flaw);
  const auto strict = parse_identify(data);
  UsableIdentity usable{*lenient};
  if (strict && strict->sectors > 0 && strict->sectors != lenient->sectors) {
    usable.smaller = *strict;
    if (usable.smaller->sectors > usable.identity.sectors) {
      std::swap(usable.identity, *usable.smaller);
    }
  }
  return usable;
}

bool is_proof(const FixedText<20>& serial, Address address) {
  const std::string_view text = serial.view();
  if (text.empty() || text.find_first_not_of(text.front()) == std::string_view::npos) return false;
  const std::string made_up = fmt::format("{}.{}", address.shelf, address.slot);
  const bool continues =
      text.size() > made_up.size() && text[made_up.size()] >= '0' && text[made_up.size()] <= '9';
  return !text.starts_with(made_up) || continues;
}

}  // namespace aoe::initiator
