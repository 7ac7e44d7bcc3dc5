// Signals that end the run: a terminal's Ctrl-C, or SIGTERM from the process that started this one.
#pragma once

namespace aoe::harness {

/// Makes the first SIGINT, SIGTERM or SIGHUP set interrupted(); a second one ends the process.
void note_interruptions();
/// Returns whether such a signal has come.
bool interrupted();

}  // namespace aoe::harness
