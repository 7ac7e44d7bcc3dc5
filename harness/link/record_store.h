// An array of records for runs that may last a virtual day: it only grows, records never move, and
// beyond a few dozen MiB only the newest records stay in memory.
//
// Older records are in a nameless file that is mapped, so any of them can still be read and
// changed; its pages return to memory for a while. Without such a file all records stay in memory.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace aoe::harness {

/// Chunks of equal size, all zeros at first. Owns their mappings and the file.
class ChunkStore {
 public:
  static constexpr std::size_t chunk_size = std::size_t{4} << 20;  // bytes
  static constexpr std::size_t chunks_kept = 4;  // the first of all, always in memory

  /// `folder`: where the file is made; empty: no file.
  explicit ChunkStore(std::string folder) : folder_(std::move(folder)) {}
  ChunkStore(const ChunkStore&) = delete;
  ChunkStore& operator=(const ChunkStore&) = delete;
  ~ChunkStore();

  void add();
  std::size_t size() const { return chunks_.size(); }
  std::byte* operator[](std::size_t chunk) const { return chunks_[chunk].bytes; }
  /// Lets a chunk leave memory; it comes back when it is read.
  void rest(std::size_t chunk) const;

 private:
  struct Chunk {
    std::byte* bytes;
    bool filed;
  };
  std::byte* map_file(std::size_t index);

  const std::string folder_;
  int file_ = -1;
  std::vector<Chunk> chunks_;
};

template <class Record>
class RecordStore {
  static_assert(std::is_trivially_copyable_v<Record> && std::is_trivially_destructible_v<Record>);

 public:
  static constexpr std::size_t per_chunk = ChunkStore::chunk_size / sizeof(Record);

  explicit RecordStore(std::string folder = {}) : chunks_(std::move(folder)) {}

  Record& add(const Record& record) {
    if (size_ == per_chunk * chunks_.size()) chunks_.add();
    return *new (place(size_++)) Record(record);
  }
  /// References stay valid.
  Record& operator[](std::size_t index) { return *std::launder(place(index)); }
  const Record& operator[](std::size_t index) const { return *std::launder(place(index)); }
  std::size_t size() const { return size_; }

  /// Calls `see` for each record in order, without keeping more of them in memory than before.
  template <class See>
  void for_each(See see) const {
    for (std::size_t i = 0; i < size_; ++i) {
      see((*this)[i]);
      if ((i + 1) % per_chunk == 0) chunks_.rest(i / per_chunk);
    }
  }

 private:
  Record* place(std::size_t index) const {
    std::byte* const chunk = chunks_[index / per_chunk];
    return reinterpret_cast<Record*>(chunk + index % per_chunk * sizeof(Record));
  }

  ChunkStore chunks_;
  std::size_t size_ = 0;
};

}  // namespace aoe::harness
