#include "harness/world/program_log.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

constexpr std::size_t part = ProgramLog::part;

class ProgramLogTest : public testing::Test {
 protected:
  std::string text() const { return read_text(path); }

  const Folder folder;
  const std::string path = folder.path("sut.log");
  std::unique_ptr<ProgramLog> log = ProgramLog::create(path).value();
};

TEST_F(ProgramLogTest, KeepsAllOfALittle) {
  log->append("one\n");
  log->flush();
  EXPECT_EQ(text(), "one\n");
  log->append("two\n");
  log.reset();
  EXPECT_EQ(text(), "one\ntwo\n");
}

TEST_F(ProgramLogTest, KeepsTheFirstAndTheLastOfMuchAndSaysHowMuchIsLeftOut) {
  log->append(std::string(part, 'a'));
  log->append(std::string(10 * part, 'b'));
  log->append(std::string(part, 'c'));
  log.reset();
  EXPECT_EQ(text(), std::string(part, 'a') + "\n[... 2621440 bytes are left out here ...]\n" +
                        std::string(part, 'c'));
}

TEST_F(ProgramLogTest, TwoPartsAreAllThere) {
  const std::string all = std::string(part, 'a') + std::string(part, 'b');
  log->append(all);
  log.reset();
  EXPECT_EQ(text(), all);
}

TEST_F(ProgramLogTest, TheFileIsBoundedAndWholeWhileTheProgramPrints) {
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = fmt::format("{:0>10000}\n", i);
    log->append(piece);
    all += piece;
    log->flush();
    const std::string file = text();
    ASSERT_LE(file.size(), 3 * part + 100);
    ASSERT_TRUE(file.ends_with(piece)) << i;
    ASSERT_EQ(file.substr(0, part), all.substr(0, part)) << i;
    if (all.size() <= 2 * part) {
      ASSERT_EQ(file, all) << i;
    }
  }
}

TEST_F(ProgramLogTest, TellsTheLastLinesOnOne) {
  EXPECT_EQ(log->last_lines(3), "nothing");
  log->append("one\ntwo\r\n\nthree");
  EXPECT_EQ(log->last_lines(1), "three");
  EXPECT_EQ(log->last_lines(2), "two; three");
  EXPECT_EQ(log->last_lines(9), "one; two; three");
  log->append(std::string(3 * part, '.'));
  log->append("\nfour\n");
  EXPECT_EQ(log->last_lines(1), "four");
}

TEST_F(ProgramLogTest, TheLastLinesAreCutAndFitToPrint) {
  log->append(std::string(700'000, 'z'));
  EXPECT_EQ(log->last_lines(3), std::string(200, 'z') + "…");
  log->append("\n" + std::string(200, 'y') + "\n\x1b[31mred\a");
  log->append(std::string_view("\0\n", 2));
  EXPECT_EQ(log->last_lines(2), std::string(200, 'y') + "; \ufffd[31mred\ufffd\ufffd");
}

TEST(ProgramLog, AFileThatCannotBeMadeIsNamed) {
  EXPECT_EQ(ProgramLog::create("/nowhere/log").error(), "/nowhere/log: No such file or directory");
}

}  // namespace
}  // namespace aoe::harness
