// A file that reads and writes another, and fails where faults are armed: the disk of a program
// that knows nothing of faults.
//
// A FUSE file, mounted over an empty one. A thread serves it, so that the harness can wait for the
// program under test; but this process must not map the file's pages. The kernel caches pages of
// it, as of any file; when faults are armed they are dropped, so that mapped reads meet the faults,
// too. A program that reads by the page then fails for the whole page (4 KiB) of a faulty sector.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "harness/world/world.h"

struct fuse_session;

namespace aoe::harness {

/// Moves this process, which has one thread, into a new mount namespace: what is mounted there is
/// seen by it and by those that it starts, and is gone with the last of them. Needs what
/// enter_network_namespace() gives.
tl::expected<void, std::string> enter_mount_namespace();

class FaultyFile {
 public:
  /// Mounts it before `backing`, which outlives it, at `path`, where an empty file is. Needs a
  /// mount namespace that it may mount in. The error names the path, or what it lacks: "/dev/fuse:
  /// Permission denied".
  static tl::expected<std::unique_ptr<FaultyFile>, std::string> mount(int backing,
                                                                      const std::string& path);
  FaultyFile(const FaultyFile&) = delete;
  FaultyFile& operator=(const FaultyFile&) = delete;
  /// A program that still has the file open finds it gone.
  ~FaultyFile();

  void set_faults(const std::optional<DiskFaults>& faults);

 private:
  struct Operations;

  explicit FaultyFile(int backing) : backing_(backing) {}
  tl::expected<void, std::string> start(const std::string& path);
  void serve();
  /// Does what is armed against such an operation; returns the error that it ends with, or 0.
  int strike(bool DiskFaults::*kind, std::uint64_t offset, std::uint64_t size);

  const int backing_;
  fuse_session* session_ = nullptr;
  Descriptor stop_;  // an eventfd
  std::mutex mutex_;
  std::optional<DiskFaults> faults_;
  std::thread thread_;
};

}  // namespace aoe::harness
