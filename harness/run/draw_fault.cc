#include "harness/run/draw_fault.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aoe::harness {
namespace {

/// Damage that the receiver can notice. A frame that says something else and still makes sense
/// would be a failure of neither end; so addresses are set: what is inverted twice, in an answer to
/// discovery and in a request to the device that it seemed to come from, would be right again.
const std::vector<std::string> damages{
    "set: {version: 2}",         "set: {ethertype: 0x88a3}",
    "xor: {tag: 0x7fff0000}",    "set: {shelf: 0x0f00}",
    "set: {slot: 0x40}",         "set: {command: 0xee}",
    "xor: {flags: 0x8}",         "set: {destination: 0x020000000077}",
    "set: {version: 0, tag: 0}",
};

}  // namespace

std::string draw_fault_keys(Dice& dice, const std::string& word,
                            const std::vector<std::string>& match) {
  const auto from = [&dice](std::uint64_t least, std::uint64_t most) {
    return dice.from(least, most);
  };
  if (word == "duplicate") {
    // Of a write that the network brings once more, after a later one was done, no initiator knows.
    const bool is_answer = std::ranges::count(match, "direction: to-initiator") > 0;
    const std::uint64_t spread = is_answer ? from(0, 3000) : 0;
    return fmt::format(", copies: {}, spread: {}us", from(1, 3), spread);
  }
  if (word == "delay") {
    const std::uint64_t jitter = from(0, 10'000);
    return fmt::format(", by: {}us, jitter: {}us", from(1, 20'000), jitter);
  }
  if (word == "reorder") return fmt::format(", by: {}us", from(50, 5000));
  if (word == "corrupt") return ", " + dice.one_of(damages);
  if (word == "truncate") {
    static constexpr std::array<std::uint64_t, 7> sizes{14, 20, 23, 24, 35, 36, 500};
    return fmt::format(", to: {}", dice.one_of(sizes));
  }
  if (word == "rate") {
    const std::uint64_t queue = from(2, 64);
    return fmt::format(", at: {}Mbit, queue: {}KiB", from(1, 100), queue);
  }
  if (word == "mac-change") return fmt::format(", mac: \"02:00:00:00:01:{:02x}\"", from(0, 255));
  if (word == "disk-error") return ", op: [read, write, flush]";
  if (word == "slow-disk") return fmt::format(", by: {}ms", from(1, 300));
  return "";
}

std::vector<std::string> draw_match(Dice& dice) {
  std::vector<std::string> match;
  if (dice.chance(60)) {
    match.emplace_back(dice.chance(50) ? "direction: to-target" : "direction: to-initiator");
  }
  if (dice.chance(50)) {
    static constexpr std::array commands{"ata", "read", "write", "flush", "identify", "config"};
    match.push_back(fmt::format("command: {}", dice.one_of(commands)));
  }
  return match;
}

std::string draw_selector(Dice& dice, const std::string& word,
                          const std::vector<std::string>& match) {
  std::string text = match.empty() ? "" : fmt::format(", match: {{{}}}", fmt::join(match, ", "));
  if (word == "partition") {
    if (dice.chance(70)) text += fmt::format(", during: [0ms, {}ms]", dice.from(1, 1500));
  } else if (word != "rate" && word != "delay") {
    const std::uint64_t kind = dice.from(0, 2);
    if (kind == 0) text += fmt::format(", nth: {}", dice.from(1, 50));
    if (kind == 1) text += fmt::format(", every: {}", dice.from(2, 30));
    if (kind == 2) text += fmt::format(", probability: 0.{:02}", dice.from(1, 30));
  }
  return text;
}

}  // namespace aoe::harness
