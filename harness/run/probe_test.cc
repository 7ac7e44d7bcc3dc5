#include "harness/run/probe.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "proto/ata.h"

namespace aoe::harness {
namespace {

using Role = Implementation::Role;

constexpr std::uint32_t flush_ext_tag = 0x70b00006;
constexpr std::uint32_t mask_tag = 0x70b00008;

Header to_target(std::uint32_t tag) {
  return {.destination = server_mac, .source = client_mac, .address = disk, .tag = tag};
}
Header to_initiator(std::uint32_t tag) {
  return {.destination = client_mac, .source = server_mac, .address = disk, .tag = tag};
}

/// "has mask: asked …, it answered …", of those of which there are frames.
std::string told(Role role, const std::vector<FrameBytes>& frames) {
  std::string text;
  for (const ProbeRecord& probe : probes_in(role, frames)) {
    text += std::string(probe.has ? "has " : "lacks ") + probe.ability + ": asked " + probe.asked +
            ", it answered " + probe.answered + "\n";
  }
  return text;
}

TEST(Probe, ATargetLacksWhatItCallsUnrecognizedOrAbortsOrMeetsWithSilence) {
  const FrameBytes asks_mask = frame_of(to_target(mask_tag), MaskRequest{});
  const FrameBytes asks_flush =
      frame_of(to_target(flush_ext_tag), AtaRequest{.opcode = ata::Opcode::flush_cache_ext});
  EXPECT_EQ(
      told(Role::target,
           {asks_mask, asks_flush,
            frame_of(to_initiator(mask_tag), ErrorReply{2, ErrorCode::unrecognized_command}),
            frame_of(to_initiator(flush_ext_tag),
                     AtaReply{.error = ata::error_abrt, .status = 0x41})}),
      "lacks flush-ext: asked e1.1 FLUSH CACHE EXT lba 0+0, it answered e1.1 ATA reply status 41 "
      "error 04 lba 0 left 0\n"
      "lacks mask: asked e1.1 mask read, it answered e1.1 error 1 (unrecognized command "
      "code) to mask\n");
  EXPECT_EQ(told(Role::target, {asks_mask}),
            "lacks mask: asked e1.1 mask read, it answered nothing\n");
}

TEST(Probe, AnyOtherAnswerIsForTheSuiteToJudge) {
  const FrameBytes asks = frame_of(to_target(mask_tag), MaskRequest{});
  EXPECT_EQ(told(Role::target, {asks, frame_of(to_initiator(mask_tag), MaskReply{})}),
            "has mask: asked e1.1 mask read, it answered e1.1 mask reply, 0 addresses\n");
  const auto told_bad =
      told(Role::target,
           {asks, frame_of(to_initiator(mask_tag), ErrorReply{2, ErrorCode::bad_argument})});
  EXPECT_TRUE(told_bad.starts_with("has mask")) << told_bad;
  EXPECT_EQ(told(Role::target, {}), "") << "what was not asked is not told";
}

TEST(Probe, AnInitiatorHasWhatItDoesWhenToldTo) {
  const std::string text =
      told(Role::initiator, {query_frame(), request_frame(read_command(0), 7)});
  EXPECT_NE(text.find("has discovery: asked to find disks, it answered e*.* config read\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("has lba48: asked to read 2 sectors, it answered e1.1 READ EXT lba 0+2\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("lacks flush: asked to flush, it answered no such frame\n"),
            std::string::npos)
      << text;
}

TEST(Probe, OurOwnHaveEverythingAndTheEvidenceIsKept) {
  for (const std::string_view name : {"aoe-target", "aoe-initiator"}) {
    const Folder folder;
    CaseOptions options;
    options.sut = find_implementation(std::string(name)).value();
    const auto probes = probe(options, 1, folder.path());
    ASSERT_TRUE(probes) << probes.error();
    EXPECT_GE(probes->size(), 6U);
    for (const ProbeRecord& found : *probes) EXPECT_TRUE(found.has) << name << found.ability;
    EXPECT_NE(read_text(folder.path("ledger.jsonl")), "");
  }
}

TEST(Probe, WhatCannotBeAskedIsToldWithTheReason) {
  const Folder folder;
  CaseOptions options;
  options.world = WorldKind::veth;
  options.sut = find_implementation("/nowhere/mine {image}").value();
  const auto probes = probe(options, 1, folder.path());
  ASSERT_FALSE(probes);
  EXPECT_TRUE(probes.error().starts_with("/nowhere/mine {image}: ")) << probes.error();
}

}  // namespace
}  // namespace aoe::harness
