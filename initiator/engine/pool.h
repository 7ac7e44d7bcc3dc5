// Elements that are known by an index, and lists of them.
//
// A pool uses the place of a released element again, and what the element holds stays allocated:
// once there are enough places, nothing is allocated. References stay valid. An element also has an
// id, which no later element in its place gets: it is safe to keep for longer than the element.
#pragma once

#include <cstdint>
#include <deque>
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
      places_.emplace_back();
      if (free_.capacity() < places_.size()) free_.reserve(2 * places_.size());
      return static_cast<Index>(places_.size() - 1);
    }
    const Index index = free_.back();
    free_.pop_back();
    places_[index].used = true;
    return index;
  }
  void release(Index index) {
    AOE_CHECK(places_[index].used);
    places_[index].used = false;
    ++places_[index].generation;
    free_.push_back(index);
  }

  T& operator[](Index index) { return places_[index].element; }
  const T& operator[](Index index) const { return places_[index].element; }
  bool is_used(Index index) const { return places_[index].used; }
  /// One past the highest index that was ever taken.
  Index end() const { return static_cast<Index>(places_.size()); }

  std::uint64_t id(Index index) const {
    return std::uint64_t{places_[index].generation} << 32 | index;
  }
  /// Returns no_index when the element of this id has been released, or never existed.
  Index find(std::uint64_t id) const {
    const auto index = static_cast<Index>(id);
    return index < places_.size() && places_[index].used && this->id(index) == id ? index
                                                                                  : no_index;
  }

 private:
  struct Place {
    T element{};
    std::uint32_t generation = 1;  // counts the elements that were here: no id is 0
    bool used = true;
  };
  std::deque<Place> places_;
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
