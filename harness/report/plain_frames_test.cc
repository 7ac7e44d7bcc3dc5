#include "harness/report/plain_frames.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

const std::string request =
    "02000000000202000000000188a210000001010000000007"
    "40000124080000000000000000000000000000000000000000000000000000000000000000";

LadderLine line(std::uint64_t frame, bool to_target, const std::string& bytes) {
  LadderLine made;
  made.frame = frame;
  made.to_target = to_target;
  made.what = "e1.1 <READ>";
  made.bytes = bytes;
  return made;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

/// The answer to `request`, with this version and status.
std::string answer(const std::string& version_and_flags, const std::string& status) {
  return "02000000000102000000000288a2" + version_and_flags + "0000010100000000074000" + "00" +
         status + request.substr(56);
}

TEST(PlainFrames, ShowARequestAndItsAnswerBesideEachOther) {
  FailureRecord failure;
  failure.field = "version";
  failure.ladder = {line(3, true, request), line(4, false, answer("28", "40"))};
  const std::string html = plain_frames(failure);
  EXPECT_EQ(count(html, "<div class=\"beside\">"), 1U);
  EXPECT_NE(html.find("Request #3 <code class=\"soft\">e1.1 &lt;READ&gt;</code>"),
            std::string::npos);
  EXPECT_NE(html.find("<tr class=\"wrong\"><td class=\"number\">14</td><td><code>28</code></td>"
                      "<th>version</th><td><strong>✕ </strong>2</td></tr>"),
            std::string::npos)
      << html;
  EXPECT_EQ(count(html, "class=\"wrong\""), 1U) << "the request's is right";
}

TEST(PlainFrames, AreFew) {
  FailureRecord failure;
  for (std::uint64_t i = 0; i < 40; ++i) failure.ladder.push_back(line(i, true, request));
  EXPECT_EQ(count(plain_frames(failure), "<section"), plain_exchanges_max);
  failure.ladder = {line(1, true, request + std::string(20'000, '5'))};
  EXPECT_LT(plain_frames(failure).size(), 6'000U);
}

TEST(PlainFrames, MarkWhereASectorDiffers) {
  FailureRecord failure;
  std::string expected(1024, '0');
  std::string actual = expected;
  actual[2 * 17] = '5';
  failure.sectors = {{7, expected, actual}};
  const std::string html = plain_frames(failure);
  EXPECT_NE(html.find("<h4>Sector 7</h4>"), std::string::npos);
  EXPECT_EQ(count(html, "<tr>"), 2U) << "the heads, and the one row that differs";
  EXPECT_NE(html.find("00 <mark>50</mark> 00"), std::string::npos) << html;
  failure.sectors = {{7, expected, std::string(1024, '5')}};
  EXPECT_NE(plain_frames(failure).find("24 more"), std::string::npos);
}

TEST(PlainFrames, AreNothingWhereNoBytesAreKnown) {
  FailureRecord failure;
  failure.ladder = {line(1, true, "")};
  EXPECT_EQ(plain_frames(failure), "");
}

}  // namespace
}  // namespace aoe::harness
