#include "harness/run/fault_control.h"

#include <gtest/gtest.h>

#include "config/yaml_map.h"
#include "harness/judge/exchanges.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

/// Writes down what is done to its ends, and is a world in no other way.
class RecordingWorld final : public World, public TargetEnd {
 public:
  Instant now() const override { return time; }
  Duration slack() const override { return {}; }
  std::string broken() const override { return {}; }
  std::uint64_t frames_lost() const override { return 0; }
  bool run_until(const std::function<bool()>& done, Instant) override { return done(); }
  InitiatorEnd& initiator(NodeIndex) override { std::abort(); }
  TargetEnd& target(NodeIndex) override { return *this; }
  void inject(PortIndex, Bytes) override {}
  Link link(PortIndex port) const override { return links_.at(port); }
  Control set_link(PortIndex port, const Link& link) override {
    const std::string end = port == target_port ? "target" : "initiator";
    const Link before = std::exchange(links_.at(port), link);
    if (link.mac != before.mac) return note(fmt::format("{} mac {}", end, link.mac));
    if (link.mtu != before.mtu) return note(fmt::format("{} mtu {}", end, link.mtu));
    return note(fmt::format("{} link {}", end, link.up ? "up" : "down"));
  }
  Control pause(bool paused) override { return note(paused ? "pause" : "go on"); }
  Control kill() override { return note("kill"); }
  Control stop() override { return note("stop"); }
  Control start() override { return note("start"); }
  Control set_disk_faults(std::size_t, const std::optional<DiskFaults>& faults) override {
    return note(faults ? fmt::format("disk fails from {}", faults->lba) : "disk is whole");
  }
  Control set_present(PortIndex, bool present, std::optional<SegmentIndex>) override {
    return note(present ? "interface back" : "interface gone");
  }
  Control rename(PortIndex, const std::optional<std::string>& name) override {
    return note(name ? "interface is " + *name : "interface has its name");
  }
  void says(NodeIndex, const Says&, bool) override {}
  Control read_store(std::size_t, std::uint64_t, MutableBytes) override { return {}; }
  FaultStage& stage() override { return stage_; }

  Instant time{};
  bool capable = true;
  std::string notes;

 private:
  Control note(const std::string& what) {
    if (!capable) return tl::unexpected(Unsupported{"no " + what});
    notes += (notes.empty() ? "" : ", ") + what;
    return {};
  }

  std::array<Link, 2> links_;  // by port
  Ledger ledger_{Instant{}};
  Exchanges exchanges_{ledger_, 16};
  FaultStage stage_{ledger_, exchanges_, {}, 1};
};

class FaultControlTest : public testing::Test {
 protected:
  Control arm(const std::string& yaml) {
    YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
    return control.arm(FaultSpec::parse(map, scenario.network));
  }
  /// What was done since this was asked last.
  std::string done() { return std::exchange(world.notes, {}); }

  RecordingWorld world;
  Scenario scenario{};
  FaultControl control{world, scenario};
};

TEST_F(FaultControlTest, EachIsDoneAndUndone) {
  const std::vector<std::array<std::string, 3>> faults{
      {"fault: mac-change, mac: \"02:00:00:00:00:99\"", "target mac 02:00:00:00:00:99", ""},
      {"fault: mac-change, mac: \"02:00:00:00:00:98\", end: initiator",
       "initiator mac 02:00:00:00:00:98", ""},
      {"fault: link-down", "target link down", "target link up"},
      {"fault: link-down, end: initiator", "initiator link down", "initiator link up"},
      {"fault: mtu, mtu: 1000", "target mtu 1000", "target mtu 1500"},
      {"fault: pause", "pause", "go on"},
      {"fault: kill", "kill", "start"},
      {"fault: interface-gone, end: initiator", "interface gone", "interface back"},
      {"fault: interface-renamed, name: lan0", "interface is lan0", "interface has its name"},
      {"fault: slow-disk, by: 5ms, lba: 9", "disk fails from 9", "disk is whole"},
      {"fault: disk-error, lba: 7", "disk fails from 7", "disk is whole"},
  };
  for (const auto& [fault, begin, end] : faults) {
    EXPECT_TRUE(arm("{id: f, " + fault + "}"));
    EXPECT_EQ(done(), begin);
    control.heal("f");
    EXPECT_EQ(done(), end);
    control.heal("f");
    EXPECT_EQ(done(), "") << "it is healed already";
  }
}

TEST_F(FaultControlTest, AllAreHealedAtOnceTheFramesOwnToo) {
  EXPECT_TRUE(arm("{id: a, fault: pause}"));
  EXPECT_TRUE(arm("{id: b, fault: link-down}"));
  EXPECT_TRUE(arm("{id: c, fault: drop}"));
  done();
  control.heal_all();
  EXPECT_EQ(done(), "go on, target link up");
  std::vector<Delivery> out;
  world.stage().enter(initiator_port, query_frame(), world.time, out);
  EXPECT_EQ(out.size(), 1U);
}

TEST_F(FaultControlTest, AKilledTargetIsStartedAgainWhenItsTimeHasCome) {
  EXPECT_TRUE(arm("{id: k, fault: kill, restart-after: 500ms}"));
  EXPECT_EQ(done(), "kill");
  EXPECT_EQ(control.deadline(), Instant(milliseconds(500)));
  world.time = Instant(milliseconds(499));
  control.tick();
  EXPECT_EQ(done(), "");
  world.time = Instant(milliseconds(500));
  control.tick();
  EXPECT_EQ(done(), "start");
  EXPECT_EQ(control.deadline(), never);
  control.heal("k");
  EXPECT_EQ(done(), "") << "it is back already";
}

TEST_F(FaultControlTest, OneThatIsHealedBeforeIsStartedOnce) {
  EXPECT_TRUE(arm("{id: k, fault: kill, restart-after: 500ms}"));
  control.heal("k");
  EXPECT_EQ(done(), "kill, start");
  EXPECT_EQ(control.deadline(), never);
}

TEST_F(FaultControlTest, WhatAWorldCannotDoIsToldAndNotArmed) {
  world.capable = false;
  const auto armed = arm("{id: p, fault: pause}");
  ASSERT_FALSE(armed);
  EXPECT_EQ(armed.error().reason, "no pause");
  world.capable = true;
  control.heal_all();
  EXPECT_EQ(done(), "");
}

}  // namespace
}  // namespace aoe::harness
