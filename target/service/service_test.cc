#include "target/service/service.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/testing/test_service.h"

namespace aoe::target {
namespace {

TEST_F(ServiceTest, ServesReadsAndWrites) {
  auto& store = add<MemoryStore>(own_address, disk_size);
  const auto data = pattern(1024, 1);
  EXPECT_EQ(ask(write_ext(10, data)), Lines{"e7.3 ata 40/00 left 0"});
  EXPECT_TRUE(std::ranges::equal(Bytes(store.bytes()).subspan(5120, 1024), data));
  EXPECT_EQ(ask(read_ext(10, 2)),
            Lines{fmt::format("e7.3 ata 40/00 left 0, 1024 bytes of {:02x}", data[0])});
  EXPECT_EQ(ask(command(Opcode::flush_cache)), Lines{"e7.3 ata 40/00 left 0"});
  const auto counters = service.counters();
  EXPECT_EQ(counters.reads + counters.writes + counters.flushes, 3U);
  EXPECT_EQ(counters.replies, 3U);
}

TEST_F(ServiceTest, CallsForEachChangeOfWhatClientsSetAndForNothingElse) {
  add<MemoryStore>(own_address, disk_size);
  Lines changes;
  service.on_change([&](ServedLun& lun, const Frame& request) {
    changes.push_back(fmt::format("{} {} {}", lun.lun.address(), request.header.source,
                                  lun.lun.state().config_string));
  });
  ask(ConfigRequest{ConfigCommand::set, as_bytes("a")});
  EXPECT_EQ(changes, Lines{fmt::format("e7.3 {} a", client_mac)});
  ask(ConfigRequest{ConfigCommand::set, as_bytes("a")});
  ask(ConfigRequest{ConfigCommand::set, as_bytes("refused")});
  ask(ConfigRequest{ConfigCommand::read, {}});
  ask(read_ext(0, 1));
  EXPECT_EQ(changes.size(), 1U);
  ask(ReserveRequest{ReserveCommand::set, {}});
  EXPECT_EQ(changes.size(), 1U) << "nothing was reserved";
}

TEST_F(ServiceTest, AnswersOfAnotherTargetAreCounted) {
  add<MemoryStore>(own_address, disk_size);
  const ServedLun& served = *service.find(own_address);
  const auto receive = [this](const Body& body, Address address, Mac source) {
    send(frame_of({client_mac, source, address, tag}, body));
    service.serve(*port);
  };
  const AtaReply ata{};
  receive(ConfigReply{}, {7, 4}, other_mac);
  receive(ConfigReply{}, own_address, target_mac);  // by another port in the same segment
  EXPECT_EQ(served.counters.foreign_answers, 0U);
  EXPECT_EQ(served.other_target, std::nullopt);
  receive(ConfigReply{}, own_address, other_mac);
  receive(ata, own_address, client_mac);
  EXPECT_EQ(served.counters.foreign_answers, 2U);
  EXPECT_EQ(served.other_target, client_mac);
  EXPECT_EQ(service.edge_counters().responses, 4U);
  EXPECT_EQ(replies(), Lines{});
}

TEST_F(ServiceTest, LastRequestThatWasNotAdmittedIsKnown) {
  add<MemoryStore>(own_address, disk_size);
  ServedLun& served = *service.find(own_address);
  EXPECT_TRUE(service.set_state(own_address, {"", {other_mac}, {}}, [](std::error_code) {}));
  EXPECT_EQ(ask(ConfigRequest{}), Lines{});
  EXPECT_EQ(served.silenced.source, client_mac);
  EXPECT_EQ(served.silenced.why, Silence::source_masked);
  LunOptions options = options_at(own_address);
  options.access.deny = {other_mac};
  service.change(options);
  send(frame_of({target_mac, other_mac, own_address, tag}, ConfigRequest{}));
  service.serve(*port);
  EXPECT_EQ(served.silenced.source, other_mac);
  EXPECT_EQ(served.silenced.why, Silence::source_denied);
  EXPECT_EQ(served.counters.not_admitted(), 2U);
}

TEST_F(ServiceTest, IgnoresWhatIsNotForIt) {
  add<MemoryStore>(own_address, disk_size);
  EXPECT_EQ(ask(ConfigRequest{}, {7, 4}), Lines{});
  EXPECT_EQ(ask(ConfigRequest{}, {Address::any_shelf, 4}), Lines{});
  EXPECT_EQ(ask(ConfigReply{}), Lines{});
  EXPECT_EQ(ask(ErrorReply{0, ErrorCode::bad_argument}), Lines{});
  EXPECT_EQ(service.edge_counters().not_addressed, 2U);
  EXPECT_EQ(service.edge_counters().responses, 2U);
  EXPECT_EQ(service.counters().replies, 0U);
}

TEST_F(ServiceTest, CountsRejectsByRuleAndSilencesByReason) {
  add<MemoryStore>(own_address, disk_size);
  auto frame = request_frame(ConfigRequest{});
  send(Bytes(frame).first(23));
  frame[12] = 0x08;
  send(frame);
  frame = request_frame(ConfigRequest{});
  frame[14] = 0x20;
  send(frame);
  frame[16] = 0x11;  // for another, and so no concern of ours
  send(frame);
  send(request_frame(ConfigRequest{}, Mac::broadcast()));
  send(ConfigRequest{ConfigCommand::test, as_bytes("x")});
  service.serve(*port);
  EXPECT_EQ(replies(), Lines{"e7.3 error 5"});
  const auto counters = service.counters();
  const auto edge = service.edge_counters();
  const auto rejects = [&](Rule rule) { return edge.rejects[static_cast<std::size_t>(rule)]; };
  EXPECT_EQ(rejects(Rule::frame_too_short), 1U);
  EXPECT_EQ(rejects(Rule::not_aoe), 1U);
  EXPECT_EQ(rejects(Rule::unsupported_version), 1U);
  const auto silences = [&](Silence s) { return counters.silences[static_cast<std::size_t>(s)]; };
  EXPECT_EQ(silences(Silence::source_multicast), 1U);
  EXPECT_EQ(silences(Silence::config_mismatch), 1U);
  EXPECT_EQ(silences(Silence::source_masked), 0U);
  EXPECT_EQ(counters.aoe_errors, 1U);
}

TEST_F(ServiceTest, DrainsMoreThanABatch) {
  add<MemoryStore>(own_address, disk_size);
  for (int i = 0; i < 200; ++i) send(read_ext(0, 1));
  EXPECT_FALSE(service.serve(*port));
  EXPECT_EQ(replies().size(), 200U);
}

TEST_F(ServiceTest, StopsWhereItIsToldAndSaysThatMoreMayWait) {
  add<MemoryStore>(own_address, disk_size);
  for (int i = 0; i < 100; ++i) send(read_ext(0, 1));
  EXPECT_TRUE(service.serve(*port, 70));
  EXPECT_EQ(replies().size(), 70U);
  EXPECT_FALSE(service.serve(*port, 70));
  EXPECT_EQ(replies().size(), 30U);
}

TEST_F(ServiceTest, ReplyBuffersGrowWithThePort) {
  add<MemoryStore>(own_address, disk_size);
  const auto [small_port, small_client] =
      MemoryPort::pair({target_mac, 1500, true}, {client_mac, 1500, true});
  const auto frame = request_frame(read_ext(0, 2));
  const Outgoing outgoing{frame, {}};
  small_client->send({&outgoing, 1});
  service.serve(*small_port);
  EXPECT_EQ(small_port->counters().sent, 1U);
  EXPECT_EQ(ask(read_ext(0, 17)), Lines{"e7.3 ata 40/00 left 0, 8704 bytes of 00"});
}

TEST_F(ServiceTest, RepliesOfOneTurnGoOutTogetherEachByItsPort) {
  auto& store = add<SlowStore>(own_address);
  const auto [second_port, second_client] =
      MemoryPort::pair({target_mac, 9000, true}, {other_mac, 9000, true});
  const auto from_second = request_frame(read_ext(0, 1), other_mac);
  const Outgoing outgoing{from_second, {}};
  second_client->send({&outgoing, 1});
  ask(read_ext(0, 1));
  service.serve(*second_port);
  ask(read_ext(0, 1));
  while (!store.waiting.empty()) store.finish_one();
  service.settle();
  EXPECT_EQ(replies().size(), 2U);
  EXPECT_EQ(second_port->counters().sent, 1U);
}

/// A port that can not read the data of some frames, as where a mapped file was truncated.
class FaultingPort final : public FramePort {
 public:
  explicit FaultingPort(FramePort& port) : port_(port) {}
  std::size_t receive(std::span<Bytes> frames) override { return port_.receive(frames); }
  void send(std::span<const Outgoing> frames) override {
    for (const Outgoing& frame : frames) {
      if (frame.unreadable != nullptr && faults-- > 0) {
        *frame.unreadable = true;
      } else {
        port_.send({&frame, 1});
      }
    }
  }
  int descriptor() const override { return -1; }
  Link link() const override { return port_.link(); }
  PortCounters counters() const override { return port_.counters(); }

  int faults = 0;

 private:
  FramePort& port_;
};

TEST_F(ServiceTest, WhatThePortCanNotReadTheStoreIsAskedFor) {
  add<MemoryStore>(own_address, disk_size);
  FaultingPort faulting(*port);
  faulting.faults = 1;
  for (int i = 0; i < 3; ++i) send(read_ext(0, 2));
  service.serve(faulting);
  EXPECT_EQ(replies(), Lines(3, "e7.3 ata 40/00 left 0, 1024 bytes of 00"));
  EXPECT_EQ(faulting.faults, -2) << "all three were to be sent from the store";
  const auto counters = service.counters();
  EXPECT_EQ(counters.replies, 3U);
  EXPECT_EQ(counters.reads, 3U);
  EXPECT_EQ(counters.bytes_read, 3 * 1024U);
}

TEST_F(ServiceTest, APortThatLooksAtItsFramesGetsCopies) {
  add<MemoryStore>(own_address, disk_size);
  FaultingPort faulting(*port);
  faulting.faults = 1;
  service.send_from_store(false);
  send(read_ext(0, 2));
  service.serve(faulting);
  EXPECT_EQ(replies(), Lines{"e7.3 ata 40/00 left 0, 1024 bytes of 00"});
  EXPECT_EQ(faulting.faults, 1);
}

TEST_F(ServiceTest, RequestsWaitWhereThereIsNoRoomForTheirReplies) {
  class SlowPort final : public FramePort {
   public:
    explicit SlowPort(FramePort& port) : port_(port) {}
    std::size_t receive(std::span<Bytes> frames) override { return port_.receive(frames); }
    void send(std::span<const Outgoing> frames) override {
      port_.send(frames);
      room -= frames.size();
    }
    std::size_t room_for(std::size_t) const override { return room; }
    int descriptor() const override { return -1; }
    Link link() const override { return port_.link(); }
    PortCounters counters() const override { return port_.counters(); }

    std::size_t room = 3;

   private:
    FramePort& port_;
  };
  add<MemoryStore>(own_address, disk_size);
  SlowPort slow(*port);
  for (int i = 0; i < 5; ++i) send(read_ext(0, 1));
  EXPECT_TRUE(service.serve(slow)) << "more frames wait";
  EXPECT_EQ(replies().size(), 3U);
  slow.room = 10;
  EXPECT_FALSE(service.serve(slow));
  EXPECT_EQ(replies().size(), 2U);
}

// LUNs that come, change and go.

TEST_F(ServiceTest, RemovedLunIsSilentAndTheOthersGoOn) {
  add<MemoryStore>({1, 1}, disk_size);
  add<MemoryStore>({1, 2}, disk_size);
  ask(MaskRequest{}, {1, 1});
  const auto& removed = take_out({1, 1});
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->lun.address(), (Address{1, 1}));
  EXPECT_EQ(ask(MaskRequest{}, Address::everyone()), Lines{"e1.2 mask"});
  EXPECT_EQ(ask(MaskRequest{}, {1, 1}), Lines{});
  EXPECT_EQ(service.counters().requests, 2U) << "what is gone still counts";
}

TEST_F(ServiceTest, ChangedOptionsHoldForTheNextRequest) {
  add<MemoryStore>(own_address, disk_size);
  LunOptions options = options_at(own_address);
  options.buffer_count = 99;
  options.access.deny = {other_mac};
  service.change(options);
  EXPECT_EQ(ask(ConfigRequest{}),
            Lines{R"(e7.3 config read "", 99 buffers, firmware 0, 17 sectors)"});
  send(request_frame(ConfigRequest{}, other_mac));
  service.serve(*port);
  EXPECT_EQ(replies(), Lines{});
}

TEST_F(ServiceTest, PortServesTheLunsItAdmits) {
  add<MemoryStore>({1, 1}, disk_size);
  service.attach(*port, [](const ServedLun& lun) { return lun.lun.address().slot == 2; });
  add<MemoryStore>({1, 2}, disk_size);
  EXPECT_EQ(ask(MaskRequest{}, Address::everyone()), Lines{"e1.2 mask"});
  EXPECT_EQ(ask(MaskRequest{}, {1, 1}), Lines{});
  service.announce(*port);
  EXPECT_EQ(replies().size(), 1U);
  service.announce(Address{1, 1});
  EXPECT_EQ(replies(), Lines{});
  service.announce(Address{1, 2});
  EXPECT_EQ(replies().size(), 1U);
}

TEST_F(ServiceTest, ReplyBuffersAreNotShownBeforeTheyAreFilled) {
  add<MemoryStore>(own_address, disk_size);
  for (const auto& [address, served] : service.luns()) {
    EXPECT_EQ(served->lun.address(), own_address);
    EXPECT_EQ(served->store->size(), disk_size);
    EXPECT_EQ(served->counters, LunCounters{});
  }
}

TEST_F(ServiceTest, LatencyIsMeasuredByItsClock) {
  Instant now{};
  Service timed([&now] {
    const Instant then = now;
    now += std::chrono::microseconds(5);
    return then;
  });
  timed.add(options_at(own_address), std::make_unique<MemoryStore>(disk_size));
  send(read_ext(0, 1));
  send(read_ext(0, 1));
  timed.serve(*port);
  const auto latency = timed.counters().latency;
  EXPECT_EQ(latency.counts[3], 2U) << "more than 4 microseconds, at most 8";
  EXPECT_EQ(latency.sum, std::chrono::microseconds(10));
}

}  // namespace
}  // namespace aoe::target
