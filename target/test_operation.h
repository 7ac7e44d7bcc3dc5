// Single operations on a store, from start to end, for tests.
#pragma once

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "proto/trim.h"
#include "target/store.h"

namespace aoe::target {

class TestOperation final : public StoreOperation {
 public:
  void done(std::error_code error) override {
    EXPECT_FALSE(result.has_value()) << "done() twice";
    result = error;
  }
  std::error_code run(Store& store) {
    store.start(*this);
    EXPECT_TRUE(result.has_value() || !store.is_immediate(kind)) << "not done yet";
    store.submit();
    while (!result) store.wait();
    return *result;
  }

  std::optional<std::error_code> result;
};

inline std::error_code write_to(Store& store, std::uint64_t offset, Bytes data) {
  TestOperation operation;
  operation.kind = StoreOperation::Kind::write;
  operation.offset = offset;
  operation.from = data;
  return operation.run(store);
}

inline std::error_code flush(Store& store) {
  TestOperation operation;
  operation.kind = StoreOperation::Kind::flush;
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
  operation.kind = StoreOperation::Kind::trim;
  operation.from = list;
  return operation.run(store);
}

/// Nothing where the read fails.
inline std::optional<std::vector<std::uint8_t>> read_from(Store& store, std::uint64_t offset,
                                                          std::size_t size) {
  std::vector<std::uint8_t> bytes(size, 0xee);
  TestOperation operation;
  operation.kind = StoreOperation::Kind::read;
  operation.offset = offset;
  operation.into = bytes;
  if (operation.run(store)) return std::nullopt;
  return bytes;
}

}  // namespace aoe::target
