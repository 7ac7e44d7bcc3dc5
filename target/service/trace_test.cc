// The lines of --trace, each decision once.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

using Lines = std::vector<std::string>;

/// A store that keeps reads waiting, and fails writes.
class FailingStore final : public Store {
 public:
  std::uint64_t size() const override { return 8 * sector_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override {
    if (operation.kind != Operation::Kind::write) return std::nullopt;
    return std::make_error_code(std::errc::io_error);
  }
  void start(Operation& operation) override { waiting.push_back(&operation); }
  void wait() override {
    waiting.back()->done({});
    waiting.pop_back();
  }
  std::vector<Operation*> waiting;
};

class TraceKeeper final : public StateKeeper {
 public:
  void save(Address, const LunState&, Done saved) override { done = std::move(saved); }
  Done done;
};

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() {
    std::tie(port, client) = MemoryPort::pair({target_mac}, {client_mac});
    service.trace(Trace([this](std::string_view line) { lines.emplace_back(line); }));
    LunOptions options;
    options.address = own_address;
    options.sectors = 8;
    options.buffer_count = 1;
    auto its_store = std::make_unique<FailingStore>();
    store = its_store.get();
    service.add(options, std::move(its_store));
  }
  Lines told() { return std::exchange(lines, {}); }
  Lines serve(Bytes frame) {
    const Outgoing outgoing{frame, {}};
    client->send({&outgoing, 1});
    service.serve(*port);
    return told();
  }
  Lines serve(const Body& body, Address address = own_address) {
    return serve(frame_of({target_mac, client_mac, address, tag}, body));
  }

  TraceKeeper keeper;
  Lines lines;
  Service service{[] { return Instant(std::chrono::milliseconds(1500)); }, &keeper};
  FailingStore* store;
  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
};

TEST_F(TraceTest, FramesThatAreNotServed) {
  auto frame = request_frame(ConfigRequest{});
  frame[12] = 0x08;
  EXPECT_EQ(serve(frame), Lines{"1.500000 reject: not AoE (offset 12: have 2210, need 34978)"});
  EXPECT_EQ(
      serve(ConfigReply{}),
      Lines{"1.500000 ignore 02:00:00:00:00:0c: e7.3 config reply buffers 0 sectors 0 firmware "
            "0000 tag 80c0ffee: a response"});
  EXPECT_EQ(serve(ConfigRequest{}, {7, 4}),
            Lines{"1.500000 ignore 02:00:00:00:00:0c: e7.4 config read tag 80c0ffee: no such LUN "
                  "here"});
}

TEST_F(TraceTest, RejectedRequestAndItsAnswer) {
  auto frame = request_frame(ConfigRequest{});
  frame[14] = 0x20;
  EXPECT_EQ(
      serve(frame),
      (Lines{"1.500000 reject 02:00:00:00:00:0c: e7.3 tag 80c0ffee: unsupported version "
             "(offset 14: have 2, need 1)",
             "1.500000 error e7.3: e7.3 error 5 (unsupported version) to config tag 80c0ffee"}));
}

TEST_F(TraceTest, WildcardAndSilence) {
  EXPECT_EQ(
      serve(ConfigRequest{ConfigCommand::test, as_bytes("x")}, Address::everyone()),
      (Lines{"1.500000 fan-out 02:00:00:00:00:0c: e*.* config test \"x\" (1) tag 80c0ffee: 1 "
             "LUNs",
             "1.500000 silent e7.3 02:00:00:00:00:0c: e*.* config test \"x\" (1) tag 80c0ffee: "
             "config mismatch"}));
}

TEST_F(TraceTest, FailedOperation) {
  EXPECT_EQ(serve(write_ext(2, pattern(512, 1))),
            (Lines{"1.500000 fail e7.3: write of 1 sectors at 2: Input/output error",
                   "1.500000 error e7.3: e7.3 ATA reply status 61 error 04 lba 2 left 1 tag "
                   "80c0ffee"}));
}

TEST_F(TraceTest, RequestsAndRepliesThatAreDropped) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(serve(read_ext(0, 1)), Lines{});
  EXPECT_EQ(serve(read_ext(0, 1)),
            Lines{"1.500000 drop e7.3 02:00:00:00:00:0c: read tag 80c0ffee: too many operations "
                  "are outstanding"});
  service.forget(*port);
  store->wait();
  service.settle();
  EXPECT_EQ(told(), Lines{"1.500000 drop e7.3: the port of a reply is gone"});
}

TEST_F(TraceTest, HeldRepliesAndAnnouncements) {
  const std::string reply =
      "e7.3 config reply buffers 1 sectors 2 firmware 0000 \"x\" (1) tag 80c0ffee";
  const auto set = [&] { return serve(ConfigRequest{ConfigCommand::force_set, as_bytes("x")}); };
  EXPECT_EQ(set(), Lines{"1.500000 hold e7.3: " + reply});
  keeper.done({});
  EXPECT_EQ(told(), Lines{"1.500000 release e7.3: " + reply});
  service.announce(own_address);
  EXPECT_EQ(told(), Lines{"1.500000 announce e7.3 to ff:ff:ff:ff:ff:ff"});
}

TEST_F(TraceTest, SuccessHasNoLineAndOffMeansNone) {
  EXPECT_EQ(serve(command(ata::Opcode::identify_device, 1)), Lines{});
  service.trace({});
  EXPECT_EQ(serve(ConfigReply{}), Lines{});
}

}  // namespace
}  // namespace aoe::target
