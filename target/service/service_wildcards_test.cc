#include "target/service/service.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "target/testing/test_service.h"

namespace aoe::target {
namespace {

TEST_F(ServiceTest, WildcardsFanOut) {
  for (const Address address : {Address{1, 1}, Address{1, 2}, Address{2, 1}}) {
    add<MemoryStore>(address, disk_size);
  }
  const auto addresses = [this](Address asked) {
    Lines lines = ask(MaskRequest{}, asked);
    for (std::string& text : lines) text = text.substr(0, text.find(' '));
    return lines;
  };
  EXPECT_EQ(addresses({1, 1}), Lines{"e1.1"});
  EXPECT_EQ(addresses({1, Address::any_slot}), (Lines{"e1.1", "e1.2"}));
  EXPECT_EQ(addresses({Address::any_shelf, 1}), (Lines{"e1.1", "e2.1"}));
  EXPECT_EQ(addresses(Address::everyone()), (Lines{"e1.1", "e1.2", "e2.1"}));
  EXPECT_EQ(service.counters().requests, 8U);
}

TEST_F(ServiceTest, FindsOneOfThousandsAndFansOutToAll) {
  for (std::uint16_t shelf = 0; shelf < 20; ++shelf) {
    for (std::uint8_t slot = 0; slot < 255; ++slot) {
      LunOptions options = options_at({shelf, slot});
      options.sectors = 1;
      service.add(options, std::make_unique<MemoryStore>(512));
    }
  }
  EXPECT_EQ(ask(MaskRequest{}, {19, 254}), Lines{"e19.254 mask"});
  std::size_t count = ask(MaskRequest{}, Address::everyone()).size();
  while (service.go_on() == Service::Due::soon) count += replies().size();
  EXPECT_EQ(count + replies().size(), 5100U);
}

TEST_F(ServiceTest, AnnouncesEveryLun) {
  add<MemoryStore>({1, 1}, disk_size);
  add<MemoryStore>({1, 2}, disk_size);
  service.announce(*port);
  EXPECT_EQ(replies(), (Lines{R"(e1.1 config read "", 2 buffers, firmware 0, 17 sectors)",
                              R"(e1.2 config read "", 2 buffers, firmware 0, 17 sectors)"}));
  EXPECT_EQ(service.counters().announcements, 2U);
  EXPECT_EQ(service.counters().replies, 0U);
}

TEST_F(ServiceTest, AnnouncesToAWholeMaskList) {
  add<MemoryStore>(own_address, disk_size);
  std::vector<Directive> directives;
  for (const Mac mac : numbered_macs(100)) directives.push_back({1, mac});
  std::vector<std::uint8_t> room(8 * directives.size());
  ask(MaskRequest{MaskCommand::edit, pack(directives, room)});
  service.announce(*port);
  EXPECT_EQ(replies().size(), 100U);
}

TEST_F(ServiceTest, AWildcardGoesOnWithTheNextLun) {
  auto& stuck = add<StuckStore>({1, 1});
  add<MemoryStore>({1, 2}, disk_size);
  stuck.on_stuck = [this] { service.take_over(1); };
  send(read_ext(0, 1), Address::everyone());
  EXPECT_THROW(service.serve(*port), StuckStore::Superseded);
  service.resume();
  EXPECT_EQ(replies(), Lines{"e1.2 ata 40/00 left 0, 512 bytes of 00"});
  service.returned(1);
  EXPECT_EQ(finish(stuck), Lines{"e1.1 ata 40/00 left 0, 512 bytes of 77"});
  EXPECT_EQ(service.counters().requests, 2U);
}

constexpr Mac other_mac{{2, 0, 0, 0, 0, 0xee}};

class FanOutTest : public ServiceTest {
 protected:
  FanOutTest() {
    for (std::uint8_t slot = 0; slot < 40; ++slot) add<MemoryStore>({1, slot}, disk_size);
  }
  std::size_t go_on() {
    due = service.go_on();
    return replies().size();
  }
  void send_from(Mac source, const Body& body, Address address) {
    ServiceTest::send(frame_of({target_mac, source, address, tag}, body));
  }

  Service::Due due{};
};

TEST_F(FanOutTest, ManyLunsAnswerByAndByAndOthersInBetween) {
  EXPECT_EQ(ask(MaskRequest{}, Address::everyone()), Lines{});
  EXPECT_EQ(go_on(), 32U);
  EXPECT_EQ(due, Service::Due::soon);
  EXPECT_EQ(ask(MaskRequest{}, {1, 39}), Lines{"e1.39 mask"});
  EXPECT_EQ(go_on(), 8U);
  EXPECT_EQ(due, Service::Due::none);
  EXPECT_EQ(go_on(), 0U);
  EXPECT_EQ(service.counters().requests, 41U);
}

TEST_F(FanOutTest, ASourceThatAsksAgainMeanwhileAddsNothing) {
  ask(MaskRequest{}, Address::everyone());
  ask(MaskRequest{}, {1, Address::any_slot});
  send_from(other_mac, MaskRequest{}, Address::everyone());
  service.serve(*port);
  EXPECT_EQ(go_on() + go_on() + go_on() + go_on(), 80U) << "40 for each source";
  EXPECT_EQ(due, Service::Due::none);
  EXPECT_EQ(service.edge_counters().wildcards_dropped, 1U);
  ask(MaskRequest{}, Address::everyone());
  EXPECT_EQ(go_on(), 32U) << "the former request has been answered";
}

TEST_F(FanOutTest, ManyLunsAreAnnouncedByAndByAndOthersServedInBetween) {
  service.announce(*port);
  EXPECT_EQ(replies().size(), 32U);
  EXPECT_EQ(ask(MaskRequest{}, {1, 39}), Lines{"e1.39 mask"});
  service.remove({1, 39}, [this](auto served) { taken_out = std::move(served); });
  EXPECT_EQ(go_on(), 7U);
  EXPECT_EQ(due, Service::Due::none);
  EXPECT_EQ(service.counters().announcements, 39U);
}

TEST_F(FanOutTest, APortThatIsAnnouncedAgainBeginsAgain) {
  service.announce(*port);
  service.announce({1, 0});
  service.announce(*port);
  EXPECT_EQ(replies().size() + go_on() + go_on() + go_on(), 32U + 9 + 32 + 8);
  service.announce(*port);
  service.forget(*port);
  replies();
  EXPECT_EQ(go_on(), 0U);
  EXPECT_EQ(due, Service::Due::none);
}

TEST_F(FanOutTest, SourcesTakeTurns) {
  ask(MaskRequest{}, Address::everyone());
  send_from(other_mac, ConfigRequest{}, Address::everyone());
  service.serve(*port);
  const auto first_word = [this] {
    service.go_on();
    return replies().front().substr(5, 4);
  };
  EXPECT_EQ(first_word(), "mask");
  EXPECT_EQ(first_word(), "conf");
}

TEST_F(FanOutTest, RepliesWaitForRoomAtThePort) {
  class NarrowPort final : public FramePort {
   public:
    explicit NarrowPort(FramePort& port) : port_(port) {}
    std::size_t receive(std::span<Bytes> frames) override { return port_.receive(frames); }
    void send(std::span<const Outgoing> frames) override { port_.send(frames); }
    bool has_room() const override { return room; }
    int descriptor() const override { return -1; }
    Link link() const override { return port_.link(); }
    PortCounters counters() const override { return port_.counters(); }

    bool room = false;

   private:
    FramePort& port_;
  };
  NarrowPort narrow(*port);
  send(MaskRequest{}, Address::everyone());
  service.serve(narrow);
  EXPECT_EQ(go_on(), 0U);
  EXPECT_EQ(due, Service::Due::later);
  narrow.room = true;
  EXPECT_EQ(go_on(), 32U);
  narrow.room = false;
  service.announce(narrow);
  EXPECT_EQ(go_on(), 0U) << "announcements wait, too";
  narrow.room = true;
  EXPECT_EQ(go_on(), 32U + 8) << "both go on";
  service.announce(narrow);
  service.forget(narrow);
  replies();
  EXPECT_EQ(go_on(), 0U);
  EXPECT_EQ(due, Service::Due::none);
}

TEST_F(FanOutTest, GoesOnWithTheNextLunWhereAThreadWasStuckInOne) {
  take_out({1, 1});
  auto& stuck = add<StuckStore>({1, 1});
  stuck.on_stuck = [this] { service.take_over(1); };
  send(write_ext(3, pattern(1024, 1)), Address::everyone());
  service.serve(*port);
  EXPECT_THROW(go_on(), StuckStore::Superseded);
  service.resume();
  EXPECT_EQ(replies(), Lines{"e1.0 ata 40/00 left 0"}) << "what the batch had so far";
  std::size_t others = 0;
  do {
    others += go_on();
  } while (due != Service::Due::none);
  EXPECT_EQ(others, 38U);
  EXPECT_TRUE(std::ranges::equal(stuck.stuck_data, pattern(1024, 1))) << "kept, though all is over";
  service.returned(1);
  EXPECT_EQ(finish(stuck), Lines{"e1.1 ata 40/00 left 0"});
}

TEST_F(FanOutTest, LunsMayComeAndGoMeanwhile) {
  ask(MaskRequest{}, Address::everyone());
  EXPECT_EQ(go_on(), 32U);
  take_out({1, 0});
  take_out({1, 32});
  add<MemoryStore>({0, 1}, disk_size);
  EXPECT_EQ(go_on(), 7U);
}

TEST_F(ServiceTest, OnlyConfigQueriesMayHaveAWildcardWhereThatIsWanted) {
  auto& store = add<MemoryStore>(own_address, disk_size);
  service.admit_wildcards(Wildcards::config_only);
  EXPECT_EQ(ask(write_ext(0, pattern(512, 1)), Address::everyone()), Lines{});
  EXPECT_EQ(ask(MaskRequest{}, {own_address.shelf, Address::any_slot}), Lines{});
  EXPECT_EQ(store.bytes()[0], 0);
  EXPECT_EQ(service.edge_counters().wildcards_refused, 2U);
  EXPECT_EQ(ask(ConfigRequest{}, Address::everyone()).size(), 1U);
  EXPECT_EQ(ask(write_ext(0, pattern(512, 1))), Lines{"e7.3 ata 40/00 left 0"});
}

}  // namespace
}  // namespace aoe::target
