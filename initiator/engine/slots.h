// Elements that are known by a number, and lists of them.
//
// The place of an element that is released is used again, and what it holds stays allocated: once
// there are enough places, nothing is allocated any more. References stay good.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/check.h"

namespace aoe::initiator {

using Slot = std::uint32_t;
inline constexpr Slot no_slot = UINT32_MAX;

template <class T>
class Slots {
 public:
  /// A place for an element. It holds what its last one left there.
  Slot take() {
    if (free_.empty()) {
      places_.emplace_back();
      if (free_.capacity() < places_.size()) free_.reserve(2 * places_.size());
      return static_cast<Slot>(places_.size() - 1);
    }
    const Slot slot = free_.back();
    free_.pop_back();
    places_[slot].used = true;
    return slot;
  }
  void release(Slot slot) {
    AOE_CHECK(places_[slot].used);
    places_[slot].used = false;
    free_.push_back(slot);
  }

  T& operator[](Slot slot) { return places_[slot].element; }
  const T& operator[](Slot slot) const { return places_[slot].element; }
  bool is_used(Slot slot) const { return places_[slot].used; }
  /// One past the highest number ever taken.
  Slot end() const { return static_cast<Slot>(places_.size()); }

 private:
  struct Place {
    T element{};
    bool used = true;
  };
  std::deque<Place> places_;
  std::vector<Slot> free_;
};

/// An element's place in the one list that it may be in: a member `link` of the element.
struct SlotLink {
  Slot previous = no_slot;
  Slot next = no_slot;
};

/// A list through the elements of a Slots, which is passed in each time.
class SlotList {
 public:
  bool empty() const { return first_ == no_slot; }
  Slot front() const { return first_; }
  Slot back() const { return last_; }

  template <class T>
  void push_back(Slots<T>& slots, Slot slot) {
    slots[slot].link = {last_, no_slot};
    (last_ == no_slot ? first_ : slots[last_].link.next) = slot;
    last_ = slot;
  }
  template <class T>
  void push_front(Slots<T>& slots, Slot slot) {
    slots[slot].link = {no_slot, first_};
    (first_ == no_slot ? last_ : slots[first_].link.previous) = slot;
    first_ = slot;
  }
  /// `slot` is in this list.
  template <class T>
  void erase(Slots<T>& slots, Slot slot) {
    const SlotLink link = slots[slot].link;
    (link.previous == no_slot ? first_ : slots[link.previous].link.next) = link.next;
    (link.next == no_slot ? last_ : slots[link.next].link.previous) = link.previous;
  }

 private:
  Slot first_ = no_slot;
  Slot last_ = no_slot;
};

}  // namespace aoe::initiator
