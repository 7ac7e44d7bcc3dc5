// A store in memory, for tests and simulations: what it holds is gone with the process, and a flush
// has nothing to do.
#pragma once

#include <vector>

#include "target/store.h"

namespace aoe::target {

class MemoryStore final : public Store {
 public:
  /// `size` bytes of zeros; whole sectors.
  explicit MemoryStore(std::size_t size);

  std::uint64_t size() const override { return bytes_.size(); }
  Bytes view(std::uint64_t offset, std::size_t size) override {
    return Bytes(bytes_).subspan(offset, size);
  }
  StoreTraits traits() const override { return {512, true, true}; }
  bool is_immediate(StoreOperation::Kind) const override { return true; }
  void start(StoreOperation& operation) override;

  /// Its contents, to look at and to prepare.
  MutableBytes bytes() { return bytes_; }
  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace aoe::target
