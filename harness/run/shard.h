// One part of the work of a command that several machines share: `--shard 3/8` is the third of
// eight. All of them select the same, and each takes its own cases, or seeds, of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace aoe::harness {

struct Shard {
  std::uint64_t part = 1;  // from 1
  std::uint64_t of = 1;

  bool is_whole() const { return of == 1; }
  /// Returns the items of this part: every `of`th, so that the variants of a long scenario are
  /// spread over all parts.
  template <class Item>
  std::vector<Item> take(std::vector<Item> items) const {
    std::vector<Item> taken;
    for (std::size_t i = part - 1; i < items.size(); i += of) taken.push_back(std::move(items[i]));
    return taken;
  }
  /// Cuts a range of numbers down to this part's, which follow each other. All parts together are
  /// the range; a part is empty where there are fewer numbers than parts.
  void cut(std::uint64_t& first, std::uint64_t& count) const;

  bool operator==(const Shard&) const = default;
};

inline constexpr std::uint64_t shards_max = 10'000;
/// Returns the shard that a text such as "3/8" means. Error: "expected PART/PARTS, such as 3/8, got
/// '3'".
tl::expected<Shard, std::string> parse_shard(std::string_view text);

}  // namespace aoe::harness
