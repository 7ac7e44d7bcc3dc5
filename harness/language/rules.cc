#include "harness/language/rules.h"

#include <fmt/format.h>

namespace aoe::harness {

std::string rule(Check check) {
  return fmt::format("{}: {}", row(check).name, row(check).demand);
}

}  // namespace aoe::harness
