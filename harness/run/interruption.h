// Being told to end: by a terminal's Ctrl-C, or by a process that started this one.
#pragma once

namespace aoe::harness {

/// From now on SIGINT, SIGTERM and SIGHUP are noted, once; a second one ends the process.
void note_interruptions();
/// Has one come?
bool interrupted();

}  // namespace aoe::harness
