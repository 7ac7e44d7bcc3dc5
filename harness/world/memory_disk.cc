#include "harness/world/memory_disk.h"

#include "harness/judge/pattern.h"
#include "target/store/trim_ranges.h"

namespace aoe::harness {
namespace {

/// What a crash loses is drawn from other numbers than what a link loses.
constexpr std::uint64_t crash_stream = 0x20;

}  // namespace

class MemoryDisk::Connection final : public target::Store {
 public:
  explicit Connection(MemoryDisk& disk) : disk_(disk) {}

  std::uint64_t size() const override { return disk_.memory_.size(); }
  target::StoreTraits traits() const override { return disk_.memory_.traits(); }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) override {
    const bool fails =
        disk_.faults_ && disk_.faults_->reads && disk_.faults_->strikes(offset, size);
    return fails ? Bytes{} : disk_.memory_.view(offset, size);
  }
  std::optional<std::error_code> try_now(const target::Operation& operation) override {
    return disk_.perform(operation);
  }

 private:
  MemoryDisk& disk_;
};

MemoryDisk::MemoryDisk(std::uint64_t sectors, bool fill_pattern, std::uint64_t seed)
    : memory_(sectors * sector_size), random_(seed ^ crash_stream) {
  if (fill_pattern) harness::fill_pattern(0, 0, memory_.bytes());
}

std::unique_ptr<target::Store> MemoryDisk::connect() {
  return std::make_unique<Connection>(*this);
}

std::error_code MemoryDisk::perform(const target::Operation& operation) {
  using Kind = target::Operation::Kind;
  if (fails(operation)) return std::make_error_code(std::errc::io_error);
  switch (operation.kind) {
    case Kind::read: break;
    case Kind::write: remember(operation.offset, operation.from.size()); break;
    case Kind::flush: forget(); break;
    case Kind::trim:
      target::TrimRanges ranges(operation.from);
      while (const auto range = ranges.next()) remember(range->offset, range->length);
      break;
  }
  return *memory_.try_now(operation);
}

bool MemoryDisk::fails(const target::Operation& operation) {
  using Kind = target::Operation::Kind;
  if (!faults_) return false;
  bool fails = false;
  switch (operation.kind) {
    case Kind::read:
      fails = faults_->reads && faults_->strikes(operation.offset, operation.into.size());
      break;
    case Kind::write:
      fails = faults_->writes && faults_->strikes(operation.offset, operation.from.size());
      break;
    case Kind::flush: fails = faults_->flushes; break;
    case Kind::trim: break;  // a promise of nothing, which a disk keeps even so
  }
  if (fails && --faults_->count == 0) faults_.reset();
  return fails;
}

void MemoryDisk::remember(std::uint64_t offset, std::uint64_t size) {
  for (std::uint64_t at = offset; at < offset + size; at += sector_size) {
    const std::uint64_t lba = at / sector_size;
    if (!is_unstable_.insert(lba).second) continue;
    unstable_.push_back({lba, before_.size()});
    const Bytes sector = bytes().subspan(at, sector_size);
    before_.insert(before_.end(), sector.begin(), sector.end());
  }
}

void MemoryDisk::forget() {
  is_unstable_.clear();
  unstable_.clear();
  before_.clear();
}

void MemoryDisk::lose_cache() {
  for (const Unstable& sector : unstable_) {
    if (random_() % 2 == 0) continue;
    copy(Bytes(before_).subspan(sector.before, sector_size),
         memory_.bytes().subspan(sector.lba * sector_size, sector_size));
  }
  forget();
}

}  // namespace aoe::harness
