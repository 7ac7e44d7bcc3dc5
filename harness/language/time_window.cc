#include "harness/language/time_window.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/algorithm/string.hpp>

#include "base/check.h"
#include "config/yaml_map.h"

namespace aoe::harness {
namespace {

/// The parts between separators, without the blanks around them.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  boost::split(parts, text, [separator](char c) { return c == separator; });
  for (std::string& part : parts) boost::trim_if(part, [](char c) { return c == ' '; });
  return parts;
}

double in_milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// With three decimals at most, and none that say nothing.
std::string brief(double number) {
  std::string text = fmt::format("{:.3f}", number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

const std::set<std::string>& known_symbols() {
  static const std::set<std::string> symbols{"deadsecs", "rto", "slack", "srtt", "tick"};
  return symbols;
}

TimeExpression TimeExpression::parse(const std::string& text, const Mark& mark) {
  TimeExpression expression;
  for (const std::string& part : split(text, '+')) {
    Term term;
    std::string name = part;
    if (const auto factors = split(part, '*'); factors.size() == 2) {
      const auto [end, error] =
          std::from_chars(factors[0].data(), factors[0].data() + factors[0].size(), term.factor);
      constexpr double most = 1000;
      if (error != std::errc{} || end != factors[0].data() + factors[0].size() ||
          !(term.factor >= 0 && term.factor <= most)) {
        fail_at(mark, fmt::format("expected a number from 0 to 1000 before '*' in '{}'", text));
      }
      name = factors[1];
    }
    if (known_symbols().contains(name)) {
      term.symbol = name;
    } else if (const auto duration = parse_duration(name)) {
      term.constant = *duration;
    } else {
      fail_at(mark, fmt::format("expected a time such as 250ms or one of {}, got '{}'{}",
                                fmt::join(known_symbols(), ", "), name,
                                did_you_mean(name, known_symbols())));
    }
    expression.terms_.push_back(term);
  }
  return expression;
}

Duration TimeExpression::value(const Symbols& symbols) const {
  double sum = 0;
  for (const Term& term : terms_) {
    const Duration value = term.symbol.empty() ? term.constant : symbols.at(term.symbol);
    sum += term.factor * static_cast<double>(value.count());
  }
  constexpr double most = 1e18;  // 30 years: no instant overflows by it
  return Duration(static_cast<Duration::rep>(std::min(sum, most)));
}

bool TimeExpression::uses(const std::set<std::string>& symbols) const {
  return std::ranges::any_of(terms_,
                             [&](const Term& term) { return symbols.contains(term.symbol); });
}

TimeWindow TimeWindow::parse(const YAML::Node& node, const Mark& mark) {
  if (node.IsScalar()) {
    return {TimeExpression(), TimeExpression::parse(node.Scalar(), mark)};
  }
  if (!node.IsSequence() || node.size() != 2 || !node[0].IsScalar() || !node[1].IsScalar()) {
    fail_at(mark, "expected a time, or two of them: [least, most]");
  }
  return {TimeExpression::parse(node[0].Scalar(), mark),
          TimeExpression::parse(node[1].Scalar(), mark)};
}

std::string describe(Duration least, Duration most) {
  return fmt::format("[{}, {}] ms", brief(in_milliseconds(least)), brief(in_milliseconds(most)));
}

std::string describe(Duration duration) {
  if (duration < std::chrono::microseconds(1)) return fmt::format("{}ns", duration.count());
  if (duration < std::chrono::seconds(1)) return brief(in_milliseconds(duration)) + "ms";
  return brief(in_milliseconds(duration) / 1000) + "s";
}

}  // namespace aoe::harness
