#include "harness/language/time_window.h"

#include <gtest/gtest.h>

#include "config/yaml_map.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const Symbols symbols{{"deadsecs", seconds(5)},
                      {"rto", milliseconds(100)},
                      {"slack", milliseconds(20)},
                      {"srtt", microseconds(200)},
                      {"tick", Duration{}}};

const Mark here{"x.yaml", 3, 7};

Duration value(const std::string& text) {
  return TimeExpression::parse(text, here).value(symbols);
}

std::string window_complaint(const std::string& text) {
  try {
    TimeExpression::parse(text, here);
  } catch (const YamlError& error) {
    return error.what();
  }
  return "none";
}

TEST(TimeExpression, ItIsASumOfTimesAndSymbols) {
  EXPECT_EQ(value("250ms"), milliseconds(250));
  EXPECT_EQ(value("rto"), milliseconds(100));
  EXPECT_EQ(value("rto + tick + slack"), milliseconds(120));
  EXPECT_EQ(value("deadsecs+1s"), seconds(6));
  EXPECT_EQ(value("2*rto + 1.5 * 10ms"), milliseconds(215));
  EXPECT_EQ(value("0*deadsecs"), Duration{});
}

TEST(TimeExpression, EverySymbolThereIsHasAValue) {
  for (const std::string& symbol : known_symbols()) EXPECT_TRUE(symbols.contains(symbol)) << symbol;
}

TEST(TimeExpression, WhatIsNeitherATimeNorASymbolIsRefusedWithAHint) {
  EXPECT_EQ(window_complaint("rot"),
            "x.yaml:3:7: expected a time such as 250ms or one of deadsecs, rto, slack, srtt, tick, "
            "got 'rot'; did you mean 'rto'?");
  EXPECT_EQ(window_complaint("rto +"),
            "x.yaml:3:7: expected a time such as 250ms or one of deadsecs, rto, slack, srtt, tick, "
            "got ''");
  EXPECT_EQ(window_complaint("rto - slack"),
            "x.yaml:3:7: expected a time such as 250ms or one of deadsecs, rto, slack, srtt, tick, "
            "got 'rto - slack'");
}

TEST(TimeExpression, AFactorIsAModestNumber) {
  for (const char* factor : {"-1", "nan", "inf", "1001", "two", "", "1e300"}) {
    EXPECT_EQ(window_complaint(std::string(factor) + "*rto"),
              "x.yaml:3:7: expected a number from 0 to 1000 before '*' in '" + std::string(factor) +
                  "*rto'");
  }
}

TEST(TimeExpression, NoSumOverflowsAnInstant) {
  std::string sum = "1000*1440min";
  for (int i = 0; i < 200; ++i) sum += " + 1000*1440min";
  EXPECT_GT(value(sum), Duration{});
  EXPECT_LT(value(sum), Duration::max() / 4);
}

TEST(TimeWindow, ItHasTwoEndsOrBeginsAtZero) {
  const auto parse = [](const std::string& yaml) {
    const TimeWindow window = TimeWindow::parse(YAML::Load(yaml), here);
    return describe(window.least.value(symbols), window.most.value(symbols));
  };
  EXPECT_EQ(parse("[rto, rto + slack]"), "[100, 120] ms");
  EXPECT_EQ(parse("3s"), "[0, 3000] ms");
  for (const char* yaml : {"[rto]", "[1s, 2s, 3s]", "{a: b}", "[[1s], 2s]"}) {
    try {
      parse(yaml);
      ADD_FAILURE() << yaml;
    } catch (const YamlError& error) {
      EXPECT_STREQ(error.what(), "x.yaml:3:7: expected a time, or two of them: [least, most]");
    }
  }
}

TEST(Describe, ATimeIsShownToTheMicrosecondAndNoFurtherThanItGoes) {
  EXPECT_EQ(describe(Duration{}), "0ns");
  EXPECT_EQ(describe(nanoseconds(999)), "999ns");
  EXPECT_EQ(describe(microseconds(1)), "0.001ms");
  EXPECT_EQ(describe(microseconds(200)), "0.2ms");
  EXPECT_EQ(describe(milliseconds(100)), "100ms");
  EXPECT_EQ(describe(microseconds(100'250)), "100.25ms");
  EXPECT_EQ(describe(seconds(2)), "2s");
  EXPECT_EQ(describe(milliseconds(2014)), "2.014s");
  EXPECT_EQ(describe(microseconds(100'020), milliseconds(120)), "[100.02, 120] ms");
}

}  // namespace
}  // namespace aoe::harness
