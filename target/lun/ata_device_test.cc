#include "target/lun/ata_device.h"

#include <array>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proto/trim.h"

namespace aoe::target {
namespace {

using ata::Opcode;

constexpr std::uint64_t disk_sectors = 1000;
constexpr std::uint8_t frame_sectors = 2;

std::string outcome_line(const AtaOutcome& outcome) {
  if (const auto* command = std::get_if<DiskCommand>(&outcome)) {
    return std::string(text(*command));
  }
  if (const auto* r = std::get_if<AtaRegisters>(&outcome)) {
    return fmt::format("{:02x}/{:02x} left {}", r->status, r->error, r->sectors_left);
  }
  if (const auto* code = std::get_if<ErrorCode>(&outcome)) {
    return fmt::format("error {}", static_cast<int>(*code));
  }
  if (const auto* smart = std::get_if<SmartWork>(&outcome)) {
    return fmt::format("smart {:02x}", static_cast<int>(smart->what));
  }
  return "identify";
}

/// One command by its registers; flags as the letters E and W.
struct Case {
  std::string_view flags;
  Opcode opcode;
  std::uint8_t sectors;
  std::uint64_t lba;
  std::string_view expected;
};

AtaRequest request_of(const Case& c) {
  AtaRequest request;
  request.flags.extended = c.flags.find('E') != std::string_view::npos;
  request.flags.write = c.flags.find('W') != std::string_view::npos;
  request.opcode = c.opcode;
  request.sectors = c.sectors;
  request.lba = c.lba;
  return request;
}

void expect(const AtaDevice& disk, std::span<const Case> cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(outcome_line(disk.start(request_of(c), frame_sectors)), c.expected)
        << ata::name(c.opcode) << " with flags \"" << c.flags << "\", " << c.sectors
        << " sectors at " << c.lba;
  }
}

constexpr AtaDevice disk{disk_sectors, false};
constexpr std::string_view abrt0 = "41/04 left 0";
constexpr std::string_view abrt1 = "41/04 left 1";
constexpr std::string_view abrt3 = "41/04 left 3";
constexpr std::string_view idnf1 = "41/10 left 1";
constexpr std::string_view idnf2 = "41/10 left 2";

TEST(AtaDevice, ReadsAndWritesByEveryOpcode) {
  expect(disk, std::array<Case, 8>{{
                   {"", Opcode::read_sectors, 2, 0, "read"},
                   {"", Opcode::read_dma, 1, 0, "read"},
                   {"E", Opcode::read_sectors_ext, 2, 0, "read"},
                   {"E", Opcode::read_dma_ext, 1, 0, "read"},
                   {"W", Opcode::write_sectors, 2, 0, "write"},
                   {"W", Opcode::write_dma, 1, 0, "write"},
                   {"EW", Opcode::write_sectors_ext, 2, 0, "write"},
                   {"EW", Opcode::write_dma_ext, 1, 0, "write"},
               }});
}

TEST(AtaDevice, FlagWMustAgreeWithTheOpcode) {
  expect(disk, std::array<Case, 7>{{
                   {"W", Opcode::read_sectors, 1, 0, "error 2"},
                   {"EW", Opcode::read_sectors_ext, 1, 0, "error 2"},
                   {"", Opcode::write_sectors, 1, 0, "error 2"},
                   {"E", Opcode::write_sectors_ext, 1, 0, "error 2"},
                   {"W", Opcode::identify_device, 1, 0, "error 2"},
                   {"W", Opcode::flush_cache, 0, 0, "flush"},
                   {"W", Opcode::check_power_mode, 0, 0, "40/00 left 255"},
               }});
}

TEST(AtaDevice, ExtOpcodeWithoutFlagEIsAborted) {
  expect(disk, std::array<Case, 4>{{
                   {"", Opcode::read_sectors_ext, 1, 0, abrt1},
                   {"", Opcode::read_dma_ext, 1, 0, abrt1},
                   {"W", Opcode::write_sectors_ext, 1, 0, abrt1},
                   {"W", Opcode::write_dma_ext, 1, 0, abrt1},
               }});
}

TEST(AtaDevice, PlainOpcodeWithFlagEReaches28Bits) {
  constexpr AtaDevice large{ata::lba48_sectors_max, false};
  expect(large, std::array<Case, 6>{{
                    {"E", Opcode::read_sectors, 1, 0xfff'ffff, "read"},
                    {"E", Opcode::read_sectors, 2, 0xfff'ffff, idnf2},
                    {"E", Opcode::read_sectors, 1, 0x1000'0000, idnf1},
                    {"", Opcode::read_sectors, 1, 0xfff'ffff, "read"},
                    {"EW", Opcode::write_sectors, 1, 0xe000'0000, idnf1},
                    {"E", Opcode::read_sectors_ext, 1, 0x1000'0000, "read"},
                }});
}

TEST(AtaDevice, CountOf0OrBeyondTheFrameIsAborted) {
  expect(disk, std::array<Case, 5>{{
                   {"", Opcode::read_sectors, 0, 0, abrt0},
                   {"E", Opcode::read_sectors_ext, 0, 0, abrt0},
                   {"E", Opcode::read_sectors_ext, 3, 0, abrt3},
                   {"EW", Opcode::write_sectors_ext, 0, 0, abrt0},
                   {"EW", Opcode::write_sectors_ext, 3, 0, abrt3},
               }});
}

TEST(AtaDevice, RangeMustEndWithinTheDisk) {
  expect(disk, std::array<Case, 7>{{
                   {"E", Opcode::read_sectors_ext, 2, 998, "read"},
                   {"E", Opcode::read_sectors_ext, 2, 999, idnf2},
                   {"E", Opcode::read_sectors_ext, 1, 1000, idnf1},
                   {"EW", Opcode::write_sectors_ext, 2, 999, idnf2},
                   {"", Opcode::read_sectors, 1, 1000, idnf1},
                   {"E", Opcode::read_sectors_ext, 1, (1ULL << 48) - 1, idnf1},
                   {"E", Opcode::read_sectors_ext, 2, (1ULL << 48) - 1, idnf2},
               }});
  constexpr AtaDevice tiny{1, false};
  expect(tiny, std::array<Case, 2>{{
                   {"E", Opcode::read_sectors_ext, 1, 0, "read"},
                   {"E", Opcode::read_sectors_ext, 2, 0, idnf2},
               }});
}

TEST(AtaDevice, RangeDoesNotWrapOnTheLargestDisk) {
  constexpr AtaDevice largest{ata::lba48_sectors_max, false};
  expect(largest, std::array<Case, 2>{{
                      {"E", Opcode::read_sectors_ext, 1, (1ULL << 48) - 1, "read"},
                      {"E", Opcode::read_sectors_ext, 2, (1ULL << 48) - 1, idnf2},
                  }});
}

TEST(AtaDevice, ReadOnlyAbortsWritesAndNothingElse) {
  constexpr AtaDevice read_only{disk_sectors, true};
  expect(read_only, std::array<Case, 6>{{
                        {"W", Opcode::write_sectors, 1, 0, abrt1},
                        {"EW", Opcode::write_sectors_ext, 1, 0, abrt1},
                        {"EW", Opcode::write_dma_ext, 1, 5000, abrt1},
                        {"E", Opcode::read_sectors_ext, 1, 0, "read"},
                        {"", Opcode::flush_cache, 0, 0, "flush"},
                        {"", Opcode::identify_device, 1, 0, "identify"},
                    }});
}

TEST(AtaDevice, IdentifyTakesACountOf0Or1) {
  expect(disk, std::array<Case, 4>{{
                   {"", Opcode::identify_device, 0, 0, "identify"},
                   {"", Opcode::identify_device, 1, 0, "identify"},
                   {"E", Opcode::identify_device, 1, 77, "identify"},
                   {"", Opcode::identify_device, 2, 0, "41/04 left 2"},
               }});
  AtaRequest identify;
  identify.opcode = Opcode::identify_device;
  identify.sectors = 1;
  EXPECT_EQ(outcome_line(disk.start(identify, 0)), abrt1) << "a frame that carries no sector";
}

TEST(AtaDevice, FlushIsTheDisksWorkWhateverItsFlags) {
  expect(disk, std::array<Case, 4>{{
                   {"", Opcode::flush_cache, 0, 0, "flush"},
                   {"E", Opcode::flush_cache, 9, 5000, "flush"},
                   {"", Opcode::flush_cache_ext, 0, 0, "flush"},
                   {"E", Opcode::flush_cache_ext, 0, 0, "flush"},
               }});
}

TEST(AtaDevice, PowerModeIsActive) {
  expect(disk, std::array<Case, 1>{{{"", Opcode::check_power_mode, 0, 0, "40/00 left 255"}}});
}

TEST(AtaDevice, VerifyReadsWithoutAFramesLimit) {
  expect(disk, std::array<Case, 8>{{
                   {"", Opcode::read_verify, 1, 0, "verify"},
                   {"E", Opcode::read_verify_ext, 255, 0, "verify"},
                   {"E", Opcode::read_verify_ext, 2, 998, "verify"},
                   {"E", Opcode::read_verify_ext, 2, 999, idnf2},
                   {"", Opcode::read_verify, 0, 0, abrt0},
                   {"", Opcode::read_verify_ext, 1, 0, abrt1},
                   {"W", Opcode::read_verify, 1, 0, "error 2"},
                   {"EW", Opcode::read_verify_ext, 1, 0, "error 2"},
               }});
}

TEST(AtaDevice, StandbyFlushesAndIdleSucceeds) {
  expect(disk, std::array<Case, 4>{{
                   {"", Opcode::standby_immediate, 0, 0, "flush"},
                   {"", Opcode::standby, 5, 0, "flush"},
                   {"", Opcode::idle_immediate, 0, 0, "40/00 left 0"},
                   {"", Opcode::idle, 5, 0, "40/00 left 0"},
               }});
}

/// A TRIM of these ranges, and what becomes of it.
std::string trim(const AtaDevice& device, const std::vector<SectorRange>& ranges,
                 std::uint8_t feature = ata::trim_feature, std::uint8_t sectors = 1) {
  std::vector<std::uint8_t> data(sectors * sector_size);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const std::uint64_t entry = ranges[i].sectors << 48 | ranges[i].lba;
    for (std::size_t byte = 0; byte < 8; ++byte) {
      data[8 * i + byte] = static_cast<std::uint8_t>(entry >> (8 * byte));
    }
  }
  AtaRequest request;
  request.opcode = Opcode::data_set_management;
  request.flags.write = true;
  request.feature = feature;
  request.sectors = sectors;
  request.data = data;
  return outcome_line(device.start(request, frame_sectors));
}

TEST(AtaDevice, TrimNeedsEveryRangeWithinTheDisk) {
  constexpr AtaDevice trimmable{disk_sectors, false, true};
  EXPECT_EQ(trim(trimmable, {}), "trim");
  EXPECT_EQ(trim(trimmable, {{0, 1000}, {999, 1}, {1000, 0}}), "trim");
  EXPECT_EQ(trim(trimmable, {{0, 1}, {999, 2}}), idnf1);
  EXPECT_EQ(trim(trimmable, {{1000, 1}}), idnf1);
  EXPECT_EQ(trim(trimmable, {{(1ULL << 48) - 1, 65535}}), idnf1) << "no wrap-around";
  EXPECT_EQ(trim(trimmable, {{0, 1}}, ata::trim_feature, 2), "trim");
  EXPECT_EQ(trim(trimmable, {{0, 1}}, ata::trim_feature, 3), abrt3) << "beyond the frame";
  EXPECT_EQ(trim(trimmable, {}, ata::trim_feature, 0), abrt0);
}

TEST(AtaDevice, TrimIsAbortedWhereItCanNotBeDone) {
  EXPECT_EQ(trim(disk, {{0, 1}}), abrt1) << "the store has no holes";
  EXPECT_EQ(trim({disk_sectors, true, true}, {{0, 1}}), abrt1) << "read-only";
  EXPECT_EQ(trim({disk_sectors, false, true}, {{0, 1}}, 0), abrt1) << "no TRIM bit";
  EXPECT_EQ(trim({disk_sectors, false, true}, {{0, 1}}, 3), abrt1) << "a reserved bit";
  AtaRequest without_data;
  without_data.opcode = Opcode::data_set_management;
  without_data.feature = ata::trim_feature;
  without_data.sectors = 1;
  EXPECT_EQ(outcome_line(AtaDevice{disk_sectors, false, true}.start(without_data, 2)), "error 2");
}

std::string smart(const AtaDevice& device, ata::Smart what, std::uint64_t lba = 0xc24f00,
                  std::uint8_t sectors = 0, bool write = false) {
  AtaRequest request;
  request.opcode = Opcode::smart;
  request.feature = static_cast<std::uint8_t>(what);
  request.lba = lba;
  request.sectors = sectors;
  request.flags.write = write;
  return outcome_line(device.start(request, frame_sectors));
}

TEST(AtaDevice, SmartNeedsItsKey) {
  using ata::Smart;
  for (const Smart what : {Smart::read_data, Smart::read_thresholds, Smart::read_log, Smart::enable,
                           Smart::disable, Smart::return_status}) {
    EXPECT_EQ(smart(disk, what), fmt::format("smart {:02x}", static_cast<int>(what)));
    EXPECT_EQ(smart(disk, what, 0), abrt0);
    EXPECT_EQ(smart(disk, what, 0x4fc200), abrt0);
  }
  EXPECT_EQ(smart(disk, Smart{0xd4}), abrt0) << "off-line tests are not to be had";
  EXPECT_EQ(smart(disk, Smart::read_log, 0xc24f01), abrt0) << "no log but the directory";
  EXPECT_EQ(smart(disk, Smart::read_data, 0xc24f00, 1), "smart d0");
  EXPECT_EQ(smart(disk, Smart::read_data, 0xc24f00, 2), "41/04 left 2");
  EXPECT_EQ(smart(disk, Smart::read_data, 0xc24f00, 1, true), "error 2");
}

TEST(AtaDevice, DisabledSmartIsAbortedUntilItIsEnabled) {
  constexpr AtaDevice disabled{disk_sectors, false, false, false};
  EXPECT_EQ(smart(disabled, ata::Smart::return_status), abrt0);
  EXPECT_EQ(smart(disabled, ata::Smart::disable), abrt0);
  EXPECT_EQ(smart(disabled, ata::Smart::enable), "smart d8");
}

TEST(AtaDevice, EveryOtherOpcodeIsAborted) {
  const std::set<Opcode> known{
      Opcode::read_sectors,
      Opcode::read_sectors_ext,
      Opcode::read_dma,
      Opcode::read_dma_ext,
      Opcode::write_sectors,
      Opcode::write_sectors_ext,
      Opcode::write_dma,
      Opcode::write_dma_ext,
      Opcode::flush_cache,
      Opcode::flush_cache_ext,
      Opcode::identify_device,
      Opcode::check_power_mode,
      Opcode::read_verify,
      Opcode::read_verify_ext,
      Opcode::standby,
      Opcode::standby_immediate,
      Opcode::idle,
      Opcode::idle_immediate,
  };
  for (int number = 0; number < 256; ++number) {
    const Opcode opcode{static_cast<std::uint8_t>(number)};
    if (known.contains(opcode)) continue;
    for (const std::string_view flags : {"", "E", "W", "EW"}) {
      expect(disk, std::array<Case, 1>{{{flags, opcode, 1, 0, abrt1}}});
    }
  }
}

TEST(AtaDevice, FailedDiskSetsErrAndSaysWhat) {
  EXPECT_EQ(disk_failed(Operation::Kind::read, 2), (AtaRegisters{0x41, ata::error_unc, 2}));
  EXPECT_EQ(disk_failed(Operation::Kind::write, 2), (AtaRegisters{0x61, ata::error_abrt, 2}));
  EXPECT_EQ(disk_failed(Operation::Kind::read, 9), (AtaRegisters{0x41, ata::error_unc, 9}));
  EXPECT_EQ(disk_failed(Operation::Kind::trim, 1), (AtaRegisters{0x61, ata::error_abrt, 1}));
  EXPECT_EQ(disk_failed(Operation::Kind::flush, 0), (AtaRegisters{0x61, ata::error_abrt, 0}));
}

}  // namespace
}  // namespace aoe::target
