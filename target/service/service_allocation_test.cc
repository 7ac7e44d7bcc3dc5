// In steady state a service on a synchronous store allocates nothing.

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

}  // namespace
}  // namespace aoe::target
