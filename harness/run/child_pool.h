// Pieces of work, each done in a child process, several at a time: a crash, a hang or a namespace
// that a piece enters concerns no other.
//
// A child that takes too long, or is at work when this process is interrupted, is asked to end
// (SIGTERM: interrupted() holds there) and killed where it does not. The programs that it leaves
// behind are killed.
//
// Called from a process with one thread: children are forked and go on in the caller's code. That
// process starts no other programs meanwhile.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace aoe::harness {

struct ChildEnd {
  std::size_t index;   // of the piece of work
  std::string output;  // what the work returned
  std::string death;   // how it ended, if not well: "was killed by signal 11 (Segmentation fault)"
};

struct ChildPool {
  unsigned jobs = 1;                             // at a time
  std::chrono::seconds patience{600};            // for one piece of work
  std::function<std::string(std::size_t)> work;  // in the child
  std::function<void(ChildEnd)> ended;           // in this process, in the order in which they end
  std::function<bool()> stop = [] { return false; };  // once it holds, nothing more begins
  std::chrono::seconds grace{10};                     // for those that are asked to end

  /// Does the pieces 0 … count-1 and returns how many were begun.
  std::size_t run(std::size_t count) const;
};

}  // namespace aoe::harness
