// The captures of this folder, read by our codec and replayed to our target.
//
// With `--print FILE` it is a tool: prints what NAME.txt must hold.
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proto/describe.h"
#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "wire/memory_port.h"
#include "wire/pcap_file.h"

namespace aoe {
namespace {

const std::vector<std::string> names{"vblade-initiator", "target-aoetools", "linux-target",
                                     "linux-vblade",     "linux-cold-loss", "linux-one-buffer"};
/// With requests that are wrong on purpose.
const std::vector<std::string> odd_names{"vblade-odd", "target-odd", "vblade-count-zero"};

std::string path(const std::string& name) {
  return AOE_PCAPS "/" + name;
}

/// A line for each frame: from whom, and what.
std::vector<std::string> describe_capture(const std::string& file) {
  std::vector<std::string> lines;
  auto reader = PcapReader::open(file);
  EXPECT_TRUE(reader) << reader.error();
  if (!reader) return lines;
  while (true) {
    const auto record = (*reader)->next();
    EXPECT_TRUE(record) << record.error();
    if (!record || !*record) return lines;
    std::array<char, description_size_max> room;
    const Bytes bytes = (*record)->bytes;
    const auto frame = decode(bytes);
    const std::string from = frame ? fmt::format("{}", frame->header.source) : "?";
    lines.push_back(fmt::format("{} {}", from, describe(bytes, room)));
  }
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class Captures : public ::testing::TestWithParam<std::string> {};
class AllCaptures : public ::testing::TestWithParam<std::string> {};

TEST_P(AllCaptures, AreDescribedAsBefore) {
  const auto expected = lines_of(path(GetParam() + ".txt"));
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(describe_capture(path(GetParam() + ".pcap")), expected);
}

TEST_P(Captures, HaveEveryRequestAnsweredByOurTarget) {
  auto reader = PcapReader::open(path(GetParam() + ".pcap"));
  ASSERT_TRUE(reader) << reader.error();
  const auto [initiator, port] = MemoryPort::pair({}, {});
  while (true) {
    const auto record = (*reader)->next();
    ASSERT_TRUE(record) << record.error();
    if (!*record) break;
    const Outgoing frame{.head = (*record)->bytes, .data = {}};
    initiator->send({&frame, 1});
  }
  EXPECT_EQ(initiator->counters().send_dropped, 0U);
  target::Service service;
  target::LunOptions lun;
  lun.address = {0, 2};
  lun.sectors = 2048;
  service.add(lun, std::make_unique<target::MemoryStore>(lun.sectors * sector_size));
  service.serve(*port);

  const target::LunCounters counters = service.counters();
  std::uint64_t silences = 0;
  for (const std::uint64_t count : counters.silences) silences += count;
  EXPECT_GT(counters.replies, 5U);
  EXPECT_EQ(counters.requests, counters.replies + silences);
  EXPECT_EQ(counters.ata_errors, 0U);
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Pcaps, Captures, ::testing::ValuesIn(names), test_name);
INSTANTIATE_TEST_SUITE_P(Pcaps, AllCaptures, ::testing::ValuesIn(names), test_name);
INSTANTIATE_TEST_SUITE_P(Odd, AllCaptures, ::testing::ValuesIn(odd_names), test_name);

}  // namespace
}  // namespace aoe

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--print") {
    for (const std::string& line : aoe::describe_capture(argv[2])) fmt::print("{}\n", line);
    return 0;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
