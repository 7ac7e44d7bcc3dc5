// Elements that are known by an index, and lists of them.
//
// A pool uses the place of a released element again, and what the element holds stays allocated:
// once there are enough places, nothing is allocated. References stay valid. An element also has an
// id, which no later element in its place gets: it is safe to keep for longer than the element.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"

namespace aoe::initiator {

using Index = std::uint32_t;
inline constexpr Index no_index = UINT32_MAX;

template <class T>
class Pool {
 public:
  /// Takes a place for an element. The element is what the last one in this place was left as.
  Index take() {
    if (free_.empty()) {
      if (end_ % block_size == 0) blocks_.push_back(std::make_unique<Block>());
      if (free_.capacity() <= end_) free_.reserve(2 * end_ + block_size);
      place(end_).used = true;
      return end_++;
    }
    const Index index = free_.back();
    free_.pop_back();
    place(index).used = true;
    return index;
  }
  void release(Index index) {
    AOE_CHECK(place(index).used);
    place(index).used = false;
    ++place(index).generation;
    free_.push_back(index);
  }

  T& operator[](Index index) { return place(index).element; }
  const T& operator[](Index index) const { return place(index).element; }
  bool is_used(Index index) const { return place(index).used; }
  /// One past the highest index that was ever taken.
  Index end() const { return end_; }

  std::uint64_t id(Index index) const {
    return std::uint64_t{place(index).generation} << 32 | index;
  }
  /// Returns no_index when the element of this id has been released, or never existed.
  Index find(std::uint64_t id) const {
    const auto index = static_cast<Index>(id);
    return index < end_ && place(index).used && this->id(index) == id ? index : no_index;
  }

 private:
  struct Place {
    T element{};
    std::uint32_t generation = 1;  // counts the elements that were here: no id is 0
    bool used = false;
  };
  // Small, for most devices have few requests at a time; a power of two, for a quick index.
  static constexpr Index block_size = 8;
  using Block = std::array<Place, block_size>;

  Place& place(Index index) { return (*blocks_[index / block_size])[index % block_size]; }
  const Place& place(Index index) const {
    return (*blocks_[index / block_size])[index % block_size];
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  Index end_ = 0;
  std::vector<Index> free_;
};

/// An element's place in the one list that it may be in: a member `link` of the element.
struct ListLink {
  Index previous = no_index;
  Index next = no_index;
};

/// A list through the elements of a pool, which is passed in each time.
class List {
 public:
  bool empty() const { return first_ == no_index; }
  Index front() const { return first_; }
  Index back() const { return last_; }

  template <class T>
  void push_back(Pool<T>& pool, Index index) {
    pool[index].link = {last_, no_index};
    (last_ == no_index ? first_ : pool[last_].link.next) = index;
    last_ = index;
  }
  template <class T>
  void push_front(Pool<T>& pool, Index index) {
    pool[index].link = {no_index, first_};
    (first_ == no_index ? last_ : pool[first_].link.previous) = index;
    first_ = index;
  }
  /// `index` is in this list.
  template <class T>
  void erase(Pool<T>& pool, Index index) {
    const ListLink link = pool[index].link;
    (link.previous == no_index ? first_ : pool[link.previous].link.next) = link.next;
    (link.next == no_index ? last_ : pool[link.next].link.previous) = link.previous;
  }

 private:
  Index first_ = no_index;
  Index last_ = no_index;
};

}  // namespace aoe::initiator
