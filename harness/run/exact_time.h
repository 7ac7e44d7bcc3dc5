// A time as scenarios spell it, without loss.
#pragma once

#include <string>

#include <fmt/format.h>

#include "base/instant.h"

namespace aoe::harness {

/// "1500us": in the greatest of ms, us and ns that is exact.
inline std::string exact_time(Duration time) {
  const auto ns = time.count();
  if (ns % 1'000'000 == 0) return fmt::format("{}ms", ns / 1'000'000);
  if (ns % 1000 == 0) return fmt::format("{}us", ns / 1000);
  return fmt::format("{}ns", ns);
}

}  // namespace aoe::harness
