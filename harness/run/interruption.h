// Signals that end the run: a terminal's Ctrl-C, or SIGTERM from the process that started this one.
#pragma once

namespace aoe::harness {

/// Makes the first SIGINT, SIGTERM or SIGHUP set interrupted(); a second one ends the process, but
/// not within 0.2 s of the first: that is the same one, told to the group of processes, too.
void note_interruptions();
/// In a child of a process that notes them: SIGTERM and SIGHUP set interrupted() however often they
/// come, from who sends them to the whole group of processes and from the parent; SIGINT does nothing,
/// for a terminal sends it to all, and the parent tells when it is time.
void outlast_interruptions();
/// Returns whether such a signal has come.
bool interrupted();

}  // namespace aoe::harness
