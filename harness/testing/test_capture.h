#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/judge/capture_check.h"
#include "harness/testing/test_words.h"

/// A capture as a test makes it, and what a check finds in it.

namespace aoe::harness {

inline constexpr Mac second_client{{2, 0, 0, 0, 0, 7}};
inline constexpr Mac second_server{{2, 0, 0, 0, 0, 8}};
inline constexpr Address second_disk{1, 2};

/// A capture in the making: a frame each 100 us.
class Wire {
 public:
  void frame(const FrameBytes& bytes, std::size_t original_size = 0) {
    check_.add({now_, bytes, original_size == 0 ? bytes.size() : original_size});
    now_ += std::chrono::microseconds(100);
  }
  void pass(Duration time) { now_ += time; }
  /// The program that captures says that it has lost so many.
  void loses(std::uint64_t frames) { check_.set_dropped(frames); }

  void asks(const Body& body, std::uint32_t tag) {
    frame(frame_of({to_, client_, address_, tag}, body));
  }
  void says(const Body& body, std::uint32_t tag) {
    frame(frame_of({client_, server_, address_, tag}, body));
  }
  void reads(std::uint64_t lba, std::uint32_t tag) { asks(read_command(lba), tag); }
  void done(std::uint64_t lba, std::uint32_t tag) {
    says(AtaReply{.status = ata::status_drdy, .lba = lba, .data = two_sectors_}, tag);
  }
  void advertises(std::uint16_t buffers, std::uint8_t sectors, std::uint32_t tag = 0xc0) {
    asks(ConfigRequest{}, tag);
    says(ConfigReply{.buffer_count = buffers, .sector_count = sectors}, tag);
  }
  /// Frames from here on are of these ends.
  Wire& between(const Mac& client, const Mac& server, Address address) {
    client_ = client;
    to_ = server_ = server;
    address_ = address;
    return *this;
  }
  Wire& to(const Mac& mac) {
    to_ = mac;
    return *this;
  }

  /// "3 bad-status", a line for each finding.
  std::string found() {
    finish();
    std::string lines;
    for (const Finding& finding : check_.findings().kept()) {
      lines += fmt::format("{}{} {}", lines.empty() ? "" : "\n", check_.number(finding.frame()),
                           finding.rule);
    }
    return lines;
  }
  /// What is said of the only one.
  std::string only() {
    finish();
    const auto& findings = check_.findings().kept();
    return findings.size() == 1 ? findings.front().actual : "not one: " + found();
  }
  /// The first one that breaks the rule.
  const Finding& first_of(const std::string& rule) {
    finish();
    const auto& findings = check_.findings().kept();
    const auto found = std::ranges::find(findings, rule, &Finding::rule);
    AOE_CHECK(found != findings.end());
    return *found;
  }
  const DeviceAccount& device(std::size_t i = 0) {
    finish();
    return check_.devices().at(i);
  }
  CaptureCheck& check() {
    finish();
    return check_;
  }

 private:
  void finish() {
    if (!finished_) check_.finish();
    finished_ = true;
  }

  CaptureCheck check_;
  Duration now_ = std::chrono::seconds(1000);
  Mac client_ = client_mac;
  Mac server_ = server_mac;
  Mac to_ = server_mac;
  Address address_ = disk;
  std::vector<std::uint8_t> two_sectors_ = std::vector<std::uint8_t>(2 * sector_size, 0x5a);
  bool finished_ = false;
};

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace aoe::harness
