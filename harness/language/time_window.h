// Time bounds as a scenario writes them: sums of times and symbols, "[rto, rto + tick + slack]".
//
// A symbol stands for a time that the run itself decides: measured on the frames seen, or given by
// the world. So no bound is a constant with a tolerance.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/instant.h"
#include "config/mark.h"

namespace YAML {
class Node;
}

namespace aoe::harness {

/// The values of symbols at one moment.
using Symbols = std::map<std::string, Duration>;

/// The symbols there are.
const std::set<std::string>& known_symbols();

/// A sum of times; of none at first: 0.
class TimeExpression {
 public:
  TimeExpression() = default;
  /// "2*rto + 10ms"; a factor is 1000 at most. Fails at `mark` with what was expected.
  static TimeExpression parse(const std::string& text, const Mark& mark);

  Duration value(const Symbols& symbols) const;
  /// Has it one of these symbols?
  bool uses(const std::set<std::string>& symbols) const;

 private:
  struct Term {
    double factor = 1;
    std::string symbol{};  // empty: a constant
    Duration constant{};
  };
  std::vector<Term> terms_;
};

/// From `least` to `most`, both included.
struct TimeWindow {
  TimeExpression least;
  TimeExpression most;

  /// "[a, b]" as a YAML list, or a single time: from 0 to that.
  static TimeWindow parse(const YAML::Node& node, const Mark& mark);
};

/// "[100, 150.25] ms"
std::string describe(Duration least, Duration most);
/// "100.25ms", "2s", "350ns": to the microsecond, for in virtual time one can make the difference.
std::string describe(Duration duration);

}  // namespace aoe::harness
