// In steady state a service on a synchronous store allocates nothing, and one whose allocations fail drops
// the frames that need them.

#include <gtest/gtest.h>

#include "base/testing/counted_new.h"
#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/frame_port.h"

namespace aoe::target {
namespace {

/// Gives the same requests in every round, and counts the replies.
class RepeatingPort final : public FramePort {
 public:
  explicit RepeatingPort(std::vector<std::vector<std::uint8_t>> requests)
      : requests_(std::move(requests)) {}

  std::size_t receive(std::span<Bytes> frames) override {
    std::size_t count = 0;
    while (count < frames.size() && given_ < requests_.size())
      frames[count++] = requests_[given_++];
    return count;
  }
  void send(std::span<const Outgoing> frames) override { replies += frames.size(); }
  int descriptor() const override { return -1; }
  Link link() const override { return {target_mac, 1500, true}; }
  PortCounters counters() const override { return {}; }

  void start_again() { given_ = 0; }
  std::size_t replies = 0;

 private:
  std::vector<std::vector<std::uint8_t>> requests_;
  std::size_t given_ = 0;
};

TEST(ServiceAllocation, IsNoneInSteadyState) {
  Service service;
  LunOptions options;
  options.address = own_address;
  options.sectors = 8;
  service.add(options, std::make_unique<MemoryStore>(8 * sector_size));
  const auto data = pattern(1024, 1);
  std::vector<std::uint8_t> room(8);
  const std::vector<Directive> directives{{1, client_mac}};
  RepeatingPort port({
      request_frame(read_ext(0, 2)),
      request_frame(write_ext(0, data)),
      request_frame(command(ata::Opcode::flush_cache)),
      request_frame(command(ata::Opcode::identify_device, 1)),
      request_frame(ConfigRequest{ConfigCommand::force_set, as_bytes("text")}),
      request_frame(MaskRequest{MaskCommand::edit, pack(directives, room)}),
      request_frame(ReserveRequest{}),
      request_frame(VendorRequest{}),
  });
  service.serve(port);  // the first round makes the reply buffers
  const std::size_t before = allocations();
  for (int round = 0; round < 10; ++round) {
    port.start_again();
    service.serve(port);
  }
  EXPECT_EQ(allocations() - before, 0U);
  EXPECT_EQ(port.replies, 11 * 8U);
}

/// A store that keeps an operation until the test ends it, and allocates nothing.
class WaitingStore final : public Store {
 public:
  std::uint64_t size() const override { return 8 * sector_size; }
  std::optional<std::error_code> try_now(const Operation&) override { return std::nullopt; }
  void start(Operation& operation) override { waiting = &operation; }

  Operation* waiting = nullptr;
};

TEST(ServiceAllocation, ThatFailsDropsItsFrameAndNothingElse) {
  constexpr std::size_t luns = 20;  // more than answer a wildcard at once
  bool has_failed = true;
  for (std::size_t calls = 0; has_failed; ++calls) {
    Service service;
    LunOptions options;
    options.sectors = 8;
    options.address = own_address;
    auto store = std::make_unique<WaitingStore>();
    WaitingStore& waiting = *store;
    service.add(options, std::move(store));
    for (std::uint8_t slot = 0; slot < luns - 1; ++slot) {
      options.address = {1, slot};
      service.add(options, std::make_unique<MemoryStore>(8 * sector_size));
    }
    RepeatingPort port(
        {request_frame(read_ext(0, 2)),
         frame_of({target_mac, client_mac, Address::everyone(), tag}, ConfigRequest{}),
         request_frame(ConfigRequest{})});
    service.attach(port, nullptr);

    fail_allocation_after(calls);
    service.serve(port);
    while (service.go_on() != Service::Due::none) {
    }
    fail_no_allocation();
    const std::uint64_t dropped = service.edge_counters().out_of_memory;
    has_failed = dropped > 0;
    if (!has_failed) {
      EXPECT_GT(calls, 0U);
      EXPECT_EQ(port.replies, luns + 1);
    }
    port.start_again();
    port.replies = 0;
    service.serve(port);
    while (service.go_on() != Service::Due::none) {
    }
    EXPECT_EQ(port.replies, luns + 1) << "all is well again, " << calls;
    while (waiting.waiting != nullptr) std::exchange(waiting.waiting, nullptr)->done({});
    service.settle();
  }
}

}  // namespace
}  // namespace aoe::target
