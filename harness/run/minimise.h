// Delta debugging (Zeller and Hildebrandt's ddmin): the fewest of some things that still do it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

namespace aoe::harness {

/// Leaves things out, many at a time and then fewer, as long as `does_it` holds of what is left;
/// until no single one can be left out. `does_it` holds of all of them, and is not asked that.
template <class Thing>
std::vector<Thing> minimise(std::vector<Thing> things,
                            const std::function<bool(const std::vector<Thing>&)>& does_it) {
  if (things.empty() || does_it({})) return {};
  std::size_t piece = (things.size() + 1) / 2;
  while (true) {
    bool shorter = false;
    for (std::size_t begin = 0; begin < things.size();) {
      const std::size_t end = std::min(begin + piece, things.size());
      std::vector<Thing> rest(things.begin(), things.begin() + static_cast<std::ptrdiff_t>(begin));
      rest.insert(rest.end(), things.begin() + static_cast<std::ptrdiff_t>(end), things.end());
      if (!rest.empty() && does_it(rest)) {
        things = std::move(rest);  // what stands at `begin` now was not tried yet
        shorter = true;
      } else {
        begin = end;
      }
    }
    if (piece == 1 && !shorter) return things;
    piece = std::max<std::size_t>(1, std::min(piece / 2, things.size() / 2));
  }
}

}  // namespace aoe::harness
