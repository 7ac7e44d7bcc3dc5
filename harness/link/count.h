// count: nothing happens to the frames, but that they are counted: those that are `shorter` than so
// many bytes, and whose fields all have the values of `has`, others than those of `lacks`, greater
// ones than those of `above`. For `expect: {hits: …}`.
//
// Armed first it sees what later ones lose. A frame that has not all of these fields is none of
// this fault's.
#pragma once

#include <algorithm>

#include "base/check.h"
#include "harness/link/corrupt.h"

namespace aoe::harness {

class CountFault final : public Fault {
 public:
  CountFault(std::string id, const Selector& selector, const CountSpec& spec)
      : Fault(std::move(id), selector), spec_(spec) {}

  void strike(Passing&, Random&) override {}
  bool only_counts() const override { return true; }

 private:
  bool can_strike(const Passing& passing) const override {
    if (spec_.shorter && passing.bytes.size() >= *spec_.shorter) return false;
    return std::ranges::all_of(spec_.fields, [&](const CountSpec::Field& field) {
      const auto value = value_of(field.name, passing.bytes);
      return value && holds(*value, field);
    });
  }
  static bool holds(std::uint64_t value, const CountSpec::Field& field) {
    switch (field.relation) {
      case CountSpec::Relation::has: return value == field.value;
      case CountSpec::Relation::lacks: return value != field.value;
      case CountSpec::Relation::above: return value > field.value;
    }
    AOE_CHECK(false && "a field of no relation");
  }

  const CountSpec spec_;
};

}  // namespace aoe::harness
