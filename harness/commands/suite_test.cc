#include "harness/commands/suite.h"

#include <fstream>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using Role = Implementation::Role;

/// "a b", of what is in such a suite.
std::string selected(Role role, const std::string& clause_of_b) {
  const Folder folder;
  std::ofstream(folder.path("suite.yaml"))
      << "scenario: a\ntitle: t\nclause: 2/3\nroles: {target: {}}\nsteps: [{wait: 1ms}]\n"
      << "---\nscenario: b\ntitle: t\nclause: " << clause_of_b
      << "\nroles: {target: {}}\nsteps: [{wait: 1ms}]\n";
  Selection selection;
  selection.wanted = {folder.path("suite.yaml")};
  const auto scenarios = select_suite(role, selection);
  if (!scenarios) return scenarios.error();
  std::string text;
  for (const Scenario& scenario : *scenarios) text += (text.empty() ? "" : " ") + scenario.id;
  return text;
}

TEST(Suite, IsWhatIsAboutAClauseThatBindsTheEnd) {
  EXPECT_EQ(selected(Role::target, "2/31"), "a");
  EXPECT_EQ(selected(Role::initiator, "2/31"), "b");
  EXPECT_EQ(selected(Role::target, "2/15"), "a b") << "2/15 binds both";
  EXPECT_EQ(selected(Role::initiator, "2/4"),
            "nothing of what was selected is about a clause that binds an initiator");
}

TEST(Expectations, ThoseOfAKnownImplementationAreTakenUnlessToldOtherwise) {
  for (const auto& [name, yaml] : known_expectations()) {
    const auto implementation = find_implementation(name);
    ASSERT_TRUE(implementation) << name << ".expected.yaml is of nothing that is known";
    const auto known = expectations_of(*implementation, "");
    ASSERT_TRUE(known) << known.error();
  }
  const auto vblade = find_implementation("vblade");
  ASSERT_TRUE(vblade);
  EXPECT_TRUE(expectations_of(*vblade, "none"));
  EXPECT_EQ(expectations_of(*vblade, "nowhere.yaml").error(),
            "nowhere.yaml: No such file or directory");
}

}  // namespace
}  // namespace aoe::harness
