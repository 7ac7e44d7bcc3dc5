#include "harness/judge/expectations.h"

#include <gtest/gtest.h>

#include "harness/judge/test_records.h"

namespace aoe::harness {
namespace {

TEST(Pattern, AStarIsAnythingAndAQuestionMarkACharacter) {
  EXPECT_TRUE(matches("loss", "loss"));
  EXPECT_FALSE(matches("loss", "losses"));
  EXPECT_FALSE(matches("losses", "loss"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "x"));
  EXPECT_TRUE(matches("flush-*", "flush-"));
  EXPECT_TRUE(matches("*[mtu=?]*", "reads[mtu=9]"));
  EXPECT_FALSE(matches("reads[mtu=?]", "reads[mtu=90]"));
  EXPECT_TRUE(matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches("a*b*c", "a-b-b-"));
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*b", std::string(20'000, 'a'))) << "and soon";
}

TEST(Version, IsTheFirstNumberOfATextThatStandsAlone) {
  using Parts = std::vector<unsigned>;
  EXPECT_EQ(version_in("vblade 25"), Parts{25});
  EXPECT_EQ(version_in("aoe-target 0.4.12-rc1"), (Parts{0, 4, 12}));
  EXPECT_EQ(version_in("v25"), Parts{25});
  EXPECT_EQ(version_in("e2fsprogs 1.47"), (Parts{1, 47}));
  EXPECT_EQ(version_in("1.x"), Parts{1});
  EXPECT_EQ(version_in("none"), Parts{});
  EXPECT_EQ(version_in("99999999999999999999"), Parts{});
}

/// What the eventful run's cases of these outcomes are called after the file was applied.
class ExpectationsTest : public testing::Test {
 protected:
  Expectations parse(const std::string& entries) {
    auto expectations = Expectations::parse("expected-failures:\n" + entries, "x.yaml");
    EXPECT_TRUE(expectations) << expectations.error();
    return *std::move(expectations);
  }
  static std::string complaint(const std::string& text) {
    const auto expectations = Expectations::parse(text, "x.yaml");
    return expectations ? "none" : expectations.error();
  }
  std::string applied(Expectations& expectations, Outcome outcome, const std::string& id) {
    CaseRecord record;
    record.id = id;
    record.outcome = outcome;
    expectations.apply(run_, record);
    return std::string(text(record.outcome)) + (record.reason.empty() ? "" : ": ") + record.reason;
  }
  std::string applied(const std::string& entries) {
    Expectations expectations = parse(entries);
    return applied(expectations, Outcome::failed, "loss");
  }

  RunRecord run_ = eventful_run();  // vblade 25 in veth
};

TEST_F(ExpectationsTest, AFailureBecomesAnExpectedOneAndAPassAnUnexpectedOne) {
  Expectations expectations =
      parse("- {case: los*, reason: it syncs nothing, link: 'https://example.org/1'}\n");
  EXPECT_EQ(applied(expectations, Outcome::failed, "loss"),
            "XFAIL: it syncs nothing (https://example.org/1)");
  EXPECT_EQ(applied(expectations, Outcome::passed, "loss"),
            "XPASS: it syncs nothing (https://example.org/1)");
  EXPECT_EQ(applied(expectations, Outcome::failed, "other"), "FAIL");
  for (const Outcome outcome :
       {Outcome::flaky, Outcome::inconclusive, Outcome::unsupported, Outcome::broken}) {
    EXPECT_EQ(applied(expectations, outcome, "loss"), text(outcome));
  }
}

TEST_F(ExpectationsTest, AnEntryMayBeForAWorldAndForVersions) {
  EXPECT_EQ(applied("- {case: loss, reason: r, world: veth}\n"), "XFAIL: r");
  EXPECT_EQ(applied("- {case: loss, reason: r, world: sim}\n"), "FAIL");
  EXPECT_EQ(applied("- {case: loss, reason: r, versions: '25'}\n"), "XFAIL: r");
  EXPECT_EQ(applied("- {case: loss, reason: r, versions: ['20', '25']}\n"), "XFAIL: r");
  EXPECT_EQ(applied("- {case: loss, reason: r, versions: ['20', '24.9']}\n"), "FAIL");
  EXPECT_EQ(applied("- {case: loss, reason: r, versions: ['25.1', '26']}\n"), "FAIL");
  run_.sut_version = "vblade 25.1";
  EXPECT_EQ(applied("- {case: loss, reason: r, versions: '25'}\n"), "XFAIL: r");
  run_.sut_version = "";
  EXPECT_EQ(applied("- {case: loss, reason: r, versions: '25'}\n"), "FAIL");
  run_.world = "interface eth1";
  EXPECT_EQ(applied("- {case: loss, reason: r, world: interface}\n"), "XFAIL: r");
}

TEST_F(ExpectationsTest, AFailureOfAnotherKindIsNotExpected) {
  const auto outcome_of = [&](const std::string& failure, std::vector<FailureRecord> failures) {
    Expectations expectations = parse("- {case: loss, reason: r, failure: " + failure + "}\n");
    CaseRecord record;
    record.id = "loss";
    record.outcome = Outcome::failed;
    record.failures = std::move(failures);
    expectations.apply(run_, record);
    return std::string(text(record.outcome)) + ": " + record.reason;
  };
  FailureRecord silence;
  silence.rule = "reply";
  silence.actual = "none after 20s";
  FailureRecord unasked;
  unasked.rule = "no-unasked-reply";
  unasked.actual = "#4 has a tag of none";
  EXPECT_EQ(outcome_of("\"reply: none *\"", {silence}), "XFAIL: r");
  const std::string not_so = "FAIL: it is known to fail, but not so (x.yaml:2)";
  EXPECT_EQ(outcome_of("\"reply: none *\"", {unasked}), not_so);
  EXPECT_EQ(outcome_of("\"reply: none *\"", {silence, unasked}), not_so);
  EXPECT_EQ(outcome_of("[\"reply: none *\", \"no-unasked-reply: *\"]", {silence, unasked}),
            "XFAIL: r");
}

TEST_F(ExpectationsTest, TheFirstEntryThatAppliesCounts) {
  EXPECT_EQ(applied("- {case: loss, reason: a, world: sim}\n"
                    "- {case: l*, reason: b}\n"
                    "- {case: loss, reason: c}\n"),
            "XFAIL: b");
}

TEST_F(ExpectationsTest, TellWhyACaseFailsWhereverThatIs) {
  const Expectations expectations =
      parse("- {case: lo*, reason: a, world: veth, versions: 25}\n- {case: loss, reason: b}\n");
  EXPECT_EQ(expectations.reason_of("loss"), "a");
  EXPECT_EQ(expectations.reason_of("gain"), "");
}

TEST_F(ExpectationsTest, EntriesThatNoCaseMetAreTold) {
  Expectations expectations = parse("- {case: loss, reason: r}\n- {case: gone, reason: r}\n");
  applied(expectations, Outcome::broken, "loss");
  EXPECT_EQ(expectations.unused(),
            std::vector<std::string>{"x.yaml:3: no case that was run is 'gone'"});
}

TEST_F(ExpectationsTest, AFileThatIsWrongIsRefusedWithThePlace) {
  EXPECT_EQ(complaint("expected-failures: []\n"), "none");
  EXPECT_EQ(complaint("expected-failure: []\n"),
            "x.yaml:1:1: expectations: unknown key 'expected-failure'; did you mean "
            "'expected-failures', which is missing?");
  EXPECT_EQ(complaint("expected-failures: all\n"),
            "x.yaml:1:20: expectations: expected-failures: expected a list");
  EXPECT_EQ(complaint("expected-failures:\n- {case: x}\n"),
            "x.yaml:2:3: expected failure: key 'reason' is missing");
  EXPECT_EQ(complaint("expected-failures:\n- {case: x, reason: r, wrold: sim}\n"),
            "x.yaml:2:24: expected failure: unknown key 'wrold'; did you mean 'world'?");
  EXPECT_EQ(
      complaint("expected-failures:\n- {case: x, reason: r, versions: [a]}\n"),
      "x.yaml:2:35: expected failure: versions: expected a version such as \"25\" or \"1.2\"");
  EXPECT_EQ(complaint("expected-failures:\n- {case: x, reason: r, versions: ['3', '2']}\n"),
            "x.yaml:2:34: expected failure: versions: the last comes before the first");
  EXPECT_EQ(complaint("expected-failures:\n- {case: x, reason: r, versions: ['1', '2', '3']}\n"),
            "x.yaml:2:34: expected failure: versions: expected one, or the first and the last");
}

}  // namespace
}  // namespace aoe::harness
