#include "harness/language/abilities.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

std::string needed(const std::string& clause, const std::string& steps) {
  const auto scenario = parse_scenario("scenario: s\ntitle: t\nclause: [" + clause +
                                           "]\nroles: {target: {size: 64KiB}}\nsteps:\n" + steps,
                                       "s.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return fmt::format("{}", fmt::join(abilities_needed(*scenario), " "));
}

TEST(Abilities, AreThoseOfTheFrames) {
  EXPECT_EQ(needed("2/7", "- ask: {kind: mask}\n- ask: {kind: reserve}\n"), "mask reserve");
  EXPECT_EQ(needed("2/7", "- send: {ata: {op: read}}\n- ask: {kind: write}\n"), "lba28 lba48");
  EXPECT_EQ(needed("2/7", "- config: {op: read}\n- alive: {}\n- send: {command: 9}\n"), "");
  EXPECT_EQ(needed("2/7", "- config: {op: test, string: x}\n"), "config-string");
  EXPECT_EQ(needed("2/38", "- discover: {}\n"), "identify");
  EXPECT_EQ(needed("3.1/22", "- advertised: trim\n"), "identify");
}

TEST(Abilities, AreNotNeededWhereTheyAreInQuestion) {
  EXPECT_EQ(needed("3.1/16", "- send: {ata: {op: flush-ext}}\n"), "");
  EXPECT_EQ(needed("3.1/17", "- send: {ata: {op: flush-ext}}\n"), "flush-ext");
}

}  // namespace
}  // namespace aoe::harness
