#include "harness/language/implementation.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

using Words = std::vector<std::string>;
using Role = Implementation::Role;

TEST(Expand, ReplacesPlaceholdersAndKeepsQuotedWordsTogether) {
  const Placeholders values{{"shelf", "1"}, {"image", "a file"}};
  EXPECT_EQ(expand("vblade  {shelf} x{shelf}y {image}", values),
            (Words{"vblade", "1", "x1y", "a file"}));
  EXPECT_EQ(expand("sh -c 'exec a \"b\" {shelf}' \"\"", values),
            (Words{"sh", "-c", "exec a \"b\" 1", ""}));
  EXPECT_EQ(expand("ask ${Version}", values), (Words{"ask", "${Version}"}));
  EXPECT_EQ(expand("", values), Words{});
  EXPECT_EQ(words_of("ssh lab '{shelf} x'"), (Words{"ssh", "lab", "{shelf} x"}));
}

TEST(Expand, WhatItDoesNotKnowItNames) {
  const Placeholders values{{"shelf", "1"}, {"slot", "1"}};
  EXPECT_EQ(expand("vblade {shelv}", values).error(),
            "{shelv}: no such placeholder; there are {shelf}, {slot}");
  EXPECT_EQ(expand("vblade {shelf", values).error(),
            "{shelf}: no such placeholder; there are {shelf}, {slot}");
  EXPECT_EQ(expand("sh -c 'x", values).error(), "sh -c 'x: a quote is not closed");
}

TEST(FindImplementation, ThoseInSutsAreKnownByName) {
  for (const auto& [name, yaml] : known_implementations()) {
    const auto found = find_implementation(name);
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(found->name, name);
  }
  EXPECT_EQ(find_implementation("vblade")->role, Role::target);
  EXPECT_EQ(find_implementation("aoe-initiator")->role, Role::initiator);
  EXPECT_EQ(our_target().name, "aoe-target");
}

TEST(FindImplementation, AnUnknownNameLeadsToThoseThereAre) {
  EXPECT_EQ(find_implementation("vblabe").error(),
            "vblabe: no such implementation (did you mean vblade?); known are aoe-initiator, "
            "aoe-target, aoetools, ipxe, linux, vblade, and a command says where its disk is: "
            "{image} or {dir}");
  EXPECT_EQ(find_implementation("nowhere/my.yaml").error(),
            "nowhere/my.yaml: No such file or directory");
}

TEST(FindImplementation, ACommandIsATargetOrAnInitiatorByWhatItAsksFor) {
  const auto target = find_implementation("./mine {shelf}.{slot} {interface} {image}");
  ASSERT_TRUE(target) << target.error();
  EXPECT_EQ(target->name, "./mine {shelf}.{slot} {interface} {image}");
  EXPECT_EQ(target->role, Role::target);
  const auto initiator = find_implementation("mount-it {dir} {interface}");
  ASSERT_TRUE(initiator) << initiator.error();
  EXPECT_EQ(initiator->role, Role::initiator);
  EXPECT_EQ(initiator->device, "{dir}/dev/etherd/{device}");
  EXPECT_EQ(find_implementation("mine {disk}").error(),
            "{disk}: no such placeholder; there are {buffers}, {image}, {interface}, {mac}, {mtu}, "
            "{shelf}, {slot}, {state}");
}

TEST(ParseImplementation, SaysWhatIsWrongWhere) {
  const auto error = [](const std::string& yaml) {
    return parse_implementation(yaml, "x.yaml").error();
  };
  EXPECT_EQ(
      error("implementation: x\nrole: target\ncommand: x {dir}\n"),
      "x.yaml:3:10: implementation: {dir}: no such placeholder; there are {buffers}, {image}, "
      "{interface}, {mac}, {mtu}, {shelf}, {slot}, {state}");
  EXPECT_EQ(error("implementation: x\nrole: initiator\ncommand: x\n").substr(0, 10), "x.yaml:1:1");
  EXPECT_NE(error("implementation: x\nrole: target\ncommand: x\ncolour: red\n").find("colour"),
            std::string::npos);
}

TEST(ParseImplementation, MistakesAreNamed) {
  const std::string target = "implementation: x\nrole: target\n";
  const std::string bare = "implementation: x\nrole: initiator\n";
  const std::string initiator = bare + "command: x {dir}\n";
  struct {
    std::string yaml;
    std::string complaint;
  } const mistakes[]{
      {target + "comand: x {image}\n",
       "3:1: implementation: unknown key 'comand'; did you mean 'command', which is missing?"},
      {target + "command: ''\n",
       "3:10: implementation: command: expected a program or a file, got nothing"},
      {target + "command: 'x \"{image}'\n",
       "3:10: implementation: x \"{image}: a quote is not closed"},
      {target + "command: [x, '{image}']\n", "3:10: implementation: command: expected a text"},
      {target + "command: x {image}\nversion: x {image}\n",
       "4:10: implementation: version: {image}: expected no placeholder here"},
      {target + "command: x {image}\nready-within: 5s\n",
       "4:1: implementation: unknown key 'ready-within'; known are cannot, command, "
       "implementation, "
       "role, version"},
      {initiator, "1:1: implementation: key 'device' is missing"},
      {initiator + "device: '{dri}/x'\n",
       "4:9: implementation: {dri}: no such placeholder; there are {deadsecs}, {device}, {dir}, "
       "{interface}, {mac}, {maxout}, {mtu}, {shelf}, {slot}"},
      {initiator + "device: '{dir}/d'\nat-once: 3\n",
       "5:10: implementation: at-once: expected read: or session: beside it, for a disk that is no "
       "file"},
      {bare + "read: x {lba}\ndevice: d\n",
       "4:9: implementation: device: a disk that is used by commands (read:) has no file"},
      {bare + "read: x {sector}\n",
       "3:7: implementation: {sector}: no such placeholder; there are {count}, {deadsecs}, "
       "{device}, {dir}, {interface}, {lba}, {mac}, {maxout}, {mtu}, {shelf}, {slot}"},
      {bare + "read: x\nflush: x {lba}\n",
       "4:8: implementation: {lba}: no such placeholder; there are {deadsecs}, {device}, {dir}, "
       "{interface}, {mac}, {maxout}, {mtu}, {shelf}, {slot}"},
      {bare + "session: x\nflush: y\n",
       "4:8: implementation: flush: a session takes all requests itself, so this has no meaning "
       "beside it"},
      {bare + "session: x\nat-once: 33\n",
       "4:10: implementation: at-once: expected a whole number from 1 to 32"},
      {target + "command: x\ncannot: {multipth: one address}\n",
       "4:10: cannot: there is no 'multipth'; did you mean 'multipath'?"},
      {"implementation: x\nrole: traget\ncommand: x {image}\n",
       "2:7: implementation: role: expected one of target, initiator, got 'traget'; did you mean "
       "'target'?"},
  };
  for (const auto& [yaml, complaint] : mistakes) {
    const auto found = parse_implementation(yaml, "x.yaml");
    ASSERT_FALSE(found) << yaml;
    EXPECT_EQ(found.error(), "x.yaml:" + complaint) << yaml;
  }
}

TEST(ParseImplementation, AnInitiatorMayTakeItsTime) {
  const std::string mounted =
      "implementation: x\nrole: initiator\ncommand: x {dir}\ndevice: '{dir}/d'\n";
  EXPECT_EQ(parse_implementation(mounted, "x.yaml")->ready_within, std::chrono::seconds(10));
  EXPECT_EQ(parse_implementation(mounted + "ready-within: 500ms\n", "x.yaml")->ready_within,
            std::chrono::milliseconds(500));
  EXPECT_EQ(parse_implementation(mounted + "ready-within: soon\n", "x.yaml").error().substr(0, 11),
            "x.yaml:5:15");
}

TEST(ParseImplementation, WhatItCannotIsKept) {
  const auto found = parse_implementation(
      "implementation: x\nrole: target\ncommand: x\ncannot: {pause: it is a kernel}\n", "x.yaml");
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->cannot.at("pause"), "it is a kernel");
}

TEST(ParseImplementation, AnInitiatorMayBeUsedByCommands) {
  const std::string bare = "implementation: x\nrole: initiator\n";
  const auto requests = parse_implementation(
      bare + "read: x {lba} {count}\nwrite: y {lba}\nrequest-within: 3s\n", "x.yaml");
  ASSERT_TRUE(requests) << requests.error();
  EXPECT_EQ(requests->use(), Implementation::Use::requests);
  EXPECT_EQ(requests->write, "y {lba}");
  EXPECT_EQ(requests->at_once, 32U);
  EXPECT_EQ(requests->request_within, std::chrono::seconds(3));
  EXPECT_TRUE(requests->takes("count"));
  EXPECT_FALSE(requests->takes("deadsecs"));
  const auto session = parse_implementation(bare + "session: x {interface}\n", "x.yaml");
  ASSERT_TRUE(session) << session.error();
  EXPECT_EQ(session->use(), Implementation::Use::session);
  EXPECT_EQ(session->at_once, 1U);
}

}  // namespace
}  // namespace aoe::harness
