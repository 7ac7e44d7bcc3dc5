#include "initiator/mount/partition.h"

#include <blkid/blkid.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "proto/frame.h"

namespace aoe::initiator {
namespace {

/// Primary tables, and GPT's copy, lie so near to the disk's ends.
constexpr std::uint64_t table_room = 64 << 10;
/// Where a GPT's header says how large its table is: entries, and the size of one.
constexpr std::string_view gpt_signature = "EFI PART";
constexpr std::size_t gpt_entry_count_offset = 80;
constexpr std::size_t gpt_entry_size_offset = 84;
/// Longer chains of logical partitions are taken for damaged.
constexpr int links_max = 256;
/// What the kernel makes of an extended partition: enough for a boot loader, too little to be used.
constexpr std::uint64_t extended_size = 1024;

// Of a sector with an MBR's table.
constexpr std::size_t table_offset = 446;
constexpr std::size_t entry_size = 16;
constexpr std::size_t entry_count = 4;

bool is_extended(std::uint8_t type) {
  return type == 0x05 || type == 0x0f || type == 0x85;
}

std::uint64_t le32(Bytes bytes) {
  return bytes[0] | std::uint64_t{bytes[1]} << 8 | std::uint64_t{bytes[2]} << 16 |
         std::uint64_t{bytes[3]} << 24;
}

/// The header of a GPT whose table is larger than what is read of it? libblkid would take its
/// checksum, over 4 GiB if it says so.
bool is_oversized_gpt(Bytes sector) {
  if (!std::ranges::equal(gpt_signature, sector.first(gpt_signature.size()))) return false;
  return le32(sector.subspan(gpt_entry_count_offset)) *
             le32(sector.subspan(gpt_entry_size_offset)) >
         table_room;
}

}  // namespace

tl::expected<PartitionReader, std::error_code> PartitionReader::make(std::uint64_t size) {
  Descriptor copy(::memfd_create("aoe-partitions", MFD_CLOEXEC));
  if (copy.get() < 0 || ::ftruncate(copy.get(), static_cast<off_t>(size)) != 0) {
    return tl::unexpected(last_error());
  }
  return PartitionReader(std::move(copy), size);
}

PartitionReader::PartitionReader(Descriptor copy, std::uint64_t size)
    : copy_(std::move(copy)), size_(size) {
  const std::uint64_t head = std::min(size, table_room);
  if (head > 0) places_.push_back({0, head});
  if (const std::uint64_t tail = std::min(size - head, table_room); tail > 0) {
    places_.push_back({size - tail, tail});
  }
}

std::error_code PartitionReader::add(Bytes bytes) {
  const Place place = places_.front();
  AOE_CHECK(bytes.size() == place.size);
  places_.erase(places_.begin());
  if (const std::error_code error = copy(bytes, place.start)) return error;
  // As the kernel has it: no table, and the other copy counts.
  for (const std::uint64_t header : {std::uint64_t{sector_size}, size_ - sector_size}) {
    if (header < place.start || header >= place.start + place.size) continue;
    if (!is_oversized_gpt(bytes.subspan(header - place.start, sector_size))) continue;
    const std::array<std::uint8_t, sector_size> blank{};
    if (const std::error_code error = copy(blank, header)) return error;
  }
  if (place.start == 0 || place.size == sector_size) {
    follow_chain(bytes.first(sector_size), place.start);
  }
  return {};
}

std::error_code PartitionReader::copy(Bytes bytes, std::uint64_t start) {
  const ssize_t written =
      ::pwrite(copy_.get(), bytes.data(), bytes.size(), static_cast<off_t>(start));
  if (written < 0) return last_error();
  return static_cast<std::size_t>(written) == bytes.size() ? std::error_code() : error_of(ENOSPC);
}

void PartitionReader::follow_chain(Bytes sector, std::uint64_t start) {
  if (sector[510] != 0x55 || sector[511] != 0xaa) return;
  for (std::size_t i = 0; i < entry_count; ++i) {
    const Bytes entry = sector.subspan(table_offset + i * entry_size, entry_size);
    if (!is_extended(entry[4]) || links_ == links_max) continue;
    const std::uint64_t next = extended_ + le32(entry.subspan(8)) * sector_size;
    if (next == 0 || next + sector_size > size_) continue;
    ++links_;
    if (start == 0) extended_ = next;
    places_.push_back({next, sector_size});
    return;
  }
}

std::vector<Partition> PartitionReader::partitions() const {
  std::vector<Partition> found;
  const std::unique_ptr<blkid_struct_probe, decltype(&blkid_free_probe)> probe(blkid_new_probe(),
                                                                               blkid_free_probe);
  if (probe == nullptr || blkid_probe_set_device(probe.get(), copy_.get(), 0, 0) != 0) {
    return found;
  }
  blkid_probe_enable_partitions(probe.get(), 1);
  const blkid_partlist list = blkid_probe_get_partitions(probe.get());
  const int count = list == nullptr ? 0 : blkid_partlist_numof_partitions(list);
  for (int i = 0; i < count; ++i) {
    const blkid_partition entry = blkid_partlist_get_partition(list, i);
    const int number = blkid_partition_get_partno(entry);
    const std::uint64_t start =
        static_cast<std::uint64_t>(blkid_partition_get_start(entry)) * sector_size;
    std::uint64_t size = static_cast<std::uint64_t>(blkid_partition_get_size(entry)) * sector_size;
    if (blkid_partition_is_extended(entry)) size = std::min(size, extended_size);
    if (number < 1 || number > UINT16_MAX || start >= size_ || size == 0) continue;
    found.push_back({static_cast<std::uint16_t>(number), start, std::min(size, size_ - start)});
  }
  std::ranges::sort(found, {}, &Partition::number);
  return found;
}

}  // namespace aoe::initiator
