// What an `arm` step of an exploration says of its fault, drawn: text with commas before each key,
// ", by: 3us, jitter: 1us".
#pragma once

#include <string>
#include <vector>

#include "harness/run/dice.h"

namespace aoe::harness {

/// The keys that a fault of this word must have, or has now and then; none of its selector. `match`: what
/// frames it strikes, empty for all, and for a fault that strikes none.
std::string draw_fault_keys(Dice& dice, const std::string& word,
                            const std::vector<std::string>& match = {});
/// Keys of `match`, for a fault that strikes frames: "direction: to-target".
std::vector<std::string> draw_match(Dice& dice);
/// The selector of a fault that strikes frames: these keys of `match`, and how often.
std::string draw_selector(Dice& dice, const std::string& word,
                          const std::vector<std::string>& match);

}  // namespace aoe::harness
