// Things that wait, each known by a number until it is taken out; the number is not given to
// another one later. Constant time, and nothing is allocated once there is room.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"

namespace aoe::initiator {

template <class T>
class Numbered {
 public:
  static constexpr unsigned number_bits = 62;

  std::uint64_t add(T thing) {
    if (free_.empty()) {
      AOE_CHECK(places_.size() <= index_mask);
      free_.push_back(places_.size());
      places_.emplace_back();
    }
    const std::uint64_t index = free_.back();
    free_.pop_back();
    Place& place = places_[index];
    place.number = ((place.number + uses_one) & uses_mask) | index;
    place.thing = std::move(thing);
    place.used = true;
    return place.number;
  }

  /// Null for one that was taken out; good until the next add().
  T* find(std::uint64_t number) {
    const std::uint64_t index = number & index_mask;
    if (index >= places_.size()) return nullptr;
    Place& place = places_[index];
    return place.used && place.number == number ? &place.thing : nullptr;
  }

  /// Takes out one that is there.
  T take(std::uint64_t number) {
    AOE_CHECK(find(number) != nullptr);
    Place& place = places_[number & index_mask];
    place.used = false;
    free_.push_back(number & index_mask);
    return std::move(place.thing);
  }

  /// Takes out all, each with its number.
  template <class Each>
  void take_all(Each each) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!places_[i].used) continue;
      const std::uint64_t number = places_[i].number;
      each(number, take(number));
    }
  }

 private:
  // A number is the place's index, and above it how often the place was used.
  static constexpr std::uint64_t index_mask = (1 << 20) - 1;
  static constexpr std::uint64_t uses_one = index_mask + 1;
  static constexpr std::uint64_t uses_mask = ((std::uint64_t{1} << number_bits) - 1) & ~index_mask;

  struct Place {
    std::uint64_t number = 0;
    T thing{};
    bool used = false;
  };
  std::vector<Place> places_;
  std::vector<std::uint64_t> free_;
};

}  // namespace aoe::initiator
