#include "harness/capture/file_source.h"

#include <archive.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe::harness {
namespace {

constexpr std::size_t buffer_size = std::size_t{256} << 10;  // bytes
constexpr int patience = 200;                                // ms between two calls of Idle

}  // namespace

tl::expected<std::unique_ptr<FileSource>, std::string> FileSource::open(const std::string& path,
                                                                        Idle idle) {
  Descriptor file(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                              : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0)
    return tl::unexpected(fmt::format("{}: {}", path == "-" ? "standard input" : path,
                                      std::generic_category().message(errno)));
  return std::unique_ptr<FileSource>(new FileSource(std::move(file), std::move(idle)));
}

FileSource::FileSource(Descriptor file, Idle idle)
    : file_(std::move(file)),
      idle_(std::move(idle)),
      archive_(archive_read_new(), archive_read_free),
      buffer_(buffer_size) {
  AOE_CHECK(archive_ != nullptr);
  struct stat status;
  if (::fstat(file_.get(), &status) == 0 && S_ISREG(status.st_mode))
    size_ = static_cast<std::uint64_t>(status.st_size);
  // Each is part of libarchive; what would need another program is not asked for.
  for (const auto support : {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                             archive_read_support_filter_xz, archive_read_support_filter_zstd,
                             archive_read_support_filter_lz4, archive_read_support_format_raw,
                             archive_read_support_format_empty}) {
    AOE_CHECK(support(archive_.get()) == ARCHIVE_OK);
  }
}

bool FileSource::wait() {
  while (true) {
    pollfd readable{.fd = file_.get(), .events = POLLIN, .revents = 0};
    const int result = ::poll(&readable, 1, patience);
    if (result > 0) return true;
    if (result < 0 && errno != EINTR) return true;  // read() says why
    if (!idle_()) return false;
  }
}

long FileSource::read_file(archive* reader, void* self, const void** bytes) {
  auto& source = *static_cast<FileSource*>(self);
  if (source.idle_ && !source.wait()) return 0;
  *bytes = source.buffer_.data();
  ssize_t count = 0;
  do {
    count = ::read(source.file_.get(), source.buffer_.data(), source.buffer_.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    archive_set_error(reader, errno, "%s", std::generic_category().message(errno).c_str());
    return ARCHIVE_FATAL;
  }
  source.position_ += static_cast<std::uint64_t>(count);
  return count;
}

std::string FileSource::error() const {
  const char* const text = archive_error_string(archive_.get());
  return text == nullptr ? "can't be read" : text;
}

tl::expected<bool, std::string> FileSource::fetch() {
  if (is_over_) return false;
  is_over_ = true;  // unless there is more
  if (!is_open_) {
    if (archive_read_open(archive_.get(), this, nullptr, read_file, nullptr) != ARCHIVE_OK)
      return tl::unexpected(error());
    archive_entry* entry = nullptr;
    const int begun = archive_read_next_header(archive_.get(), &entry);
    if (begun == ARCHIVE_EOF) return false;
    if (begun != ARCHIVE_OK) return tl::unexpected(error());
    is_open_ = true;
  }
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
  if (result == ARCHIVE_EOF) return false;
  if (result != ARCHIVE_OK) return tl::unexpected(error());
  block_ = {static_cast<const std::uint8_t*>(bytes), size};
  is_over_ = false;
  return true;
}

tl::expected<Bytes, std::string> FileSource::take(std::size_t size) {
  const auto cut = [&](std::size_t most) {
    const Bytes taken = block_.first(std::min(most, block_.size()));
    block_ = block_.subspan(taken.size());
    return taken;
  };
  if (size <= block_.size()) return cut(size);
  joined_.clear();
  while (true) {
    const Bytes part = cut(size - joined_.size());
    joined_.insert(joined_.end(), part.begin(), part.end());
    if (joined_.size() == size) return joined_;
    const auto fetched = fetch();
    if (!fetched) return tl::unexpected(fetched.error());
    if (!*fetched) return joined_;
  }
}

}  // namespace aoe::harness
