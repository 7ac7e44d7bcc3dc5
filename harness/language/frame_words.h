// What a frame that a scenario spells is called in one line.
#pragma once

#include <string>

#include "harness/language/frame_spec.h"

namespace aoe::harness {

/// "READ EXT lba 7+0", "config set "abc"": what the frame is, as far as it is a frame.
std::string name_of(const FrameSpec& frame);

}  // namespace aoe::harness
