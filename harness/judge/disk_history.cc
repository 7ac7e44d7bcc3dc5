#include "harness/judge/disk_history.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

std::string version_name(Version version) {
  return version == 0 ? "what it held at first" : fmt::format("write {}", version);
}

bool is_zero(Bytes sector) {
  static constexpr std::array<std::uint8_t, sector_size> zeros{};
  return std::memcmp(sector.data(), zeros.data(), sector_size) == 0;
}

std::uint64_t fingerprint(Bytes sector) {
  return std::hash<std::string_view>{}(
      {reinterpret_cast<const char*>(sector.data()), sector.size()});
}

}  // namespace

DiskHistory::DiskHistory(std::uint64_t sectors, Fill fill) : fill_(fill), sectors_(sectors) {
  if (fill != Fill::zeros) return;
  for (Settled& sector : sectors_) sector.zeros = true;
}

void DiskHistory::track_flushes() {
  tracks_flushes_ = true;
  stable_.resize(sectors_.size());
  is_dirty_.resize(sectors_.size());
}

DiskHistory::Entry* DiskHistory::find(std::uint64_t lba) {
  const std::uint32_t place = sectors_[lba].entry;
  return place == 0 ? nullptr : &entries_[place - 1];
}

DiskHistory::Entry& DiskHistory::open(std::uint64_t lba) {
  Settled& sector = sectors_[lba];
  if (sector.entry == 0) {
    if (free_.empty()) {
      entries_.emplace_back();
      free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    }
    sector.entry = free_.back();
    free_.pop_back();
    entries_[sector.entry - 1].writes.push_back({.version = sector.version,
                                                 .zeros = sector.zeros,
                                                 .seen = sector.seen,
                                                 .over = 0,
                                                 .first_end = 0});
  }
  return entries_[sector.entry - 1];
}

Version DiskHistory::begin(std::uint64_t lba, std::uint64_t sectors, bool zeros) {
  ++moment_;
  ++last_version_;
  for (std::uint64_t i = lba; i < lba + sectors; ++i) {
    open(i).writes.push_back(
        {.version = last_version_, .zeros = zeros, .begun = moment_, .last_begin = moment_});
  }
  touch(lba, sectors);
  return last_version_;
}

void DiskHistory::end_write(std::uint64_t lba, std::uint64_t sectors, Version version,
                            bool acknowledged) {
  ++moment_;
  for (std::uint64_t i = lba; i < lba + sectors; ++i) {
    Entry* entry = find(i);
    if (entry == nullptr) continue;  // a later one has taken its place
    const auto write = std::ranges::find(entry->writes, version, &Write::version);
    if (write == entry->writes.end()) continue;
    write->over = moment_;
    // What the target acknowledged before its crash may be lost, even if the answer comes only now.
    if (acknowledged && write->begun > crashed_)
      write->first_end = std::min(write->first_end, moment_);
  }
  if (acknowledged) settling_.push_back({moment_, lba, sectors});
  touch(lba, sectors);
  forget();
}

Moment DiskHistory::begin_read() {
  reads_.emplace_back(++moment_, false);
  return moment_;
}

std::optional<WrongData> DiskHistory::end_read(Moment begun, std::uint64_t lba, Bytes data) {
  const Moment ended = ++moment_;
  std::optional<WrongData> wrong;
  for (; !data.empty() && !wrong; data = data.subspan(sector_size), ++lba) {
    wrong = judge(lba, data.first(sector_size), begun, ended);
  }
  const auto read = std::ranges::lower_bound(reads_, begun, {}, &std::pair<Moment, bool>::first);
  AOE_CHECK(read != reads_.end() && read->first == begun);
  read->second = true;
  while (!reads_.empty() && reads_.front().second) reads_.pop_front();
  forget();
  return wrong;
}

std::optional<WrongData> DiskHistory::verify(std::uint64_t lba, Bytes data) {
  return end_read(begin_read(), lba, data);
}

void DiskHistory::forget() {
  const Moment oldest = reads_.empty() ? never : reads_.front().first;
  while (!settling_.empty() && settling_.front().since < oldest) {
    const Extent& extent = settling_.front();
    for (std::uint64_t i = extent.lba; i < extent.lba + extent.sectors; ++i) settle(i);
    settling_.pop_front();
  }
}

void DiskHistory::settle(std::uint64_t lba) {
  Entry* entry = find(lba);
  if (entry == nullptr) return;
  const Moment oldest = reads_.empty() ? moment_ + 1 : reads_.front().first;
  for (Write& write : entry->writes) write.dead = !fits(*entry, write, oldest, never);
  std::erase_if(entry->writes, [](const Write& write) { return write.dead; });
  if (entry->survivors) {
    const auto ends_doubt = [&](const Write& write) {
      return write.begun > entry->survivors->crash && write.first_end < oldest;
    };
    if (std::ranges::any_of(entry->writes, ends_doubt)) entry->survivors.reset();
  }
  const Write& last = entry->writes.front();
  if (entry->survivors || entry->writes.size() > 1 || last.over == never) return;
  Settled& sector = sectors_[lba];
  sector.version = last.version & 0x3fff'ffff;
  sector.zeros = last.zeros;
  sector.seen = last.seen;
  entry->writes.clear();
  free_.push_back(std::exchange(sector.entry, 0));
}

/// Could a read of [begun, ended) show it, as far as the other writes allow?
bool DiskHistory::fits(const Entry& entry, const Write& write, Moment begun, Moment ended) {
  const Moment first_end = std::min(write.first_end, ended);
  const Moment last_begin = std::max(write.last_begin, begun);
  return std::ranges::none_of(entry.writes, [&](const Write& other) {
    if (&other == &write) return false;
    const bool lives_overlap = first_end < other.last_begin && other.first_end < last_begin;
    const bool was_replaced = write.over < other.begun && other.first_end < begun;
    return lives_overlap || was_replaced;
  });
}

std::optional<WrongData> DiskHistory::judge(std::uint64_t lba, Bytes sector, Moment begun,
                                            Moment ended) {
  Entry* entry = find(lba);
  if (entry == nullptr) {
    Settled& settled = sectors_[lba];
    const bool as_found = settled.version == 0 && fill_ == Fill::found;
    const bool right = as_found        ? is_as_found(lba, sector)
                       : settled.zeros ? is_zero(sector)
                                       : holds_pattern({lba, settled.version}, sector);
    if (!right) return wrong(lba, sector, content_of(lba, sector), begun, ended);
    settled.seen = true;
    return std::nullopt;
  }
  const Content content = content_of(lba, sector);
  if (entry->survivors && survived(*entry, content, begun, ended)) {
    settling_.push_back({ended, lba, 1});
    return std::nullopt;
  }
  for (Write& write : entry->writes) {
    const bool shown = write.zeros ? content.zeros : content.version == write.version;
    if (!shown || !fits(*entry, write, begun, ended)) continue;
    write.first_end = std::min(write.first_end, ended);
    write.last_begin = std::max(write.last_begin, begun);
    write.seen = true;
    return std::nullopt;
  }
  return wrong(lba, sector, content, begun, ended);
}

bool DiskHistory::survived(Entry& entry, const Content& content, Moment begun, Moment ended) const {
  const Survivors& survivors = *entry.survivors;
  const bool replaced = std::ranges::any_of(entry.writes, [&](const Write& write) {
    return write.begun > survivors.crash && write.first_end < begun;
  });
  const bool among = content.version
                         ? *content.version >= survivors.least && *content.version <= survivors.most
                         : content.zeros && survivors.zeros;
  if (replaced || !among) return false;
  if (begun < survivors.crash) return true;  // it may have been read before
  // The sector holds this version, and none of the others.
  std::erase_if(entry.writes, [&](const Write& write) {
    return write.begun < survivors.crash && write.over != never;
  });
  entry.writes.push_back({.version = content.version.value_or(survivors.most),
                          .zeros = !content.version,
                          .seen = true,
                          .over = 0,
                          .first_end = ended,
                          .last_begin = begun});
  entry.survivors.reset();
  return true;
}

DiskHistory::Content DiskHistory::content_of(std::uint64_t lba, Bytes sector) {
  Content content;
  const auto label = read_label(sector);
  if (label && label->lba == lba && label->version <= last_version_ &&
      (label->version > 0 || fill_ == Fill::pattern) && holds_pattern(*label, sector)) {
    content.version = label->version;
  } else if (fill_ == Fill::found && is_as_found(lba, sector)) {
    content.version = 0;
  }
  content.zeros = is_zero(sector);
  return content;
}

bool DiskHistory::is_as_found(std::uint64_t lba, Bytes sector) {
  return found_.try_emplace(lba, fingerprint(sector)).first->second == fingerprint(sector);
}

WrongData DiskHistory::wrong(std::uint64_t lba, Bytes sector, const Content& content, Moment begun,
                             Moment ended) {
  const std::string text = fmt::format("sector {} holds {}", lba, describe(lba, sector, content));
  std::string expected;
  std::optional<Version> seen;
  std::vector<std::uint8_t> right(sector_size);  // what it should hold: the latest of these
  const auto fill_right = [&](Version version, bool zeros) {
    std::ranges::fill(right, std::uint8_t{0});
    if (!zeros && (version > 0 || fill_ == Fill::pattern)) fill_pattern(lba, version, right);
  };
  const auto record = [&] { return SectorRecord{lba, to_hex(right), to_hex(sector)}; };
  const auto expect = [&](Version version, bool zeros, bool was_seen) {
    fill_right(version, zeros);
    expected += expected.empty() ? "" : " or ";
    expected += zeros && version > 0 ? "zeros" : version_name(version);
    if (was_seen) seen = version;
  };
  if (crashed_ > 0 && content.version && *content.version < stable_[lba]) {
    fill_right(stable_[lba], false);
    return {fmt::format("{}, and {} was flushed before the target was killed", text,
                        version_name(stable_[lba])),
            true, record()};
  }
  if (const Entry* entry = find(lba)) {
    for (const Write& write : entry->writes) {
      if (fits(*entry, write, begun, ended)) expect(write.version, write.zeros, write.seen);
    }
  } else {
    expect(sectors_[lba].version, sectors_[lba].zeros, sectors_[lba].seen);
  }
  // An older version that a newer one had replaced can only have come back.
  const auto late = late_.find(lba);
  const bool came_late = late != late_.end() && content.version == late->second;
  if (content.version > 0 && (came_late || (seen && content.version < seen))) {
    return {fmt::format("{}, which came back after {} was acknowledged: a late duplicate", text,
                        expected),
            false, record()};
  }
  return {fmt::format("{}, expected {}", text, expected), false, record()};
}

std::string DiskHistory::describe(std::uint64_t lba, Bytes sector, const Content& content) const {
  if (content.version) return version_name(*content.version);
  if (content.zeros) return "zeros";
  const auto label = read_label(sector);
  const bool known = label && label->lba < sectors_.size() && label->version <= last_version_ &&
                     (label->version > 0 || fill_ == Fill::pattern);
  if (!known) return "bytes that were never written";
  std::string text = version_name(label->version);
  if (label->lba != lba) text = fmt::format("what belongs to sector {} ({})", label->lba, text);
  return holds_pattern(*label, sector) ? text : text + " damaged";
}

std::optional<Version> DiskHistory::undone_by(std::uint64_t lba, Version version) {
  Entry* entry = find(lba);
  if (entry == nullptr) {
    const Version settled = sectors_[lba].version;
    return settled > version ? std::optional(settled) : std::nullopt;
  }
  const auto write = std::ranges::find(entry->writes, version, &Write::version);
  if (write != entry->writes.end() && write->over == never) {
    if (!std::exchange(write->arrived, true)) return std::nullopt;
    const auto beside = std::ranges::find_if(entry->writes, [&](const Write& other) {
      return other.version != version && (other.over == never || other.over > write->begun);
    });
    return beside == entry->writes.end() ? std::nullopt : std::optional(beside->version);
  }
  const auto newer = std::ranges::find_if(
      entry->writes, [&](const Write& other) { return other.version > version; });
  return newer == entry->writes.end() ? std::nullopt : std::optional(newer->version);
}

void DiskHistory::copy_arrived(std::uint64_t lba, Bytes data) {
  for (; data.size() >= sector_size && lba < sectors_.size();
       data = data.subspan(sector_size), ++lba) {
    const auto label = read_label(data.first(sector_size));
    if (!label || label->lba != lba || label->version > last_version_) continue;
    const auto newer = undone_by(lba, label->version);
    if (!newer) continue;
    if (late_count_++ == 0) {
      first_late_ = fmt::format("{} reached sector {} again after {} was submitted",
                                version_name(label->version), lba, version_name(*newer));
    }
    late_[lba] = label->version;
    if (!late_excused_) continue;
    ++moment_;
    if (tracks_flushes_) stable_[lba] = std::min(stable_[lba], label->version);
    touch(lba, 1);
    open(lba).writes.push_back(
        {.version = label->version, .begun = moment_, .over = moment_, .last_begin = moment_});
  }
}

// What survives a crash.

void DiskHistory::touch(std::uint64_t lba, std::uint64_t sectors) {
  if (!tracks_flushes_) return;
  for (std::uint64_t i = lba; i < lba + sectors; ++i) {
    if (is_dirty_[i]) continue;
    is_dirty_[i] = true;
    dirty_.push_back(i);
  }
}

Version DiskHistory::least_version(std::uint64_t lba) {
  const Entry* entry = find(lba);
  if (entry == nullptr) return sectors_[lba].version;
  if (entry->survivors) return entry->survivors->least;
  return std::ranges::min(entry->writes, {}, &Write::version).version;
}

Moment DiskHistory::begin_flush() {
  ++moment_;
  if (!tracks_flushes_) return moment_;
  Flush& flush = flushes_.emplace_back(Flush{moment_, {}});
  for (const std::uint64_t lba : dirty_) {
    flush.floors.emplace_back(lba, least_version(lba));
    is_dirty_[lba] = false;
  }
  dirty_.clear();
  return moment_;
}

void DiskHistory::end_flush(Moment begun, bool acknowledged) {
  ++moment_;
  const auto flush = std::ranges::find(flushes_, begun, &Flush::begun);
  if (flush == flushes_.end()) return;
  // One that a crash overtook may have found nothing left to make stable.
  const bool counts = acknowledged && begun > crashed_;
  for (const auto& [lba, version] : flush->floors) {
    if (counts) {
      stable_[lba] = std::max(stable_[lba], version);
    } else {
      touch(lba, 1);
    }
  }
  flushes_.erase(flush);
}

void DiskHistory::crash() {
  AOE_CHECK(tracks_flushes_);
  crashed_ = ++moment_;
  const auto doubt = [this](std::uint64_t lba) {
    Entry& entry = open(lba);
    const bool zeros = std::ranges::any_of(entry.writes, &Write::zeros);
    entry.survivors = Survivors{crashed_, stable_[lba], last_version_, zeros};
  };
  for (const std::uint64_t lba : dirty_) doubt(lba);
  for (const Flush& flush : flushes_) {
    for (const auto& [lba, version] : flush.floors) doubt(lba);
  }
}

}  // namespace aoe::harness
