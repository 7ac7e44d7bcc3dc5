#include "harness/import/import.h"

#include <gtest/gtest.h>

#include "harness/language/scenario.h"
#include "harness/testing/test_words.h"
#include "proto/layout.h"
#include "wire/pcap_file.h"

namespace aoe::harness {
namespace {

constexpr Mac asker{{0x00, 0x11, 0x22, 0, 0, 1}};
constexpr Mac answerer{{0x00, 0x11, 0x22, 0, 0, 2}};
constexpr Address device{7, 3};

/// A capture as a test makes it: a frame each 100 us.
class Captured {
 public:
  void frame(const FrameBytes& bytes) { frames_.push_back(bytes); }
  void asks(const Body& body, std::uint32_t tag) {
    frame(frame_of({answerer, asker, device, tag}, body));
  }
  void says(const Body& body, std::uint32_t tag) {
    frame(frame_of({asker, answerer, device, tag}, body));
  }
  /// A conversation of good faith, of so many reads.
  void talks(unsigned reads) {
    asks(ConfigRequest{}, 1);
    says(ConfigReply{.buffer_count = 4, .firmware = 1, .sector_count = 2}, 1);
    for (unsigned i = 0; i < reads; ++i) {
      asks(read_command(2 * i), 0x100 + i);
      says(AtaReply{.flags = {.extended = true}, .status = ata::status_drdy, .data = data_},
           0x100 + i);
    }
  }
  FrameBytes answer(std::uint32_t tag) const {
    return frame_of(
        {asker, answerer, device, tag},
        AtaReply{.flags = {.extended = true}, .status = ata::status_drdy, .data = data_});
  }

  tl::expected<Imported, NotImported> imported(const CaptureChoice& choice = {},
                                               ImportOptions options = {}) {
    {
      const auto writer = PcapWriter::create(folder_.path("a.pcap"));
      for (std::size_t i = 0; i < frames_.size(); ++i)
        (*writer)->write(std::chrono::microseconds(1'000'000'000 + 100 * i), frames_[i]);
    }
    options.name = "trial";
    options.capture = "a.pcap";
    return import_capture(folder_.path("a.pcap"), choice, options);
  }

 private:
  Folder folder_;
  std::vector<FrameBytes> frames_;
  FrameBytes data_ = FrameBytes(2 * sector_size, 0x5a);
};

/// The lines from "steps:" on.
std::string steps(const tl::expected<Imported, NotImported>& imported) {
  if (!imported) return imported.error().why;
  const std::string& yaml = imported->draft.yaml;
  return yaml.substr(yaml.find("steps:\n") + 7);
}

TEST(Import, KeepsTheOneRequestThatIsAnsweredWrong) {
  Captured capture;
  capture.talks(40);
  capture.asks(read_command(7, 0), 0x900);
  capture.says(AtaReply{.flags = {.extended = true}, .status = ata::status_drdy}, 0x900);
  capture.talks(2);
  const auto imported = capture.imported({.at_target = true});
  EXPECT_EQ(steps(imported),
            "  - send: {tag: 0x00000900, ata: {op: read-ext, lba: 7, count: 0}}  # frame 83\n"
            "  - expect: {reply: [{ata: {status: failed}}, bad-argument]}\n");
  ASSERT_TRUE(imported);
  EXPECT_NE(imported->draft.yaml.find("clause: [3.1/6]\n"), std::string::npos);
  EXPECT_NE(imported->draft.yaml.find("{shelf: 7, slot: 3, size: 512KiB, fill: zero, buffers: 4}"),
            std::string::npos)
      << imported->draft.yaml;
  EXPECT_EQ(frames_that_show(*imported).size(), 4U) << "what tells the buffers, and the exchange";
}

TEST(Import, CitesTheClauseThatEveryAnswerIsJudgedBy) {
  Captured capture;
  capture.talks(3);
  capture.asks(read_command(8), 0x900);
  FrameBytes wrong = capture.answer(0x900);
  layout::set<Field::flags>(wrong, std::uint8_t{flag_response | 1});
  capture.frame(wrong);
  EXPECT_EQ(steps(capture.imported()),
            "  - send: {tag: 0x00000900, ata: {op: read-ext, lba: 8, count: 2}}  # frame 9\n"
            "  - expect: {reply: answer}\n");
}

TEST(Import, TakesTheFrameThatIsAskedForWhereOthersAreWrongAlike) {
  Captured capture;
  capture.talks(1);
  for (const std::uint32_t tag : {0x900U, 0x901U, 0x902U}) {
    capture.asks(read_command(8), tag);
    FrameBytes wrong = capture.answer(tag);
    layout::set<Field::flags>(wrong, std::uint8_t{flag_response | 1});
    capture.frame(wrong);
  }
  EXPECT_EQ(steps(capture.imported({.frame = 10})),
            "  - send: {tag: 0x00000902, ata: {op: read-ext, lba: 8, count: 2}}  # frame 9\n"
            "  - expect: {reply: answer}\n");
}

TEST(Import, AnAnswerThatNobodyReadsHasARequestToo) {
  Captured capture;
  capture.talks(3);
  capture.asks(ConfigRequest{}, 0x900);
  FrameBytes wrong =
      frame_of({asker, answerer, device, 0x900}, ConfigReply{.buffer_count = 4, .sector_count = 2});
  layout::set<Field::version>(wrong, std::uint8_t{2});
  capture.frame(wrong);
  EXPECT_EQ(steps(capture.imported()),
            "  - send: {tag: 0x00000900, config: {op: read}}  # frame 9\n"
            "  - expect: {reply: answer}\n");
}

TEST(Import, AnAnswerWithAnotherTagIsNone) {
  Captured capture;
  capture.talks(3);
  capture.asks(read_command(8), 0x8000'0900);
  capture.frame(capture.answer(0x900));
  EXPECT_EQ(steps(capture.imported()),
            "  - send: {tag: 0x80000900, ata: {op: read-ext, lba: 8, count: 2}}  # frame 9\n"
            "  - expect: {reply: answer}\n");
}

TEST(Import, KeepsWhatTheRightAnswerDependsOn) {
  Captured capture;
  const FrameBytes string{'a', 'b'};
  const FrameBytes other{'c'};
  capture.talks(3);
  capture.asks(ConfigRequest{ConfigCommand::force_set, string}, 0x900);
  capture.says(ConfigReply{4, 1, 2, ConfigCommand::force_set, string}, 0x900);
  capture.talks(3);
  capture.asks(ConfigRequest{ConfigCommand::test, other}, 0x901);
  capture.says(ConfigReply{4, 1, 2, ConfigCommand::test, string}, 0x901);
  const auto imported = capture.imported();
  EXPECT_EQ(steps(imported),
            "  - send: {tag: 0x00000901, config: {op: test, string: \"c\"}}  # frame 19\n"
            "  - expect: {reply: silence}\n")
      << "an empty string is another one, too";
}

TEST(Import, KeepsTimesWhereThatIsAskedFor) {
  Captured capture;
  capture.talks(1);
  capture.asks(read_command(7, 0), 0x900);
  capture.says(AtaReply{.flags = {.extended = true}, .status = ata::status_drdy}, 0x900);
  ImportOptions options;
  options.keeps_all = true;
  options.keeps_timing = true;
  EXPECT_EQ(steps(capture.imported({.at_target = true}, options)),
            "  - send: {tag: 0x00000001, config: {op: read}}  # frame 1\n"
            "  - wait: 200us\n"
            "  - send: {tag: 0x00000100, ata: {op: read-ext, count: 2}}  # frame 3\n"
            "  - wait: 200us\n"
            "  - send: {tag: 0x00000900, ata: {op: read-ext, lba: 7, count: 0}}  # frame 5\n"
            "  - expect: {reply: [{ata: {status: failed}}, bad-argument]}\n");
}

TEST(Import, TakesAnAnnouncementThatIsWrong) {
  Captured capture;
  FrameBytes told = frame_of({Mac::broadcast(), answerer, device, 0},
                             ConfigReply{.buffer_count = 16, .sector_count = 2});
  layout::set<Field::version>(told, std::uint8_t{0});
  capture.frame(told);
  EXPECT_EQ(steps(capture.imported()),
            "  - alive: {}\n"
            "  - arm: {fault: kill, id: restart}\n"
            "  - heal: restart\n"
            "  - expect: {announcement: {version: 1}}\n");
}

TEST(Import, CountsWhatAnInitiatorSendsWrong) {
  Captured capture;
  capture.talks(3);
  capture.asks(read_command(8, 3), 0x900);
  const auto imported = capture.imported({.at_target = false});
  EXPECT_EQ(
      steps(imported),
      "  - arm: {fault: count, id: wrong, match: {direction: to-target, command: read}, above: "
      "{count: 2}}\n"
      "  - discover: {within: 3s}\n"
      "  - io: {id: f9, op: read, lba: 8, count: 3}  # frame 9\n"
      "  - expect: {io: {id: f9}}\n"
      "  - expect: {hits: {of: wrong, max: 0}}\n");
  ASSERT_TRUE(imported);
  EXPECT_NE(imported->draft.yaml.find("buffers: 4, says: {sectors: 2}}}"), std::string::npos)
      << imported->draft.yaml;
}

TEST(Import, KeepsTheRequestsThatWaitAtOnce) {
  Captured capture;
  capture.talks(3);
  for (unsigned i = 0; i < 6; ++i) capture.asks(read_command(2 * i), 0x900 + i);
  for (unsigned i = 0; i < 6; ++i) capture.frame(capture.answer(0x900 + i));
  const auto imported = capture.imported();
  ASSERT_TRUE(imported) << imported.error().why;
  EXPECT_EQ(imported->shown.finding.rule, "buffers-exceeded");
  const std::string told = steps(imported);
  for (const char* frame : {"f9", "f10", "f11", "f12", "f13"})
    EXPECT_NE(told.find(std::string("io: {id: ") + frame), std::string::npos) << told;
  EXPECT_FALSE(frames_that_show(*imported).empty());
}

TEST(Import, RefusesWhatItCanNotShow) {
  Captured right;
  right.talks(3);
  const auto none = right.imported();
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().why.ends_with("a.pcap: nothing wrong is found in it"))
      << none.error().why;
  EXPECT_FALSE(none.error().is_unreadable);
  const auto fine = right.imported({.frame = 3});
  ASSERT_FALSE(fine);
  EXPECT_TRUE(fine.error().why.ends_with(
      "nothing is wrong with frame 3 (aoe-harness check lists what is)"));

  Captured foreign;
  foreign.frame(FrameBytes(60, 0));
  const auto nothing = foreign.imported();
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().is_unreadable);
}

TEST(Import, MakesScenariosThatReadTheSame) {
  Captured capture;
  capture.talks(3);
  capture.asks(read_command(7, 0), 0x900);
  capture.says(AtaReply{.flags = {.extended = true}, .status = ata::status_drdy}, 0x900);
  const auto imported = capture.imported({.at_target = true});
  ASSERT_TRUE(imported);
  const auto scenario = parse_scenario(imported->draft.yaml, "a.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  EXPECT_EQ(scenario->id, "trial");
  EXPECT_EQ(scenario->clauses, std::vector<std::string>{"3.1/6"});
  EXPECT_EQ(scenario->lun().address, device);
}

}  // namespace
}  // namespace aoe::harness
