#include "initiator/mount/error_log.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

TEST(ErrorLog, GivesEachLineOnceInOrder) {
  ErrorLog log;
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(log.take(100), "");
  log.add("one");
  log.add("two");
  EXPECT_EQ(log.take(7), "one\n");
  EXPECT_EQ(log.take(100), "two\n");
  EXPECT_TRUE(log.empty());
  log.add("three");
  log.add("four");
  EXPECT_EQ(log.take(100), "three\nfour\n");
}

TEST(ErrorLog, CutsALineThatIsTooLong) {
  ErrorLog log;
  log.add("seven");
  EXPECT_EQ(log.take(4), "seve");
  EXPECT_FALSE(log.empty());
  EXPECT_EQ(log.take(4), "n\n");
  EXPECT_TRUE(log.empty());
}

TEST(ErrorLog, TellsHowManyLinesItLost) {
  ErrorLog log(2);
  for (const char* line : {"one", "two", "three", "four", "five"}) log.add(line);
  EXPECT_EQ(log.take(100), "3 lines lost\nfour\nfive\n");
  log.add("six");
  EXPECT_EQ(log.take(100), "six\n");
}

}  // namespace
}  // namespace aoe::initiator
