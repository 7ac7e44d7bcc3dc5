// The bytes of a file or of standard input, decompressed where they are compressed (gzip, bzip2,
// xz, zstd, lz4; recognized by their first bytes).
//
// Owns the open file. Blocks until bytes come; a pipe's are passed on as soon as they are there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "harness/capture/byte_source.h"

// Of libarchive.
struct archive;

namespace aoe::harness {

class FileSource final : public ByteSource {
 public:
  /// Called a few times a second while nothing comes; returns false to end the input there.
  using Idle = std::function<bool()>;

  /// "-" is standard input. The error names the file. `idle`: none is called where it is empty.
  static tl::expected<std::unique_ptr<FileSource>, std::string> open(const std::string& path,
                                                                     Idle idle = {});

  tl::expected<Bytes, std::string> take(std::size_t size) override;

  /// Bytes of the file that were read, as they are in the file.
  std::uint64_t position() const { return position_; }
  /// The file's size; nothing for a pipe.
  std::optional<std::uint64_t> size() const { return size_; }

 private:
  FileSource(Descriptor file, Idle idle);

  /// Fetches the next block; false at the end of the input.
  tl::expected<bool, std::string> fetch();
  std::string error() const;
  /// For libarchive: reads what is there, and waits for it.
  static long read_file(archive* reader, void* self, const void** bytes);
  bool wait();

  const Descriptor file_;
  const Idle idle_;
  const std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::optional<std::uint64_t> size_;
  std::uint64_t position_ = 0;
  std::vector<std::uint8_t> buffer_;  // of the file
  Bytes block_;                       // decompressed, not taken yet
  std::vector<std::uint8_t> joined_;  // what was taken from several blocks
  bool is_open_ = false;
  bool is_over_ = false;
};

}  // namespace aoe::harness
