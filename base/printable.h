// Text for people: bytes of any origin made safe to print, and times and quantities as words.
//
// Frames, logs and YAML files may hold control characters, escape sequences and bytes that are not
// UTF-8. Pure; called by whatever writes to a terminal or a report.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace aoe {

/// Returns valid UTF-8 that terminals and XML 1.0 accept: newlines and tabs stay, every other byte
/// that is not part of a printable character becomes U+FFFD.
std::string printable(std::string_view text);
/// Returns the same on one line: newlines and tabs become blanks.
std::string one_line(std::string_view text);
/// Returns printable(text) with & < > " ' as references, for XML and HTML, attributes too.
std::string markup(std::string_view text);

/// Returns the number of characters of printable text.
std::size_t width(std::string_view text);
/// Returns `text` with blanks added up to `columns` characters.
std::string padded(std::string text, std::size_t columns);

/// Formats to three digits: "3.59s", "112ms", "41.2us", "2min 5s".
std::string brief(Duration duration);
/// Formats as milliseconds: "1203.004".
std::string in_milliseconds(Duration duration);
/// "1 frame", "2 frames".
std::string quantity(std::uint64_t number, std::string_view noun);

}  // namespace aoe
