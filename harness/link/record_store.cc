#include "harness/link/record_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace aoe::harness {

ChunkStore::~ChunkStore() {
  for (const Chunk& chunk : chunks_) ::munmap(chunk.bytes, chunk_size);
  if (file_ >= 0) ::close(file_);
}

void ChunkStore::add() {
  const std::size_t index = chunks_.size();
  std::byte* bytes = index < chunks_kept ? nullptr : map_file(index - chunks_kept);
  const bool filed = bytes != nullptr;
  if (!filed) {
    // A run that needs more than one chunk will need all of the next.
    const int populate = index == 0 ? 0 : MAP_POPULATE;
    void* const room = ::mmap(nullptr, chunk_size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
    if (room == MAP_FAILED) throw std::bad_alloc();
    bytes = static_cast<std::byte*>(room);
  }
  chunks_.push_back({bytes, filed});
  if (index >= 2) rest(index - 2);  // the one before is still used
}

std::byte* ChunkStore::map_file(std::size_t index) {
  if (folder_.empty()) return nullptr;
  if (file_ < 0) file_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) return nullptr;
  // Room is taken now, because a full disk would be a fatal signal later.
  const auto offset = static_cast<off_t>(index * chunk_size);
  if (::posix_fallocate(file_, offset, chunk_size) != 0) return nullptr;
  void* const room =
      ::mmap(nullptr, chunk_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file_, offset);
  return room == MAP_FAILED ? nullptr : static_cast<std::byte*>(room);
}

void ChunkStore::rest(std::size_t chunk) const {
  // Nothing of a shared mapping is lost: the file has it.
  if (chunks_[chunk].filed) ::madvise(chunks_[chunk].bytes, chunk_size, MADV_DONTNEED);
}

}  // namespace aoe::harness
