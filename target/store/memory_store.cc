#include "target/store/memory_store.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/size.h"
#include "proto/codes.h"
#include "target/store/trim_ranges.h"

namespace aoe::target {
namespace {

/// Maps zeros that take no memory yet. Returns nothing, with errno, on failure.
MutableBytes map_zeros(std::size_t size) {
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {};
  return {static_cast<std::uint8_t*>(memory), size};
}

void zero(MutableBytes bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t past_page = reinterpret_cast<std::uintptr_t>(bytes.data()) % page;
  const std::size_t lead = std::min((page - past_page) % page, bytes.size());
  const std::size_t whole = (bytes.size() - lead) / page * page;
  std::ranges::fill(bytes.first(lead), std::uint8_t{0});
  std::ranges::fill(bytes.subspan(lead + whole), std::uint8_t{0});
  if (whole == 0) return;
  if (::madvise(bytes.data() + lead, whole, MADV_DONTNEED) != 0) {
    std::ranges::fill(bytes.subspan(lead, whole), std::uint8_t{0});  // locked memory
  }
}

}  // namespace

MemoryStore::MemoryStore(std::size_t size) : MemoryStore(map_zeros(size)) {
  AOE_CHECK(size % sector_size == 0 && !bytes_.empty());
}

tl::expected<std::size_t, std::string> MemoryStore::parse(std::string_view size) {
  const auto fail = [&](const std::string& why) {
    return tl::unexpected(fmt::format("memory:{}: {}", size, why));
  };
  const auto count = parse_size(size);
  if (!count) return fail(fmt::format("not a size such as {}", size_examples));
  if (*count == 0) return fail("smaller than one sector");
  if (*count % sector_size != 0) return fail("not a whole number of sectors");
  return *count;
}

tl::expected<std::unique_ptr<MemoryStore>, std::string> MemoryStore::open(std::string_view size) {
  const auto count = parse(size);
  if (!count) return tl::unexpected(count.error());
  const MutableBytes bytes = map_zeros(*count);
  if (bytes.empty()) {
    return tl::unexpected(fmt::format("memory:{}: {}", size, last_error().message()));
  }
  return std::unique_ptr<MemoryStore>(new MemoryStore(bytes));
}

MemoryStore::~MemoryStore() {
  ::munmap(bytes_.data(), bytes_.size());
}

std::optional<std::error_code> MemoryStore::try_now(const Operation& operation) {
  const auto part = [&](std::uint64_t offset, std::uint64_t size) {
    AOE_CHECK(offset <= bytes_.size() && size <= bytes_.size() - offset);
    return bytes_.subspan(offset, size);
  };
  switch (operation.kind) {
    case Operation::Kind::read:
      copy(part(operation.offset, operation.into.size()), operation.into);
      break;
    case Operation::Kind::write:
      copy(operation.from, part(operation.offset, operation.from.size()));
      break;
    case Operation::Kind::flush: break;
    case Operation::Kind::trim:
      TrimRanges ranges(operation.from);
      while (const auto range = ranges.next()) zero(part(range->offset, range->length));
      break;
  }
  return std::error_code{};
}

}  // namespace aoe::target
