// Qemu: a virtual machine's process, in software emulation, so that it runs anywhere, and the streams
// that lead into it. It takes nothing from this process but the descriptors that its words name.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"

namespace aoe::guest {

/// The path of qemu-system-x86_64, from PATH or /usr/bin. The error says how to get it.
tl::expected<std::string, std::string> find_qemu();

/// The folder that this program is in.
std::filesystem::path own_folder();

/// Both ends of a stream. QEMU inherits `theirs`, whose number its words then contain.
struct Stream {
  Descriptor ours;
  Descriptor theirs;
};

Stream make_stream();

/// Returns what comes before the deadline; empty when nothing does, or the stream has ended.
std::string receive(const Descriptor& stream, std::chrono::steady_clock::time_point deadline);

/// Returns false when the other end has gone.
bool write_all(const Descriptor& stream, std::string_view bytes);

class Qemu {
 public:
  Qemu() = default;
  Qemu(const Qemu&) = delete;
  Qemu& operator=(const Qemu&) = delete;
  /// Ends the machine at once. It does not outlive the thread that started it either.
  ~Qemu();

  /// Starts it, once. Its standard input is empty, its standard output and error are this process's.
  /// The error is a line.
  tl::expected<void, std::string> start(std::vector<std::string> words);

 private:
  pid_t pid_ = -1;
};

}  // namespace aoe::guest
