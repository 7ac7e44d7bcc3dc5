#include "target/service/state_files.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Loaded = StateFiles::Loaded;

const ImageIdentity its_image{"/srv/a \"new\" \\ disk: {é}.img", 1 << 20, "inode 7 of 00ff"};

class StateFilesTest : public ::testing::Test {
 protected:
  StateFiles open(const std::string& name = "state") {
    auto files = StateFiles::open(folder.path(name));
    EXPECT_TRUE(files) << files.error();
    return *files;
  }
  std::string error_of_load(const std::string& text) {
    const StateFiles files = open();
    std::ofstream(folder.path("state/e7.3.yaml")) << text;
    const auto state = files.load(own_address);
    return state ? "no error" : folder.shorten(state.error());
  }

  TestFolder folder;
};

TEST_F(StateFilesTest, NothingWasSavedAtFirst) {
  EXPECT_EQ(open().load(own_address).value(), std::nullopt);
}

TEST_F(StateFilesTest, GivesBackWhatWasSavedLast) {
  const StateFiles files = open();
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  const LunState full{every_byte + every_byte + every_byte + every_byte, numbered_macs(255),
                      numbered_macs(200)};
  for (const LunState& state : {LunState{"abc", {client_mac}, {}}, full, LunState{},
                                LunState{"", {client_mac}, {}, true}}) {
    EXPECT_EQ(files.save(own_address, state, its_image), std::error_code{});
    EXPECT_EQ(files.load(own_address).value(), (Loaded{state, its_image}));
    EXPECT_EQ(open().load(own_address).value(), (Loaded{state, its_image})) << "in a later life";
  }
  EXPECT_EQ(files.load({7, 4}).value(), std::nullopt) << "each LUN has its own";
}

TEST_F(StateFilesTest, AFileThatHoldsSomethingElseIsAnError) {
  EXPECT_EQ(error_of_load(""), "state/e7.3.yaml:1:1: state: expected a mapping");
  EXPECT_EQ(error_of_load("config-string: \"\"\nreserved: []\n"),
            "state/e7.3.yaml:1:1: state: key 'mask' is missing");
  EXPECT_EQ(error_of_load("mask: []\n"), "state/e7.3.yaml:1:1: state: key 'reserved' is missing");
  EXPECT_EQ(
      error_of_load("config-string: \"6\"\nmask: []\nreserved: []\n"),
      "state/e7.3.yaml:1:16: state: config-string: expected at most 1024 bytes in hexadecimal");
  EXPECT_EQ(error_of_load("config-string: \"\"\nmask: [a]\nreserved: []\n"),
            "state/e7.3.yaml:2:8: state: mask: expected a MAC address such as 02:00:00:00:00:01");
  EXPECT_NE(error_of_load("config-string: \"\"\nmask: [\n"), "no error");
}

TEST_F(StateFilesTest, AFileWithoutAnImageIsOfAny) {
  const StateFiles files = open();
  std::ofstream(folder.path("state/e7.3.yaml"))
      << "config-string: \"6162\"\nmask: []\nreserved: []\n";
  EXPECT_EQ(files.load(own_address).value(), (Loaded{{"ab", {}, {}}, std::nullopt}));
  EXPECT_EQ(error_of_load("image: {path: a, size: 1}\nmask: []\nreserved: []\n"),
            "state/e7.3.yaml:1:8: image: key 'object' is missing");
}

TEST_F(StateFilesTest, FilesThatAreSetAsideAreAllKept) {
  const StateFiles files = open();
  EXPECT_EQ(files.set_aside(own_address).value(), std::nullopt) << "there is none";
  for (const std::string name : {"e7.3.yaml.old", "e7.3.yaml.old2", "e7.3.yaml.old3"}) {
    EXPECT_EQ(files.save(own_address, {name, {}, {}}, its_image), std::error_code{});
    EXPECT_EQ(files.set_aside(own_address).value(), folder.path("state/" + name));
    EXPECT_EQ(files.load(own_address).value(), std::nullopt);
  }
  std::filesystem::rename(folder.path("state/e7.3.yaml.old2"), folder.path("state/e7.3.yaml"));
  EXPECT_EQ(files.load(own_address).value(), (Loaded{{"e7.3.yaml.old2", {}, {}}, its_image}));
}

TEST_F(StateFilesTest, WhatCanNotBeSetAsideIsAnError) {
  const StateFiles files = open();
  EXPECT_EQ(files.save(own_address, {}, its_image), std::error_code{});
  std::filesystem::rename(folder.path("state"), folder.path("moved"));
  folder.make_image(1, "state");
  EXPECT_EQ(folder.shorten(files.set_aside(own_address).error()),
            "state/e7.3.yaml: Not a directory");
}

TEST_F(StateFilesTest, FolderThatCanNotBeUsedIsNamed) {
  EXPECT_EQ(StateFiles::open("/proc/nowhere").error(), "/proc/nowhere: No such file or directory");
  EXPECT_EQ(folder.shorten(StateFiles::open(folder.make_image(1, "file")).error()),
            "file: Not a directory");
}

TEST_F(StateFilesTest, WhatCanNotBeSavedIsAnError) {
  const StateFiles files = open();
  std::filesystem::remove_all(folder.path("state"));
  EXPECT_EQ(files.save(own_address, {}, its_image), std::errc::no_such_file_or_directory);
}

TEST_F(StateFilesTest, LinkInTheFolderIsReplacedAndNotFollowed) {
  const StateFiles files = open();
  const auto outside = folder.make_image(pattern(1000, 1), "outside");
  for (const std::string name : {"state/e7.3.yaml", "state/e7.3.yaml.new"}) {
    std::filesystem::remove(folder.path("state/e7.3.yaml"));
    std::filesystem::create_symlink(outside, folder.path(name));
    EXPECT_EQ(files.save(own_address, {"abc", {}, {}}, its_image), std::error_code{});
    EXPECT_EQ(files.load(own_address).value(), (Loaded{{"abc", {}, {}}, its_image}));
    EXPECT_EQ(folder.contents("outside"), pattern(1000, 1)) << name;
  }
}

TEST_F(StateFilesTest, SavesManyAtOnceEachWithItsOwnResult) {
  const StateFiles files = open();
  std::vector<StateFiles::Saved> states;
  for (std::uint8_t slot = 0; slot < 20; ++slot) {
    states.push_back(
        {{7, slot}, {std::string(1, static_cast<char>('a' + slot)), {}, {}}, its_image});
  }
  states.push_back({{7, 3}, {"the last one", {}, {}}, its_image});
  std::filesystem::create_directory(folder.path("state/e7.5.yaml"));
  const auto errors = files.save(states);
  ASSERT_EQ(errors.size(), states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    EXPECT_EQ(static_cast<bool>(errors[i]), i == 5) << i;
    if (i == 5 || i == 3) continue;
    EXPECT_EQ(files.load(states[i].lun).value(), (Loaded{states[i].state, its_image}));
  }
  EXPECT_EQ(errors[5], std::errc::is_a_directory);
  std::filesystem::remove_all(folder.path("state"));
  for (const auto& error : files.save(states)) {
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
  }
}

TEST_F(StateFilesTest, AKillAtAnyInstantLeavesTheOldOrTheNew) {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    const StateFiles files = open();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (std::size_t i = 0;; ++i) {
        const std::string text(1000, static_cast<char>('a' + i % 26));
        static_cast<void>(files.save(own_address, {text, numbered_macs(i % 255), {}}, its_image));
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 5000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto state = files.load(own_address);
    ASSERT_TRUE(state) << state.error();
    if (!*state) continue;
    const std::string& text = (*state)->state.config_string;
    EXPECT_EQ(text, std::string(1000, text[0]));
    EXPECT_EQ((*state)->state.mask, numbered_macs((*state)->state.mask.size()));
  }
}

}  // namespace
}  // namespace aoe::target
