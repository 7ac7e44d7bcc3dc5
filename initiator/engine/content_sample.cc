#include "initiator/engine/content_sample.h"

#include <algorithm>

#include "base/check.h"
#include "base/fnv.h"
#include "proto/ata.h"

namespace aoe::initiator {

ContentSample::ContentSample(std::uint64_t disk_sectors, std::optional<std::uint64_t> written)
    : disk_sectors_(disk_sectors) {
  AOE_CHECK(disk_sectors > 0);
  const auto add = [this](std::uint64_t lba) {
    if (lba < disk_sectors_ && count_ < places_max) places_[count_++] = lba;
  };
  if (written) add(*written);
  // Boot sector and GPT; ext4's superblock; md; LVM, swap; btrfs; the first partition, its ext4.
  for (const std::uint64_t lba : {0, 2, 8, 64, 128, 2048, 2050}) add(lba);
  for (const std::uint64_t from_end : {2, 34}) add(disk_sectors_ - from_end);  // GPT's copy
  for (std::uint64_t i = 1; i <= 8; ++i) {
    add(disk_sectors_ / 9 * i + i);
  }
}

std::uint8_t ContentSample::sectors() const {
  return static_cast<std::uint8_t>(std::min<std::uint64_t>(sectors_max, disk_sectors_ - lba()));
}

void ContentSample::begin(bool writing) {
  hashes_ = {};
  blank_ = true;
  disturbed_ = writing;
}

void ContentSample::note_write(std::uint64_t lba, std::uint64_t sectors) {
  disturbed_ |= lba < this->lba() + this->sectors() && this->lba() < lba + sectors;
}

ContentSample::Verdict ContentSample::read(Side side, Bytes data, Instant now) {
  hashes_[side] = fnv1a(data);
  blank_ = blank_ && std::ranges::all_of(data, [&](auto byte) { return byte == data.front(); });
  if (!hashes_[candidate] || !hashes_[reference]) return Verdict::undecided;
  if (hashes_[candidate] == hashes_[reference]) {
    evidence_ |= !blank_;
    return next();
  }
  if (!disturbed_ && ++tries_ == tries_max) return Verdict::different;
  due_ = now + first_pause * (1 << (disturbed_ ? 0 : tries_ - 1));
  return Verdict::undecided;
}

ContentSample::Verdict ContentSample::skip() {
  return next();
}

ContentSample::Verdict ContentSample::next() {
  tries_ = 0;
  due_ = Instant::min();
  if (++place_ < count_) return Verdict::undecided;
  return evidence_ ? Verdict::same : Verdict::blank;
}

}  // namespace aoe::initiator
