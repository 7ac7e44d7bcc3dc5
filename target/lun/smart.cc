#include "target/lun/smart.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <boost/endian/conversion.hpp>

namespace aoe::target {
namespace {

constexpr std::uint8_t revision = 0x10;
constexpr std::size_t attributes_at = 2;
constexpr std::size_t attribute_size = 12;
constexpr std::uint8_t best = 100;
constexpr std::uint8_t failing = 1;

/// An attribute: an error count, which fails the disk when it is not zero, or a figure without a
/// threshold.
struct Attribute {
  std::uint8_t id;
  std::uint8_t flags;      // bit 0: below its threshold, the disk is failing; bit 1: kept online
  std::uint8_t threshold;  // 0: never exceeded
  std::uint64_t Health::*figure;
};

constexpr std::array<Attribute, 4> attributes{{
    {1, 0x03, 50, &Health::reads_failed},
    {200, 0x03, 50, &Health::writes_failed},
    {241, 0x02, 0, &Health::sectors_written},
    {242, 0x02, 0, &Health::sectors_read},
}};

void put_checksum(SmartBlock out) {
  out.back() = static_cast<std::uint8_t>(-std::accumulate(out.begin(), out.end() - 1, 0));
}

}  // namespace

void build_smart_data(const Health& health, SmartBlock out) {
  std::ranges::fill(out, std::uint8_t{0});
  out[0] = revision;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const Attribute& attribute = attributes[i];
    const auto entry = out.subspan(attributes_at + i * attribute_size, attribute_size);
    const std::uint64_t raw = health.*attribute.figure;
    entry[0] = attribute.id;
    entry[1] = attribute.flags;
    entry[3] = entry[4] = attribute.threshold > 0 && raw > 0 ? failing : best;
    boost::endian::store_little_u48(&entry[5], raw);
  }
  put_checksum(out);
}

void build_smart_thresholds(SmartBlock out) {
  std::ranges::fill(out, std::uint8_t{0});
  out[0] = revision;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    out[attributes_at + i * attribute_size] = attributes[i].id;
    out[attributes_at + i * attribute_size + 1] = attributes[i].threshold;
  }
  put_checksum(out);
}

void build_smart_log_directory(SmartBlock out) {
  std::ranges::fill(out, std::uint8_t{0});
  out[0] = 1;  // version; the counts of the logs' pages follow, and all are 0
}

}  // namespace aoe::target
