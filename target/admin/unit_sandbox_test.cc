#include "target/admin/unit_sandbox.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"

namespace aoe::target {
namespace {

class UnitSandboxTest : public ::testing::Test {
 protected:
  UnitSandboxTest() {
    std::filesystem::create_directories(folder.path("srv/disks"));
    write("srv/disks/a.img", "");
    std::filesystem::permissions(folder.path("."), std::filesystem::perms(0755));
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.path(name)) << text;
  }
  /// Returns what a unit with these settings says to a path of the folder, or "none".
  std::string objection(const std::string& settings, const std::string& path = "srv/disks/a.img",
                        bool writes = true) {
    write("aoe.service", "[Unit]\nProtectSystem=strict\n[Service]\n" + settings);
    const auto sandbox = UnitSandbox::read(folder.path("aoe.service").string());
    if (!sandbox) return sandbox.error();
    const auto found = sandbox->objection(folder.path(path).string(), writes);
    return found ? folder.shorten(*found) : "none";
  }
  std::string here(const std::string& path) { return folder.path(path).string(); }

  TestFolder folder;
};

TEST_F(UnitSandboxTest, OnlyTheSectionOfTheServiceCounts) {
  EXPECT_EQ(objection(""), "none");
}

TEST_F(UnitSandboxTest, AStrictSystemIsReadOnlyButForItsPaths) {
  EXPECT_EQ(objection("ProtectSystem=strict\n"),
            "srv/disks/a.img: read-only for aoe.service (ProtectSystem=strict; ReadWritePaths="
            "srv/disks would make it writable)");
  EXPECT_EQ(objection("ProtectSystem=strict\n", "srv/disks/a.img", false), "none");
  const std::string strict = "ProtectSystem=strict\nReadWritePaths=/nowhere -" + here("srv");
  EXPECT_EQ(objection(strict), "none");
  EXPECT_EQ(objection(strict + "\nReadOnlyPaths=" + here("srv/disks")),
            "srv/disks/a.img: read-only for aoe.service (ReadOnlyPaths=srv/disks; ReadWritePaths="
            "srv/disks would make it writable)");
  EXPECT_NE(objection(strict + "\nReadWritePaths=\n"), "none") << "an empty value empties the list";
}

TEST_F(UnitSandboxTest, WhatIsHiddenStaysHiddenButForABindMount) {
  const std::string hidden = "# a comment\nInaccessiblePaths=\\\n  " + here("srv") +
                             "\nReadWritePaths=" + here("srv/disks");
  EXPECT_EQ(objection(hidden, "srv/disks/a.img", false),
            "srv/disks/a.img: not there for aoe.service (InaccessiblePaths=srv; BindPaths= would "
            "show it)");
  EXPECT_EQ(objection(hidden + "\nBindPaths=/other:" + here("srv/disks")), "none");
}

TEST_F(UnitSandboxTest, ADropInPrevails) {
  std::filesystem::create_directories(folder.path("aoe.service.d"));
  write("aoe.service.d/disks.conf", "[Service]\nReadWritePaths=" + here("srv") + "\n");
  write("aoe.service.d/disks.off", "[Service]\nReadWritePaths=\n");
  EXPECT_EQ(objection("ProtectSystem=strict\n"), "none");
}

TEST_F(UnitSandboxTest, ALinkLeadsToTheFile) {
  std::filesystem::create_symlink(here("srv/disks/a.img"), here("link.img"));
  EXPECT_EQ(objection("ProtectSystem=strict\nReadWritePaths=" + here("srv"), "link.img"), "none");
}

TEST_F(UnitSandboxTest, PermissionsOfTheUserCount) {
  ASSERT_EQ(::chmod(here("srv/disks/a.img").c_str(), 0640), 0);
  const std::string nobody = "User=nobody\n";
  EXPECT_EQ(objection(nobody, "srv/disks/a.img", false),
            "srv/disks/a.img: aoe.service runs as nobody, who may not read it");
  ASSERT_EQ(::chmod(here("srv/disks/a.img").c_str(), 0644), 0);
  EXPECT_EQ(objection(nobody, "srv/disks/a.img", false), "none");
  EXPECT_EQ(objection(nobody),
            "srv/disks/a.img: aoe.service runs as nobody, who may not write to it");
  EXPECT_EQ(objection(nobody, "srv/disks/new.cow"),
            "srv/disks/new.cow: aoe.service runs as nobody, who may not make files in srv/disks");
  ASSERT_EQ(::chmod(here("srv/disks").c_str(), 0700), 0);
  EXPECT_EQ(objection(nobody, "srv/disks/a.img", false),
            "srv/disks/a.img: aoe.service runs as nobody, who may not enter srv/disks");
  EXPECT_EQ(objection("User=no-such-user\n"),
            "srv/disks/a.img: aoe.service has User=no-such-user, and there is none");
}

TEST_F(UnitSandboxTest, RootNeedsACapabilityForFilesOfOthers) {
  if (::chown(here("srv/disks/a.img").c_str(), 65534, 65534) != 0) GTEST_SKIP() << "not root";
  ASSERT_EQ(::chmod(here("srv/disks/a.img").c_str(), 0600), 0);
  EXPECT_EQ(objection(""), "none");
  EXPECT_EQ(
      objection("CapabilityBoundingSet=CAP_NET_RAW\n"),
      "srv/disks/a.img: aoe.service runs as root without CAP_DAC_OVERRIDE, who may not read it");
  EXPECT_EQ(objection("CapabilityBoundingSet=CAP_NET_RAW CAP_DAC_OVERRIDE\n"), "none");
}

TEST_F(UnitSandboxTest, AUnitThatIsNotThereIsAnError) {
  const auto found = UnitSandbox::read("no-such-unit-of-ours.service");
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().starts_with("no-such-unit-of-ours.service: no such unit in /etc/"));
}

}  // namespace
}  // namespace aoe::target
