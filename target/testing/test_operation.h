// Single operations on a store, from start to end, for tests.
#pragma once

#include <algorithm>
#include <new>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "proto/trim.h"
#include "target/store/store.h"

namespace aoe::target {

class TestOperation final : public Operation {
 public:
  void done(std::error_code error) override {
    EXPECT_FALSE(result.has_value()) << "done() twice";
    result = error;
  }
  std::error_code run(Store& store) {
    if (const auto at_once = store.try_now(*this)) return *at_once;
    store.start(*this);
    store.submit();
    while (!result) store.wait();
    return *result;
  }

  std::optional<std::error_code> result;
};

/// Memory aligned for operations that are done later.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t size)
      : memory_(static_cast<std::uint8_t*>(::operator new(size, alignment_))), size_(size) {
    std::ranges::fill(bytes(), std::uint8_t{0xee});
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { ::operator delete(memory_, alignment_); }

  MutableBytes bytes() const { return {memory_, size_}; }

 private:
  static constexpr std::align_val_t alignment_{Operation::alignment};
  std::uint8_t* memory_;
  std::size_t size_;
};

inline std::error_code write_to(Store& store, std::uint64_t offset, Bytes data) {
  const AlignedBuffer buffer(data.size());
  std::ranges::copy(data, buffer.bytes().begin());
  TestOperation operation;
  operation.kind = Operation::Kind::write;
  operation.offset = offset;
  operation.from = buffer.bytes();
  return operation.run(store);
}

inline std::error_code flush(Store& store) {
  TestOperation operation;
  operation.kind = Operation::Kind::flush;
  return operation.run(store);
}

inline std::error_code trim(Store& store, const std::vector<SectorRange>& ranges) {
  std::vector<std::uint8_t> list;
  for (const auto [lba, sectors] : ranges) {
    const std::uint64_t entry = lba | sectors << 48;
    for (int byte = 0; byte < 8; ++byte) {
      list.push_back(static_cast<std::uint8_t>(entry >> 8 * byte));
    }
  }
  TestOperation operation;
  operation.kind = Operation::Kind::trim;
  operation.from = list;
  return operation.run(store);
}

/// Returns nothing if the read fails.
inline std::optional<std::vector<std::uint8_t>> read_from(Store& store, std::uint64_t offset,
                                                          std::size_t size) {
  const AlignedBuffer buffer(size);
  TestOperation operation;
  operation.kind = Operation::Kind::read;
  operation.offset = offset;
  operation.into = buffer.bytes();
  if (operation.run(store)) return std::nullopt;
  return std::vector(buffer.bytes().begin(), buffer.bytes().end());
}

}  // namespace aoe::target
