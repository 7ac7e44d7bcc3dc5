#include "harness/language/variants.h"

#include <gtest/gtest.h>

#include "harness/language/scenario.h"

namespace aoe::harness {
namespace {

std::string file(const std::string& matrix, const std::string& step = "wait: 1ms") {
  return "scenario: s\ntitle: t\nclause: []\nroles: {target: {}}\nmatrix: " + matrix +
         "\nsteps:\n- " + step + "\n";
}

/// The ids of all variants, or the complaint.
std::string ids(const std::string& yaml) {
  const auto scenarios = parse_scenarios(yaml, "x.yaml");
  if (!scenarios) return scenarios.error();
  std::string ids;
  for (const Scenario& scenario : *scenarios) ids += (ids.empty() ? "" : " ") + scenario.id;
  return ids;
}

TEST(Variants, AMatrixGivesEveryCombination) {
  EXPECT_EQ(ids(file("{count: [1, 8], mtu: [1500, 9000]}")),
            "s[count=1,mtu=1500] s[count=1,mtu=9000] s[count=8,mtu=1500] s[count=8,mtu=9000]");
  EXPECT_EQ(ids(file("{count: [1, 8], mtu: [1500, 9000], exclude: [{count: 8, mtu: 9000}], "
                     "include: [{mtu: 100, count: 2}]}")),
            "s[count=1,mtu=1500] s[count=1,mtu=9000] s[count=8,mtu=1500] s[count=2,mtu=100]");
  EXPECT_EQ(ids(file("{include: [{a: 1, b: x y}, {a: 2, b: 02:00}]}")),
            "s[a=1,b=x_y] s[a=2,b=02:00]");
}

TEST(Variants, ValuesTakeTheirPlacesInAllScalars) {
  const auto scenarios =
      parse_scenarios(file("{time: [3, 4], unit: [ms]}", "wait: ${time}$unit"), "x.yaml");
  ASSERT_TRUE(scenarios) << scenarios.error();
  ASSERT_EQ(scenarios->size(), 2U);
  EXPECT_EQ(std::get<WaitStep>((*scenarios)[0].steps[0].what).time, std::chrono::milliseconds(3));
  EXPECT_EQ(std::get<WaitStep>((*scenarios)[1].steps[0].what).time, std::chrono::milliseconds(4));
  EXPECT_EQ((*scenarios)[1].steps[0].mark.line, 7);
  EXPECT_EQ((*scenarios)[1].name, "s");
}

TEST(Variants, TheTextOfAVariantReadsTheSame) {
  const auto scenarios = parse_scenarios(
      file("{mac: [\"02:00:00:00:00:09\"]}", "arm: {fault: mac-change, id: f, mac: $mac}  # moves"),
      "x.yaml");
  ASSERT_TRUE(scenarios) << scenarios.error();
  const auto again = parse_scenario((*scenarios)[0].yaml, "x.yaml");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->id, "s[mac=02:00:00:00:00:09]");
  EXPECT_EQ(again->yaml, (*scenarios)[0].yaml);
  EXPECT_EQ(again->yaml.find('$'), std::string::npos) << again->yaml;
}

TEST(Variants, WithoutAMatrixTheTextIsTheFilesOwn) {
  const std::string first =
      "# One.\nscenario: a\ntitle: $5\nclause: []\nroles: {target: {}}\n"
      "steps: [{wait: 1ms}]\n";
  const std::string second =
      "scenario: b\ntitle: t\nclause: []\nroles: {target: {}}\n"
      "steps:\n- wait: 1ms\n";
  const auto scenarios = parse_scenarios(first + "---\n" + second, "x.yaml");
  ASSERT_TRUE(scenarios) << scenarios.error();
  ASSERT_EQ(scenarios->size(), 2U);
  EXPECT_EQ((*scenarios)[0].yaml, first);
  EXPECT_EQ((*scenarios)[1].yaml, second);
  EXPECT_EQ((*scenarios)[1].mark.line, 8);
  EXPECT_EQ((*scenarios)[1].steps[0].mark.line, 13);
}

TEST(Variants, MistakesAreNamedWhereTheyStand) {
  EXPECT_EQ(ids(file("[]")), "x.yaml:5:9: matrix: expected a mapping");
  EXPECT_EQ(ids(file("{}")), "x.yaml:5:9: matrix: expected at least one combination");
  EXPECT_EQ(ids(file("{count: 1}")), "x.yaml:5:17: matrix: count: expected a list of values");
  EXPECT_EQ(ids(file("{count: []}")), "x.yaml:5:17: matrix: count: expected a list of values");
  EXPECT_EQ(ids(file("{count: [{}]}")), "x.yaml:5:18: matrix: count: expected a text");
  EXPECT_EQ(ids(file("{a.b: [1]}")),
            "x.yaml:5:10: matrix: expected an axis of letters, digits, - and _");
  EXPECT_EQ(ids(file("{count: [1], exclude: [{count: 2}]}")),
            "x.yaml:5:32: matrix: exclude: no combination agrees with this one");
  EXPECT_EQ(ids(file("{count: [1], exclude: [{count: 1}]}")),
            "x.yaml:5:9: matrix: expected at least one combination");
  EXPECT_EQ(ids(file("{count: [1], include: [{coutn: 2}]}")),
            "x.yaml:5:32: matrix: include: 'count' is missing");
  EXPECT_EQ(ids(file("{count: [1], include: [{count: 2, mtu: 3}]}")),
            "x.yaml:5:32: matrix: include: an axis that no other combination has");
  EXPECT_EQ(ids(file("{count: [1]}", "wait: $coutn")),
            "x.yaml:7:9: matrix: no axis 'coutn' for '$coutn'; did you mean '$count'?");
  EXPECT_EQ(ids(file("{count: [1], mtu: [1500]}", "wait: $elsewhere")),
            "x.yaml:7:9: matrix: no axis 'elsewhere' for '$elsewhere'; there are $count, $mtu");
  EXPECT_EQ(ids(file("{count: [1]}", "wait: ${count")),
            "x.yaml:7:9: matrix: no axis 'count' for '${count'; did you mean '$count'?");
  EXPECT_EQ(
      ids(file("{count: [1]}", "wait: $count x")),
      "x.yaml:7:9: step: wait: expected a time such as 250ms (ns, us, ms, s, min; 24h at most)");
  EXPECT_EQ(ids(file("{count: [a b, a/b]}")),
            "x.yaml:1:1: scenario 's[count=a_b]' is in line 1, too");
  std::string many = "[0";
  for (int i = 1; i < 40; ++i) many += ", " + std::to_string(i);
  EXPECT_EQ(ids(file("{a: " + many + "], b: " + many + "]}")),
            "x.yaml:5:9: matrix: more than 1000 variants");
}

}  // namespace
}  // namespace aoe::harness
