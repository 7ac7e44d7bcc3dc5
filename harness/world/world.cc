#include "harness/world/world.h"

namespace aoe::harness {

std::string_view text(End end) {
  return end == End::initiator ? "initiator" : "target";
}

}  // namespace aoe::harness
