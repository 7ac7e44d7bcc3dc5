#include "initiator/engine/likeness.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

TEST(Likeness, IsSerialAndSize) {
  EXPECT_EQ((Likeness{"S1", 1000}), (Likeness{"S1", 1000}));
  EXPECT_NE((Likeness{"S1", 1000}), (Likeness{"S2", 1000}));
  EXPECT_NE((Likeness{"S1", 1000}), (Likeness{"S1", 1001}));
}

TEST(Likeness, ASerialThatIsMadeUpFromTheAddressIsNoProof) {
  EXPECT_TRUE(is_proof("WD-1234", {0, 2}));
  EXPECT_FALSE(is_proof("", {0, 2}));
  EXPECT_FALSE(is_proof("0", {0, 2}));
  EXPECT_FALSE(is_proof("00000000000000000000", {0, 2}));
  EXPECT_FALSE(is_proof("0.2:storage", {0, 2}));
  EXPECT_FALSE(is_proof("0.2", {0, 2}));
  EXPECT_TRUE(is_proof("0.25:storage", {0, 2}));  // another disk's, so somebody chose it
}

}  // namespace
}  // namespace aoe::initiator
