#include "harness/run/selection.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

/// A folder with scenarios: a/reads.yaml, a/more/writes.yaml, and notes.txt.
class Selecting : public testing::Test {
 protected:
  Selecting() {
    fs::create_directories(folder_.path("a/more"));
    write("a/reads.yaml", "reads");
    write("a/more/writes.yaml", "writes");
    std::ofstream(folder_.path("a/notes.txt")) << "no scenario\n";
  }

  void write(const std::string& file, const std::string& name, const std::string& more = "") {
    std::ofstream(folder_.path(file)) << "scenario: " << name << "\n"
                                      << more
                                      << "title: A trial\nroles: {target: {size: 64KiB}}\n"
                                         "steps:\n- discover: {expect: e1.1}\n";
  }

  /// The names of what is selected, or what is wrong.
  std::string select(std::vector<std::string> wanted, std::vector<std::string> excluded = {}) {
    const auto found = harness::select({std::move(wanted), std::move(excluded), {}});
    if (!found) return found.error();
    std::string names;
    for (const Scenario& scenario : *found) names += (names.empty() ? "" : " ") + scenario.id;
    return names;
  }

  std::string path(const std::string& name) const { return folder_.path(name); }

 private:
  Folder folder_;
};

TEST_F(Selecting, FilesAndFoldersEachOnce) {
  EXPECT_EQ(select({path("a")}), "writes reads");
  EXPECT_EQ(select({path("a/reads.yaml")}), "reads");
  EXPECT_EQ(select({path("a/reads.yaml"), path("a")}), "reads writes");
}

TEST_F(Selecting, NamesAndPatternsWithinThem) {
  EXPECT_EQ(select({path("a"), "reads"}), "reads");
  EXPECT_EQ(select({path("a"), "w*", "reads"}), "writes reads");
  EXPECT_EQ(select({path("a")}, {"wri*"}), "reads");
}

TEST_F(Selecting, AClauseIsAllThatIsAboutIt) {
  write("a/tags.yaml", "tags", "clause: [2.4/1, 3.1/1]\n");
  std::ofstream(path("a/mutant.yaml")) << "scenario: wrong\ntitle: A trial\nclause: [2.4/1]\n"
                                          "roles: {target: {size: 64KiB}, mutant: {end: target, "
                                          "behave: fails-reads}}\n"
                                          "steps:\n- discover: {expect: e1.1}\n";
  EXPECT_EQ(select({path("a"), "2.4/1"}), "tags");
  EXPECT_EQ(select({path("a"), "2.4/1", "reads"}), "reads tags");
  EXPECT_EQ(select({path("a")}, {"2.4/1", "wrong"}), "writes reads");
  EXPECT_EQ(select({path("a"), "3.1/2"}), "3.1/2: no scenario there is about this clause");
  EXPECT_EQ(select({"2.4/100"}),
            "2.4/100: No such file or directory, nor a clause; did you mean '2.4/10'?");
  EXPECT_FALSE((Selection{.wanted = {"2.4/1"}}.is_whole()));
}

TEST_F(Selecting, IsWholeWhereNothingIsLeftOut) {
  EXPECT_TRUE(Selection{}.is_whole());
  EXPECT_TRUE((Selection{.wanted = {"some/folder", "a.yaml"}}.is_whole()));
  EXPECT_FALSE((Selection{.wanted = {"some/folder", "reads"}}.is_whole()));
  EXPECT_FALSE((Selection{.wanted = {"a.yaml"}, .excluded = {"reads"}}.is_whole()));
  EXPECT_FALSE((Selection{.wanted = {"a.yaml"}, .level = Level::must}.is_whole()));
}

TEST_F(Selecting, WhatAnswersBrokeIsLeftOutLikeScenarios) {
  const std::string padding = "2/15";  // should
  const auto takes = [](const Selection& selection, const std::string& clause) {
    return selection.takes_answers_about(clause);
  };
  EXPECT_TRUE(takes({}, padding));
  EXPECT_TRUE(takes({.wanted = {"some/folder", "a.yaml"}}, padding));
  EXPECT_TRUE(takes({.level = Level::should}, padding));
  EXPECT_FALSE(takes({.level = Level::must}, padding));
  EXPECT_TRUE(takes({.level = Level::must}, "2/7"));
  EXPECT_TRUE(takes({.wanted = {"a.yaml", "3.1/4", padding}}, padding));
  EXPECT_FALSE(takes({.wanted = {"a.yaml", "3.1/4"}}, padding));
  EXPECT_TRUE(takes({.wanted = {"3.1/4", "reads"}}, padding)) << "of reads, everything is asked";
  EXPECT_FALSE(takes({.excluded = {padding}}, padding));
  EXPECT_FALSE(takes({.excluded = {"target-every-answer"}}, padding));
  EXPECT_FALSE(takes({.excluded = {"*clause=2/15?"}}, padding));
  EXPECT_TRUE(takes({.excluded = {"2/7", "reads"}}, padding));
}

TEST_F(Selecting, WhatIsNotThereIsTold) {
  EXPECT_EQ(select({path("b")}), path("b") + ": No such file or directory");
  EXPECT_EQ(select({path("a"), "raeds"}),
            "raeds: no such file, nor a scenario of this name or tag; did you mean 'reads'?");
  EXPECT_EQ(select({path("a")}, {"nothing"}),
            "nothing: no such file, nor a scenario of this name or tag");
  EXPECT_EQ(select({path("a")}, {"reads", "writes"}),
            "nothing is left to run of what was selected");
  fs::create_directories(path("empty"));
  EXPECT_EQ(select({path("empty")}), path("empty") + ": no scenarios there");
}

TEST_F(Selecting, EveryFileThatIsWrongIsTold) {
  write("a/again.yaml", "reads");
  std::ofstream(path("a/wrong.yaml")) << "scenario: [\n";
  const std::string told = select({path("a")});
  EXPECT_NE(told.find("a/reads.yaml: scenario 'reads' is in " + path("a/again.yaml")),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("\n" + path("a/wrong.yaml") + ":2:1: "), std::string::npos) << told;
}

}  // namespace
}  // namespace aoe::harness
