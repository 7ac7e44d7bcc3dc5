// A disk that tells two sizes in IDENTIFY: its last sector tells which is true.
#include <array>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class TwoSizes : public DisksByMac {
 protected:
  static constexpr std::uint64_t sectors = 1'074'266'112;  // 550 GB

  /// Answers IDENTIFY as qaoed does: LBA48, without the bits that make the word valid.
  void contradict(const Sent& identify) {
    ASSERT_EQ(identify.opcode, ata::Opcode::identify_device);
    std::array<std::uint8_t, identify_size> block;
    build_identify(with_serial("S1", sectors), block);
    set_identify_words(block, 83, 1, 0x0400);
    set_identify_words(block, 86, 1, 0x0400);
    seal_identify(block);
    world.answer(identify, AtaReply{.status = ata::status_drdy, .data = block});
  }
  void identify() {
    world.add_ports();
    world.config();
    world.events();
    contradict(world.take().at(0));
  }
  std::string last_sector() { return fmt::format("READ EXT {}+1", sectors - 1); }
};

TEST_F(TwoSizes, IsTheLargerIfItsLastSectorReads) {
  identify();
  EXPECT_EQ(world.state(), DeviceState::identifying);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), last_sector());
  world.answer(commands[0]);
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.device().identity()->sectors, sectors);
  EXPECT_EQ(world.events(),
            "e7.3 tells two sizes in IDENTIFY; it is taken for 1074266112 sectors, e7.3 is up: "
            "1074266112 sectors");
}

TEST_F(TwoSizes, IsTheSmallerIfItDoesNot) {
  identify();
  world.answer(world.take().front(),
               AtaReply{.error = ata::error_idnf, .status = ata::status_drdy | ata::status_err});
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.device().identity()->sectors, 0x0fffffffU);
  EXPECT_EQ(world.events(),
            "e7.3 tells two sizes in IDENTIFY; it is taken for 268435455 sectors, e7.3 is up: "
            "268435455 sectors");
}

TEST_F(TwoSizes, HoldTheCommandsOfAnOpenDiskUntilItsLastSectorWasRead) {
  up();
  open();
  world.revalidate();
  contradict(world.take().at(0));
  world.write(0, 1);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), last_sector());
  world.answer(commands[0]);
  EXPECT_EQ(world.taken(), "WRITE EXT 0+1");
  EXPECT_EQ(world.device().identity()->sectors, sectors);
}

TEST_F(TwoSizes, OfATargetThatCameUpWithOneSizeDoNotHoldAnother) {
  up();
  open();
  world.revalidate();
  contradict(world.take().at(0));
  ASSERT_EQ(world.taken(), last_sector());
  world.announce();
  answer_all();
  world.config(World::default_offer, second_mac);
  contradict(world.take().at(0));
  EXPECT_EQ(world.taken(), last_sector());
}

}  // namespace
}  // namespace aoe::initiator
