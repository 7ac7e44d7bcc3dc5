#include "wire/packet_port.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "proto/layout.h"
#include "wire/testing/test_namespace.h"

namespace aoe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::uint8_t>;

Octets frame(const Mac& to, const Mac& from, std::uint8_t fill, std::size_t size = 60,
             std::uint16_t type = ethertype) {
  Octets bytes(size, fill);
  layout::set<Field::destination>(bytes, to);
  layout::set<Field::source>(bytes, from);
  layout::set<Field::ethertype>(bytes, type);
  return bytes;
}

/// The octet that fills a frame: which one of the test's it is.
std::uint8_t label(const Octets& frame) {
  return frame.back();
}

std::vector<int> labels(const std::vector<Octets>& frames) {
  std::vector<int> all;
  for (const Octets& f : frames) all.push_back(label(f));
  return all;
}

using Labels = std::vector<int>;

void send(PacketPort& port, const std::vector<Octets>& frames) {
  std::vector<Outgoing> outgoing;
  for (const Octets& f : frames) outgoing.push_back({.head = f, .data = {}});
  port.send(outgoing);
}

/// What waits now.
std::vector<Octets> received(PacketPort& port) {
  std::vector<Octets> all;
  std::array<Bytes, batch_size> views;
  while (const std::size_t count = port.receive(views))
    for (std::size_t i = 0; i < count; ++i) all.emplace_back(views[i].begin(), views[i].end());
  return all;
}

/// All that arrives up to and with the frame of this label.
std::vector<Octets> received_until(PacketPort& port, std::uint8_t last) {
  std::vector<Octets> all;
  while (all.empty() || label(all.back()) != last) {
    if (!wait_readable(port.descriptor())) {
      ADD_FAILURE() << "frame " << int{last} << " does not arrive";
      break;
    }
    for (Octets& f : received(port)) all.push_back(std::move(f));
  }
  return all;
}

constexpr std::uint8_t fence = 0xfe;

class PortTest : public NamespaceTest {
 protected:
  explicit PortTest(std::size_t ring_slots = 0) : ring_slots_(ring_slots) {}

  void SetUp() override {
    NamespaceTest::SetUp();
    if (IsSkipped()) return;
    make_cable("left", "right");
    left_ = open("left");
    right_ = open("right");
  }

  std::unique_ptr<PacketPort> open(const std::string& name,
                                   PacketPort::Options options = {}) const {
    options.ring_slots = ring_slots_;
    auto port = PacketPort::open(name, options);
    EXPECT_TRUE(port) << port.error();
    EXPECT_EQ((*port)->ring_size() > 0, ring_slots_ > 0);
    return *std::move(port);
  }

  Mac left() const { return left_->link().mac; }
  Mac right() const { return right_->link().mac; }
  Octets to_right(std::uint8_t fill, std::size_t size = 60) const {
    return frame(right(), left(), fill, size);
  }

  /// What right receives of these frames from left, or of what went before them.
  std::vector<Octets> cross(std::vector<Octets> frames) {
    frames.push_back(to_right(fence));
    send(*left_, frames);
    auto arrived = received_until(*right_, fence);
    arrived.pop_back();
    return arrived;
  }

  std::unique_ptr<PacketPort> left_;
  std::unique_ptr<PacketPort> right_;

 private:
  const std::size_t ring_slots_;
};

/// Frames arrive in the socket's queue, or in a ring of a few slots more than this.
class PacketPortTest : public PortTest, public testing::WithParamInterface<std::size_t> {
 protected:
  PacketPortTest() : PortTest(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Ways, PacketPortTest, testing::Values(0, 256),
                         [](const auto& way) { return way.param == 0 ? "Queue" : "Ring"; });

TEST_P(PacketPortTest, KnowsItsInterface) {
  EXPECT_EQ(left_->interface(), find_interface("left"));
  EXPECT_EQ(left_->link(), find_interface("left").link);
}

TEST_P(PacketPortTest, BatchesCrossInOrder) {
  std::vector<Octets> frames;
  for (std::uint8_t i = 0; i < 200; ++i) frames.push_back(to_right(i, 60 + 7u * i));
  EXPECT_EQ(cross(frames), frames);
  EXPECT_EQ(left_->counters(), (PortCounters{.sent = 201}));
  EXPECT_EQ(right_->counters(), (PortCounters{.received = 201}));
}

TEST_P(PacketPortTest, ReceiveGivesNoMoreThanIsAskedForAndKeepsTheRest) {
  send(*left_, {to_right(1), to_right(2), to_right(fence)});
  ASSERT_TRUE(wait_readable(right_->descriptor()));
  std::array<Bytes, 1> one;
  EXPECT_EQ(right_->receive({}), 0u);
  ASSERT_EQ(right_->receive(one), 1u);
  EXPECT_EQ(one[0].back(), 1);
  EXPECT_EQ(labels(received_until(*right_, fence)), (Labels{2, fence}));
}

TEST_P(PacketPortTest, NothingWaitsAtFirst) {
  EXPECT_FALSE(wait_readable(left_->descriptor(), 0ms));
  EXPECT_TRUE(received(*left_).empty());
}

TEST_P(PacketPortTest, TwoPiecesAreOneFrame) {
  const Octets whole = to_right(7, 1060);
  const Outgoing pieces{.head = Bytes(whole).first(36), .data = Bytes(whole).subspan(36)};
  left_->send({&pieces, 1});
  EXPECT_EQ(cross({whole}), (std::vector<Octets>{whole, whole}));
}

TEST_P(PacketPortTest, DataThatCanNotBeReadIsToldAndTheOthersGo) {
  const std::size_t page = 4096;
  void* const hole = mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(hole, MAP_FAILED);
  const Octets head = to_right(1, 36);
  const Octets whole = to_right(2);
  const Bytes data(static_cast<const std::uint8_t*>(hole), 512);
  std::array<bool, 3> unreadable{};
  const std::array<Outgoing, 3> frames{
      {{whole, {}, &unreadable[0]}, {head, data, &unreadable[1]}, {whole, {}, &unreadable[2]}}};
  left_->send(frames);
  EXPECT_EQ(unreadable, (std::array{false, true, false}));
  EXPECT_EQ(labels(cross({})), (Labels{2, 2}));
  EXPECT_EQ(left_->counters(), (PortCounters{.sent = 3}));
  munmap(hole, page);
}

TEST_P(PacketPortTest, OwnFramesAreNotSeen) {
  cross({frame(Mac::broadcast(), left(), 1)});
  EXPECT_TRUE(received(*left_).empty());
}

TEST_P(PacketPortTest, OtherEtherTypesAreNotSeen) {
  EXPECT_TRUE(cross({frame(right(), left(), 1, 60, 0x0800), frame(right(), left(), 2, 60, 0x88a3)})
                  .empty());
}

TEST_P(PacketPortTest, FramesOfOtherInterfacesAreNotSeen) {
  make_cable("elsewhere", "elsewhere2");
  const auto other = open("elsewhere");
  send(*other, {frame(Mac::broadcast(), other->link().mac, 1)});
  EXPECT_TRUE(cross({}).empty());
}

TEST_P(PacketPortTest, BroadcastsAreSeenAndFramesForOtherStationsAreNot) {
  const Mac stranger{{2, 0, 0, 0, 0, 0x99}};
  EXPECT_EQ(labels(cross({frame(Mac::broadcast(), left(), 1), frame(stranger, left(), 2)})),
            (Labels{1}));
  ip("link set right promisc on");
  EXPECT_TRUE(cross({frame(stranger, left(), 3)}).empty()) << "though the interface is promiscuous";
  EXPECT_EQ(right_->counters().receive_dropped, 0u);
}

TEST_P(PacketPortTest, APromiscuousPortSeesFramesForOtherStationsAndNotItsOwn) {
  right_ = open("right", {.promiscuous = true});
  const Mac stranger{{2, 0, 0, 0, 0, 0x99}};
  send(*right_, {frame(stranger, right(), 1)});
  EXPECT_EQ(labels(cross({frame(stranger, left(), 2)})), (Labels{2}));
}

TEST_P(PacketPortTest, AFrameBeyondTheMtuIsDroppedAndThoseAfterItGo) {
  const Octets fits = to_right(1, 1514);
  const Octets too_long = to_right(2, 1515);
  EXPECT_EQ(labels(cross({fits, too_long, to_right(3), too_long, too_long, to_right(4)})),
            (Labels{1, 3, 4}));
  EXPECT_EQ(left_->counters(), (PortCounters{.sent = 4, .send_dropped = 3}));
}

TEST_P(PacketPortTest, AFrameThatTheKernelRefusesIsDroppedAndThoseAfterItGo) {
  ip("link set left mtu 1000");  // and the port is not told
  const Octets too_long = to_right(2, 1514);
  EXPECT_EQ(labels(cross({to_right(1), too_long, to_right(3), too_long, too_long, to_right(4)})),
            (Labels{1, 3, 4}));
  EXPECT_EQ(left_->counters(), (PortCounters{.sent = 4, .send_dropped = 3}));
}

TEST_P(PacketPortTest, AnMtuThatGrewCountsFromTheUpdateOn) {
  for (const auto* name : {"left", "right"}) ip(fmt::format("link set {} mtu 9000", name));
  left_->update(find_interface("left"));
  EXPECT_EQ(left_->link().mtu, 9000);
  const Octets jumbo = to_right(1, 9014);

  EXPECT_TRUE(cross({jumbo}).empty());
  EXPECT_EQ(right_->counters(), (PortCounters{.received = 1, .receive_dropped = 1}));

  right_->update(find_interface("right"));
  EXPECT_EQ(cross({jumbo}), (std::vector<Octets>{jumbo}));
}

TEST_F(PortTest, ViewsOutliveAnUpdate) {
  const Octets sent = to_right(1);
  send(*left_, {sent});
  ASSERT_TRUE(wait_readable(right_->descriptor()));
  std::array<Bytes, 1> views;
  ASSERT_EQ(right_->receive(views), 1u);
  Interface grown = right_->interface();
  grown.link.mtu = 65535;
  right_->update(grown);
  EXPECT_TRUE(std::ranges::equal(views[0], sent));
}

TEST_P(PacketPortTest, FramesThatAFullQueueLostAreCounted) {
  right_ = open("right", {.receive_buffer = 1});  // the kernel's least: a few frames
  std::vector<Octets> frames;
  for (unsigned i = 0; i < 400; ++i) frames.push_back(to_right(static_cast<std::uint8_t>(i)));
  send(*left_, frames);
  ASSERT_TRUE(wait_readable(right_->descriptor()));
  EXPECT_LT(received(*right_).size(), 400u);
  for (int reading = 0; reading < 2; ++reading) {
    const PortCounters counters = right_->counters();
    EXPECT_GT(counters.receive_dropped, 0u);
    EXPECT_EQ(counters.received + counters.receive_dropped, 400u);
  }
}

TEST_P(PacketPortTest, AnInterfaceThatGoesDownAndUpIsSurvivedWithoutSpinning) {
  send(*left_, {to_right(1)});  // waits behind the error that going down leaves on the socket
  ASSERT_TRUE(wait_readable(right_->descriptor()));
  ip("link set right down");
  EXPECT_EQ(labels(received(*right_)), (Labels{1}));
  received(*right_);  // a loop may be woken once more
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms)) << "a loop would spin";

  send(*right_, {frame(left(), right(), 2), frame(left(), right(), 3)});
  EXPECT_EQ(right_->counters(), (PortCounters{.received = 1, .send_dropped = 2}));
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms));

  ip("link set right up");
  wait_until_up({"left", "right"});
  EXPECT_EQ(labels(cross({to_right(4)})), (Labels{4}));
  EXPECT_EQ(right_->counters().receive_dropped, 0u);
}

TEST_P(PacketPortTest, TheFirstFrameAfterAnInterfaceCameBackIsNotLost) {
  ip("link set left down");
  ip("link set left up");
  wait_until_up({"left", "right"});
  EXPECT_EQ(labels(cross({to_right(1)})), (Labels{1}));
  EXPECT_EQ(left_->counters(), (PortCounters{.sent = 2}));
}

TEST_P(PacketPortTest, AnInterfaceThatIsDownCanBeOpened) {
  ip("link set right down");
  right_ = open("right");
  EXPECT_FALSE(right_->link().up);
  EXPECT_TRUE(received(*right_).empty());
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms));
  ip("link set right up");
  wait_until_up({"left", "right"});
  EXPECT_EQ(labels(cross({to_right(1)})), (Labels{1}));
}

TEST_P(PacketPortTest, AnInterfaceThatIsRemovedAndComesBackIsSurvived) {
  ip("link del right");
  EXPECT_TRUE(received(*right_).empty());
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms));
  send(*right_, {frame(Mac::broadcast(), right(), 1)});
  EXPECT_EQ(right_->counters(), (PortCounters{.send_dropped = 1}));

  make_cable("left", "right");
  left_->update(find_interface("left"));
  right_->update(find_interface("right"));
  EXPECT_EQ(labels(cross({to_right(2)})), (Labels{2}));
  EXPECT_TRUE(right_->link().up);
}

TEST_P(PacketPortTest, AnUpdateToAnInterfaceThatIsGoneIsALinkThatIsDown) {
  Interface gone = right_->interface();
  gone.index = 9999;
  right_->update(gone);
  EXPECT_FALSE(right_->link().up);
  right_->update(find_interface("right"));
  EXPECT_EQ(labels(cross({to_right(1)})), (Labels{1}));
}

TEST_P(PacketPortTest, FramesWithAVlanTagAreNotSeen) {
  Octets tagged = frame(Mac::broadcast(), left(), 1, 64, 0x8100);
  copy(std::array<std::uint8_t, 4>{0, 5, 0x88, 0xa2}, MutableBytes(tagged).subspan(14));  // VLAN 5
  EXPECT_EQ(labels(cross({tagged, to_right(2)})), (Labels{2}));
}

TEST_P(PacketPortTest, SharesDivideAddressesAndEachSeesWildcards) {
  std::array<std::unique_ptr<PacketPort>, 2> shares;
  for (unsigned i = 0; i < shares.size(); ++i) {
    shares[i] = open("right", {.share = i, .shares = 2});
  }
  const auto request = [&](std::uint16_t shelf, std::uint8_t slot) {
    Octets bytes = to_right(0);
    bytes[16] = static_cast<std::uint8_t>(shelf >> 8);
    bytes[17] = static_cast<std::uint8_t>(shelf);
    bytes[18] = slot;
    bytes.back() = static_cast<std::uint8_t>(16 * shelf + slot);
    return bytes;
  };
  send(*left_, {request(0, 1), request(0, 2), request(1, 1), request(1, 2), request(0xffff, 1),
                request(3, 0xff), frame(right(), left(), 0x77, 18), request(0xffff, 0xff)});
  EXPECT_EQ(labels(received_until(*shares[0], 0xef)), (Labels{0x02, 0x11, 0xf1, 0x2f, 0xef}));
  EXPECT_EQ(labels(received_until(*shares[1], 0xef)), (Labels{0x01, 0x12, 0xf1, 0x2f, 0xef}));
}

TEST_P(PacketPortTest, AnswersOfOthersAreLeftToThem) {
  const auto port = open("right", {.answers = {{.mask = 0xff00'0000, .value = 0x8100'0000},
                                               {.mask = 0xff00'0000, .value = 0xc200'0000}}});
  constexpr std::uint8_t response = 0x18;
  const auto of = [&](std::uint8_t flags, std::uint8_t command, std::uint8_t tag,
                      std::uint8_t label) {
    Octets bytes = to_right(label);
    bytes[14] = flags;
    bytes[19] = command;
    bytes[20] = tag;
    return bytes;
  };
  send(*left_, {of(response, 0, 0x81, 1), of(response, 0, 0x82, 2), of(response, 0, 0x01, 3),
                of(response, 2, 0xc2, 4), of(response, 3, 0x81, 5), of(response, 1, 0x00, 6),
                of(0x10, 0, 0x81, 7), of(0x10, 1, 0x81, 8), frame(right(), left(), 9, 18),
                of(response, 0, 0x81, 10)});
  EXPECT_EQ(labels(received_until(*port, 10)), (Labels{1, 4, 5, 6, 10}));
}

// The ring.

TEST_P(PacketPortTest, TheLongestFramesThereAreArrive) {
  ip("link set lo mtu 65536");
  ip("link set lo up");
  const auto lo = open("lo");
  EXPECT_LE(lo->ring_size(), 8u << 20);
  for (std::uint8_t i = 0; i < 200; ++i) {
    const Octets longest = frame(lo->link().mac, lo->link().mac, i, 14 + 65535);
    send(*lo, {longest});
    ASSERT_TRUE(received_until(*lo, i) == std::vector<Octets>{longest}) << int{i};
  }
}

TEST_P(PacketPortTest, AnMtuThatGrowsWhileAChildOfAForkLivesHoldsUpNothing) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    char end = 0;
    close(pipe[1]);
    _exit(read(pipe[0], &end, 1) == 0 ? 0 : 1);
  }
  for (const auto* name : {"left", "right"}) ip(fmt::format("link set {} mtu 9000", name));
  left_->update(find_interface("left"));
  right_->update(find_interface("right"));
  EXPECT_EQ(labels(cross({to_right(1), to_right(2)})), (Labels{1, 2}));
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms)) << "a loop would spin";
  close(pipe[0]);
  close(pipe[1]);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  Interface longer = find_interface("right");
  right_->update(longer);
  EXPECT_EQ(labels(cross({to_right(3, 9014)})), (Labels{3}));
}

TEST_F(PortTest, ALargeRingHoldsWhatTheWindowsOfManyTargetsAllow) {
  auto port = PacketPort::open("right", {.ring_slots = 4096});
  ASSERT_TRUE(port);
  EXPECT_LE((*port)->ring_size(), 8U << 20);
  std::vector<Octets> burst(4096, to_right(3));
  send(*left_, burst);
  EXPECT_EQ(received(**port).size(), burst.size()) << "none is lost";
}

TEST_P(PacketPortTest, ManyFramesGoRoundAndRound) {
  for (unsigned round = 0; round < 40; ++round) {
    std::vector<Octets> frames;
    for (std::uint8_t i = 0; i < 50; ++i) frames.push_back(to_right(i, 60 + 13u * i + round));
    ASSERT_EQ(cross(frames), frames);
  }
  EXPECT_EQ(right_->counters(), (PortCounters{.received = 40 * 51}));
}

TEST_P(PacketPortTest, WhatFitsAfterAFullQueueArrives) {
  right_ = open("right", {.receive_buffer = 1});
  std::vector<Octets> frames;
  for (unsigned i = 0; i < 400; ++i) frames.push_back(to_right(static_cast<std::uint8_t>(i)));
  send(*left_, frames);
  ASSERT_TRUE(wait_readable(right_->descriptor()));
  const auto arrived = received(*right_);
  EXPECT_LT(arrived.size(), 400u);
  EXPECT_TRUE(std::ranges::equal(arrived, std::span(frames).first(arrived.size())));
  EXPECT_EQ(labels(cross({to_right(1)})), (Labels{1}));
}

TEST_P(PacketPortTest, ManyFramesThatAreTooLongHoldUpNothing) {
  for (const auto* name : {"left", "right"}) ip(fmt::format("link set {} mtu 9000", name));
  left_->update(find_interface("left"));
  for (unsigned i = 0; i < 300; ++i) {
    send(*left_, {to_right(1, 9014)});
    received(*right_);
  }
  EXPECT_EQ(labels(cross({to_right(2)})), (Labels{2}));
  const PortCounters counters = right_->counters();
  EXPECT_EQ(counters.receive_dropped, 300u);
  EXPECT_EQ(counters.received, 2u);
}

// Lanes.

class LanesTest : public PortTest {
 protected:
  void SetUp() override {
    PortTest::SetUp();
    if (IsSkipped()) return;
    right_ = open("right", {.receive_buffer = 64 << 10, .lanes = 8});
  }

  Octets from(std::uint8_t source, std::uint8_t fill, std::size_t size = 60) {
    return frame(right(), Mac{{2, 0, 0, 0, 0, source}}, fill, size);
  }
};

TEST_F(LanesTest, EveryFrameArrivesOnceAndThoseOfASourceInOrder) {
  std::vector<Octets> sent;
  for (std::uint8_t i = 0; i < 20; ++i) {
    for (std::uint8_t source = 0; source < 10; ++source) sent.push_back(from(source, i));
  }
  send(*left_, sent);
  std::map<Octets, Labels> by_source;
  std::size_t count = 0;
  while (count < sent.size() && wait_readable(right_->descriptor())) {
    for (const Octets& f : received(*right_)) {
      by_source[Octets(f.begin() + 6, f.begin() + 12)].push_back(label(f));
      ++count;
    }
  }
  EXPECT_EQ(right_->counters(), (PortCounters{.received = 200}));
  EXPECT_EQ(by_source.size(), 10U);
  for (const auto& [source, all] : by_source) {
    EXPECT_EQ(all.size(), 20U);
    EXPECT_TRUE(std::ranges::is_sorted(all));
  }
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms));
}

TEST_F(LanesTest, AFloodOfOneSourceLosesItsOwnFramesOnly) {
  for (int i = 0; i < 1000; ++i) send(*left_, {from(1, 0xff, 1000)});
  std::size_t others = 0;
  for (std::uint8_t source = 2; source < 42; ++source) send(*left_, {from(source, source)});
  std::vector<int> arrived;
  for (const Octets& f : received(*right_)) {
    if (label(f) != 0xff) ++others;
    arrived.push_back(label(f));
  }
  EXPECT_GT(right_->counters().receive_dropped, 0U);
  EXPECT_GE(others, 30U) << "all but those that share its lane: an eighth";
  const auto first_other = std::ranges::find_if(arrived, [](int each) { return each != 0xff; });
  EXPECT_LE(first_other - arrived.begin(), 2 * static_cast<int>(batch_size))
      << "and it does not come last";
}

TEST_F(LanesTest, AnInterfaceThatIsDownAtFirstSpreadsWhenItIsUp) {
  ip("link set right down");
  right_ = open("right", {.lanes = 8});
  EXPECT_FALSE(right_->link().up);
  ip("link set right up");
  wait_until_up({"left", "right"});
  right_->update(find_interface("right"));
  std::vector<Octets> sent;
  for (std::uint8_t source = 0; source < 50; ++source) sent.push_back(from(source, source));
  send(*left_, sent);
  EXPECT_EQ(received(*right_).size(), 50U);
}

TEST_F(LanesTest, AnInterfaceThatIsRemovedAndComesBackIsSurvived) {
  const int descriptor = right_->descriptor();
  ip("link del right");
  EXPECT_TRUE(received(*right_).empty());
  make_cable("left", "right");
  left_->update(find_interface("left"));
  right_->update(find_interface("right"));
  EXPECT_EQ(right_->descriptor(), descriptor) << "an event loop waits for it";
  EXPECT_EQ(labels(cross({to_right(2)})), (Labels{2}));
}

TEST_F(LanesTest, AnInterfaceThatGoesDownAndUpIsSurvivedWithoutSpinning) {
  ip("link set right down");
  EXPECT_TRUE(received(*right_).empty());
  EXPECT_FALSE(wait_readable(right_->descriptor(), 0ms)) << "a loop would spin";
  ip("link set right up");
  wait_until_up({"left", "right"});
  EXPECT_EQ(labels(cross({to_right(4)})), (Labels{4}));
}

TEST_P(PacketPortTest, OpeningAnInterfaceThatDoesNotExistNamesIt) {
  const auto port = PacketPort::open("eth9");
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error(), "eth9: no such interface");
}

TEST_P(PacketPortTest, OpeningWithoutTheCapabilityNamesIt) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    std::string said = "capset failed";
    if (syscall(SYS_capset, &header, none.data()) == 0) {
      const auto port = PacketPort::open("left");
      said = port ? "opened" : port.error();
    }
    _exit(write(pipe[1], said.data(), said.size()) < 0 ? 1 : 0);
  }
  close(pipe[1]);
  std::array<char, 256> said{};
  const ssize_t size = read(pipe[0], said.data(), said.size());
  close(pipe[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(std::string(said.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))),
            "left: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)");
}

}  // namespace
}  // namespace aoe
