#include "harness/world/disk_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "harness/judge/pattern.h"

namespace aoe::harness {
namespace {

std::string trouble_with(const std::string& path) {
  return fmt::format("{}: {}", path, last_error().message());
}

}  // namespace

tl::expected<std::unique_ptr<DiskImage>, std::string> DiskImage::create(const TargetRole& role,
                                                                        const std::string& folder,
                                                                        bool with_faults) {
  std::unique_ptr<DiskImage> image(new DiskImage());
  if (auto opened = image->open(folder); !opened) return tl::unexpected(opened.error());
  if (auto filled = image->fill(role); !filled) return tl::unexpected(filled.error());
  if (!with_faults) return image;
  if (auto put = image->put_faults_before(folder); !put) {
    image->why_whole_ = "a program's disk fails through FUSE: " + put.error();
  }
  return image;
}

tl::expected<void, std::string> DiskImage::put_faults_before(const std::string& folder) {
  const std::string path = folder + "/target.img";
  if (named_.empty()) {
    const Descriptor mount_point(::open(path.c_str(), O_CREAT | O_CLOEXEC, 0600));
    if (mount_point.get() < 0) return tl::unexpected(trouble_with(path));
    named_ = path;
  }
  auto faulty = FaultyFile::mount(file_.get(), path);
  if (!faulty) return tl::unexpected(faulty.error());
  seen_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (seen_.get() < 0) return tl::unexpected(trouble_with(path));
  faulty_ = *std::move(faulty);
  path_ = path;
  return {};
}

DiskImage::~DiskImage() {
  seen_ = Descriptor();
  faulty_.reset();
  if (!named_.empty()) ::unlink(named_.c_str());
}

tl::expected<void, std::string> DiskImage::open(const std::string& folder) {
  file_ = Descriptor(::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  path_ = fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get());
  if (file_.get() >= 0) return {};
  path_ = named_ = folder + "/target.img";
  file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file_.get() < 0) return tl::unexpected(trouble_with(path_));
  return {};
}

tl::expected<void, std::string> DiskImage::fill(const TargetRole& role) const {
  constexpr std::uint64_t piece = 2048;  // sectors
  if (!role.fill_pattern) {
    if (::ftruncate(file_.get(), static_cast<off_t>(role.sectors * sector_size)) == 0) return {};
    return tl::unexpected(trouble_with(path_));
  }
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t lba = 0; lba < role.sectors; lba += piece) {
    bytes.resize(std::min(piece, role.sectors - lba) * sector_size);
    fill_pattern(lba, 0, bytes);
    for (Bytes rest = bytes; !rest.empty();) {
      const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
      if (written < 0) return tl::unexpected(trouble_with(path_));
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
  }
  return {};
}

Control DiskImage::set_faults(const std::optional<DiskFaults>& faults) {
  if (faulty_ == nullptr) return tl::unexpected(Unsupported{why_whole_});
  faulty_->set_faults(faults);
  return {};
}

bool DiskImage::read(std::uint64_t offset, MutableBytes into) const {
  const int file = faulty_ == nullptr ? file_.get() : seen_.get();
  for (MutableBytes rest = into; !rest.empty();) {
    const ssize_t got = ::pread(file, rest.data(), rest.size(),
                                static_cast<off_t>(offset + into.size() - rest.size()));
    if (got <= 0) return false;
    rest = rest.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace aoe::harness
