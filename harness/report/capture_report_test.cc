#include "harness/report/capture_report.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/testing/test_capture.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;

TEST(CaptureReport, ALadderTellsWhatBecameOfEachFrame) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  std::string lines;
  for (const LadderLine& line : wire.check().ladder())
    lines += fmt::format("{} {}: {}\n", line.frame, line.what, line.fate);
  EXPECT_EQ(lines,
            "1 e1.1 READ EXT lba 0+2 tag 00000001: no answer\n"
            "2 e1.1 READ EXT lba 0+2 tag 00000002: repeats 1, answered by 3\n"
            "3 e1.1 ATA reply ok lba 0 left 0 tag 00000002: answers 2 after 100us\n");
}

TEST(CaptureReport, TellsSoManyOfAKind) {
  Wire wire;
  for (std::uint32_t tag = 1; tag <= 5; ++tag) {
    wire.asks(read_command(0, 0), tag);
    wire.says(ErrorReply{0, ErrorCode::bad_argument}, tag);
  }
  CaptureReportOptions options{.file = "x.pcap", .findings_shown = 2};
  const std::string line =
      "e1.1 READ EXT lba 0+0 tag 0000000{}: READ EXT of 0 sectors [zero-count, AoEr11 §3.1/40]\n";
  EXPECT_EQ(findings_text(wire.check(), options),
            "x.pcap: frame 1 at 0.000000 s: must: " + fmt::format(fmt::runtime(line), 1) +
                "x.pcap: frame 3 at 0.000200 s: must: " + fmt::format(fmt::runtime(line), 2) +
                "x.pcap: 3 more of zero-count (--limit 0 shows all)\n");
  options.findings_shown = 0;
  const std::string all = findings_text(wire.check(), options);
  EXPECT_EQ(std::ranges::count(all, '\n'), 5);
}

TEST(CaptureReport, KeepsTheFirstFindingsOfARuleAndCountsAll) {
  CaptureCheck check({.folder = {}, .findings_kept = 2});
  std::vector<std::uint64_t> seen;
  check.watch([&](const Finding& finding) { seen.push_back(check.number(finding.frame())); });
  for (std::uint32_t tag = 1; tag <= 5; ++tag) {
    const FrameBytes bytes = frame_of({server_mac, client_mac, disk, tag}, read_command(tag, 0));
    check.add({microseconds(tag), bytes, bytes.size()});
  }
  check.finish();
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 1, 2})) << "zero-count, then unanswered";
  EXPECT_EQ(check.findings().kept().size(), 4U);
  EXPECT_EQ(count_findings(check, Level::must).at(find_rule("zero-count")), 5U);
}

TEST(CaptureReport, LeavesOutWhatIsBelowALevel) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  EXPECT_EQ(count_findings(wire.check(), Level::info).size(), 1U);
  EXPECT_TRUE(count_findings(wire.check(), Level::should).empty());
  const std::string text = summary_text(wire.check(), {.file = "x.pcap", .level = Level::should});
  EXPECT_NE(text.find("\nnothing found\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace aoe::harness
