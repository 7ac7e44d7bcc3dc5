#include "harness/testing/test_words.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

const std::vector<std::uint8_t> two_sectors(2 * sector_size, 0x5a);

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

std::string with_mutant(std::string trial, const std::string& end, const std::string& behaviour) {
  const std::string target = "{target: {size: 64KiB}}";
  return trial.replace(
      trial.find(target), target.size(),
      fmt::format("{{target: {{size: 64KiB}}, mutant: {{end: {}, behave: {}}}}}", end, behaviour));
}

std::string comparable(const std::string& text) {
  const std::string tagless = std::regex_replace(text, std::regex("tag [0-9a-f]{8}"), "tag t");
  return std::regex_replace(tagless, std::regex("(#|\\(and )[0-9]+"), "$1n");
}

}  // namespace aoe::harness
