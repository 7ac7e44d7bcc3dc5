// What every page of HTML begins and ends with: its style, its script, and the policy that lets it
// use these two and nothing else.
#pragma once

#include <string>
#include <string_view>

namespace aoe::harness {

/// From the doctype to <body>; `title` is text.
std::string page_begin(std::string_view title);
/// The script, and the end.
std::string page_end();

}  // namespace aoe::harness
