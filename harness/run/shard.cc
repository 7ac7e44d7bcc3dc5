#include "harness/run/shard.h"

#include <algorithm>

#include <fmt/format.h>

#include "proto/layout.h"

namespace aoe::harness {

void Shard::cut(std::uint64_t& first, std::uint64_t& count) const {
  const std::uint64_t least = count / of;
  const std::uint64_t longer = count % of;  // the first parts have one more
  first += (part - 1) * least + std::min(part - 1, longer);
  count = least + (part <= longer ? 1 : 0);
}

tl::expected<Shard, std::string> parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto number = [&](std::string_view digits) {
    const bool is_decimal = !digits.starts_with("0");
    return is_decimal ? layout::parse_number(digits).value_or(0) : 0;
  };
  Shard shard{.part = number(text.substr(0, slash)),
              .of = slash == std::string_view::npos ? 0 : number(text.substr(slash + 1))};
  if (shard.part == 0 || shard.of == 0 || shard.part > shard.of || shard.of > shards_max) {
    return tl::unexpected(fmt::format(
        "expected PART/PARTS, such as 3/8 (at most {} parts), got '{}'", shards_max, text));
  }
  return shard;
}

}  // namespace aoe::harness
