// A store in memory, for scratch disks, tests and simulations. Its content ends with the process,
// and a flush does nothing. Pages that were never written take no memory; a trim gives whole pages
// back.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "target/store/store.h"

namespace aoe::target {

class MemoryStore final : public Store {
 public:
  /// A store of `size` bytes of zeros, a multiple of 512.
  explicit MemoryStore(std::size_t size);
  /// Opens a store of a size in words: bytes, or a number with KiB, MiB, GiB or TiB (or K, M, G, T,
  /// which mean the same). Errors: "memory:5x: not a size (such as 64MiB)", "memory:100: not a
  /// whole number of sectors", "memory:900TiB: Cannot allocate memory".
  static tl::expected<std::unique_ptr<MemoryStore>, std::string> open(std::string_view size);
  /// Returns a size in words, bytes, or the error of open().
  static tl::expected<std::size_t, std::string> parse(std::string_view size);
  ~MemoryStore() override;

  std::uint64_t size() const override { return bytes_.size(); }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) override {
    return Bytes(bytes_).subspan(offset, size);
  }
  StoreTraits traits() const override { return {512, true, true}; }
  std::optional<std::error_code> try_now(const Operation& operation) override;

  /// The content.
  MutableBytes bytes() { return bytes_; }
  Bytes bytes() const { return bytes_; }

 private:
  explicit MemoryStore(MutableBytes bytes) : bytes_(bytes) {}

  MutableBytes bytes_;  // an anonymous mapping
};

}  // namespace aoe::target
