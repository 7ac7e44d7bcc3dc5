#include "target/admin/import_config.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/admin/config_file.h"

namespace aoe::target {
namespace {

using Lines = std::vector<std::string>;

class ImportTest : public ::testing::Test {
 protected:
  ~ImportTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  std::string folder(const std::string& name) const { return (folder_ / name).string(); }
  static TargetDefinition read(const tl::expected<Imported, std::string>& imported) {
    EXPECT_TRUE(imported) << imported.error();
    return imported ? parse_config(imported->yaml, "imported").value() : TargetDefinition{};
  }

  const std::filesystem::path folder_ = testing::TempDir() + fmt::format("import-{}", ::getpid());
};

TEST_F(ImportTest, AFileOfVbladeIsALun) {
  const std::string file =
      write("conf.d/a.conf",
            "# by hand\n\nshelf=14\nslot=2\nnetif=ens3\nfilename=/dev/mapper/export\n"
            "options='-rd -m 002233445566,22:33:44:55:66:77 -o 8 -l100 -b 16'\n");
  write("conf.d/ignored.txt", "shelf=1");
  for (const std::string& path : {file, folder("conf.d")}) {
    const auto imported = import_vblade(path);
    const TargetDefinition target = read(imported);
    EXPECT_EQ(imported->remarks, Lines{});
    ASSERT_EQ(target.luns.size(), 1U);
    const LunDefinition& lun = target.luns.front();
    EXPECT_EQ(lun.address, (Address{14, 2}));
    EXPECT_EQ(lun.interfaces, Lines{"ens3"});
    EXPECT_EQ(lun.store.path, "/dev/mapper/export");
    EXPECT_TRUE(lun.store.read_only);
    EXPECT_EQ(lun.store.io, IoMode::direct);
    EXPECT_EQ(lun.store.offset, 8U);
    EXPECT_EQ(lun.store.length, 100U);
    EXPECT_EQ(lun.buffers, 16);
    EXPECT_EQ(lun.allow.size(), 2U);
  }
}

TEST_F(ImportTest, WhatVbladeHasAndWeDoNotIsNamed) {
  const std::string good = "shelf=0\nslot=2\nnetif=eth0\nfilename=/a\n";
  const std::string file =
      write("conf.d/a.conf",
            good + "ionice='--class idle'\noptions='-b 1 -x here'\nslot=$NUMBER\nexport slot\n");
  const std::string half = write("conf.d/b.conf", "shelf=0\n");
  const auto imported = import_vblade(folder("conf.d"));
  EXPECT_EQ(read(imported).luns.size(), 1U);
  EXPECT_EQ(
      imported->remarks,
      (Lines{file + ":7: 'slot=$NUMBER' is not taken over: only NAME=VALUE is",
             file + ":8: 'export slot' is not taken over: only NAME=VALUE is",
             file + ": ionice is not taken over",
             file + ": options: -b 1 is not taken over: buffers is 2 at least",
             file + ": options: -x is not taken over", file + ": options: 'here' is not taken over",
             half + ": left out, as by vblade: it has no slot, netif, filename"}));
}

TEST_F(ImportTest, AFolderOfVbladePersistIsALun) {
  for (const auto& [name, text] : {std::pair("SHELF", "0"), std::pair("SLOT", "3"),
                                   std::pair("NETIF", "eth1"), std::pair("SOURCE", "/dev/vg/a")}) {
    write(fmt::format("vblades/e0.3/env/{}", name), fmt::format("{}\n", text));
  }
  const std::string other = write("vblades/e0.3/env/BUFFERS", "32\n");
  write("vblades/e0.3/macs/00:11:22:33:44:55", "");
  write("vblades/e0.3/supervise/status", "");
  for (const std::string& path : {folder("vblades"), folder("vblades/e0.3")}) {
    const auto imported = import_vblade_persist(path);
    const TargetDefinition target = read(imported);
    ASSERT_EQ(target.luns.size(), 1U);
    EXPECT_EQ(target.luns[0].address, (Address{0, 3}));
    EXPECT_EQ(target.luns[0].store.path, "/dev/vg/a");
    EXPECT_EQ(target.luns[0].interfaces, Lines{"eth1"});
    EXPECT_EQ(target.luns[0].allow, (std::vector{Mac{{0, 0x11, 0x22, 0x33, 0x44, 0x55}}}));
    EXPECT_EQ(imported->remarks, Lines{other + ": is not taken over"});
  }
}

TEST_F(ImportTest, TheSectionsOfGgaoedAreDefaultsGroupsAndLuns) {
  const std::string file =
      write("ggaoed.conf",
            "# comment\n[defaults]\nqueue-length = 16\ninterfaces = eth0, vif*\npid-file = /run/p\n"
            "[acls]\nlab = 00:11:22:33:44:55, 00:11:22:33:44:56\n"
            "[disk0]\npath = /dev/sda1\nshelf = 0\nslot = 2\naccept = lab\ndirect-io = true\n"
            "[disk1]\nuuid = 1234\nshelf = 0\nslot = 3\nread-only = true\nbroadcast = false\n"
            "frob = 1\n");
  const auto imported = import_ggaoed(file);
  const TargetDefinition target = read(imported);
  ASSERT_EQ(target.luns.size(), 2U);
  EXPECT_EQ(target.luns[0].buffers, 16);
  EXPECT_EQ(target.luns[0].interfaces, (Lines{"eth0", "vif*"}));
  EXPECT_EQ(target.luns[0].allow.size(), 2U);
  EXPECT_EQ(target.luns[0].store.io, IoMode::direct);
  EXPECT_EQ(target.luns[1].store.path, "/dev/disk/by-uuid/1234");
  EXPECT_TRUE(target.luns[1].store.read_only);
  EXPECT_FALSE(target.luns[1].announce);
  EXPECT_EQ(imported->remarks, (Lines{file + ":5: [defaults] pid-file is not taken over",
                                      file + ":20: [disk1] frob is not taken over"}));
}

TEST_F(ImportTest, WhatIsNoConfigurationIsRefused) {
  EXPECT_EQ(import_vblade(folder("missing")).error(),
            folder("missing") + ": No such file or directory");
  write("empty/file", "");
  EXPECT_EQ(import_vblade(folder("empty")).error(), folder("empty") + ": no *.conf is there");
  EXPECT_EQ(import_vblade_persist(folder("empty")).error(),
            folder("empty") + ": no folder of a LUN is there");
  EXPECT_EQ(import_ggaoed(folder("missing")).error(),
            folder("missing") + ": No such file or directory");
  const std::string wrong = write("wrong", "path = /a\n");
  EXPECT_EQ(import_ggaoed(wrong).error(),
            wrong + ":1: expected [SECTION] or KEY = VALUE, got 'path = /a'");
  const std::string slot = write("slot", "[disk]\npath = /a\nshelf = 0\nslot = 255\n");
  EXPECT_EQ(import_ggaoed(slot).error(),
            slot + ": imported:4:11: lun: slot: expected a whole number from 0 to 254");
}

}  // namespace
}  // namespace aoe::target
