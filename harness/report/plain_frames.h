// What a failure is about, byte by byte, for a page without scripts: HTML tables, drawn like those of
// page/frames.js, of the first frames alone.
#pragma once

#include <cstddef>
#include <string>

#include "harness/judge/record.h"

namespace aoe::harness {

/// So many exchanges (a request and its answer beside each other) and rows of a sector are shown.
inline constexpr std::size_t plain_exchanges_max = 2;
inline constexpr std::size_t plain_sector_rows_max = 8;

/// Returns a table of fields for each frame of the failure that has bytes, a request and its answer
/// beside each other, and the rows in which a sector is not what it must be. What is wrong has the
/// class "wrong" and a cross, or is marked. Of a long field the first bytes are shown. Empty where
/// the failure is about no bytes.
std::string plain_frames(const FailureRecord& failure);

}  // namespace aoe::harness
