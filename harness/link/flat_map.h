// A hash map for what is looked up with every frame: one array, open addressing, and no allocation
// but where it grows. Keys and values are small and plain. Has no order: nothing may depend on one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace aoe::harness {

/// `Hash` gives numbers whose low bits are well mixed.
template <class Key, class Value, class Hash>
class FlatMap {
 public:
  /// Null where there is none. Good until the next put() or erase().
  Value* find(const Key& key) {
    for (std::size_t i = home(key); places_[i].used; i = after(i)) {
      if (places_[i].key == key) return &places_[i].value;
    }
    return nullptr;
  }
  const Value* find(const Key& key) const { return const_cast<FlatMap&>(*this).find(key); }

  void put(const Key& key, const Value& value) {
    if (Value* const there = find(key)) {
      *there = value;
      return;
    }
    if (2 * (size_ + 1) > places_.size()) grow();
    add(key, value);
  }

  void erase(const Key& key) {
    std::size_t hole = home(key);
    while (places_[hole].used && !(places_[hole].key == key)) hole = after(hole);
    if (!places_[hole].used) return;
    --size_;
    // What was pushed beyond the hole moves back into it, for no search may stop there.
    for (std::size_t i = after(hole); places_[i].used; i = after(i)) {
      const std::size_t way_from_home = (i - home(places_[i].key)) & (places_.size() - 1);
      const std::size_t way_from_hole = (i - hole) & (places_.size() - 1);
      if (way_from_home < way_from_hole) continue;
      places_[hole] = places_[i];
      hole = i;
    }
    places_[hole].used = false;
  }

  std::size_t size() const { return size_; }

 private:
  struct Place {
    Key key{};
    Value value{};
    bool used = false;
  };

  std::size_t home(const Key& key) const { return Hash{}(key) & (places_.size() - 1); }
  std::size_t after(std::size_t i) const { return (i + 1) & (places_.size() - 1); }
  void add(const Key& key, const Value& value) {
    std::size_t i = home(key);
    while (places_[i].used) i = after(i);
    places_[i] = {key, value, true};
    ++size_;
  }
  void grow() {
    std::vector<Place> old(2 * places_.size());
    old.swap(places_);
    size_ = 0;
    for (const Place& place : old) {
      if (place.used) add(place.key, place.value);
    }
  }

  std::vector<Place> places_ = std::vector<Place>(64);  // a power of two of them
  std::size_t size_ = 0;
};

/// Every bit of a number moves every bit of this.
constexpr std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ value >> 27) * 0x94d0'49bb'1331'11eb;
  return value ^ value >> 31;
}

}  // namespace aoe::harness
