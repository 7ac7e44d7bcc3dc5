// A store over a mapping of a regular file or a block device: the fast path, for a write through a
// mapping costs a copy and no call of the kernel.
//
// Owns the file, an advisory lock on it (shared where it is read-only, else exclusive) and the
// mapping. Operations are done before start() returns. A flush is fdatasync(), which on Linux
// covers what was written through a mapping.
//
// What a mapping brings with it: where the file cannot give a page (a hole that a full disk cannot
// fill, a file that was truncated, a disk that fails) the processor faults in the middle of a copy.
// Such a fault becomes the error of that operation (see guarded_copy.h); a write that failed may be
// there in part. Once a flush has failed, all later ones fail: the kernel reports a lost write once
// and then forgets it, but the data is still lost.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "target/store.h"

namespace aoe::target {

class MappedStore final : public Store {
 public:
  struct Options {
    bool read_only = false;
    /// How to make the file's data stable; returns as fdatasync() does. Tests put a failing disk
    /// here.
    int (*sync)(int descriptor) = nullptr;
  };

  /// Errors name the file: "disk.img: No such file or directory", "disk.img: smaller than one
  /// sector", "disk.img: in use by another process". Nothing is changed on disk.
  static tl::expected<std::unique_ptr<MappedStore>, std::string> open(const std::string& path,
                                                                      const Options& options);
  ~MappedStore() override;

  /// The file's whole sectors.
  std::uint64_t size() const override { return size_; }
  Bytes view(std::uint64_t offset, std::size_t size) override {
    return mapping_.subspan(offset, size);
  }
  bool is_immediate(StoreOperation::Kind) const override { return true; }
  void start(StoreOperation& operation) override;

  /// Bytes after the last whole sector, which are not served.
  std::uint64_t ignored_tail() const { return file_size_ - size_; }

 private:
  MappedStore(int descriptor, MutableBytes mapping, std::uint64_t file_size,
              const Options& options);
  std::error_code read(std::uint64_t offset, MutableBytes into);
  std::error_code write(std::uint64_t offset, Bytes from);
  std::error_code flush();

  int descriptor_;
  MutableBytes mapping_;
  std::uint64_t file_size_;
  std::uint64_t size_;
  int (*sync_)(int);
  std::error_code flush_error_;  // of the first flush that failed
};

}  // namespace aoe::target
