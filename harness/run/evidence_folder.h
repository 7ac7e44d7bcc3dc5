// Where the evidence of a case is kept, within the folder of its run.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace aoe::harness {

/// Returns a name for a file or folder, made of any text: what a file system, or a store of a CI
/// server's artifacts, refuses in names (control characters and / \ : * ? " < > |) becomes '-'. It
/// differs from all names of `taken`, even on a file system that ignores case, and is added to
/// them: "reads[mac=02-00]", "reads[mac=02-00]-2".
std::string file_name(std::string_view text, std::set<std::string>& taken);

}  // namespace aoe::harness
