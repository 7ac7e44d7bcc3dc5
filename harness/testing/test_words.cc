#include "harness/testing/test_words.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

const std::vector<std::uint8_t> two_sectors(2 * sector_size, 0x5a);

Scenario must_parse(const std::string& yaml) {
  auto scenario = parse_scenario(yaml, "trial.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  if (!scenario) std::abort();
  return *std::move(scenario);
}

}  // namespace

FrameBytes frame_of(const Header& header, const Body& body) {
  FrameBytes frame(ata_header_size + 2 * sector_size);
  frame.resize(encode(header, body, frame));
  return frame;
}

AtaRequest read_command(std::uint64_t lba, std::uint8_t sectors) {
  return {.flags = {.extended = true},
          .sectors = sectors,
          .opcode = ata::Opcode::read_sectors_ext,
          .lba = lba};
}

AtaRequest write_command(std::uint64_t lba) {
  return {.flags = {.extended = true, .write = true},
          .sectors = 2,
          .opcode = ata::Opcode::write_sectors_ext,
          .lba = lba,
          .data = two_sectors};
}

AtaRequest flush_command() {
  return {.flags = {.extended = true}, .opcode = ata::Opcode::flush_cache_ext};
}

FrameBytes request_frame(const AtaRequest& request, std::uint32_t tag, Mac target) {
  return frame_of({target, client_mac, disk, tag}, request);
}

FrameBytes reply_frame(std::uint32_t tag, std::uint64_t lba) {
  return frame_of({client_mac, server_mac, disk, tag},
                  AtaReply{.status = ata::status_drdy, .lba = lba, .data = two_sectors});
}

FrameBytes query_frame() {
  return frame_of({Mac::broadcast(), client_mac, Address::everyone(), 1}, ConfigRequest{});
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

Folder::Folder() : path_(testing::TempDir() + "harness-test-XXXXXX") {
  EXPECT_NE(::mkdtemp(path_.data()), nullptr) << path_;
}

Folder::~Folder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string trial(const std::string& steps, const std::string& more) {
  return "scenario: trial\n"
         "title: A trial\n"
         "clause: [2/38]\n"
         "roles: {target: {size: 64KiB}}\n"
         "given: {deadsecs: 2s, rtt: 200us}\n"
         "steps:\n"
         "- discover: {expect: e1.1}\n" +
         steps + more;
}

Play::Play(const std::string& yaml, Maker maker, std::uint64_t seed, Captures captures)
    : scenario(must_parse(yaml)),
      exchanges(ledger, scenario.target.buffers, scenario.given.profile, scenario.given.maxout),
      stage(ledger, exchanges, std::move(captures), seed),
      world(maker(scenario, stage, exchanges, seed)),
      verdict(Runner(scenario, *world, ledger, exchanges, seed).run()) {}

std::string Play::failures() const {
  std::string lines;
  for (const Failure& failure : verdict.failures) {
    lines += fmt::format("{}line {}: expected {}\nactual {}", lines.empty() ? "" : "\n",
                         failure.mark.line, failure.expected, failure.actual);
  }
  return comparable(lines);
}

std::string comparable(const std::string& text) {
  const std::string tagless = std::regex_replace(text, std::regex("tag [0-9a-f]{8}"), "tag t");
  return std::regex_replace(tagless, std::regex("(#|\\(and )[0-9]+"), "$1n");
}

std::string Play::notes() const {
  return fmt::format("{}", fmt::join(verdict.notes, "\n"));
}

std::vector<Scenario> suite_in(const std::string& folder) {
  std::set<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(AOE_SCENARIOS "/" + folder))
    files.insert(file.path().string());
  std::vector<Scenario> scenarios;
  for (const std::string& file : files) {
    auto loaded = load_scenarios(file);
    EXPECT_TRUE(loaded) << loaded.error();
    if (loaded) std::ranges::move(*loaded, std::back_inserter(scenarios));
  }
  return scenarios;
}

bool cites(const Scenario& scenario, std::string_view clause) {
  return std::ranges::find(scenario.clauses, clause) != scenario.clauses.end();
}

}  // namespace aoe::harness
