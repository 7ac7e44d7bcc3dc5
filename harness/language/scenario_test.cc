#include "harness/language/scenario.h"

#include <fstream>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

std::string scenario_complaint(const std::string& yaml) {
  const auto scenario = parse_scenario(yaml, "x.yaml");
  return scenario ? "none" : scenario.error();
}

/// A scenario with these parts; the steps stand on line 6.
std::string with(const std::string& roles, const std::string& given = "{}",
                 const std::string& steps = "[{wait: 1ms}]", const std::string& more = "") {
  return "scenario: s\ntitle: t\nclause: []\nroles: " + roles + "\ngiven: " + given +
         "\nsteps: " + steps + "\n" + more;
}

std::string with_steps(const std::string& steps) {
  return with("{target: {size: 64KiB}}", "{}", "[" + steps + "]");
}

TEST(Scenario, WhatIsNotSaidHasADefault) {
  const auto scenario = parse_scenario(with("{target: {}}"), "x.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  EXPECT_EQ(scenario->lun().address, (Address{1, 1}));
  EXPECT_EQ(scenario->lun().buffers, 16);
  EXPECT_EQ(scenario->disk().sectors, 16384U);
  EXPECT_TRUE(scenario->disk().fill_pattern);
  EXPECT_EQ(scenario->given.deadsecs, std::chrono::seconds(5));
  EXPECT_EQ(scenario->given.maxout, 128);
  EXPECT_EQ(scenario->given.mtu, 1500);
  EXPECT_EQ(scenario->given.rtt, std::chrono::microseconds(200));
  EXPECT_EQ(scenario->settle, std::nullopt);
  EXPECT_TRUE(scenario->given.late_duplicates_fail);
  EXPECT_EQ(scenario->always.size(), static_cast<std::size_t>(check_count)) << "all the checks";
}

TEST(Scenario, EverythingThatIsSaidIsTaken) {
  const auto scenario = parse_scenario(
      R"(
scenario: everything
title: All the words
clause: [2/38, profile/deadsecs]
roles: {target: {shelf: 7, slot: 3, buffers: 64, size: 1MiB, fill: zero}}
given: {deadsecs: 7s, maxout: 8, mtu: 9000, rtt: 1ms}
steps:
- discover: {expect: e7.3, within: 4s}
- warmup: {reads: 10, depth: 2}
- arm: {fault: reorder, id: f, match: {direction: to-target, command: write}, every: 3, by: 2ms}
- io: {id: a, op: mixed, count: 4, requests: 20, depth: 5}
- expect: {io: {id: a, result: ok, within: 5s}, hits: {of: f, min: 2}}
- heal: [f]
- io: {id: b, op: flush}
- wait: 3ms
- expect: {io: {id: b, result: error}, device: down, within: [deadsecs, 2*deadsecs]}
- arm: {fault: mac-change, id: m, mac: "02:00:00:00:00:09"}
always: [window-respected]
finally: {all-io: resolved, within: 1s}
)",
      "x.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  EXPECT_EQ(scenario->id, "everything");
  EXPECT_EQ(scenario->title, "All the words");
  EXPECT_EQ(scenario->clauses, (std::vector<std::string>{"2/38", "profile/deadsecs"}));
  EXPECT_EQ(scenario->lun().address, (Address{7, 3}));
  EXPECT_EQ(scenario->disk().sectors, 2048U);
  EXPECT_FALSE(scenario->disk().fill_pattern);
  EXPECT_EQ(scenario->given.mtu, 9000);
  EXPECT_EQ(scenario->settle, std::chrono::seconds(1));
  EXPECT_EQ(scenario->always, std::vector<Check>{Check::window_respected});
  ASSERT_EQ(scenario->steps.size(), 10U);
  EXPECT_EQ(scenario->steps[3].mark.line, 11);

  const auto& fault = std::get<ArmStep>(scenario->steps[2].what).fault;
  EXPECT_EQ(fault.id, "f");
  EXPECT_EQ(fault.selector.match.direction, Direction::to_target);
  EXPECT_EQ(fault.selector.match.traffic, Traffic::write);
  EXPECT_EQ(fault.selector.every, 3U);
  EXPECT_EQ(std::get<ReorderSpec>(fault.kind).by, std::chrono::milliseconds(2));
  const auto& io = std::get<IoStep>(scenario->steps[3].what);
  EXPECT_EQ(io.operation, IoOperation::mixed);
  EXPECT_EQ(io.requests, 20U);
  EXPECT_EQ(io.depth, 5U);
  const auto& expect = std::get<ExpectStep>(scenario->steps[8].what);
  EXPECT_EQ(expect.io->result, IoResult::error);
  EXPECT_FALSE(expect.device->up);
  EXPECT_EQ(std::get<MacChangeSpec>(std::get<ArmStep>(scenario->steps[9].what).fault.kind).mac,
            (Mac{{2, 0, 0, 0, 0, 9}}));
}

struct Mistake {
  std::string yaml;
  const char* complaint;
};

void expect_complaints(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    EXPECT_EQ(scenario_complaint(mistake.yaml), mistake.complaint) << mistake.yaml;
  }
}

TEST(Scenario, MistakesAtTheTopAreNamed) {
  expect_complaints({
      {"", "x.yaml:1:1: scenario: expected a mapping"},
      {"scenario: a b",
       "x.yaml:1:11: scenario: scenario: expected a name of letters, digits and - _ ."},
      {"scenario: ../x",
       "x.yaml:1:11: scenario: scenario: expected a name of letters, digits and - _ ."},
      {"scenario: s", "x.yaml:1:1: scenario: key 'title' is missing"},
      {"scenario: s\ntitle: t", "x.yaml:1:1: scenario: key 'roles' is missing"},
      {"scenario: s\ntitle: t\nroles: {}", "x.yaml:3:8: roles: key 'target' is missing"},
      {"scenario: s\ntitle: t\nroles: {target: {}}",
       "x.yaml:1:1: scenario: key 'steps' is missing"},
      {with("{target: {}}", "{}", "[]"), "x.yaml:6:8: scenario: steps: expected a list of steps"},
      {with("{target: {}}", "{}", "{}"), "x.yaml:6:8: scenario: steps: expected a list of steps"},
      {with("{target: {}, initator: {}}"),
       "x.yaml:4:21: roles: unknown key 'initator'; known are mutant, target"},
      {with("{target: {}}", "{}", "[{wait: 1ms}]", "alway: []"),
       "x.yaml:7:1: scenario: unknown key 'alway'; did you mean 'always'?"},
      {with("{target: {}}", "{}", "[{wait: 1ms}]", "always: [data-integrety]"),
       "x.yaml:7:10: scenario: always: expected one of data-integrity, no-unasked-reply, "
       "tag-unique-in-flight, window-respected, reserved-zero, no-early-retransmit, "
       "flushed-survives, access-respected, liveness, got 'data-integrety'; did you "
       "mean 'data-integrity'?"},
      {with("{target: {}}", "{}", "[{wait: 1ms}]", "finally: {all-io: done}"),
       "x.yaml:7:19: finally: all-io: expected one of resolved, got 'done'"},
      {with("{target: {}}") + "---\nscenario: other\n",
       "x.yaml:8:1: scenario: key 'title' is missing"},
  });
}

TEST(Scenario, MistakesInRolesAndGivensAreNamed) {
  expect_complaints({
      {with("{target: {shelf: 65535}}"),
       "x.yaml:4:25: target: shelf: expected a whole number from 0 to 65534"},
      {with("{target: {slot: 255}}"),
       "x.yaml:4:24: target: slot: expected a whole number from 0 to 254"},
      {with("{target: {buffers: 1}}"),
       "x.yaml:4:27: target: buffers: expected a whole number from 2 to 65535"},
      {with("{target: {size: 513}}"),
       "x.yaml:4:24: target: size: expected whole sectors, 1GiB at most, or "
       "4TiB with fill: zero"},
      {with("{target: {size: 2GiB}}"),
       "x.yaml:4:24: target: size: expected whole sectors, 1GiB at most, or "
       "4TiB with fill: zero"},
      {with("{target: {size: 0}}"),
       "x.yaml:4:24: target: size: expected whole sectors, 1GiB at most, or "
       "4TiB with fill: zero"},
      {with("{target: {fill: ones}}"),
       "x.yaml:4:24: target: fill: expected one of pattern, zero, got 'ones'"},
      {with("{target: {}}", "{deadsecs: 1.5s}"),
       "x.yaml:5:19: given: deadsecs: expected whole seconds, such as 5s"},
      {with("{target: {}}", "{maxout: 0}"),
       "x.yaml:5:17: given: maxout: expected a whole number from 1 to 65535"},
      {with("{target: {}}", "{mtu: 500}"),
       "x.yaml:5:14: given: mtu: expected room for a sector: 534 bytes or more"},
      {with("{target: {}}", "{rtt: fast}"),
       "x.yaml:5:14: given: rtt: expected a time such as 250ms (ns, us, ms, s, min; 24h at most)"},
      {with("{target: {}}", "{deadsec: 1s}"),
       "x.yaml:5:9: given: unknown key 'deadsec'; did you mean 'deadsecs'?"},
  });
}

TEST(Scenario, MistakesInStepsAreNamed) {
  expect_complaints({
      {with_steps("read"), "x.yaml:6:9: step: expected a mapping"},
      {with_steps("{wait: 1ms, heal: []}"),
       "x.yaml:6:9: step: expected one word with its arguments"},
      {with_steps("{expct: {}}"), "x.yaml:6:10: step: unknown key 'expct'; did you mean 'expect'?"},
      {with_steps("{discover: {expect: disk}}"),
       "x.yaml:6:29: discover: expect: expected an address such as e1.1"},
      {with_steps("{warmup: {reads: 0}}"),
       "x.yaml:6:26: warmup: reads: expected a whole number from 1 to 1000000"},
      {with_steps("{warmup: {reads: 17}}"),
       "x.yaml:6:18: warmup: at most 16 requests of 8 sectors, each block once, or any "
       "number in a span"},
      {with_steps("{wait: long}"),
       "x.yaml:6:16: step: wait: expected a time such as 250ms (ns, us, ms, s, min; 24h at most)"},
      {with_steps("{io: {op: read}}"), "x.yaml:6:14: io: key 'id' is missing"},
      {with_steps("{io: {id: (warmup), op: read}}"),
       "x.yaml:6:19: io: id: expected a name of letters, digits and - _ ."},
      {with_steps("{io: {id: a, op: erase}}"),
       "x.yaml:6:26: io: op: expected one of read, write, mixed, flush, trim, got 'erase'"},
      {with_steps("{io: {id: a, op: read, lba: 128}}"),
       "x.yaml:6:37: io: lba: expected a whole number from 0 to 127"},
      {with_steps("{io: {id: a, op: read, lba: 121}}"),
       "x.yaml:6:14: io: beyond the disk's last sector, 127"},
      {with_steps("{io: {id: a, op: read, count: 0}}"),
       "x.yaml:6:39: io: count: expected a whole number of sectors from 1 to 128"},
      {with_steps("{io: {id: a, op: read, lba: 0, requests: 2}}"),
       "x.yaml:6:14: io: many requests have LBAs of the seed, so a span, or no lba"},
      {with_steps("{io: {id: a, op: write, requests: 17}}"),
       "x.yaml:6:14: io: at most 16 requests of 8 sectors, each block once, or any number in a "
       "span"},
      {with_steps("{expect: {outstanding: {}}}"), "x.yaml:6:32: outstanding: key 'max' is missing"},
      {with_steps("{expect: {outstanding: {max: 65536}}}"),
       "x.yaml:6:38: outstanding: max: expected a whole number from 0 to 65535"},
      {with_steps("{expect: {outstanding: {max: 1, form: io(a)}}}"),
       "x.yaml:6:41: outstanding: unknown key 'form'; did you mean 'from'?"},
      {with_steps("{expect: {outstanding: {max: 1, from: now}}}"),
       "x.yaml:6:47: outstanding: from: expected retransmit(FAULT), reply(FAULT) or io(ID), got "
       "'now'"},
      {with_steps("{expect: {outstanding: {max: 1, until: replay(f)}}}"),
       "x.yaml:6:48: outstanding: until: expected retransmit(FAULT), reply(FAULT) or io(ID), got "
       "'replay(f)'; did you mean 'reply'?"},
      {with_steps("{expect: {outstanding: {max: 1, until: io(a}}}"),
       "x.yaml:6:48: outstanding: until: expected retransmit(FAULT), reply(FAULT) or io(ID), got "
       "'io(a'"},
      {with_steps("{arm: {fault: drop, id: loss}}, {expect: {outstanding: {max: 1, from: "
                  "reply(lost)}}}"),
       "x.yaml:6:79: outstanding: no fault 'lost' before this step; did you mean 'loss'?"},
      {with_steps("{arm: {fault: drop, id: a}}, {expect: {outstanding: {max: 1, from: io(a)}}}"),
       "x.yaml:6:76: outstanding: no io 'a' before this step; there is none"},
      {with_steps("{io: {id: a, op: write, span: 4000}}"),
       "x.yaml:6:39: io: span: expected whole sectors, a request at least, within the disk"},
      {with_steps("{io: {id: a, op: write, lba: 8, span: 64KiB}}"),
       "x.yaml:6:47: io: span: expected whole sectors, a request at least, within the disk"},
      {with_steps("{io: {id: a, op: write, count: 9, span: 4KiB}}"),
       "x.yaml:6:49: io: span: expected whole sectors, a request at least, within the disk"},
      {with_steps("{io: {id: a, op: read, depth: 0}}"),
       "x.yaml:6:39: io: depth: expected a whole number of requests from 1 to 65536"},
      {with_steps("{io: {id: a, op: flush, lba: 0}}"),
       "x.yaml:6:33: io: unknown key 'lba'; known are by, id, op, requests, requests-in-sim, to"},
      {with("{target: {size: 1GiB}}", "{}",
            "[{io: {id: a, op: read, count: 2048, requests: 300, depth: 300}}]"),
       "x.yaml:6:14: io: at most 256MiB at once"},
      {with_steps("{heal: f}"), "x.yaml:6:16: step: no fault 'f' before this step; there is none"},
      {with_steps("{arm: {fault: drop, id: loss}}, {heal: lost}"),
       "x.yaml:6:48: step: no fault 'lost' before this step; did you mean 'loss'?"},
  });
}

TEST(Scenario, MistakesInFaultsAreNamed) {
  expect_complaints({
      {with_steps("{arm: {fault: dorp, id: f}}"),
       "x.yaml:6:23: arm: fault: expected one of drop, duplicate, delay, reorder, corrupt, "
       "truncate, "
       "partition, rate, mac-change, link-down, mtu, pause, kill, disk-error, slow-disk, "
       "interface-gone, interface-renamed, count, "
       "got 'dorp'; did you mean 'drop'?"},
      {with_steps("{arm: {fault: drop}}"), "x.yaml:6:15: arm: key 'id' is missing"},
      {with_steps("{arm: {fualt: drop, id: f}}"),
       "x.yaml:6:16: arm: unknown key 'fualt'; did you mean 'fault', which is missing?"},
      {with_steps("{arm: {fault: mtu, id: f, mtu: 10}}"),
       "x.yaml:6:40: arm: mtu: expected a whole number of bytes from 68 to 65535"},
      {with_steps("{arm: {fault: truncate, id: f, to: 5}}"),
       "x.yaml:6:44: arm: to: expected a whole number of bytes from 14 to 65535"},
      {with_steps(
           "{arm: {fault: drop, id: loss}}, {arm: {fault: drop, id: twice}}, {heal: reordering}"),
       "x.yaml:6:81: step: no fault 'reordering' before this step; there are loss, twice"},
      {with_steps("{arm: {fault: drop, id: f, during: r}}"),
       "x.yaml:6:44: during: no io 'r' in this scenario; there is none"},
      {with_steps("{arm: {fault: drop, id: a b}}"),
       "x.yaml:6:33: arm: id: expected a name of letters, digits and - _ ."},
      {with_steps("{arm: {fault: drop, id: f}}, {arm: {fault: drop, id: f}}"),
       "x.yaml:6:62: arm: id: 'f' is taken by the fault before"},
      {with_steps("{arm: {fault: drop, id: f, nth: 0}}"),
       "x.yaml:6:41: arm: nth: expected a whole number, 1 or more"},
      {with_steps("{arm: {fault: drop, id: f, nth: 1, every: 2}}"),
       "x.yaml:6:15: arm: at most one of nth, every and probability"},
      {with_steps("{arm: {fault: drop, id: f, probability: 2}}"),
       "x.yaml:6:49: arm: probability: expected a number from 0 to 1"},
      {with_steps("{arm: {fault: drop, id: f, by: 1ms}}"),
       "x.yaml:6:36: arm: unknown key 'by'; known are during, every, fault, id, match, nth, "
       "probability"},
      {with_steps("{arm: {fault: drop, id: f, match: {direction: up}}}"),
       "x.yaml:6:55: match: direction: expected one of to-target, to-initiator, got 'up'"},
      {with_steps("{arm: {fault: drop, id: f, match: {comand: read}}}"),
       "x.yaml:6:44: match: unknown key 'comand'; did you mean 'command'?"},
      {with_steps("{arm: {fault: drop, id: f, match: {mac: 02}}}"),
       "x.yaml:6:49: match: mac: expected a quoted address such as \"02:00:00:00:00:03\""},
      {with_steps("{arm: {fault: count, id: f, has: {slots: 1}}}"),
       "x.yaml:6:43: has: unknown key 'slots'; did you mean 'slot'?"},
      {with_steps("{arm: {fault: count, id: f, lacks: {slot: 256}}}"),
       "x.yaml:6:51: lacks: slot: expected a number up to 0xff, such as 31 or 0x1f"},
      {with_steps("{arm: {fault: mac-change, id: f, mac: \"ff:ff:ff:ff:ff:ff\"}}"),
       "x.yaml:6:47: arm: mac: expected a quoted address such as \"02:00:00:00:00:99\""},
      {with_steps("{arm: {fault: mac-change, id: f, mac: \"00:00:00:00:00:00\"}}"),
       "x.yaml:6:47: arm: mac: expected a quoted address such as \"02:00:00:00:00:99\""},
      {with_steps("{arm: {fault: mac-change, id: f, mac: \"02:00:00:00:00:09\", nth: 1}}"),
       "x.yaml:6:68: arm: unknown key 'nth'; known are end, fault, id, mac, on"},
  });
}

TEST(Scenario, WhatATargetSaysIsReadWhereItStandsAndWhereItChanges) {
  const auto scenario = parse_scenario(
      with("{target: {base: 0x0ffffff0, paths: 2, says: {buffers: 0, sectors: 255, lba48: false, "
           "size: 4KiB, identify: {checksum: wrong, words: {49: 0x100}}}}}",
           "{}", "[{says: {buffers: 65535, announce: true}}, {discover: {found: false}}]"),
      "x.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  const TargetRole& target = scenario->target();
  EXPECT_EQ(target.base, 0x0ffffff0U);
  EXPECT_EQ(target.paths, 2U);
  EXPECT_EQ(target.says.buffers, 0U);
  EXPECT_EQ(target.says.sectors, 255U);
  EXPECT_EQ(target.says.size, 8U);
  EXPECT_EQ(target.says.lba48, false);
  EXPECT_EQ(target.says.checksum, Says::Checksum::wrong);
  EXPECT_EQ(target.says.words.at(49), 0x100U);
  const auto& step = std::get<SaysStep>(scenario->steps[0].what);
  EXPECT_TRUE(step.announce);
  Says both = target.says;
  both.add(step.says);
  EXPECT_EQ(both.buffers, 65535U);
  EXPECT_EQ(both.sectors, 255U);
  EXPECT_FALSE(std::get<DiscoverStep>(scenario->steps[1].what).found);
}

TEST(Scenario, MistakesInWhatATargetSaysAreNamed) {
  expect_complaints({
      {with_steps("{says: {buffers: 65536}}"),
       "x.yaml:6:26: says: buffers: expected a whole number from 0 to 65535"},
      {with_steps("{says: {sectors: 256}}"),
       "x.yaml:6:26: says: sectors: expected a whole number from 0 to 255"},
      {with_steps("{says: {size: 100}}"),
       "x.yaml:6:23: says: size: expected whole sectors, 2^48 at most"},
      {with_steps("{says: {identify: {checksum: bad}}}"),
       "x.yaml:6:38: identify: checksum: expected one of right, wrong, none, got 'bad'"},
      {with_steps("{says: {identify: {words: {256: 0}}}}"),
       "x.yaml:6:36: words: words: expected the number of a word, 0 to 255"},
      {with_steps("{says: {identify: {words: {4: 65536}}}}"),
       "x.yaml:6:39: words: 4: expected a number up to 0xffff, such as 31 or 0x1f"},
      {with_steps("{says: {buffer: 1}}"),
       "x.yaml:6:17: says: unknown key 'buffer'; did you mean 'buffers'?"},
      {with("{target: {paths: 3}}", "{}", "[{discover: {}}]"),
       "x.yaml:4:25: target: paths: expected a whole number from 1 to 2"},
  });
}

TEST(Scenario, MistakesInExpectationsAreNamed) {
  const std::string io = "{io: {id: a, op: read}}, ";
  expect_complaints({
      {with_steps("{expect: {}}"),
       "x.yaml:6:18: expect: expected something: io, device, retransmit, outstanding, hits, reply, "
       "replies, announcement or store"},
      {with_steps("{expect: {io: {id: a}}}"),
       "x.yaml:6:28: io: no io 'a' before this step; there is none"},
      {with_steps(io + "{expect: {io: {id: b}}}"),
       "x.yaml:6:53: io: no io 'b' before this step; did you mean 'a'?"},
      {with_steps(io + "{expect: {io: {id: a, result: fail}}}"),
       "x.yaml:6:64: io: result: expected one of error, ok, any, got 'fail'"},
      {with_steps("{expect: {device: down}}"), "x.yaml:6:18: expect: key 'within' is missing"},
      {with_steps("{expect: {device: gone, within: 1s}}"),
       "x.yaml:6:27: expect: device: expected one of down, up, got 'gone'"},
      {with_steps("{expect: {device: down, within: [rto, rtt]}}"),
       "x.yaml:6:41: expected a time such as 250ms or one of deadsecs, rto, slack, srtt, tick, got "
       "'rtt'; did you mean 'rto'?"},
      {with("{target: {}}", "{late-duplicates: forgive}"),
       "x.yaml:5:26: given: late-duplicates: expected one of fail, tell, got 'forgive'"},
      {with_steps("{expect: {retransmit: {of: f, within: rto}}}"),
       "x.yaml:6:36: retransmit: no fault 'f' before this step; there is none"},
      {with_steps("{expect: {hits: {of: f}}}"),
       "x.yaml:6:30: hits: no fault 'f' before this step; there is none"},
      {with_steps("{arm: {fault: drop, id: f}}, {expect: {hits: {of: f, min: 0}}}"),
       "x.yaml:6:67: hits: min: expected a whole number, 1 or more"},
      {with_steps("{arm: {fault: drop, id: f}}, {expect: {hits: {of: f, min: 3, max: 2}}}"),
       "x.yaml:6:75: hits: max: expected no less than min"},
  });
}

TEST(Scenario, BrokenYamlIsOneLineThatSaysWhere) {
  EXPECT_EQ(scenario_complaint("scenario: [a"), "x.yaml:1:1: end of sequence flow not found");
  EXPECT_EQ(scenario_complaint("a: b: c"), "x.yaml:1:5: illegal map value");
  EXPECT_EQ(scenario_complaint("a: *there"), "x.yaml:1:4: the referenced anchor is not defined");
  EXPECT_EQ(scenario_complaint("a: \"b"), "x.yaml:1:6: illegal EOF in scalar");
}

TEST(LoadScenario, AFileThatCannotBeReadIsNamed) {
  EXPECT_EQ(load_scenarios("/nowhere/x.yaml").error(),
            "/nowhere/x.yaml: No such file or directory");
  const Folder folder;
  EXPECT_EQ(load_scenarios(folder.path()).error(), folder.path() + ": Is a directory");
}

TEST(LoadScenario, TheCommittedOnesAreGood) {
  const auto scenario = load_scenarios(AOE_SCENARIOS "/retransmit.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  EXPECT_EQ(scenario->front().id, "retransmit");
  EXPECT_EQ(scenario->front().always.size(), static_cast<std::size_t>(check_count));
}

TEST(LoadScenario, OneThatIsCutShortOrChangedIsReadOrRefusedInOneLine) {
  const std::string whole = read_text(AOE_SCENARIOS "/retransmit.yaml");
  const auto check = [](const std::string& yaml) {
    const auto scenario = parse_scenario(yaml, "x.yaml");
    if (scenario) return;
    EXPECT_TRUE(scenario.error().starts_with("x.yaml:")) << scenario.error();
    EXPECT_EQ(scenario.error().find('\n'), std::string::npos) << scenario.error();
  };
  for (std::size_t i = 0; i < whole.size(); i += 23) {
    check(whole.substr(0, i));
    for (const char c : {'{', '*', '\n', '\x80', '\0'})
      check(std::string(whole).replace(i, 1, 1, c));
  }
}

TEST(Check, EachHasANameThatItsRuleBeginsWith) {
  for (int i = 0; i < check_count; ++i) {
    const auto check = static_cast<Check>(i);
    EXPECT_TRUE(rule(check).starts_with(std::string(text(check)) + ": ")) << text(check);
  }
}

TEST(ParseScenario, WhatItRequiresIsAKnownWord) {
  const auto wrong = parse_scenario(
      "scenario: s\ntitle: t\nrequires: [mask, flsh]\nroles: {target: {}}\nsteps:\n- wait: 1s\n",
      "s.yaml");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error(),
            "s.yaml:3:18: scenario: requires: there is no 'flsh'; did you mean 'flush'?");
}

}  // namespace
}  // namespace aoe::harness
