// Words that the tests of all folders of the harness share: frames made by hand, files and folders,
// texts without the numbers that a test can't know. test_play.h plays scenarios.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proto/frame.h"

namespace aoe::harness {

inline constexpr Address disk{1, 1};
inline constexpr Mac client_mac{{2, 0, 0, 0, 0, 1}};
inline constexpr Mac server_mac{{2, 0, 0, 0, 0, 2}};
inline constexpr Mac other_mac{{2, 0, 0, 0, 0, 3}};

using FrameBytes = std::vector<std::uint8_t>;

FrameBytes frame_of(const Header& header, const Body& body);
/// LBA48, two sectors (with data, for a write) by default.
AtaRequest read_command(std::uint64_t lba, std::uint8_t sectors = 2);
AtaRequest write_command(std::uint64_t lba);
AtaRequest flush_command();
FrameBytes request_frame(const AtaRequest& request, std::uint32_t tag, Mac target = server_mac);
/// "Done", or with data for a read of two sectors.
FrameBytes reply_frame(std::uint32_t tag, std::uint64_t lba = 0);
FrameBytes query_frame();

std::string read_text(const std::string& path);

/// With an n in place of a number that is not the test's to know, and a t for a tag: "#n (e1.1 READ
/// EXT lba 4+2 tag t)".
std::string comparable(const std::string& text);

/// Of this process, in memory.
std::size_t resident_bytes();

/// A folder of the test's own, gone after it.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The scenario "trial" on e1.1, a disk of 128 sectors, with deadsecs 2 s and a round trip of
/// 200 µs. The steps, each a line that ends, begin on line 8, after a discovery on line 7.
std::string trial(const std::string& steps, const std::string& more = "");
/// The trial with a mutant at one end: "target", "answers-twice".
std::string with_mutant(std::string trial, const std::string& end, const std::string& behaviour);

}  // namespace aoe::harness
