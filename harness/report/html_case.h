// Pieces of a page that several reports are made of; and a case's story: what was expected and what
// came, the frames that led to it, plots, steps, the log and the command that repeats it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/record.h"
#include "harness/language/clauses.h"

namespace aoe::harness {

/// Text on one line, as HTML.
std::string plain(std::string_view text);
/// A word that is coloured by an outcome.
std::string chip(std::string_view outcome, std::string_view words);
std::string chip(const CaseRecord& record);
/// A name and its value, in a <dl>; nothing where there is none.
std::string fact(std::string_view name, const std::string& value);
/// A part that is not shown at once.
std::string folded(std::string_view name, const std::string& html);
/// In a frame that scrolls where the table is wider than the page.
std::string table(std::string_view kind, std::string_view heading, const std::string& rows);
/// What the filter's boxes show and hide: elements of class case with data-outcome="value".
struct FilterBox {
  std::string value;
  std::string shown;  // HTML
  std::size_t count = 0;
};
/// The bar that the page's script needs. `tags`: of data-tags.
std::string filter_bar(const std::vector<FilterBox>& boxes, const std::set<std::string>& tags);
/// For a search that knows no capitals.
std::string lowered(std::string text);
/// "§3.1 ATA commands"
std::string named(const Section& section);

/// What was expected and what came, with the frames.
std::string draw_failures(const CaseRecord& record);
/// Folded, unless `open`; `anchor` is what links lead to.
std::string draw_case(const CaseRecord& record, const std::string& anchor, bool open);

}  // namespace aoe::harness
