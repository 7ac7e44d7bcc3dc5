#include "harness/run/run_case.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

TEST(Jobs, AreAsManyAsTheWorldBears) {
  EXPECT_EQ(jobs_in(WorldKind::sim, 2), 2U);
  EXPECT_EQ(jobs_in(WorldKind::veth, 2), 8U);
  EXPECT_EQ(jobs_in(WorldKind::interface, 2), 1U) << "they share what answers there";
  EXPECT_EQ(jobs_in(WorldKind::sim, 0), 1U) << "where nobody knows how many processors there are";
}

}  // namespace
}  // namespace aoe::harness
