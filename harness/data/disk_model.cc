#include "harness/data/disk_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/data/pattern.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

std::string name(std::uint32_t version) {
  return version == 0 ? "what it held at first" : fmt::format("write {}", version);
}

}  // namespace

DiskModel::DiskModel(std::uint64_t sectors, bool fill_pattern)
    : fill_pattern_(fill_pattern), acknowledged_(sectors, 0) {}

std::uint32_t DiskModel::begin_write(std::uint64_t lba, std::uint64_t count) {
  ++last_version_;
  for (std::uint64_t i = 0; i < count; ++i) uncertain_[lba + i].push_back(last_version_);
  return last_version_;
}

void DiskModel::acknowledge(std::uint64_t lba, std::uint64_t count, std::uint32_t version) {
  for (std::uint64_t i = 0; i < count; ++i) {
    acknowledged_[lba + i] = version;
    const auto uncertain = uncertain_.find(lba + i);
    if (uncertain == uncertain_.end()) continue;
    std::erase_if(uncertain->second, [&](std::uint32_t other) { return other <= version; });
    if (uncertain->second.empty()) uncertain_.erase(uncertain);
  }
}

std::vector<std::uint32_t> DiskModel::versions_of(std::uint64_t lba) const {
  std::vector<std::uint32_t> versions{acknowledged_[lba]};
  if (const auto uncertain = uncertain_.find(lba); uncertain != uncertain_.end()) {
    versions.insert(versions.end(), uncertain->second.begin(), uncertain->second.end());
  }
  return versions;
}

DiskModel::Snapshot DiskModel::begin_read(std::uint64_t lba, std::uint64_t count) const {
  Snapshot snapshot{lba, {}};
  snapshot.versions.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) snapshot.versions.push_back(versions_of(lba + i));
  return snapshot;
}

std::optional<std::string> DiskModel::end_read(const Snapshot& snapshot, Bytes data) const {
  for (std::size_t i = 0; i < snapshot.versions.size(); ++i) {
    const std::uint64_t lba = snapshot.lba + i;
    const Bytes sector = data.subspan(i * sector_size, sector_size);
    const auto right = [&](std::uint32_t version) { return holds(lba, version, sector); };
    if (std::ranges::none_of(snapshot.versions[i], right) &&
        std::ranges::none_of(versions_of(lba), right)) {
      return describe_wrong(lba, sector);
    }
  }
  return std::nullopt;
}

std::optional<std::string> DiskModel::verify(std::uint64_t lba, Bytes data) const {
  for (; !data.empty(); data = data.subspan(sector_size), ++lba) {
    const Bytes sector = data.first(sector_size);
    const auto right = [&](std::uint32_t version) { return holds(lba, version, sector); };
    if (std::ranges::none_of(versions_of(lba), right)) return describe_wrong(lba, sector);
  }
  return std::nullopt;
}

bool DiskModel::holds(std::uint64_t lba, std::uint32_t version, Bytes sector) const {
  if (version > 0 || fill_pattern_) return holds_pattern(lba, version, sector);
  return std::ranges::all_of(sector, [](std::uint8_t byte) { return byte == 0; });
}

std::string DiskModel::describe_wrong(std::uint64_t lba, Bytes sector) const {
  std::string expected;
  for (const std::uint32_t version : versions_of(lba)) {
    expected += (expected.empty() ? "" : " or ") + name(version);
  }
  return fmt::format("sector {} holds {}, expected {}", lba, describe_content(lba, sector),
                     expected);
}

std::string DiskModel::describe_content(std::uint64_t lba, Bytes sector) const {
  for (std::uint32_t version = 0; version <= last_version_; ++version) {
    if (holds(lba, version, sector)) return name(version);
  }
  for (std::uint64_t other = 0; other < acknowledged_.size(); ++other) {
    if (holds(other, acknowledged_[other], sector)) {
      return fmt::format("what belongs to sector {}", other);
    }
  }
  const bool zeros = std::ranges::all_of(sector, [](std::uint8_t byte) { return byte == 0; });
  return zeros ? "zeros" : "bytes that were never written";
}

}  // namespace aoe::harness
