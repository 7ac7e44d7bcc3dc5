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

TEST(Abilities, AnInitiatorMayLackWhatAScenarioSetsOrUses) {
  EXPECT_EQ(needed("profile/link",
                   "- io: {id: a, op: mixed}\n- io: {id: b, op: flush}\n"
                   "- io: {id: c, op: trim}\n"),
            "identify io flush io read io trim io write");
  EXPECT_EQ(needed("profile/link", "- warmup: {reads: 1}\n"), "identify io read");
  EXPECT_EQ(needed("profile/link", "- io: {id: a, op: read}\n"), "identify io read");
  EXPECT_EQ(needed("profile/link", "- io: {id: a, op: write}\n"), "identify io write");
  EXPECT_EQ(needed("profile/link", "- open: {}\n- expect: {device: up, within: [0s, 1s]}\n"),
            "identify open state");
  EXPECT_EQ(needed("profile/closewait", "- discover: {}\n"), "closewait identify");
}

std::string needed_given(const std::string& given, const std::string& target,
                         const std::string& steps) {
  const auto scenario =
      parse_scenario("scenario: s\ntitle: t\nroles: {target: {size: 64KiB" + target +
                         "}}\ngiven: {" + given + "}\nsteps:\n- io: {id: a, op: read}\n" + steps,
                     "s.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return fmt::format("{}", fmt::join(abilities_needed(*scenario), " "));
}

TEST(Abilities, DeadsecsMatterWhereTheyRunOut) {
  EXPECT_EQ(needed_given("deadsecs: 60s", "", "- expect: {io: {id: a}}\n"), "identify io read");
  EXPECT_EQ(needed_given("deadsecs: 2s", "", "- expect: {io: {id: a, result: error}}\n"),
            "deadsecs identify io read");
  EXPECT_EQ(needed_given("mtu: 1500", "", "- expect: {io: {id: a, result: error}}\n"),
            "identify io read")
      << "any will do";
  EXPECT_EQ(needed_given("maxout: 4", ", paths: 2", ""), "identify io read maxout multipath");
}

std::string lacking(const std::string& description) {
  const auto found =
      parse_implementation("implementation: x\nrole: initiator\n" + description, "x.yaml");
  EXPECT_TRUE(found) << found.error();
  std::string text;
  for (const auto& [word, why] : abilities_lacking(*found)) text += word + ": " + why + "\n";
  return text;
}

TEST(Abilities, WhatACommandDoesNotTakeIsLacking) {
  EXPECT_EQ(lacking("command: x {dir} {deadsecs} {maxout}\ndevice: '{dir}/d'\n"), "");
  EXPECT_EQ(lacking("command: x {dir}\ndevice: '{dir}/d'\ncannot: {multipath: no}\n"),
            "deadsecs: its command has no {deadsecs}\n"
            "maxout: its command has no {maxout}\n"
            "multipath: no\n");
}

TEST(Abilities, ADescriptionWithoutAFileLacksWhatOnlyFilesHave) {
  const std::string no_file = "its disk is used by commands, not by a file\n";
  EXPECT_EQ(lacking("read: x {deadsecs} {maxout}\nwrite: x\ncannot: {closewait: never}\n"),
            "closewait: never\n"
            "flush: its description has no flush:\n"
            "io flush: its description has no flush:\n"
            "io trim: " +
                no_file + "open: " + no_file + "state: " + no_file + "trim: " + no_file);
  EXPECT_EQ(lacking("session: x {deadsecs} {maxout}\ncannot: {flush: none}\n"),
            "closewait: " + no_file + "flush: none\nio flush: none\nio trim: " + no_file +
                "open: " + no_file + "state: " + no_file + "trim: " + no_file);
}

}  // namespace
}  // namespace aoe::harness
