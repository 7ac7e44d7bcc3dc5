#include "target/admin/groups.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/admin/config_file.h"

namespace aoe::target {
namespace {

/// What a configuration is refused for, without the name of the file.
std::string refusal_of(const std::string& text) {
  const auto definition = parse_config(text, "aoe.yaml");
  return definition ? "none" : definition.error().substr(9);
}

TEST(Groups, AGroupIsANameForAddresses) {
  EXPECT_EQ(refusal_of("groups: {\"a b\": []}"), "1:10: groups: 'a b' cannot name a group");
  EXPECT_EQ(refusal_of("groups: {everyone: []}"), "1:10: groups: 'everyone' cannot name a group");
  EXPECT_EQ(refusal_of("groups: {a: 02:00:00:00:00:01, b: [c]}"),
            "1:36: groups: b: expected an address such as 02:00:00:0a:0b:0c, got 'c'");
  EXPECT_EQ(refusal_of("groups: {a: [02:00:00:00:00:01, 02:00:00:00:00:01]}"),
            "1:33: groups: a: 02:00:00:00:00:01 is listed twice");
  EXPECT_EQ(refusal_of("groups: []"), "1:9: groups: expected a mapping");
}

TEST(Groups, AGroupMayHaveGroups) {
  const auto allowed = [](const std::string& groups) {
    return lun("groups: {" + groups + "}\nluns: [{shelf: 0, slot: 2, path: a, allow: [all]}]")
        .allow;
  };
  const Mac one{{2, 0, 0, 0, 0, 1}};
  const Mac two{{2, 0, 0, 0, 0, 2}};
  EXPECT_EQ(allowed("all: [lab, desk], lab: 02:00:00:00:00:01, desk: 02:00:00:00:00:02"),
            (std::vector{one, two}));
  EXPECT_EQ(allowed("all: [lab, 02:00:00:00:00:02, desk], lab: [desk], desk: 02:00:00:00:00:01"),
            (std::vector{one, two}))
      << "an address in two groups counts once";
  EXPECT_EQ(refusal_of("groups: {a: [b], b: [c], c: [a]}"),
            "1:30: groups: c: the group contains itself, by a");
  EXPECT_EQ(refusal_of("groups: {a: [a]}"), "1:14: groups: a: the group contains itself, by a");
  EXPECT_EQ(refusal_of("groups: {a: [b], b: []}"), "1:21: groups: b: the group is empty");
}

TEST(Groups, NamesOfEthersAreGroupsOfOneAddress) {
  const std::string path = testing::TempDir() + fmt::format("ethers-{}", ::getpid());
  std::ofstream(path) << "# comment\n2:0:0:0:0:1 desk\n02:00:00:00:00:02\tlab # a host\n"
                         "frob other\n02:00:00:00:00:03\n03:00:00:00:00:04 many\n";
  Groups groups(path);
  std::filesystem::remove(path);
  const YAML::Node written = YAML::Load("{lab: 02:00:00:00:00:09, room: [lab, desk]}");
  groups.take(YamlMap(written, "aoe.yaml", "groups"));
  groups.resolve();
  const Mac desk{{2, 0, 0, 0, 0, 1}};
  const Mac lab{{2, 0, 0, 0, 0, 9}};
  EXPECT_EQ(*groups.find("desk"), std::vector{desk});
  EXPECT_EQ(*groups.find("lab"), std::vector{lab}) << "the configuration prevails";
  EXPECT_EQ(*groups.find("room"), (std::vector{lab, desk}));
  EXPECT_EQ(groups.names(), (std::set<std::string>{"desk", "lab", "room"}));
  EXPECT_EQ(Groups("/nonexistent").names(), std::set<std::string>{});
}

}  // namespace
}  // namespace aoe::target
