#include "harness/judge/test_records.h"

#include <fmt/format.h>

namespace aoe::harness {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

CaseRecord case_of(Outcome outcome, const std::string& id) {
  CaseRecord record;
  record.id = id;
  record.title = "A title of " + id;
  record.file = fmt::format("scenarios/{}.yaml", id.substr(0, id.find('[')));
  record.clauses = {"3.1/1"};
  record.tags = {"quick"};
  record.level = "must";
  record.seed = 7;
  record.outcome = outcome;
  record.took = milliseconds(12);
  record.real = milliseconds(3);
  record.requests = 64;
  record.frames = 130;
  record.folder = "cases/" + id;
  record.reproduce = fmt::format("aoe-harness run {} --seed 7", record.file);
  return record;
}

CaseRecord failed_case() {
  CaseRecord record = case_of(Outcome::failed, "loss[depth=16,mtu=9000]");
  record.title = "A lost read is retransmitted in time";
  record.clauses = {"profile/rexmit-timeout", "2/38"};
  record.tags = {"loss", "timing"};
  record.level = "profile";
  record.reason = "1 of 2 expectations";
  record.notes = {"retransmit +403ms in [346, 471] ms", "down +5.3s in [5000, 5600] ms"};
  record.tries = 2;
  record.tries_passed = 1;
  record.took = milliseconds(1900);
  record.real = milliseconds(41);
  record.retransmissions = 3;
  record.struck = 1;
  FailureRecord failure;
  failure.where = "scenarios/loss.yaml:14";
  failure.rule = "retransmit";
  failure.expected = "retransmission of #2 (e1.1 READ EXT lba 2+2) in [346, 471] ms";
  failure.actual = "at +1203ms, 732ms late (#32)";
  failure.ladder = {{microseconds(100'000), 2, true, "e1.1 READ EXT lba 2+2 tag 02010a3c",
                     "dropped by f1", true, true, false, "0200"},
                    {microseconds(100'212), 17, false, "e1.1 lba 0+2 ok tag 02000a3c", "delivered",
                     false, false, false},
                    {microseconds(1'303'004), 32, true, "e1.1 READ EXT lba 2+2 tag 02100b69",
                     "retransmission of #2", false, true, true}};
  failure.sectors = {{2, "00ff", "0000"}};
  record.failures = {failure};
  record.steps = {{milliseconds(0), milliseconds(5), "scenarios/loss.yaml:9", "discover",
                   "{expect: e1.1, within: 3s}", true},
                  {milliseconds(5), milliseconds(1500), "scenarios/loss.yaml:14", "expect",
                   "{retransmit: {of: f1, within: [rto, rto + tick + slack]}}", false}};
  record.dues = {{"scenarios/loss.yaml:14", "retransmission of #2", milliseconds(100),
                  milliseconds(446), milliseconds(571), microseconds(1'303'004)},
                 {"scenarios/loss.yaml:16", "e1.1 down", milliseconds(1400), milliseconds(1600),
                  milliseconds(1800), std::nullopt}};
  for (unsigned i = 0; i < 40; ++i) {
    record.samples.push_back({milliseconds(i * 40), i % 17, 16 - i % 3, milliseconds(100 + i)});
  }
  record.incidents = {{milliseconds(100), 2, "drop f1"},
                      {microseconds(1'303'004), 32, "retransmission of #2"}};
  record.yaml = "scenario: loss\nsteps:\n- discover: {expect: e1.1}\n";
  record.log = "aoe-target: ready\n";
  return record;
}

}  // namespace

RunRecord eventful_run() {
  RunRecord run;
  run.version = "0.4.0";
  run.started = "2026-11-22T16:40:00Z";
  run.seed = 7;
  run.world = "veth";
  run.sut = "vblade {shelf} {slot} {interface} {image}";
  run.sut_version = "vblade 25";
  run.peer = "aoe-initiator";
  run.peer_version = "aoe-initiator 0.1.0";
  run.probes = {{"mask", false, "the mask list", "error 1 (unrecognized command)"}};
  run.slack = milliseconds(6);
  run.cases = {
      case_of(Outcome::passed, "retransmit"),      failed_case(),
      case_of(Outcome::flaky, "reorder"),          case_of(Outcome::inconclusive, "slow"),
      case_of(Outcome::unsupported, "mask"),       case_of(Outcome::broken, "crash"),
      case_of(Outcome::expected_failure, "flush"), case_of(Outcome::unexpected_pass, "reserve")};
  run.cases[0].notes = {"retransmit +100ms in [100, 100] ms"};
  run.cases[2].tries = 5;
  run.cases[2].tries_passed = 3;
  run.cases[2].reason = "3 of 5 tries passed";
  run.cases[3].reason = "this machine was too busy: times are only known to 1s, 500ms is the most";
  run.cases[4].reason = "vblade has no mask list";
  run.cases[5].reason = "the target was killed by signal 11 (Segmentation fault)";
  run.cases[6].reason = "vblade syncs nothing (https://example.org/vblade/12)";
  run.cases[7].reason = "said to fail: the list is not kept";
  run.interrupted = true;
  run.not_run = {"flush-kill"};
  run.real = seconds(4);
  return run;
}

}  // namespace aoe::harness
