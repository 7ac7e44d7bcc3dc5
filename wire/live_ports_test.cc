#include "wire/live_ports.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "wire/asio_watcher.h"
#include "wire/testing/test_namespace.h"

namespace aoe {
namespace {

using Lines = std::vector<std::string>;

/// Ports of a namespace of the test's own; all that they report is a line.
class LivePortsTest : public NamespaceTest, public LivePorts::User {
 protected:
  void port_opened(PacketPort& port) override { lines_.push_back("on " + port.interface().name); }
  void port_readable(PacketPort&) override {}
  void port_changed(PacketPort&) override {}
  void port_closing(PacketPort& port) override { lines_.push_back("off " + port.interface().name); }
  void port_trouble(const std::string& what) override { lines_.push_back("trouble: " + what); }
  void port_missing(const std::string& what) override { lines_.push_back("missing: " + what); }
  void port_is_deaf(const std::string& what) override { lines_.push_back("deaf: " + what); }
  void interface_left_out(const std::string& what) override { lines_.push_back("out: " + what); }

  /// What was reported since the last call, sorted.
  Lines take() {
    std::ranges::sort(lines_);
    return std::exchange(lines_, {});
  }
  /// Runs the loop until this was reported.
  void await(const std::string& line) {
    const auto is_there = [&] { return std::ranges::find(lines_, line) != lines_.end(); };
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!is_there()) ASSERT_GT(loop_.run_one_until(deadline), 0U) << line;
  }

  boost::asio::io_context loop_;
  AsioWatcher watcher_{loop_};
  Lines lines_;
};

TEST_F(LivePortsTest, OpensByAltname) {
  make_cable("left", "right");
  ip("link property add dev left altname the-left-end-of-the-cable");
  LivePorts ports(watcher_, *this);
  const auto opened = ports.open({.patterns = {"the-left-end-of-the-cable"}});
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(take(), Lines{"on left"});
  ip("link property del dev left altname the-left-end-of-the-cable");
  await("off left");
}

TEST_F(LivePortsTest, AFewPortsHaveARing) {
  for (const auto* name : {"a", "b", "c"})
    make_cable(fmt::format("{}0", name), fmt::format("{}1", name));
  LivePorts ports(watcher_, *this, {.ring_slots = 16});
  ASSERT_TRUE(ports.open({.patterns = {"*"}}));
  const auto all = ports.ports();
  EXPECT_EQ(all.size(), 6U);
  EXPECT_EQ(std::ranges::count_if(all, [](const auto* port) { return port->ring_size() > 0; }), 4);
}

TEST_F(LivePortsTest, SaysWhyNoneCanBeOpened) {
  make_cable("left", "right");
  LivePorts ports(watcher_, *this);
  const auto missing = ports.open({.patterns = {"left", "eth9"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, std::errc::no_such_device_or_address);
  EXPECT_EQ(missing.error().interface, "eth9");
  EXPECT_EQ(missing.error().text, "eth9: no such interface");
}

TEST_F(LivePortsTest, ReportsTheBridgeThatGetsAPortsFrames) {
  make_cable("left", "right");
  make_cable("east", "west");
  ip("link add name br0 type bridge");
  ip("link set left master br0");
  LivePorts ports(watcher_, *this);
  ASSERT_TRUE(ports.open({.patterns = {"left", "east"}}));
  EXPECT_EQ(
      take(),
      (Lines{"deaf: left: is a port of the bridge br0, which gets its frames: use br0 instead",
             "on east", "on left"}));
  ip("link set east master br0");
  await("deaf: east: is a port of the bridge br0, which gets its frames: use br0 instead");
  take();
  ports.change({.patterns = {"left", "east"}});
  EXPECT_EQ(take(), Lines{}) << "said once";
}

TEST_F(LivePortsTest, ReportsWhatIsLeftOutByDefault) {
  make_cable("left", "right");
  make_cable("veth1", "eth0");
  ip("link add name br0 type bridge");
  ip("link set left master br0");
  LivePorts ports(watcher_, *this, {}, Scope::outside);
  ASSERT_TRUE(ports.open({.patterns = {}, .defaults = true}));
  EXPECT_EQ(take(), (Lines{"on eth0", "on right",
                           "out: left: left out: a port of the bridge br0, which gets its "
                           "frames",
                           "out: veth1: left out: a network of containers or virtual "
                           "machines"}));
  ports.change({.patterns = {"veth1"}, .defaults = true});
  EXPECT_EQ(take(), Lines{"on veth1"}) << "it is named";
  ip("link set left nomaster");
  await("on left");
}

}  // namespace
}  // namespace aoe
