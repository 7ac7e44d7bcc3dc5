// `aoe-initiator bench`: how many requests a disk serves a second, and how long each takes.
#pragma once

#include <chrono>
#include <cstdint>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

struct BenchOptions {
  bool write = false;       // which destroys what is on the disk
  bool random = true;       // else one after the other, from the start of the disk
  std::size_t size = 4096;  // of a request, bytes: whole sectors
  unsigned outstanding = 64;
  std::chrono::seconds time{10};
};

/// Prints a line a second on a terminal, and the results. Throws Failed as soon as a request fails.
void bench_command(const CommandOptions& options, Address device, const BenchOptions& bench);

}  // namespace aoe::initiator
