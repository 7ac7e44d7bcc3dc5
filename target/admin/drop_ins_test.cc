#include "target/admin/drop_ins.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/admin/config_file.h"

namespace aoe::target {
namespace {

/// What several files of a configuration are refused for: "none" where they are not.
std::string complaint_of(const std::vector<ConfigText>& files) {
  const auto definition = parse_config(files);
  return definition ? "none" : definition.error();
}

TEST(DropIns, AreReadAsIfAllWereOneFile) {
  const std::vector<ConfigText> files{
      {"/etc/aoe.yaml", "state: state\ndefaults: {allow: [lab], buffers: 8}\nluns: []\n"},
      {"/etc/aoe.d/a.yaml",
       "groups: {lab: ['02:00:00:00:00:01']}\nluns: [{shelf: 0, slot: 2, path: a.img}]"},
      {"/etc/aoe.d/b.yaml",
       "workers: 2\nclient-limits: {lab: {iops: 5}}\nluns:\n- {shelf: 0, slot: 3, path: b.img}"}};
  const auto definition = parse_config(files);
  ASSERT_TRUE(definition) << definition.error();
  EXPECT_EQ(definition->state_folder, "/etc/state");
  EXPECT_EQ(definition->workers, 2);
  EXPECT_EQ(definition->client_limits.named.size(), 1U);
  ASSERT_EQ(definition->luns.size(), 2U);
  EXPECT_EQ(definition->luns[0].store.path, "/etc/aoe.d/a.img") << "relative to its own file";
  EXPECT_EQ(definition->luns[0].allow, (std::vector{Mac{{2, 0, 0, 0, 0, 1}}}));
  EXPECT_EQ(definition->luns[1].buffers, 8) << "the defaults are those of all LUNs";
  EXPECT_EQ(definition->places.at({0, 3}), "/etc/aoe.d/b.yaml:4:3");
}

TEST(DropIns, MayNameAGroupOfAnotherFile) {
  const auto definition =
      parse_config(std::vector<ConfigText>{{"a.yaml", "luns: []\ngroups: {all: [lab]}"},
                                           {"a.d/b.yaml",
                                            "groups: {lab: 02:00:00:00:00:01}\n"
                                            "client-limits: {all: {iops: 5}}"}});
  ASSERT_TRUE(definition) << definition.error();
  EXPECT_EQ(definition->client_limits.named.size(), 1U);
}

TEST(DropIns, HaveNoKeyThatAnotherFileHas) {
  const auto two = [](const std::string& first, const std::string& second) {
    return complaint_of({{"a.yaml", "luns: []\n" + first}, {"a.d/b.yaml", second}});
  };
  EXPECT_EQ(two("", "luns: [{shelf: 0, slot: 2, path: a}]"), "none");
  EXPECT_EQ(two("workers: 2", "workers: 2"),
            "a.d/b.yaml:1:1: target: workers: is in a.yaml:2:1 as well");
  EXPECT_EQ(two("defaults: {}", "\ndefaults: {}"),
            "a.d/b.yaml:2:1: target: defaults: is in a.yaml:2:1 as well");
  const char* const group = "groups: {lab: ['02:00:00:00:00:01']}";
  EXPECT_EQ(two(group, group), "a.d/b.yaml:1:10: groups: lab: another file has this group as well");
  const char* const limits = "client-limits: {everyone: {iops: 5}}";
  EXPECT_EQ(two(limits, limits),
            "a.d/b.yaml:1:17: client-limits: everyone has limits already, in another file");
  EXPECT_EQ(two("", "lunz: []"),
            "a.d/b.yaml:1:1: target: unknown key 'lunz'; did you mean 'luns'?");
  EXPECT_EQ(two("", "["), "a.d/b.yaml:1:1: end of sequence flow not found");
  EXPECT_EQ(complaint_of({{"a.yaml", "workers: 1"}, {"a.d/b.yaml", "state: s"}}),
            "a.yaml:1:1: target: key 'luns' is missing");
}

TEST(DropIns, HaveNoLunThatAnotherFileHas) {
  const std::string lun = "luns:\n- {shelf: 0, slot: 2, path: a}";
  EXPECT_EQ(complaint_of({{"a.yaml", lun}, {"a.d/b.yaml", lun}}),
            "a.d/b.yaml:2:11: lun: e0.2 is defined twice, first at a.yaml:2:3");
}

TEST(DropIns, AreTheYamlFilesOfAFolderInTheOrderOfTheirNames) {
  EXPECT_EQ(drop_in_folder("/etc/aoe-target.yaml"), "/etc/aoe-target.d");
  EXPECT_EQ(drop_in_folder("conf"), "conf.d");
  const std::filesystem::path folder = testing::TempDir() + fmt::format("drop-ins-{}", ::getpid());
  std::filesystem::create_directories(folder / "aoe.d");
  const auto write = [&folder](const std::string& name) { std::ofstream(folder / name) << name; };
  for (const char* name : {"aoe.yaml", "aoe.d/20.yaml", "aoe.d/10.yaml", "aoe.d/.hidden.yaml",
                           "aoe.d/30.yaml.old", "aoe.d/30.yaml~"}) {
    write(name);
  }
  const auto files = read_config_texts((folder / "aoe.yaml").string());
  ASSERT_TRUE(files);
  std::vector<std::string> texts;
  for (const ConfigText& file : *files) texts.push_back(file.text);
  EXPECT_EQ(texts, (std::vector<std::string>{"aoe.yaml", "aoe.d/10.yaml", "aoe.d/20.yaml"}));
  std::filesystem::remove_all(folder / "aoe.d");
  EXPECT_EQ(read_config_texts((folder / "aoe.yaml").string())->size(), 1U);
  write("aoe.d");
  EXPECT_EQ(read_config_texts((folder / "aoe.yaml").string()).error(),
            (folder / "aoe.d").string() + ": Not a directory");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace aoe::target
