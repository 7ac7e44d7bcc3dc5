#include "harness/judge/requests_by_tag.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

using Requests = std::vector<Tracker::Index>;

TEST(RequestsByTag, HoldsTheLatestOfEachClient) {
  RequestsByTag requests;
  requests.add(7, 1, 10);
  requests.add(7, 2, 11);
  requests.add(8, 1, 12);
  EXPECT_EQ(requests.all(7), (Requests{10, 11}));
  EXPECT_EQ(requests.latest(7), 11U);
  requests.add(7, 1, 13);
  EXPECT_EQ(requests.all(7), (Requests{11, 13}));
  EXPECT_EQ(requests.all(8), Requests{12});
  EXPECT_EQ(requests.all(9), Requests{});
  EXPECT_EQ(requests.latest(9), std::nullopt);
}

TEST(RequestsByTag, ForgetsWhatIsRemoved) {
  RequestsByTag requests;
  requests.add(7, 1, 10);
  requests.add(7, 1, 11);
  requests.remove(7, 10);
  EXPECT_EQ(requests.all(7), Requests{11}) << "the former is not known any more";
  requests.add(7, 2, 12);
  requests.add(7, 3, 13);
  requests.remove(7, 12);
  EXPECT_EQ(requests.all(7), (Requests{11, 13}));
  requests.remove(7, 13);
  EXPECT_EQ(requests.all(7), Requests{11}) << "the one before is the latest now";
  requests.remove(7, 11);
  EXPECT_EQ(requests.all(7), Requests{});
}

TEST(RequestsByTag, HoldsNoMoreThanItSays) {
  RequestsByTag requests;
  for (StationId client = 0; client < 1000; ++client) requests.add(7, client, client);
  EXPECT_EQ(requests.all(7).size(), RequestsByTag::clients_max);
  EXPECT_EQ(requests.latest(7), 999U);
}

}  // namespace
}  // namespace aoe::harness
