// What a program does with its standard input, output and error, whatever they are.
#pragma once

#include <functional>
#include <string_view>

namespace aoe {

/// Opens /dev/null for each standard stream that is closed. Called first in main(): a disk that got
/// the number of standard error would have the messages written into it.
void occupy_standard_streams();

/// Writes text to standard error, for a command that ends. Ignores failures: there is nowhere to
/// report them.
void tell(std::string_view text);

/// Writes text to standard output, at once and with all that waits there. Returns false if that was
/// lost, or anything before it, for a command that has a status of its own for this; run_main() tells
/// why.
bool write_output(std::string_view text);

/// Calls `work`, what main() does, and writes what it has left for standard output. Returns its exit
/// status. If standard output could not be written, or `work` throws an exception, it writes a line
/// "PROGRAM: …" to standard error and returns 1, unless the status says a failure already.
int run_main(std::string_view program, const std::function<int()>& work);

}  // namespace aoe
