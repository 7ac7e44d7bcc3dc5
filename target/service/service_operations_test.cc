#include "target/service/service.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "target/testing/test_service.h"

namespace aoe::target {
namespace {

TEST_F(ServiceTest, BrokenStoreIsAnAtaErrorAndServiceGoesOn) {
  add<BrokenStore>(own_address);
  const auto data = pattern(512, 1);
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{"e7.3 ata 41/40 left 1"});
  EXPECT_EQ(ask(write_ext(0, data)), Lines{"e7.3 ata 61/04 left 1"});
  EXPECT_EQ(ask(command(Opcode::flush_cache)), Lines{"e7.3 ata 61/04 left 0"});
  EXPECT_EQ(service.counters().store_errors, 3U);
  EXPECT_EQ(service.counters().ata_errors, 3U);
}

// Stores that finish later.

TEST_F(ServiceTest, ReplyFollowsWhenTheStoreIsDone) {
  auto& store = add<SlowStore>(own_address);
  EXPECT_EQ(ask(read_ext(3, 2)), Lines{});
  ASSERT_EQ(store.waiting.size(), 1U);
  EXPECT_EQ(store.waiting[0]->offset, 3 * sector_size);
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0, 1024 bytes of 77"});
}

TEST_F(ServiceTest, WriteDataIsKeptForAStoreThatIsSlow) {
  auto& store = add<SlowStore>(own_address);
  const auto first = pattern(1024, 1);
  const auto second = pattern(1024, 2);
  EXPECT_EQ(ask(write_ext(0, first)), Lines{});
  EXPECT_EQ(ask(write_ext(2, second)), Lines{});
  EXPECT_TRUE(std::ranges::equal(store.waiting[0]->from, first));
  EXPECT_TRUE(std::ranges::equal(store.waiting[1]->from, second));
  store.finish_one();
  store.finish_one(std::make_error_code(std::errc::io_error));
  service.settle();
  EXPECT_EQ(replies(), (Lines{"e7.3 ata 40/00 left 0", "e7.3 ata 61/04 left 2"}));
}

TEST_F(ServiceTest, ALunThatIsSilencedAnswersWhatItHasUnderWayAndNothingElse) {
  auto& store = add<SlowStore>(own_address);
  EXPECT_EQ(ask(read_ext(3, 2)), Lines{});
  service.silence(own_address);
  EXPECT_EQ(ask(read_ext(5, 1)), Lines{});
  EXPECT_EQ(ask(command(Opcode::identify_device)), Lines{});
  ASSERT_EQ(store.waiting.size(), 1U);
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0, 1024 bytes of 77"});
  service.announce(*port);
  EXPECT_EQ(service.go_on(), Service::Due::none);
  EXPECT_EQ(replies(), Lines{});
  service.admit_again();
  EXPECT_EQ(ask(read_ext(3, 2)), Lines{});
  EXPECT_EQ(store.waiting.size(), 1U);
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0, 1024 bytes of 77"});
}

TEST_F(ServiceTest, OperationsOnTheSameSectorsAreDoneInTheirOrder) {
  auto& store = add<SlowStore>(own_address);
  const auto first = pattern(1024, 1);
  const auto second = pattern(1024, 2);
  ask(write_ext(0, first));
  ask(write_ext(1, second));
  ask(read_ext(2, 1));
  ask(read_ext(3, 1));
  ask(command(Opcode::flush_cache));
  ASSERT_EQ(store.waiting.size(), 3U) << "the first write, the read beside it, and the flush";
  EXPECT_EQ(store.waiting[1]->offset, 3 * sector_size);
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0"});
  ASSERT_EQ(store.waiting.size(), 3U);
  EXPECT_TRUE(std::ranges::equal(store.waiting[2]->from, second));
  finish(store);
  finish(store);
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0"});
  ASSERT_EQ(store.waiting.size(), 1U);
  EXPECT_EQ(store.waiting[0]->offset, 2 * sector_size) << "after the write that it overlaps";
}

TEST_F(ServiceTest, OperationsOnAPartThatTheStoreCopiesAsAWholeAreDoneInTheirOrder) {
  auto& store = add<SlowStore>(own_address, 4096);
  ask(write_ext(6, pattern(1024, 1)));
  ask(write_ext(1, pattern(512, 2)));
  ask(write_ext(8, pattern(512, 3)));
  ASSERT_EQ(store.waiting.size(), 2U);
  EXPECT_EQ(store.waiting[1]->offset, 8 * sector_size);
  finish(store);
  ASSERT_EQ(store.waiting.size(), 2U);
  EXPECT_EQ(store.waiting[1]->offset, sector_size);
}

TEST_F(ServiceTest, AStoreThatHasAnswersAtOnceWaitsForAnEarlierOperationOnTheSameSectors) {
  auto& store = add<SlowStore>(own_address);
  ask(write_ext(0, pattern(1024, 1)));
  store.is_quick = true;
  EXPECT_EQ(ask(write_ext(4, pattern(1024, 2))), Lines{"e7.3 ata 40/00 left 0"});
  EXPECT_EQ(ask(write_ext(1, pattern(1024, 2))), Lines{});
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0"});
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0"});
}

// A thread that waits in a store, and another that takes over.

TEST_F(ServiceTest, WhatAThreadIsStuckInBecomesAJobAndTheRestOfItsBatchIsServed) {
  auto& stuck = add<StuckStore>({1, 1});
  add<MemoryStore>({1, 2}, disk_size);
  const auto data = pattern(1024, 1);
  stuck.on_stuck = [this] { service.take_over(5); };
  send(read_ext(0, 1), {1, 2});
  send(write_ext(3, data), {1, 1});
  send(read_ext(0, 2), {1, 2});
  send(read_ext(3, 1), {1, 1});
  send(read_ext(9, 1), {1, 1});
  EXPECT_THROW(service.serve(*port), StuckStore::Superseded);
  stuck.on_stuck = nullptr;
  service.resume();
  EXPECT_EQ(replies(), (Lines{"e1.2 ata 40/00 left 0, 512 bytes of 00",
                              "e1.2 ata 40/00 left 0, 1024 bytes of 00"}));
  ASSERT_EQ(stuck.waiting.size(), 1U) << "what overlaps the write waits for it";
  EXPECT_EQ(stuck.waiting[0]->offset, 9 * sector_size);
  // Frames that arrive meanwhile take other memory.
  for (int i = 0; i < 3; ++i) ask(write_ext(3, pattern(1024, 2)), {1, 2});
  EXPECT_TRUE(std::ranges::equal(stuck.stuck_data, data));

  service.returned(5);
  ASSERT_EQ(stuck.waiting.size(), 2U) << "it is begun again";
  EXPECT_EQ(stuck.waiting[1]->offset, 3 * sector_size);
  EXPECT_TRUE(std::ranges::equal(stuck.waiting[1]->from, data));
  finish(stuck);
  EXPECT_EQ(finish(stuck), Lines{"e1.1 ata 40/00 left 0"});
  EXPECT_EQ(finish(stuck), Lines{"e1.1 ata 40/00 left 0, 512 bytes of 77"});
}

TEST_F(ServiceTest, ALunThatAThreadIsStuckInCanBeRemoved) {
  auto& stuck = add<StuckStore>(own_address);
  stuck.on_stuck = [this] { service.take_over(1); };
  send(read_ext(0, 1));
  EXPECT_THROW(service.serve(*port), StuckStore::Superseded);
  service.resume();
  const auto& removed = take_out(own_address);
  EXPECT_FALSE(removed) << "the store is still used";
  service.returned(1);
  EXPECT_FALSE(removed);
  finish(stuck);
  EXPECT_TRUE(removed);
}

TEST_F(ServiceTest, NothingOfAnEarlierOperationIsLeftInAReply) {
  auto& store = add<SlowStore>(own_address);
  const auto data = pattern(1024, 1);
  ask(write_ext(0, data));
  finish(store);
  ask(command(Opcode::flush_cache));
  finish(store);
  ask(read_ext(0, 1));
  // replies() looks at every byte of these.
  EXPECT_EQ(finish(store, std::make_error_code(std::errc::io_error)),
            Lines{"e7.3 ata 41/40 left 1"});
}

TEST_F(ServiceTest, TooManyOperationsInFlightAreDroppedAndCounted) {
  auto& store = add<SlowStore>(own_address);
  for (int i = 0; i < 10; ++i) ask(read_ext(0, 1));
  EXPECT_EQ(store.waiting.size(), 8U) << "four times the buffer count";
  EXPECT_EQ(service.counters().dropped_busy, 2U);
  finish(store);
  ask(read_ext(0, 1));
  EXPECT_EQ(store.waiting.size(), 8U);
  EXPECT_EQ(service.counters().dropped_busy, 2U);
}

TEST_F(ServiceTest, ReplyDueOnAForgottenPortIsDropped) {
  auto& store = add<SlowStore>(own_address);
  ask(read_ext(0, 1));
  ask(read_ext(0, 1));
  finish(store);
  service.forget(*port);
  port.reset();
  store.finish_one();
  service.settle();
  EXPECT_EQ(service.counters().dropped_port, 1U);
  EXPECT_EQ(service.counters().replies, 1U);
}

TEST_F(ServiceTest, EndsWithOperationsInFlight) {
  {
    Service brief;
    brief.add(options_at(own_address), std::make_unique<SlowStore>());
    send(read_ext(0, 1));
    brief.serve(*port);
  }
  EXPECT_EQ(replies(), Lines{});
}

TEST_F(ServiceTest, DiskThatIsGoneIsAnAoeErrorAndServiceGoesOn) {
  auto& store = add<SlowStore>(own_address);
  ask(read_ext(0, 1));
  EXPECT_EQ(finish(store, std::make_error_code(std::errc::no_such_device)), Lines{"e7.3 error 3"});
  EXPECT_EQ(service.counters().aoe_errors, 1U);
  ask(read_ext(0, 1));
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0, 512 bytes of 77"});
}

TEST_F(ServiceTest, BuffersOfALaterOperationAreAlignedForDirectIo) {
  auto& store = add<SlowStore>(own_address);
  const auto data = pattern(1024, 1);
  ask(write_ext(0, data));
  ask(read_ext(2, 2));
  const auto misalignment = [](const void* at) {
    return reinterpret_cast<std::uintptr_t>(at) % Operation::alignment;
  };
  EXPECT_EQ(misalignment(store.waiting[0]->from.data()), 0U);
  EXPECT_EQ(misalignment(store.waiting[1]->into.data()), 0U);
}

TEST_F(ServiceTest, VerifyReadsMoreThanAFrameAndShowsNothing) {
  auto& store = add<SlowStore>(own_address);
  AtaRequest verify = command(Opcode::read_verify_ext, 200);
  verify.flags.extended = true;
  EXPECT_EQ(ask(verify), Lines{});
  EXPECT_EQ(store.waiting[0]->into.size(), 200 * sector_size);
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0"});
  ask(verify);
  EXPECT_EQ(finish(store, std::make_error_code(std::errc::io_error)),
            Lines{"e7.3 ata 41/40 left 200"});
  EXPECT_EQ(service.counters().verifies, 2U);
}

TEST_F(ServiceTest, TrimHandsTheStoreItsRanges) {
  auto& store = add<MemoryStore>(own_address, disk_size);
  std::ranges::fill(store.bytes(), std::uint8_t{0x66});
  std::array<std::uint8_t, 512> ranges{};
  ranges[0] = 10;  // LBA
  ranges[6] = 2;   // sectors
  AtaRequest trim = command(Opcode::data_set_management, 1);
  trim.flags.write = true;
  trim.feature = ata::trim_feature;
  trim.data = ranges;
  EXPECT_EQ(ask(trim), Lines{"e7.3 ata 40/00 left 0"});
  EXPECT_EQ(ask(read_ext(9, 1)), Lines{"e7.3 ata 40/00 left 0, 512 bytes of 66"});
  EXPECT_EQ(ask(read_ext(10, 2)), Lines{"e7.3 ata 40/00 left 0, 1024 bytes of 00"});
  EXPECT_EQ(ask(read_ext(12, 1)), Lines{"e7.3 ata 40/00 left 0, 512 bytes of 66"});
}

TEST_F(ServiceTest, FailuresShowInSmart) {
  add<BrokenStore>(own_address);
  AtaRequest status = command(Opcode::smart);
  status.feature = static_cast<std::uint8_t>(ata::Smart::return_status);
  status.lba = ata::smart_key << 8;
  const auto lba_of_reply = [&] {
    send(status);
    service.serve(*port);
    std::array<Bytes, 1> frames;
    EXPECT_EQ(client->receive(frames), 1U);
    return std::get<AtaReply>(*decode(frames[0])->body).lba;
  };
  EXPECT_EQ(lba_of_reply(), 0xc24f00U);
  ask(read_ext(0, 1));
  EXPECT_EQ(lba_of_reply(), 0x2cf400U);
}

TEST_F(ServiceTest, RemovedLunWaitsForItsStoreOutsideAndWhatWasNotBegunIsDropped) {
  auto& store = add<SlowStore>(own_address);
  ask(read_ext(0, 1));
  ask(write_ext(5, as_bytes(std::string(512, 'a'))));
  ask(write_ext(5, as_bytes(std::string(512, 'b'))));
  EXPECT_EQ(store.waiting.size(), 2U) << "the second write waits for the first";
  const auto& removed = take_out(own_address);
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{}) << "off the wire";
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0, 512 bytes of 77"});
  EXPECT_FALSE(removed) << "its store works on";
  EXPECT_EQ(finish(store), Lines{"e7.3 ata 40/00 left 0"});
  ASSERT_TRUE(removed);
  EXPECT_TRUE(store.waiting.empty());
  EXPECT_EQ(service.counters().replies, 2U) << "what is gone still counts";
}

}  // namespace
}  // namespace aoe::target
