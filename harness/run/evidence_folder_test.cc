#include "harness/run/evidence_folder.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

TEST(EvidenceFolder, HasNoCharacterThatIsRefused) {
  std::set<std::string> taken;
  EXPECT_EQ(file_name("reads[mac=02:00:00:01:00:00,op=*]", taken),
            "reads[mac=02-00-00-01-00-00,op=-]");
  EXPECT_EQ(file_name("a/b\\c:d*e?f\"g<h>i|j\nk", taken), "a-b-c-d-e-f-g-h-i-j-k");
}

TEST(EvidenceFolder, IsNoOtherCases) {
  std::set<std::string> taken;
  EXPECT_EQ(file_name("x[a:b]", taken), "x[a-b]");
  EXPECT_EQ(file_name("x[a*b]", taken), "x[a-b]-2");
  EXPECT_EQ(file_name("X[a?b]", taken), "X[a-b]-3");
  EXPECT_EQ(file_name(std::string(300, 'y'), taken).size(), 240);
  EXPECT_EQ(file_name(std::string(301, 'y'), taken).size(), 242);
}

}  // namespace
}  // namespace aoe::harness
