#include "harness/world/memory_disk.h"

#include <algorithm>
#include <utility>

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
    const auto& faults = disk_.faults_;
    if (!faults || !faults->reads || !faults->strikes(offset, size))
      return disk_.memory_.view(offset, size);
    if (faults->delay > Duration{}) return std::nullopt;
    return Bytes{};
  }
  std::optional<std::error_code> try_now(const target::Operation& operation) override {
    if (disk_.is_slow(operation)) return std::nullopt;
    return disk_.perform(operation);
  }
  void start(target::Operation& operation) override {
    disk_.is_slow(operation) ? disk_.start(operation) : Store::start(operation);
  }
  /// The target ends: what is under way is done before.
  void wait() override { disk_.complete(never); }

 private:
  MemoryDisk& disk_;
};

MemoryDisk::MemoryDisk(std::uint64_t sectors, bool fill_pattern, std::uint64_t seed, Clock clock)
    : memory_(sectors * sector_size), random_(seed ^ crash_stream), clock_(std::move(clock)) {
  if (fill_pattern) harness::fill_pattern(0, 0, memory_.bytes());
}

std::unique_ptr<target::Store> MemoryDisk::connect() {
  return std::make_unique<Connection>(*this);
}

void MemoryDisk::start(target::Operation& operation) {
  const Instant due = clock_() + faults_->delay;
  count_strike();
  const auto after = std::ranges::upper_bound(slow_, due, {}, &Slow::due);
  slow_.insert(after, {due, &operation});
}

void MemoryDisk::complete(Instant now) {
  while (!slow_.empty() && slow_.front().due <= now) {
    target::Operation& operation = *slow_.front().operation;
    slow_.pop_front();
    operation.done(carry_out(operation));
  }
}

void MemoryDisk::count_strike() {
  if (--faults_->count == 0) faults_.reset();
}

std::error_code MemoryDisk::perform(const target::Operation& operation) {
  if (!faults_ || !struck(operation)) return carry_out(operation);
  const std::error_code error(faults_->error, std::generic_category());
  count_strike();
  return error;
}

std::error_code MemoryDisk::carry_out(const target::Operation& operation) {
  using Kind = target::Operation::Kind;
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

bool MemoryDisk::struck(const target::Operation& operation) const {
  using Kind = target::Operation::Kind;
  switch (operation.kind) {
    case Kind::read:
      return faults_->reads && faults_->strikes(operation.offset, operation.into.size());
    case Kind::write:
      return faults_->writes && faults_->strikes(operation.offset, operation.from.size());
    case Kind::flush: return faults_->flushes;
    case Kind::trim: return false;  // a promise of nothing, which a disk keeps even so
  }
  return false;
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
