#include "target/admin/config_file.h"

#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/size.h"
#include "config/yaml_file.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr const char* good_file = R"(
defaults: {interfaces: ["eth*"], buffers: 32}
groups:
  lab: ["02:00:00:00:00:01", "02:00:00:00:00:02"]
  desk: 02:00:00:00:00:03
state: /var/lib/aoe-target
control: run/aoe-target.sock
workers: 2
busy-poll: true
wildcards: config-only
capture: traffic.pcap
request-memory: 64MiB
client-limits:
  everyone: {iops: 10000}
  lab: {bytes-per-second: 10MiB, burst: 20ms}
  "02:00:00:00:00:03": {}
luns:
  - {shelf: 0, slot: 2, path: disk.img}
  - {shelf: 0, slot: 3, path: golden.img, overlay: client3.cow, create: true, allow: [lab]}
  - {shelf: 1, slot: 0, path: /dev/vg0/data, io: direct, read-only: true, interfaces: eth7}
  - {shelf: 1, slot: 1, path: "nbd+unix:///?socket=/run/rbd.sock", sync: true}
  - shelf: 65534
    slot: 254
    path: memory:64MiB
    buffers: 2
    config-string: "hello\0"
    allow: [lab, "02:00:00:00:00:04"]
    rights: {everyone: [], lab: [read, config-set], "02:00:00:00:00:04": all}
    deny: ["02:00:00:00:00:02", desk]
    model: A disk
    serial: S-1
    announce: false
    force: true
    interfaces: []
    limits: {iops: 500, bytes-per-second: 1MiB}
)";

TargetDefinition definition(const std::string& text) {
  auto definition = parse_config(text, "/etc/aoe/aoe.yaml");
  EXPECT_TRUE(definition) << definition.error();
  return definition.value_or(TargetDefinition{});
}

LunDefinition lun(const std::string& text) {
  const TargetDefinition target = definition(text);
  return target.luns.empty() ? LunDefinition{} : target.luns.back();
}

/// What reading the text complains of, without the name of the file.
std::string complaint(const std::string& text) {
  const auto definition = parse_config(text, "aoe.yaml");
  if (definition) return "none";
  EXPECT_TRUE(definition.error().starts_with("aoe.yaml:")) << definition.error();
  return definition.error().substr(9);
}

/// The same of a single LUN with these keys.
std::string lun_complaint(const std::string& keys) {
  return complaint(
      "groups: {lab: [\"02:00:00:00:00:01\"]}\nluns:\n- {shelf: 0, slot: 2, path: a, " + keys +
      "}\n");
}

Mac mac(std::uint8_t last) {
  return {{2, 0, 0, 0, 0, last}};
}

TEST(ConfigFile, ATargetIsReadWhole) {
  const TargetDefinition target = definition(good_file);
  EXPECT_EQ(target.state_folder, "/var/lib/aoe-target");
  EXPECT_EQ(target.control, "/etc/aoe/run/aoe-target.sock");
  EXPECT_EQ(target.capture, "/etc/aoe/traffic.pcap");
  EXPECT_EQ(target.workers, 2);
  EXPECT_TRUE(target.busy_poll);
  EXPECT_EQ(target.wildcards, Wildcards::config_only);
  EXPECT_EQ(target.request_memory, 64U << 20);
  const RateLimits of_lab{0, 10 << 20, 20ms};
  const ClientLimits of_clients{{.iops = 10000},
                                {{mac(1), of_lab}, {mac(2), of_lab}, {mac(3), {}}}};
  EXPECT_EQ(target.client_limits, of_clients);
  ASSERT_EQ(target.luns.size(), 5U);
  EXPECT_EQ(target.places.size(), 5U);

  LunDefinition plain;
  plain.address = {0, 2};
  plain.store.path = "/etc/aoe/disk.img";
  plain.interfaces = {"eth*"};
  plain.buffers = 32;
  EXPECT_EQ(target.luns[0], plain);

  LunDefinition overlay = plain;
  overlay.address = {0, 3};
  overlay.store.path = "/etc/aoe/golden.img";
  overlay.store.overlay = "/etc/aoe/client3.cow";
  overlay.allow = {mac(1), mac(2)};
  EXPECT_EQ(target.luns[1], overlay);
  EXPECT_TRUE(target.luns[1].store.create);
  EXPECT_FALSE(target.luns[0].store.create);

  LunDefinition device = plain;
  device.address = {1, 0};
  device.store.path = "/dev/vg0/data";
  device.store.io = IoMode::direct;
  device.store.read_only = true;
  device.interfaces = {"eth7"};
  EXPECT_EQ(target.luns[2], device);

  LunDefinition remote = plain;
  remote.address = {1, 1};
  remote.store.path = "nbd+unix:///?socket=/run/rbd.sock";
  remote.store.sync = true;
  EXPECT_EQ(target.luns[3], remote);

  LunDefinition memory;
  memory.address = {65534, 254};
  memory.store.path = "memory:64MiB";
  memory.buffers = 2;
  memory.config_string = std::string("hello\0", 6);
  memory.allow = {mac(1), mac(2), mac(4)};
  Rights two = Rights::none();
  two.add(Right::read);
  two.add(Right::config_set);
  memory.rights = {Rights::none(), {{mac(1), two}, {mac(2), two}, {mac(4), Rights()}}};
  memory.deny = {mac(2), mac(3)};
  memory.model = "A disk";
  memory.serial = "S-1";
  memory.announce = false;
  memory.store.force = true;
  memory.limits = {.iops = 500, .bytes_per_second = 1 << 20};
  EXPECT_EQ(target.luns[4], memory);
}

TEST(ConfigFile, EachLunHasItsPlace) {
  const TargetDefinition target = definition(
      "luns:\n"
      "  - shelf: 0\n"
      "    slot: 2\n"
      "    path: disk.img\n"
      "  - {shelf: 1, slot: 3, path: other.img}\n");
  EXPECT_TRUE(target.places.at({0, 2}).ends_with("aoe.yaml:2:5")) << target.places.at({0, 2});
  EXPECT_TRUE(target.places.at({1, 3}).ends_with("aoe.yaml:5:5")) << target.places.at({1, 3});
}

TEST(ConfigFile, ATargetMayBeginWithoutLuns) {
  EXPECT_EQ(definition("luns: []"), TargetDefinition{});
  EXPECT_EQ(complaint("workers: 1"), "1:1: target: key 'luns' is missing");
  EXPECT_EQ(complaint("luns: {a: b}"), "1:7: target: luns: expected a list");
  EXPECT_EQ(complaint("luns:"), "1:1: target: luns: expected a list");
  EXPECT_EQ(complaint(""), "1:1: target: expected a mapping");
}

TEST(ConfigFile, ARelativePathIsRelativeToTheFilesFolder) {
  const auto here = parse_config("luns: [{shelf: 0, slot: 2, path: a}]", "aoe.yaml");
  ASSERT_TRUE(here);
  EXPECT_EQ(here->luns.front().store.path, "a");
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/config_file_test.yaml") << "luns: [{shelf: 0, slot: 2, path: d/a}]";
  const auto there = read_config_file(folder + "/config_file_test.yaml");
  ASSERT_TRUE(there) << there.error();
  EXPECT_EQ(there->luns.front().store.path, std::filesystem::path(folder) / "d/a");
}

TEST(ConfigFile, AFileThatCannotBeReadIsNamed) {
  EXPECT_EQ(read_config_file("/nonexistent/aoe.yaml").error(),
            "/nonexistent/aoe.yaml: No such file or directory");
}

TEST(ConfigFile, AKeyThatIsUnknownThereHasAHint) {
  EXPECT_EQ(complaint("luns: []\nworker: 2"),
            "2:1: target: unknown key 'worker'; did you mean 'workers'?");
  EXPECT_EQ(lun_complaint("bufers: 9"), "3:32: lun: unknown key 'bufers'; did you mean 'buffers'?");
  EXPECT_EQ(complaint("luns: []\ndefaults: {serial: x}").substr(0, 38),
            "2:12: defaults: unknown key 'serial'; ");
  EXPECT_EQ(complaint("luns: []\nluns: []"), "2:1: target: key 'luns' is there twice");
  EXPECT_EQ(complaint("luns: [{slot: 1, slot: 2}]"), "1:18: lun: key 'slot' is there twice");
}

TEST(ConfigFile, ALunHasAnAddressAndAPath) {
  EXPECT_EQ(complaint("luns: [{slot: 1, path: a}]"), "1:8: lun: key 'shelf' is missing");
  EXPECT_EQ(complaint("luns: [{shelf: 1, path: a}]"), "1:8: lun: key 'slot' is missing");
  EXPECT_EQ(complaint("luns: [{shelf: 1, slot: 1}]"), "1:8: lun: key 'path' is missing");
  EXPECT_EQ(complaint("luns: [e0.2]"), "1:8: lun: expected a mapping");
}

TEST(ConfigFile, NumbersHaveTheirRanges) {
  EXPECT_EQ(complaint("luns: [{shelf: 65535, slot: 1, path: a}]"),
            "1:16: lun: shelf: expected a whole number from 0 to 65534");
  EXPECT_EQ(complaint("luns: [{shelf: 1, slot: 255, path: a}]"),
            "1:25: lun: slot: expected a whole number from 0 to 254");
  EXPECT_EQ(lun_complaint("buffers: 1"),
            "3:41: lun: buffers: expected a whole number from 2 to 65535");
  EXPECT_EQ(lun_complaint("buffers: 65536"),
            "3:41: lun: buffers: expected a whole number from 2 to 65535");
  EXPECT_EQ(lun_complaint("length: 0"),
            "3:40: lun: length: expected a whole number from 1 to 281474976710656");
  EXPECT_EQ(lun_complaint("offset: 281474976710656"),
            "3:40: lun: offset: expected a whole number from 0 to 281474976710655");
  EXPECT_EQ(lun_complaint("offset: 281474976710655, length: 2"),
            "3:65: lun: length: expected a whole number from 1 to 1");
  for (const char* workers : {"0", "65"}) {
    EXPECT_EQ(complaint(fmt::format("workers: {}", workers)),
              "1:10: target: workers: expected a whole number from 1 to 64");
  }
  const LunDefinition part = lun("luns: [{shelf: 0, slot: 2, path: a, offset: 63, length: 8}]");
  EXPECT_EQ(part.store.offset, 63U);
  EXPECT_EQ(part.store.length, 8U);
}

TEST(ConfigFile, LimitsAreNumbersSizesAndTimes) {
  EXPECT_EQ(lun_complaint("limits: {iops: 0}"),
            "3:47: limits: iops: expected a whole number from 1 to 10000000");
  EXPECT_EQ(lun_complaint("limits: {bytes-per-second: 1023}"),
            "3:59: limits: bytes-per-second: expected a size from 1KiB to 1024GiB");
  EXPECT_EQ(
      lun_complaint("limits: {bytes-per-second: fast}"),
      fmt::format("3:59: limits: bytes-per-second: expected a size such as {}", size_examples));
  EXPECT_EQ(lun_complaint("limits: {burst: 11s}"), "3:48: limits: burst: expected at most 10s");
  EXPECT_EQ(lun_complaint("limits: {iop: 1}"),
            "3:41: limits: unknown key 'iop'; did you mean 'iops'?");
  EXPECT_EQ(lun_complaint("limits: 5"), "3:40: limits: expected a mapping");
  const std::string slow = "defaults: {limits: {iops: 5}}\n";
  EXPECT_EQ(lun(slow + "luns: [{shelf: 0, slot: 2, path: a}]").limits.iops, 5U);
  EXPECT_FALSE(lun(slow + "luns: [{shelf: 0, slot: 2, path: a, limits: {}}]").limits);
}

TEST(ConfigFile, ClientLimitsAreOfAddressesAndGroups) {
  const auto limits = [](const std::string& keys) {
    return complaint("groups: {lab: [\"02:00:00:00:00:01\"]}\nclient-limits: {" + keys + "}");
  };
  EXPECT_EQ(limits("labs: {}"),
            "2:17: client-limits: labs: 'labs' is neither a group nor an address such as "
            "02:00:00:0a:0b:0c; did you mean 'lab'?");
  EXPECT_EQ(limits("lab: {}, \"02:00:00:00:00:01\": {iops: 1}"),
            "2:26: client-limits: 02:00:00:00:00:01 has limits already");
  EXPECT_EQ(limits("everyone: {iops: x}"),
            "2:34: everyone: iops: expected a whole number from 1 to 10000000");
}

TEST(ConfigFile, RequestMemoryIsASizeOfAMegabyteOrMore) {
  EXPECT_EQ(definition("luns: []").request_memory, 256U << 20);
  EXPECT_EQ(definition("luns: []\nrequest-memory: 1MiB").request_memory, 1U << 20);
  EXPECT_EQ(complaint("request-memory: 1048575\nluns: []"),
            "1:17: target: request-memory: expected 1MiB or more");
}

TEST(ConfigFile, TextsHaveTheirLengths) {
  const auto keyed = [](const char* key, std::size_t size) {
    return lun_complaint(fmt::format("{}: {}", key, std::string(size, 'x')));
  };
  EXPECT_EQ(keyed("model", 40), "none");
  EXPECT_EQ(keyed("model", 41), "3:39: lun: model: expected 1 to 40 characters of ASCII");
  EXPECT_EQ(keyed("serial", 20), "none");
  EXPECT_EQ(keyed("serial", 21), "3:40: lun: serial: expected 1 to 20 characters of ASCII");
  EXPECT_EQ(keyed("config-string", 1024), "none");
  EXPECT_EQ(keyed("config-string", 1025),
            "3:47: lun: config-string: 1025 bytes; at most 1024 are possible");
  EXPECT_EQ(lun_complaint("model: \"\""), "3:39: lun: model: expected 1 to 40 characters of ASCII");
  EXPECT_EQ(lun_complaint("serial: dïsk"),
            "3:40: lun: serial: expected 1 to 20 characters of ASCII");
}

TEST(ConfigFile, PathsAreTextsOfSomeLength) {
  EXPECT_EQ(complaint("luns: [{shelf: 0, slot: 2, path: \"\"}]"),
            "1:34: lun: path: expected a path");
  EXPECT_EQ(complaint("luns: [{shelf: 0, slot: 2, path: \"a\\0b\"}]"),
            "1:34: lun: path: expected a path");
  EXPECT_EQ(complaint("luns: [{shelf: 0, slot: 2, path: [a]}]"),
            "1:34: lun: path: expected a text");
  EXPECT_EQ(complaint("state: ~\nluns: []"), "1:8: target: state: expected a text");
  EXPECT_EQ(complaint("capture: memory:1MiB\nluns: []"),
            "1:10: target: capture: expected the path of a file");
  EXPECT_EQ(lun_complaint("overlay: nbd://host"),
            "3:41: lun: overlay: expected the path of a file");
  const std::string longest(107, 's');
  EXPECT_EQ(complaint("luns: []\ncontrol: " + longest), "none");
  EXPECT_EQ(complaint("luns: []\ncontrol: s" + longest),
            fmt::format("2:10: target: control: 's{}' is longer than the path of a socket can be "
                        "(107 bytes)",
                        longest));
}

TEST(ConfigFile, WordsAreOfTheirKind) {
  EXPECT_EQ(lun_complaint("io: mmap").substr(0, 60),
            "3:36: lun: io: expected one of auto, mapped, buffered, direc");
  EXPECT_EQ(lun_complaint("sync: yes"), "3:38: lun: sync: expected true or false");
  EXPECT_EQ(lun_complaint("read-only: 1"), "3:43: lun: read-only: expected true or false");
  EXPECT_EQ(lun_complaint("announce: no"), "3:42: lun: announce: expected true or false");
  EXPECT_EQ(complaint("wildcards: none"),
            "1:12: target: wildcards: expected one of all, config-only, got 'none'");
  EXPECT_EQ(complaint("busy-poll: on"), "1:12: target: busy-poll: expected true or false");
}

TEST(ConfigFile, InterfacesAreNamesOrGlobs) {
  for (const char* name : {"a/b", ".."}) {
    EXPECT_TRUE(lun_complaint(fmt::format("interfaces: [{}]", name))
                    .ends_with(fmt::format("'{}' is not the name of an interface", name)))
        << name;
  }
  EXPECT_TRUE(lun_complaint("interfaces: [\"\"]").ends_with("interfaces: '' names no interface"));
  EXPECT_EQ(lun_complaint("interfaces: \"eth0, lan*\""), "none");
  EXPECT_EQ(lun_complaint("interfaces: [abcdefghijklmno, \"[a-z]*[0-9][0-9]\"]"), "none");
  const std::string longest(127, 'a');  // an altname
  EXPECT_EQ(lun_complaint(fmt::format("interfaces: {}", longest)), "none");
  EXPECT_NE(lun_complaint(fmt::format("interfaces: {}a", longest)), "none");
  EXPECT_EQ(lun_complaint("interfaces: {a: b}"),
            "3:44: lun: interfaces: expected a text or a list of them");
}

TEST(ConfigFile, MetricsHaveAnAddressAndAPort) {
  EXPECT_EQ(definition("metrics: 127.0.0.1:9178\nluns: []").metrics, "127.0.0.1:9178");
  EXPECT_EQ(complaint("metrics: 9178\nluns: []"),
            "1:10: target: metrics: expected an address and a port, such as 127.0.0.1:9178");
}

TEST(ConfigFile, AnMtuIsOfOneInterfaceOrGlob) {
  const auto limits = definition("mtu: {eth0: 1500, \"lan*\": 4096}\nluns: []").mtu_limits;
  EXPECT_EQ(limits, (std::map<std::string, std::uint16_t>{{"eth0", 1500}, {"lan*", 4096}}));
  EXPECT_EQ(complaint("mtu: {eth0: 575}\nluns: []"),
            "1:13: mtu: eth0: expected a whole number of bytes from 576 to 65535");
  EXPECT_EQ(complaint("mtu: {\"eth0, eth1\": 1500}\nluns: []"),
            "1:7: mtu: mtu: 'eth0, eth1' is not the name of an interface");
  EXPECT_EQ(complaint("mtu: 1500\nluns: []"), "1:6: mtu: expected a mapping");
}

TEST(ConfigFile, AnAddressIsThereOnce) {
  const auto two = [](const char* first, const char* second) {
    return complaint(fmt::format("luns:\n- {{path: a, {}}}\n- {{path: b, {}}}", first, second));
  };
  EXPECT_EQ(two("shelf: 0, slot: 2", "shelf: 0, slot: 2"),
            "3:20: lun: e0.2 is defined twice, first at aoe.yaml:2:3");
  EXPECT_EQ(two("shelf: 0, slot: 2, interfaces: [eth0]", "shelf: 0, slot: 2, interfaces: [eth1]"),
            "3:20: lun: e0.2 is defined twice, first at aoe.yaml:2:3")
      << "state and ctl know a LUN by its address";
  EXPECT_EQ(two("shelf: 0, slot: 2", "shelf: 0, slot: 3"), "none");
  EXPECT_EQ(two("shelf: 0, slot: 2", "shelf: 1, slot: 2"), "none");
}

TEST(ConfigFile, RightsAreOfKnownClientsAndWords) {
  EXPECT_EQ(lun_complaint("rights: {labs: all}"),
            "3:41: rights: labs: 'labs' is neither a group nor an address such as "
            "02:00:00:0a:0b:0c; did you mean 'lab'?");
  EXPECT_EQ(lun_complaint("rights: {lab: [read, wirte]}"),
            "3:53: rights: lab: expected one of read, write, config-set, mask, reserve, all, got "
            "'wirte'; did you mean 'write'?");
  EXPECT_EQ(lun_complaint("rights: {lab: all, \"02:00:00:00:00:01\": []}"),
            "3:51: rights: 02:00:00:00:00:01 has rights already");
  EXPECT_EQ(lun_complaint("rights: [read]"), "3:40: rights: expected a mapping");
}

TEST(ConfigFile, AccessIsGivenToAddressesAndGroups) {
  EXPECT_EQ(lun_complaint("allow: [labs]"),
            "3:40: lun: allow: 'labs' is neither a group nor an address such as 02:00:00:0a:0b:0c; "
            "did you mean 'lab'?");
  EXPECT_EQ(lun_complaint("deny: office"),
            "3:38: lun: deny: 'office' is neither a group nor an address such as "
            "02:00:00:0a:0b:0c");
  EXPECT_EQ(lun_complaint("deny: [\"02:00:00:00:01\"]"),
            "3:39: lun: deny: expected an address such as 02:00:00:0a:0b:0c, got '02:00:00:00:01'");
  EXPECT_EQ(
      lun_complaint("allow: ff:ff:ff:ff:ff:ff"),
      "3:39: lun: allow: ff:ff:ff:ff:ff:ff is a group address, which no frame has as its source");
  EXPECT_EQ(lun_complaint("allow: [lab, lab, 02:00:00:00:00:02, 02:00:00:00:00:02]"),
            "3:69: lun: allow: 02:00:00:00:00:02 is listed twice");
}

TEST(ConfigFile, AnEmptyListNeverAdmitsEveryone) {
  EXPECT_EQ(lun_complaint("allow: []"),
            "3:39: lun: allow: the list is empty; to allow every client, write 'everyone'");
  EXPECT_EQ(complaint("groups: {lab: []}\nluns: []"), "1:15: groups: lab: the group is empty");
  EXPECT_EQ(lun_complaint("deny: everyone"),
            "3:38: lun: deny: with everyone no client would be answered");
  const std::string closed = "defaults: {allow: 02:00:00:00:00:01, deny: 02:00:00:00:00:02}\n";
  EXPECT_EQ(lun(closed + "luns: [{shelf: 0, slot: 2, path: a}]").allow, std::vector{mac(1)});
  EXPECT_TRUE(lun(closed + "luns: [{shelf: 0, slot: 2, path: a, allow: everyone}]").allow.empty());
  EXPECT_TRUE(lun(closed + "luns: [{shelf: 0, slot: 2, path: a, deny: []}]").deny.empty());
}

TEST(ConfigFile, MappedAndSyncExcludeEachOther) {
  const std::string refused =
      "io: mapped and sync: true exclude each other: take io: direct or buffered";
  EXPECT_EQ(lun_complaint("io: mapped, sync: true"), "3:36: lun: " + refused);
  EXPECT_EQ(complaint("defaults: {io: mapped, sync: true}\nluns: []"),
            "1:16: defaults: " + refused);
  EXPECT_EQ(complaint("defaults: {io: mapped}\nluns: [{shelf: 0, slot: 2, path: a, sync: true}]"),
            "2:43: lun: " + refused);
  EXPECT_EQ(complaint("defaults: {io: mapped}\n"
                      "luns: [{shelf: 0, slot: 2, path: a, sync: true, io: direct}]"),
            "none");
  EXPECT_EQ(lun_complaint("io: auto, sync: true"), "none");
}

TEST(ConfigFile, WhatConcernsFilesIsNotSaidOfOthers) {
  const auto of = [](const char* path, const char* keys) {
    return complaint(fmt::format("luns: [{{shelf: 0, slot: 2, path: \"{}\", {}}}]", path, keys));
  };
  EXPECT_EQ(of("memory:1MiB", "io: direct"),
            "1:53: lun: io: 'memory:1MiB' is not a file, so it has no io");
  EXPECT_EQ(of("nbd://host", "io: direct"),
            "1:52: lun: io: 'nbd://host' is not a file, so it has no io");
  EXPECT_EQ(of("memory:1MiB", "sync: true"), "1:55: lun: sync: has no meaning for 'memory:1MiB'");
  EXPECT_EQ(of("memory:1MiB", "offset: 1"), "1:57: lun: offset: has no meaning for 'memory:1MiB'");
  EXPECT_EQ(of("memory:1MiB", "length: 1"), "1:57: lun: length: has no meaning for 'memory:1MiB'");
  EXPECT_EQ(of("nbd://host", "sync: true, offset: 1, length: 1"), "none");

  const StoreDefinition store = lun("defaults: {io: direct, sync: true}\n"
                                    "luns: [{shelf: 0, slot: 2, path: \"memory:1MiB\"}]")
                                    .store;
  EXPECT_EQ(store.io, IoMode::automatic) << "defaults are for those whom they concern";
  EXPECT_FALSE(store.sync);
}

TEST(ConfigFile, AnOverlayBelongsToOneLun) {
  const auto two = [](const char* a, const char* b) {
    return complaint(
        fmt::format("luns:\n- {{shelf: 0, slot: 2, {}}}\n- {{shelf: 0, slot: 3, {}}}", a, b));
  };
  EXPECT_EQ(two("path: a, overlay: x", "path: a, overlay: y"), "none");
  EXPECT_EQ(two("path: a, overlay: x", "path: b, overlay: x"),
            "3:41: lun: overlay: 'x' belongs to e0.2");
  EXPECT_EQ(two("path: a", "path: b, overlay: a"), "3:41: lun: overlay: 'a' belongs to e0.2");
  EXPECT_EQ(two("path: a, overlay: x", "path: x"), "3:29: lun: path: 'x' is the overlay of e0.2");
  EXPECT_EQ(lun_complaint("overlay: a"), "3:41: lun: overlay: is the same file as path");
  EXPECT_EQ(lun_complaint("overlay: x, read-only: true"), "none") << "a view of what was written";
  EXPECT_EQ(lun_complaint("create: true"), "3:40: lun: create: has no meaning without an overlay");
  EXPECT_EQ(complaint("defaults: {create: true}\nluns: [{shelf: 0, slot: 2, path: a}]"), "none");
}

TEST(ConfigFile, TheInstalledExampleIsRight) {
  const auto example = read_config_file(AOE_TARGET_EXAMPLE);
  ASSERT_TRUE(example) << example.error();
  EXPECT_EQ(example->luns.size(), 5U);
  EXPECT_EQ(example->control, "/run/aoe-target/control.sock") << "where the systemd unit reloads";
}

TEST(ConfigFile, TheManualsExampleIsRight) {
  const std::string page = file_text(AOE_TARGET_MANUAL).value_or("");
  const std::size_t begin = page.find(".nf\n") + 4;
  std::string text = page.substr(begin, page.find("\n.fi") - begin);
  std::erase(text, '\\');
  EXPECT_EQ(definition(text).luns.size(), 4U) << text;
}

/// Bytes changed, removed, doubled and moved: every result is a definition or one line of text.
TEST(ConfigFile, WhateverTheFileHoldsItIsReadOrRefused) {
  std::mt19937_64 random(1);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  constexpr std::string_view letters = "{}[]:,-#&*!|>'\"%@`~?\n\t 0a\xff";
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string text = good_file;
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
      const std::size_t at = below(text.size());
      const std::size_t size = below(std::min<std::size_t>(text.size() - at, 20)) + 1;
      switch (below(4)) {
        case 0: text[at] = letters[below(letters.size())]; break;
        case 1: text.erase(at, std::min(size, text.size() - 1)); break;
        case 2: text.insert(at, text.substr(below(text.size()), size)); break;
        default: text.insert(at, 1, letters[below(letters.size())]); break;
      }
    }
    const auto definition = parse_config(text, "aoe.yaml");
    if (definition) continue;
    ++refused;
    EXPECT_TRUE(definition.error().starts_with("aoe.yaml:")) << definition.error();
    EXPECT_EQ(definition.error().find('\n'), std::string::npos) << definition.error();
  }
  EXPECT_GT(refused, 300);
  EXPECT_LT(refused, 1000);
}

}  // namespace
}  // namespace aoe::target
