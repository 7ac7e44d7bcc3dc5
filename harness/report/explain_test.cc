#include "harness/report/explain.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

const std::string both =
    "scenario: first\n"
    "title: A rule\n"
    "clause: [3.2/4, profile/window]\n"
    "level: must\n"
    "tags: [config]\n"
    "worlds: [sim]\n"
    "requires: mask\n"
    "roles: {target: {shelf: 7, slot: 3}}\n"
    "steps:\n"
    "- discover: {expect: e7.3}\n"
    "- arm: {fault: drop, id: loss, nth: 1}\n"
    "- io: {id: r, op: read, lba: 8}\n"
    "- expect: {io: {id: r, result: error}}\n"
    "- send: {shelf: any, config: {op: test, string: abc}, repeat: 2}\n"
    "- expect: {reply: silence}\n"
    "- config: {op: set, string: abc, expect: [config-string-present, silence]}\n"
    "---\n"
    "scenario: second\n"
    "title: Another\n"
    "roles: {target: {}}\n"
    "steps: [{wait: 1ms}]\n";

std::vector<Scenario> scenarios() {
  auto read = parse_scenarios(both, "x.yaml");
  EXPECT_TRUE(read) << read.error();
  return read.value_or(std::vector<Scenario>{});
}

TEST(List, IsALineForEach) {
  EXPECT_EQ(list_text(scenarios()),
            "first   must     3.2/4 profile/window  A rule\n"
            "second  -                  Another\n");
}

TEST(List, AsJsonHasAllThatIsKnown) {
  EXPECT_EQ(list_json({scenarios().front()}), R"([
  {
    "id": "first",
    "scenario": "first",
    "title": "A rule",
    "level": "must",
    "clauses": [
      "3.2/4",
      "profile/window"
    ],
    "tags": [
      "config"
    ],
    "worlds": [
      "sim"
    ],
    "requires": [
      "mask"
    ],
    "file": "x.yaml",
    "line": 1
  }
]
)");
  EXPECT_EQ(list_json({}), "[]\n");
}

TEST(Explain, TellsClausesStepsAndWhatPasses) {
  EXPECT_EQ(explain(scenarios()[0]),
            R"(first  x.yaml:1
  A rule

  3.2/4 (must, binds target)
    A test or a prefix that fails is met by silence.
  profile/window (profile, binds initiator)
    After a loss fewer requests wait, and then more again with each answer.

  target e7.3, 16384 sectors, 16 buffers; deadsecs 5s, MTU 1500
    10  discover e7.3, within 3s
    11  arm loss: drop
    12  io r: read 8 sectors at lba 8
    13  expect io r fails
    14  send config test "abc", to shelf any slot own, 2 times
    15  expect silence
    16  send config set "abc"; expect error config-string-present; or silence

    initiator                                                      target
      |-- config read, e7.3 ---------------------------------------->|
      |<--------------------------------------------- config reply --|
      |-- IDENTIFY DEVICE ------------------------------------------>|
      |<------------------------------------------------- its data --|
      |                     loss (drop) strikes                      |
      |-- io r: read 8 sectors at lba 8 ---------------------------->|
      |                           r fails                            |
      |-- config test "abc", to shelf any slot own, 2 times -------->|
      |                           silence                            |
      |-- config set "abc" ----------------------------------------->|
      |<------------------ error config-string-present; or silence --|

  aoe-harness run x.yaml
)");
}

}  // namespace
}  // namespace aoe::harness
