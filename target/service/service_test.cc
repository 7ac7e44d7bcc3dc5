#include "target/service/service.h"

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

using ata::Opcode;
using Lines = std::vector<std::string>;

constexpr std::size_t disk_size = 1000 * sector_size;

LunOptions options_at(Address address) {
  LunOptions options;
  options.address = address;
  options.sectors = disk_size / sector_size;
  options.buffer_count = 2;
  options.disk.can_trim = true;
  return options;
}

/// A store that keeps operations until the test says that they are done.
class SlowStore final : public Store {
 public:
  explicit SlowStore(std::uint32_t copied = 512) : copied_(copied) {}

  std::uint64_t size() const override { return disk_size; }
  void start(Operation& operation) override { waiting.push_back(&operation); }

  /// Ends the operation that has waited longest; a read gives bytes of `fill`.
  void finish_one(std::error_code error = {}, std::uint8_t fill = 0x77) {
    Operation& operation = *waiting.front();
    waiting.pop_front();
    if (!error) std::ranges::fill(operation.into, fill);
    operation.done(error);
  }

  void wait() override { finish_one(); }
  std::optional<std::error_code> try_now(const Operation&) override {
    return is_quick ? std::optional(std::error_code{}) : std::nullopt;
  }

  std::uint32_t copied_size() const override { return copied_; }

  std::deque<Operation*> waiting;
  bool is_quick = false;

 private:
  const std::uint32_t copied_;
};

/// A slow store in which the serving thread waits first, until another takes over.
class StuckStore final : public Store {
 public:
  struct Superseded {};

  std::uint64_t size() const override { return disk_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override {
    if (!on_stuck) return std::nullopt;
    stuck_data = operation.from;
    on_stuck();
    throw Superseded();
  }
  void start(Operation& operation) override { waiting.push_back(&operation); }
  void finish_one(std::error_code error = {}) {
    Operation& operation = *waiting.front();
    waiting.pop_front();
    std::ranges::fill(operation.into, std::uint8_t{0x77});
    operation.done(error);
  }

  std::function<void()> on_stuck;
  Bytes stuck_data;  // that the first thread reads from
  std::deque<Operation*> waiting;
};

/// A store of which every operation fails.
class BrokenStore final : public Store {
 public:
  std::uint64_t size() const override { return disk_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override {
    std::ranges::fill(operation.into, std::uint8_t{0xee});
    return std::make_error_code(std::errc::io_error);
  }
};

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    std::tie(port, client) = MemoryPort::pair({target_mac, 9000, true}, {client_mac, 9000, true});
  }

  template <class S, class... Arguments>
  S& add(Address address, Arguments... arguments) {
    auto store = std::make_unique<S>(arguments...);
    S& added = *store;
    service.add(options_at(address), std::move(store));
    return added;
  }

  void send(Bytes frame) {
    const Outgoing outgoing{frame, {}};
    client->send({&outgoing, 1});
  }
  void send(const Body& body, Address address = own_address) {
    send(frame_of({target_mac, client_mac, address, tag}, body));
  }
  /// What has come back, as lines that begin with the address.
  Lines replies() {
    Lines lines;
    std::array<Bytes, batch_size> frames;
    while (const std::size_t count = client->receive(frames)) {
      for (const Bytes bytes : std::span(frames).first(count)) {
        EXPECT_TRUE(holds_nothing_else(bytes));
        lines.push_back(fmt::format("{} {}", decode(bytes)->header.address, line(bytes)));
      }
    }
    return lines;
  }
  Lines ask(const Body& body, Address address = own_address) {
    send(body, address);
    service.serve(*port);
    return replies();
  }
  /// Ends the operation that has waited longest, and says what comes back.
  template <class S>
  Lines finish(S& store, std::error_code error = {}) {
    store.finish_one(error);
    service.settle();
    return replies();
  }

  /// Removes a LUN. Returns the place where it will be.
  const std::unique_ptr<ServedLun>& take_out(Address address) {
    service.remove(address, [this](auto served) { taken_out = std::move(served); });
    return taken_out;
  }

  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
  std::unique_ptr<ServedLun> taken_out;
  Service service;
};

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

TEST_F(ServiceTest, BrokenStoreIsAnAtaErrorAndServiceGoesOn) {
  add<BrokenStore>(own_address);
  const auto data = pattern(512, 1);
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{"e7.3 ata 41/40 left 1"});
  EXPECT_EQ(ask(write_ext(0, data)), Lines{"e7.3 ata 61/04 left 1"});
  EXPECT_EQ(ask(command(Opcode::flush_cache)), Lines{"e7.3 ata 61/04 left 0"});
  EXPECT_EQ(service.counters().store_errors, 3U);
  EXPECT_EQ(service.counters().ata_errors, 3U);
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

// Wildcards that address many LUNs.

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

// What clients set is stable before they are told.

class Keeper final : public StateKeeper {
 public:
  void save(Address lun, const LunState& state, Done done) override {
    EXPECT_EQ(lun, own_address);
    saves.push_back({state, std::move(done)});
  }
  void finish_one(std::error_code error = {}) {
    auto [state, done] = std::move(saves.front());
    saves.pop_front();
    done(error);
  }

  std::deque<std::pair<LunState, Done>> saves;
};

class StatefulServiceTest : public ServiceTest {
 protected:
  StatefulServiceTest() {
    kept.add(options_at(own_address), std::make_unique<MemoryStore>(disk_size));
  }
  Lines ask(const Body& body, Mac source = client_mac) {
    send(request_frame(body, source));
    kept.serve(*port);
    return replies();
  }
  Lines force_set(std::string_view text) {
    return ask(ConfigRequest{ConfigCommand::force_set, as_bytes(text)});
  }
  Lines finish(std::error_code error = {}) {
    keeper.finish_one(error);
    return replies();
  }
  const std::error_code disk_full = std::make_error_code(std::errc::no_space_on_device);

  Keeper keeper;
  Service kept{{}, &keeper};
};

TEST_F(StatefulServiceTest, ReplyIsHeldUntilTheStateIsStable) {
  EXPECT_EQ(force_set("abc"), Lines{});
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first, (LunState{"abc", {}, {}}));
  EXPECT_EQ(finish(), Lines{R"(e7.3 config force-set "abc", 2 buffers, firmware 0, 17 sectors)"});
  EXPECT_EQ(force_set("abc").size(), 1U) << "nothing changes, so nothing is saved";
  EXPECT_EQ(keeper.saves.size(), 0U);
}

TEST_F(StatefulServiceTest, RetransmittedSetIsHeldToo) {
  force_set("abc");
  EXPECT_EQ(force_set("abc"), Lines{});
  EXPECT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(finish().size(), 2U);
}

TEST_F(StatefulServiceTest, ChangesDuringASaveAreSavedAfterIt) {
  force_set("a");
  force_set("b");
  force_set("c");
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(finish(), Lines{R"(e7.3 config force-set "a", 2 buffers, firmware 0, 17 sectors)"});
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first.config_string, "c");
  EXPECT_EQ(finish().size(), 2U);
  EXPECT_EQ(keeper.saves.size(), 0U);
}

TEST_F(StatefulServiceTest, WhatCouldNotBeSavedIsUndoneAndRefused) {
  force_set("old");
  finish();
  force_set("new");
  EXPECT_EQ(finish(disk_full), Lines{"e7.3 error 3"});
  EXPECT_EQ(ask(ConfigRequest{}),
            Lines{R"(e7.3 config read "old", 2 buffers, firmware 0, 17 sectors)"});
  const std::vector<Directive> directives{{1, client_mac}};
  std::vector<std::uint8_t> room(8);
  ask(MaskRequest{MaskCommand::edit, pack(directives, room)});
  EXPECT_EQ(finish(disk_full), Lines{"e7.3 mask error 1 after 0"});
  EXPECT_EQ(ask(MaskRequest{}, other_mac), Lines{"e7.3 mask"});
  EXPECT_EQ(kept.counters().state_errors, 2U);
}

TEST_F(StatefulServiceTest, ReservationIsHeldAndRefusedLikewise) {
  std::vector<std::uint8_t> room(6);
  const ReserveRequest request{ReserveCommand::set, pack(std::span(&client_mac, 1), room)};
  EXPECT_EQ(ask(request), Lines{});
  EXPECT_EQ(finish(disk_full), Lines{"e7.3 error 3"});
  ask(request);
  EXPECT_EQ(finish(), Lines{"e7.3 reserve 02:00:00:00:00:0c"});
  EXPECT_EQ(ask(request), Lines{"e7.3 reserve 02:00:00:00:00:0c"}) << "set already";
}

TEST_F(StatefulServiceTest, StartsFromWhatAnEarlierLifeLeft) {
  Service later({}, &keeper);
  later.add(options_at(own_address), std::make_unique<MemoryStore>(disk_size),
            LunState{"kept", {client_mac}, {client_mac}});
  send(ConfigRequest{});
  send(request_frame(ConfigRequest{}, other_mac));
  later.serve(*port);
  EXPECT_EQ(replies(), Lines{R"(e7.3 config read "kept", 2 buffers, firmware 0, 17 sectors)"});
}

TEST_F(StatefulServiceTest, CallerSetsStateAsAClientDoes) {
  std::vector<std::error_code> heard;
  const auto set = [&](std::string text) {
    return kept.set_state(own_address, {std::move(text), {}, {}},
                          [&](std::error_code error) { heard.push_back(error); });
  };
  EXPECT_TRUE(set("a"));
  EXPECT_TRUE(heard.empty());
  finish();
  EXPECT_EQ(heard, std::vector{std::error_code{}});
  EXPECT_TRUE(set("b"));
  finish(disk_full);
  EXPECT_EQ(heard.back(), disk_full);
  EXPECT_FALSE(kept.set_state({1, 1}, {}, {}));
}

TEST_F(StatefulServiceTest, PortOrLunThatGoesTakesItsHeldRepliesAlong) {
  force_set("a");
  kept.forget(*port);
  EXPECT_EQ(finish(), Lines{});
  EXPECT_EQ(kept.counters().dropped_port, 1U);
  force_set("b");
  kept.remove(own_address, [](auto) {});
  EXPECT_EQ(replies(), Lines{"e7.3 error 3"});
  EXPECT_EQ(finish(), Lines{}) << "nobody waits for it any more";
}

TEST_F(StatefulServiceTest, TooManyHeldRepliesAreDroppedAndWhatTheySetIsSavedAllTheSame) {
  for (int i = 0; i < 9; ++i) force_set("a");
  force_set("b");
  EXPECT_EQ(kept.counters().dropped_busy, 2U) << "four times the buffer count wait";
  EXPECT_EQ(finish().size(), 8U);
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first.config_string, "b");
  finish();
  EXPECT_EQ(keeper.saves.size(), 0U);
}

}  // namespace
}  // namespace aoe::target
