#include "wire/interfaces.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "wire/testing/test_namespace.h"

namespace aoe {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> names(const std::vector<Interface>& interfaces) {
  std::vector<std::string> all;
  for (const Interface& interface : interfaces) all.push_back(interface.name);
  return all;
}

std::string error_of(const std::vector<std::string>& wanted) {
  const auto chosen = choose_interfaces(wanted);
  return chosen ? "no error" : chosen.error();
}

using Names = std::vector<std::string>;

class InterfacesTest : public NamespaceTest {};

TEST_F(InterfacesTest, ListsIndexNameMacMtuAndState) {
  make_cable("left", "right");
  ip("link set right down");
  ip("link set left address 02:00:00:0a:0b:0c mtu 9000");
  const auto all = list_interfaces();
  ASSERT_TRUE(all) << all.error();
  ASSERT_EQ(all->size(), 3u);
  for (std::size_t i = 1; i < all->size(); ++i) EXPECT_LT((*all)[i - 1].index, (*all)[i].index);
  const Interface left = find_interface("left");
  EXPECT_EQ(left.link, (Link{.mac = {{0x02, 0, 0, 0x0a, 0x0b, 0x0c}}, .mtu = 9000, .up = false}))
      << "without a carrier it is not up";
  EXPECT_TRUE(left.ethernet);
  EXPECT_FALSE(find_interface("right").link.up);
  ip("link set right up");
  wait_until_up({"left", "right"});
}

TEST_F(InterfacesTest, LoopbackIsNoEthernetAndItsMtuIsClamped) {
  const Interface lo = find_interface("lo");
  EXPECT_FALSE(lo.ethernet);
  EXPECT_FALSE(lo.link.up);
  EXPECT_EQ(lo.link.mtu, 65535);
}

TEST_F(InterfacesTest, AnAltnameIsANameOfAnyLength) {
  const std::string longest(interface_name_size_max, 'x');
  make_cable("left", "right");
  ip("link property add dev left altname a-name-of-more-than-15-characters");
  ip("link property add dev left altname " + longest);
  const auto chosen = choose_interfaces({"a-name-of-more-than-15-characters", "right", longest});
  ASSERT_TRUE(chosen) << chosen.error();
  EXPECT_EQ(names(*chosen), (Names{"left", "right"})) << "by its first name, and once";
  EXPECT_TRUE(matches(chosen->front(), {longest}));
  EXPECT_FALSE(matches(chosen->front(), {"a-name*"})) << "a glob stands for first names";
  ip("link property del dev left altname " + longest);
  EXPECT_EQ(error_of({longest}), longest + ": no such interface");
}

TEST_F(InterfacesTest, APortOfABridgeNamesIt) {
  make_cable("left", "right");
  EXPECT_FALSE(find_interface("left").is_port());
  EXPECT_EQ(why_left_out(find_interface("left"), Scope::everywhere), "");
  ip("link add name br0 type bridge");
  ip("link set left master br0");
  const Interface left = find_interface("left");
  EXPECT_TRUE(left.is_port());
  EXPECT_EQ(left.master, "br0");
  EXPECT_EQ(why_left_out(left, Scope::everywhere),
            "a port of the bridge br0, which gets its frames");
  EXPECT_FALSE(matches(left, {}, Scope::everywhere));
  EXPECT_TRUE(matches(left, {"left"}, Scope::everywhere)) << "where it is named";
  EXPECT_FALSE(find_interface("br0").is_port());
  EXPECT_TRUE(matches(find_interface("br0"), {}, Scope::outside));
  ip("link set left nomaster");
  EXPECT_FALSE(find_interface("left").is_port());
}

TEST_F(InterfacesTest, NetworksOfContainersDoNotLeadOutside) {
  ip("link add name docker0 type bridge");
  ip("link add name virbr0 type bridge");
  ip("link add name br-0123456789ab type bridge");
  ip("link add name veth1a2b3c4 type veth peer name eth0");
  for (const char* name : {"docker0", "virbr0", "br-0123456789ab", "veth1a2b3c4"}) {
    const Interface interface = find_interface(name);
    EXPECT_EQ(why_left_out(interface, Scope::outside),
              "a network of containers or virtual machines")
        << name;
    EXPECT_FALSE(matches(interface, {}, Scope::outside)) << name;
    EXPECT_TRUE(matches(interface, {}, Scope::everywhere)) << name;
    EXPECT_TRUE(matches(interface, {"*"}, Scope::outside)) << name;
  }
  const Interface eth0 = find_interface("eth0");
  EXPECT_TRUE(matches(eth0, {}, Scope::outside)) << "a container's own end";
  const Interface card{.index = 9, .name = "veth1", .ethernet = true};
  EXPECT_TRUE(matches(card, {}, Scope::outside)) << "a card may have any name";
}

TEST_F(InterfacesTest, NamedInterfacesAreChosenInThatOrderUpOrNot) {
  ip("link add name left type veth peer name right");
  const auto chosen = choose_interfaces({"right", "lo", "left", "right"});
  ASSERT_TRUE(chosen) << chosen.error();
  EXPECT_EQ(names(*chosen), (Names{"right", "lo", "left"}));
}

TEST(Matches, NamesAnyInterfaceAndGlobsEthernet) {
  const Interface eth{.index = 2, .name = "eth1", .link = {.up = false}, .ethernet = true};
  const Interface lo{.index = 1, .name = "lo", .link = {}, .ethernet = false};
  EXPECT_TRUE(matches(eth, {}, Scope::everywhere));
  EXPECT_FALSE(matches(lo, {}, Scope::everywhere));
  EXPECT_FALSE(matches(eth, {}));
  EXPECT_TRUE(matches(eth, {"lo", "eth1"}));
  EXPECT_FALSE(matches(eth, {"eth", "eth10"}));
  EXPECT_TRUE(matches(eth, {"eth*"}));
  EXPECT_TRUE(matches(eth, {"eth[0-3]"}));
  EXPECT_FALSE(matches(eth, {"wlan?"}));
  EXPECT_TRUE(matches(lo, {"lo"}));
  EXPECT_FALSE(matches(lo, {"*"})) << "lo only where it is named";
}

TEST(Names, AreWhatTheKernelAllows) {
  const std::string longest(interface_name_size_max, 'x');
  for (const std::string& name :
       {std::string("eth0"), longest, std::string("eth*"), std::string("ö")})
    EXPECT_TRUE(could_be_interface(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a b"),
        std::string("a\tb"), longest + "x"})
    EXPECT_FALSE(could_be_interface(name)) << name;
}

TEST(Lists, AreSeparatedByCommasAndWhiteSpace) {
  for (const std::string& list :
       {std::string("eth0,lan*"), std::string("eth0, lan*"), std::string(" eth0  lan* \n"),
        std::string("eth0,,lan*,"), std::string("eth0 lan*\0\0", 11)}) {
    EXPECT_EQ(parse_interfaces(list), (Names{"eth0", "lan*"})) << list;
    EXPECT_EQ(parse_some_interfaces(list), (Names{"eth0", "lan*"})) << list;
  }
  EXPECT_EQ(parse_interfaces("eth0, a/b").error(), "'a/b' is not the name of an interface");
  for (const char* list : {"", ",", " "}) {
    EXPECT_EQ(parse_interfaces(list), Names{}) << list;
    EXPECT_EQ(parse_some_interfaces(list).error(), fmt::format("'{}' names no interface", list));
  }
}

TEST(Lists, HavePatternsThatMatchNothing) {
  const Interface eth{
      .index = 2, .name = "eth1", .link = {}, .ethernet = true, .altnames = {"lan"}};
  EXPECT_EQ(find_unmatched({eth}, {"eth*", "lan", "wan*", "eth0"}), (Names{"wan*", "eth0"}));
  EXPECT_EQ(unmatched_text("wan*"), "wan*: matches no interface yet");
  EXPECT_EQ(unmatched_text("eth0"), "eth0: no such interface yet");
}

TEST_F(InterfacesTest, ANameThatDoesNotExistIsAnError) {
  EXPECT_EQ(error_of({"lo", "eth9"}), "eth9: no such interface");
  EXPECT_EQ(error_of({""}), ": no such interface");
}

class InterfaceMonitorTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    if (IsSkipped()) return;
    make_cable("left", "right");
    auto opened = InterfaceMonitor::open();
    ASSERT_TRUE(opened) << opened.error();
    monitor_ = *std::move(opened);
  }

  /// Waits for a change that `wanted` accepts, past others.
  template <class Wanted>
  bool reports(Wanted wanted) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      while (const auto change = monitor_->next())
        if (wanted(*change)) return true;
      wait_readable(monitor_->descriptor(), 1s);
    }
    return false;
  }

  std::unique_ptr<InterfaceMonitor> monitor_;
};

using Change = InterfaceMonitor::Change;

TEST_F(InterfaceMonitorTest, SaysNothingWhileNothingChanges) {
  EXPECT_FALSE(monitor_->next());
  EXPECT_FALSE(wait_readable(monitor_->descriptor(), 0ms));
}

TEST_F(InterfaceMonitorTest, ReportsMacMtuAndName) {
  ip("link set left address 02:00:00:00:00:07");
  EXPECT_TRUE(reports([](const Change& c) {
    return c.interface.name == "left" && c.interface.link.mac == Mac{{2, 0, 0, 0, 0, 7}} &&
           c.interface.link.up && !c.removed;
  }));
  ip("link set left mtu 9000");
  EXPECT_TRUE(reports([](const Change& c) {
    return c.interface.name == "left" && c.interface.link.mtu == 9000 && !c.removed;
  }));
  const int index = find_interface("left").index;
  ip("link set left name renamed");
  EXPECT_TRUE(reports([&](const Change& c) {
    return c.interface.name == "renamed" && c.interface.index == index && !c.removed;
  }));
}

TEST_F(InterfaceMonitorTest, ReportsDownAndUpAtBothEndsOfACable) {
  const auto end_is = [](const std::string& name, bool up) {
    return [=](const Change& c) { return c.interface.name == name && c.interface.link.up == up; };
  };
  ip("link set left down");
  EXPECT_TRUE(reports(end_is("left", false)));
  ip("link set left up");
  EXPECT_TRUE(reports(end_is("left", true)));
  ip("link set left down");
  EXPECT_TRUE(reports(end_is("right", false))) << "it has lost its carrier";
  ip("link set left up");
  EXPECT_TRUE(reports(end_is("right", true)));
}

TEST_F(InterfaceMonitorTest, ReportsNewAndRemovedInterfaces) {
  ip("link add name new1 type veth peer name new2");
  EXPECT_TRUE(reports([](const Change& c) { return c.interface.name == "new1" && !c.removed; }));
  ip("link del new1");
  EXPECT_TRUE(reports([](const Change& c) {
    return c.interface.name == "new1" && c.removed && c.interface.ethernet;
  }));
}

TEST_F(InterfaceMonitorTest, ReportsAltnamesAndMasters) {
  ip("link property add dev left altname another-name-of-the-left-end");
  EXPECT_TRUE(reports([](const Change& c) {
    return c.interface.name == "left" && c.interface.is_called("another-name-of-the-left-end");
  }));
  ip("link add name br0 type bridge");
  ip("link set left master br0");
  EXPECT_TRUE(reports([](const Change& c) {
    return c.interface.name == "left" && c.interface.master == "br0" && !c.removed;
  }));
}

TEST_F(InterfaceMonitorTest, LeavingABridgeIsNoRemoval) {
  ip("link add name bridge type bridge");
  ip("link set left master bridge");
  ip("link set left nomaster");
  ip("link set left mtu 1400");
  EXPECT_TRUE(reports([](const Change& c) {
    EXPECT_FALSE(c.removed) << c.interface.name;
    return c.interface.name == "left" && c.interface.link.mtu == 1400;
  }));
}

TEST_F(InterfaceMonitorTest, NoticesThatTheKernelDroppedAreMadeUpFor) {
  ip("link add name doomed type veth peer name doomed2");
  EXPECT_TRUE(reports([](const Change& c) { return c.interface.name == "doomed"; }));
  // Far more than the socket holds, then two that find it full.
  ip("-batch - <<END\n"
     "$(for mtu in $(seq 1000 2500); do echo link set left mtu $mtu; done)\n"
     "link del doomed\n"
     "link set left mtu 7777\n"
     "END");
  bool doomed_removed = false;
  bool right_told = false;
  int changes = 0;
  EXPECT_TRUE(reports([&](const Change& c) {
    ++changes;
    doomed_removed |= c.removed && c.interface.name == "doomed";
    right_told |= c.interface.name == "right";
    return c.interface.name == "left" && c.interface.link.mtu == 7777;
  }));
  while (const auto change = monitor_->next()) right_told |= change->interface.name == "right";
  EXPECT_TRUE(doomed_removed);
  EXPECT_TRUE(right_told) << "as if it had just changed";
  EXPECT_LT(changes, 1500) << "the socket held every notice: nothing was dropped";
}

}  // namespace
}  // namespace aoe
