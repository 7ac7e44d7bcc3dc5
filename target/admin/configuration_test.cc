#include "target/admin/configuration.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::target {
namespace {

constexpr Address in_file{0, 2};
constexpr Address added{0, 3};

class ConfigurationTest : public ::testing::Test {
 protected:
  ConfigurationTest() {
    std::filesystem::create_directories(folder_);
    write("aoe.yaml",
          "# by hand\nluns:\n- {shelf: 0, slot: 2, path: disk2.img, buffers: 8, sync: true}\n");
    EXPECT_TRUE(configuration_.read());
    configuration_.commit();
  }
  ~ConfigurationTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  std::string text(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
  /// Edits a LUN and takes that over. Returns what the LUN is then; nothing where it is not there.
  std::optional<LunDefinition> take(Address lun, const LunEdit& edit) {
    const auto definition = configuration_.edit(lun, edit);
    EXPECT_TRUE(definition) << definition.error();
    configuration_.commit();
    return find(*definition, lun);
  }
  static std::optional<LunDefinition> find(const TargetDefinition& definition, Address lun) {
    const auto found = std::ranges::find(definition.luns, lun, &LunDefinition::address);
    return found == definition.luns.end() ? std::nullopt : std::optional(*found);
  }
  std::string refusal(Address lun, const LunEdit& edit) {
    const auto definition = configuration_.edit(lun, edit);
    return definition ? "none" : definition.error();
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + fmt::format("configuration-{}", ::getpid());
  Configuration configuration_{(folder_ / "aoe.yaml").string(),
                               [](TargetDefinition definition) { return definition; }};
};

TEST_F(ConfigurationTest, AnEditIsLaidOverWhatTheFileSays) {
  const auto set = take(in_file, {.values = {{"buffers", "16"}, {"sync", ""}}});
  EXPECT_EQ(set->buffers, 16);
  EXPECT_FALSE(set->store.sync);
  EXPECT_EQ(set->store.path, (folder_ / "disk2.img").string());
  EXPECT_EQ(take(in_file, {.values = {{"limits", "{iops: 5}"}}})->buffers, 16) << "both hold";
  EXPECT_EQ(take(added, {.is_new = true, .values = {{"path", "/disk3.img"}}})->store.path,
            "/disk3.img");
  EXPECT_FALSE(take(in_file, {.is_removed = true}));
  EXPECT_EQ(take(in_file, {.is_new = true, .values = {{"path", "/new.img"}}})->buffers, 64)
      << "nothing of the former LUN holds";
  const auto read = configuration_.read();
  EXPECT_EQ(find(*read, in_file)->buffers, 8);
  EXPECT_FALSE(find(*read, added));
}

TEST_F(ConfigurationTest, AnEditThatIsRefusedChangesNothing) {
  const auto values = [](const char* key, const char* value) {
    return LunEdit{.values = {{key, value}}};
  };
  EXPECT_EQ(refusal(in_file, values("bufers", "16")),
            "lun: unknown key 'bufers'; did you mean 'buffers'?");
  EXPECT_EQ(refusal(in_file, values("sync", "maybe")), "lun: sync: expected true or false");
  EXPECT_EQ(refusal(in_file, values("interfaces", "[eth0")),
            "interfaces: '[eth0': end of sequence flow not found");
  EXPECT_EQ(refusal(in_file, values("slot", "3")),
            "slot: the address of a LUN stays: remove it, and add it at another");
  EXPECT_EQ(take(in_file, {.values = {{"model", "disk"}}})->buffers, 8);
}

TEST_F(ConfigurationTest, WhatIsSavedIsThereAtTheNextStart) {
  EXPECT_EQ(configuration_.why_not_saved(added), "");
  take(added, {.is_new = true, .values = {{"path", "/disk3.img"}, {"buffers", "16"}}});
  const std::string path = (folder_ / "aoe.d/e0.3.yaml").string();
  EXPECT_EQ(configuration_.save(added).value(), path);
  EXPECT_EQ(text("aoe.d/e0.3.yaml"),
            "# e0.3 as aoe-target ctl --save has written it, and will again.\n"
            "luns:\n  - shelf: 0\n    slot: 3\n    buffers: 16\n    path: /disk3.img\n");
  EXPECT_EQ(find(configuration_.read().value(), added)->buffers, 16);
  configuration_.commit();
  EXPECT_EQ(configuration_.why_not_saved(added), "");
  take(added, {.values = {{"buffers", "32"}}});
  EXPECT_EQ(find(configuration_.read().value(), added)->buffers, 16) << "not saved";
  take(added, {.values = {{"sync", "true"}, {"buffers", ""}}});
  EXPECT_TRUE(configuration_.save(added));
  const auto again = find(configuration_.read().value(), added);
  EXPECT_EQ(again->buffers, 64);
  EXPECT_TRUE(again->store.sync);
  configuration_.commit();
  take(added, {.is_removed = true});
  EXPECT_TRUE(configuration_.save(added));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(find(configuration_.read().value(), added));
}

TEST_F(ConfigurationTest, WhatAPersonHasWrittenIsNotOverwritten) {
  EXPECT_EQ(
      configuration_.why_not_saved(in_file),
      fmt::format("e0.2 is defined in {}:3:3: change it there", (folder_ / "aoe.yaml").string()));
  take(added, {.is_new = true, .values = {{"path", "/disk3.img"}}});
  EXPECT_TRUE(configuration_.save(added));
  write("aoe.d/e0.3.yaml", "luns: [{shelf: 0, slot: 3, path: /a}, {shelf: 0, slot: 4, path: /b}]");
  EXPECT_TRUE(configuration_.read());
  configuration_.commit();
  EXPECT_EQ(configuration_.why_not_saved(added),
            fmt::format("{} has more than e0.3: change it there",
                        (folder_ / "aoe.d/e0.3.yaml").string()));
}

TEST_F(ConfigurationTest, WhatCannotBeSavedSaysWhy) {
  write("aoe.d", "a file");
  EXPECT_TRUE(std::filesystem::remove(folder_ / "aoe.d"));
  take(added, {.is_new = true, .values = {{"path", "/disk3.img"}}});
  write("aoe.d", "a file");
  EXPECT_EQ(configuration_.save(added).error(),
            (folder_ / "aoe.d/e0.3.yaml").string() + ": Not a directory");
}

}  // namespace
}  // namespace aoe::target
