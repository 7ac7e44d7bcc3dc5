#include "harness/world/bridge.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;
using End = Bridge::End;

constexpr Instant start{};

/// A client and a server, each at the far end of a cable to the bridge.
class Crossing {
 public:
  explicit Crossing(const Bridge::Options& options)
      : bridge_(*near_client_, *near_server_, options) {}

  Bridge& bridge() { return bridge_; }

  /// Sends frames that carry these numbers.
  void send(End from, std::uint32_t first, std::uint32_t last) {
    FramePort& port = from == End::a ? *client_ : *server_;
    for (std::uint32_t tag = first; tag <= last; ++tag) {
      const FrameBytes bytes = request_frame(read_command(0), tag);
      const Outgoing frame{bytes, {}};
      port.send({&frame, 1});
    }
  }
  void cross(End from, Instant now) {
    while (bridge_.forward(from, now) > 0) {
    }
  }

  /// The numbers that arrived since it was asked before: "1 2 4".
  std::string arrived(End at) {
    FramePort& port = at == End::a ? *client_ : *server_;
    std::string numbers;
    std::array<Bytes, batch_size> frames;
    while (const std::size_t count = port.receive(frames)) {
      for (const Bytes bytes : std::span(frames).first(count)) {
        numbers += (numbers.empty() ? "" : " ") + std::to_string(decode(bytes)->header.tag);
      }
    }
    return numbers;
  }

 private:
  using Ends = std::pair<std::unique_ptr<MemoryPort>, std::unique_ptr<MemoryPort>>;
  Ends client_cable_ = MemoryPort::pair({}, {});
  Ends server_cable_ = MemoryPort::pair({}, {});
  const std::unique_ptr<MemoryPort>& client_ = client_cable_.first;
  const std::unique_ptr<MemoryPort>& near_client_ = client_cable_.second;
  const std::unique_ptr<MemoryPort>& server_ = server_cable_.first;
  const std::unique_ptr<MemoryPort>& near_server_ = server_cable_.second;
  Bridge bridge_;
};

/// What arrives of frames 1 to 200, one after the other and those that are held at the end.
std::string fate(const Bridge::Options& options, End from = End::a) {
  Crossing crossing(options);
  for (std::uint32_t tag = 1; tag <= 200; ++tag) {
    crossing.send(from, tag, tag);
    crossing.cross(from, start);
  }
  crossing.bridge().tick(start + std::chrono::seconds(1));
  return crossing.arrived(from == End::a ? End::b : End::a);
}

TEST(Bridge, PassesFramesBothWaysAtOnce) {
  Crossing crossing({});
  crossing.send(End::a, 1, 3);
  crossing.send(End::b, 7, 8);
  crossing.cross(End::a, start);
  crossing.cross(End::b, start);
  EXPECT_EQ(crossing.arrived(End::b), "1 2 3");
  EXPECT_EQ(crossing.arrived(End::a), "7 8");
  EXPECT_EQ(crossing.bridge().deadline(), never);
  EXPECT_EQ(crossing.bridge().counts(End::a), (Bridge::Counts{.frames = 3}));
  EXPECT_EQ(crossing.bridge().counts(End::b), (Bridge::Counts{.frames = 2}));
}

TEST(Bridge, LosesAsManyAsItWasTold) {
  Crossing crossing({.loss = 0.25});
  for (int i = 0; i < 100; ++i) {
    crossing.send(End::a, 1, 100);
    crossing.cross(End::a, start);
  }
  const Bridge::Counts counts = crossing.bridge().counts(End::a);
  EXPECT_EQ(counts.frames, 10'000U);
  EXPECT_NEAR(static_cast<double>(counts.lost), 2500, 200);  // beyond four sigma
  const std::string arrived = crossing.arrived(End::b);
  EXPECT_EQ(static_cast<std::uint64_t>(std::ranges::count(arrived, ' ')) + 1,
            counts.frames - counts.lost);
}

TEST(Bridge, RepeatsItselfWithTheSameSeedOnly) {
  const Bridge::Options options{.loss = 0.1, .duplicate = 0.1, .reorder = 0.1, .seed = 7};
  EXPECT_EQ(fate(options), fate(options));
  EXPECT_NE(fate(options), fate(options, End::b)) << "each way has chances of its own";
  Bridge::Options other = options;
  other.seed = 8;
  EXPECT_NE(fate(options), fate(other));
}

TEST(Bridge, SendsADoubledFrameRightBehindItself) {
  Crossing crossing({.duplicate = 1});
  crossing.send(End::a, 1, 2);
  crossing.cross(End::a, start);
  EXPECT_EQ(crossing.arrived(End::b), "1 1 2 2");
  EXPECT_EQ(crossing.bridge().counts(End::a), (Bridge::Counts{.frames = 2, .doubled = 2}));
}

TEST(Bridge, DelaysInOrder) {
  Crossing crossing({.delay = microseconds(100)});
  crossing.send(End::a, 1, 2);
  crossing.cross(End::a, start);
  crossing.send(End::a, 3, 3);
  crossing.cross(End::a, start + microseconds(50));
  EXPECT_EQ(crossing.arrived(End::b), "");
  EXPECT_EQ(crossing.bridge().deadline(), start + microseconds(100));
  crossing.bridge().tick(start + microseconds(99));
  EXPECT_EQ(crossing.arrived(End::b), "");
  crossing.bridge().tick(start + microseconds(100));
  EXPECT_EQ(crossing.arrived(End::b), "1 2");
  EXPECT_EQ(crossing.bridge().deadline(), start + microseconds(150));
  crossing.bridge().tick(start + microseconds(150));
  EXPECT_EQ(crossing.arrived(End::b), "3");
  EXPECT_EQ(crossing.bridge().deadline(), never);
}

TEST(Bridge, HoldsBackWhatIsToBeOvertaken) {
  Crossing crossing({.reorder = 0.5, .reorder_by = microseconds(10), .seed = 3});
  crossing.send(End::a, 1, 8);
  crossing.cross(End::a, start);
  const std::string first = crossing.arrived(End::b);
  EXPECT_EQ(crossing.bridge().deadline(), start + microseconds(10));
  crossing.bridge().tick(start + microseconds(10));
  const std::string later = crossing.arrived(End::b);
  EXPECT_NE(first, "");
  EXPECT_NE(later, "");
  EXPECT_EQ(first.size() + later.size(), std::string("1 2 3 4 5 6 7 8").size() - 1);
  EXPECT_EQ(crossing.bridge().counts(End::a).held_back,
            static_cast<std::uint64_t>(std::ranges::count(later, ' ')) + 1);
}

TEST(Bridge, JitterStaysWithinItsBounds) {
  Crossing crossing({.delay = microseconds(100), .jitter = microseconds(20)});
  crossing.send(End::a, 1, 60);
  crossing.cross(End::a, start);
  crossing.bridge().tick(start + microseconds(100) - Duration(1));
  EXPECT_EQ(crossing.arrived(End::b), "");
  crossing.bridge().tick(start + microseconds(110));
  const std::string early = crossing.arrived(End::b);
  crossing.bridge().tick(start + microseconds(120));
  const std::string late = crossing.arrived(End::b);
  EXPECT_NE(early, "");
  EXPECT_NE(late, "");
  EXPECT_EQ(crossing.bridge().deadline(), never);
}

}  // namespace
}  // namespace aoe::harness
