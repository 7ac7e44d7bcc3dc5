#include "target/service/reply_batch.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "target/store/memory_store.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

/// Keeps what is sent, and cannot read the data of the reply at `faulty`.
class KeepingPort final : public FramePort {
 public:
  std::size_t receive(std::span<Bytes>) override { return 0; }
  void send(std::span<const Outgoing> frames) override {
    ++calls;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].unreadable != nullptr && i == faulty) {
        *frames[i].unreadable = true;
        continue;
      }
      auto& frame = sent.emplace_back(frames[i].head.begin(), frames[i].head.end());
      frame.insert(frame.end(), frames[i].data.begin(), frames[i].data.end());
    }
  }
  int descriptor() const override { return -1; }
  Link link() const override { return {}; }
  PortCounters counters() const override { return {}; }

  int calls = 0;
  std::size_t faulty = 999;
  std::vector<std::vector<std::uint8_t>> sent;
};

LunOptions batch_options() {
  LunOptions options;
  options.address = own_address;
  options.sectors = 8;
  return options;
}

class ReplyBatchTest : public ::testing::Test {
 protected:
  ReplyBatchTest() { batch.fit(2000); }

  ServedLun lun{batch_options(), std::make_unique<MemoryStore>(8 * sector_size)};
  KeepingPort port;
  ReplyBatch batch;
};

TEST_F(ReplyBatchTest, SendsRepliesOfAllKindsTogetherInOrder) {
  const auto small = pattern(60, 1);
  const auto large = pattern(2000, 2);
  const auto data = pattern(1024, 3);
  batch.add_copy(&lun, small);
  batch.add_copy(nullptr, large);
  const MutableBytes head = batch.next_head().first(36);
  std::ranges::copy(Bytes(small).first(36), head.begin());
  batch.add_from_store(lun, PendingReply{}, head, data);
  const MutableBytes whole = batch.next_frame();
  std::ranges::copy(large, whole.begin());
  batch.add(&lun, whole.first(500));

  const auto entries = batch.send(port);
  EXPECT_EQ(port.calls, 1);
  ASSERT_EQ(port.sent.size(), 4U);
  EXPECT_EQ(port.sent[0], small);
  EXPECT_EQ(port.sent[1], large);
  EXPECT_EQ(port.sent[2].size(), 36 + 1024U);
  EXPECT_TRUE(std::equal(data.begin(), data.end(), port.sent[2].begin() + 36));
  EXPECT_EQ(port.sent[3], std::vector(large.begin(), large.begin() + 500));
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].lun, &lun);
  EXPECT_EQ(entries[1].lun, nullptr);
  EXPECT_TRUE(batch.send(port).empty());
  EXPECT_EQ(port.calls, 1) << "nothing is sent where there is nothing";
}

TEST_F(ReplyBatchTest, SaysWhichDataThePortCouldNotRead) {
  const auto data = pattern(512, 3);
  for (std::uint8_t sectors = 1; sectors <= 2; ++sectors) {
    PendingReply pending;
    pending.sectors = sectors;
    batch.add_from_store(lun, pending, batch.next_head().first(36), data);
  }
  port.faulty = 1;
  const auto entries = batch.send(port);
  EXPECT_FALSE(entries[0].unreadable);
  EXPECT_TRUE(entries[1].unreadable);
  EXPECT_EQ(entries[1].pending.sectors, 2);
  EXPECT_EQ(port.sent.size(), 1U);
  batch.add_copy(&lun, data);
  EXPECT_FALSE(batch.send(port)[0].unreadable) << "nothing is left of an earlier batch";
}

TEST_F(ReplyBatchTest, HasRoomForABatchAndForRepliesOfItsSize) {
  EXPECT_TRUE(batch.has_room(2000));
  EXPECT_FALSE(batch.has_room(2001));
  for (std::size_t i = 0; i < batch_size; ++i) batch.add_copy(&lun, pattern(60, 1));
  EXPECT_FALSE(batch.has_room(60));
  EXPECT_EQ(batch.send(port).size(), batch_size);
  batch.fit(9014);
  EXPECT_TRUE(batch.has_room(9014));
  EXPECT_EQ(batch.scratch().size(), 9014U);
  batch.fit(60);
  EXPECT_EQ(batch.scratch().size(), 9014U) << "it never shrinks";
}

}  // namespace
}  // namespace aoe::target
