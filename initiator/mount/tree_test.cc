#include "initiator/mount/tree.h"

#include <sys/stat.h>

#include <set>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using Kind = Node::Kind;

const Disks two_disks{{{0, 2}, {{1, 512, 1024}, {5, 2048, 512}}}, {{65534, 254}, {}}};

/// All paths below a folder, depth first.
std::vector<std::string> paths(const Disks& disks, const Node& folder = {},
                               const std::string& prefix = "") {
  std::vector<std::string> all;
  for (const Node& node : list(disks, folder)) {
    all.push_back(prefix + name_of(node));
    for (std::string& below : paths(disks, node, all.back() + "/")) {
      all.push_back(std::move(below));
    }
  }
  return all;
}

std::vector<Node> nodes(const Disks& disks, const Node& folder = {}) {
  std::vector<Node> all{folder};
  for (const Node& node : list(disks, folder)) {
    for (const Node& below : nodes(disks, node)) all.push_back(below);
  }
  return all;
}

TEST(Tree, IsTheDriversFace) {
  const std::string expected =
      "dev dev/etherd dev/etherd/e0.2 dev/etherd/e65534.254 dev/etherd/e0.2p1 dev/etherd/e0.2p5"
      " dev/etherd/discover dev/etherd/err dev/etherd/flush dev/etherd/interfaces"
      " dev/etherd/revalidate"
      " sys sys/block"
      " sys/block/etherd!e0.2"
      " sys/block/etherd!e0.2/queue sys/block/etherd!e0.2/queue/max_hw_sectors_kb"
      " sys/block/etherd!e0.2/queue/max_sectors_kb"
      " sys/block/etherd!e0.2/firmware-version sys/block/etherd!e0.2/mac"
      " sys/block/etherd!e0.2/netif sys/block/etherd!e0.2/payload sys/block/etherd!e0.2/ro"
      " sys/block/etherd!e0.2/size sys/block/etherd!e0.2/state"
      " sys/block/etherd!e65534.254"
      " sys/block/etherd!e65534.254/queue sys/block/etherd!e65534.254/queue/max_hw_sectors_kb"
      " sys/block/etherd!e65534.254/queue/max_sectors_kb"
      " sys/block/etherd!e65534.254/firmware-version sys/block/etherd!e65534.254/mac"
      " sys/block/etherd!e65534.254/netif sys/block/etherd!e65534.254/payload"
      " sys/block/etherd!e65534.254/ro sys/block/etherd!e65534.254/size"
      " sys/block/etherd!e65534.254/state"
      " sys/kernel sys/kernel/debug sys/kernel/debug/aoe sys/kernel/debug/aoe/e0.2"
      " sys/kernel/debug/aoe/e65534.254"
      " sys/module sys/module/aoe sys/module/aoe/parameters"
      " sys/module/aoe/parameters/aoe_deadsecs sys/module/aoe/parameters/aoe_dyndevs"
      " sys/module/aoe/parameters/aoe_iflist sys/module/aoe/parameters/aoe_maxout";
  EXPECT_EQ(fmt::format("{}", fmt::join(paths(two_disks), " ")), expected);
}

TEST(Tree, FindsEachNodeByNameAndNumberAndFolder) {
  std::set<std::uint64_t> numbers;
  for (const Node& node : nodes(two_disks)) {
    SCOPED_TRACE(name_of(node));
    EXPECT_TRUE(numbers.insert(node.number()).second);
    EXPECT_EQ(Node::of(node.number()), node);
    EXPECT_TRUE(is_there(two_disks, node));
    if (node == Node{}) continue;
    EXPECT_EQ(look_up(two_disks, folder_of(node), name_of(node)), node);
    EXPECT_TRUE(folder_of(node).is_folder());
  }
  EXPECT_EQ(Node{}.number(), 1u);
  EXPECT_EQ(folder_of({}), Node{});
}

TEST(Tree, KnowsNoOtherNumbers) {
  EXPECT_EQ(Node::of(0), std::nullopt);
  EXPECT_EQ(Node::of(static_cast<std::uint64_t>(Kind::state) + 1), std::nullopt);
  EXPECT_EQ(Node::of(std::uint64_t{1} << 48 | 1), std::nullopt);
}

TEST(Tree, KnowsNoOtherNames) {
  const Node etherd{Kind::etherd};
  for (const char* name : {"e0.3", "e0.2p2", "e0.02", "E0.2", "e0.2 ", "", "state"}) {
    EXPECT_EQ(look_up(two_disks, etherd, name), std::nullopt) << name;
  }
  EXPECT_EQ(look_up(two_disks, {Kind::disk, {0, 2}}, "state"), std::nullopt);
}

TEST(Tree, ForgetsWhatBelongsToADiskThatIsGone) {
  const Node state{Kind::state, {0, 2}};
  const Node partition{Kind::partition, {0, 2}, 5};
  EXPECT_TRUE(is_there(two_disks, state));
  EXPECT_FALSE(is_there({}, state));
  EXPECT_FALSE(is_there({}, {Kind::max_sectors_kb, {0, 2}}));
  EXPECT_FALSE(is_there({}, {Kind::debug_disk, {0, 2}}));
  EXPECT_FALSE(is_there({}, partition));
  EXPECT_FALSE(is_there({{{0, 2}, {{1, 512, 512}}}}, partition));
  EXPECT_TRUE(list({}, folder_of(state)).empty());
}

TEST(Tree, DisksMayBeReadAndWrittenAndFoldersEntered) {
  EXPECT_EQ((Node{Kind::disk, {0, 2}}.mode()), mode_t{S_IFREG | 0660});
  EXPECT_EQ((Node{Kind::partition, {0, 2}, 1}.mode()), mode_t{S_IFREG | 0660});
  EXPECT_EQ(Node{Kind::err}.mode(), mode_t{S_IFREG | 0440});
  EXPECT_EQ(Node{Kind::flush}.mode(), mode_t{S_IFREG | 0220});
  EXPECT_EQ(Node{Kind::block}.mode(), mode_t{S_IFDIR | 0755});
}

}  // namespace
}  // namespace aoe::initiator
