#include "harness/world/disk_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "harness/judge/pattern.h"

namespace aoe::harness {
namespace {

constexpr std::string_view image_name = "target.img";

std::string trouble_with(const std::string& path) {
  return fmt::format("{}: {}", path, last_error().message());
}

}  // namespace

tl::expected<std::unique_ptr<DiskImage>, std::string> DiskImage::create(const Disk& disk,
                                                                        const std::string& folder,
                                                                        bool with_faults) {
  std::unique_ptr<DiskImage> image(new DiskImage());
  if (auto opened = image->open(folder); !opened) return tl::unexpected(opened.error());
  if (auto filled = image->fill(disk); !filled) return tl::unexpected(filled.error());
  if (!with_faults) return image;
  if (auto put = image->put_faults_before(); !put) {
    image->why_whole_ = "a program's disk fails through FUSE: " + put.error();
  }
  return image;
}

tl::expected<void, std::string> DiskImage::put_faults_before() {
  auto faulty = FaultyFile::mount(file_.get(), path_);
  if (!faulty) return tl::unexpected(faulty.error());
  seen_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (seen_.get() < 0) return tl::unexpected(trouble_with(path_));
  faulty_ = *std::move(faulty);
  return {};
}

DiskImage::~DiskImage() {
  seen_ = Descriptor();
  faulty_.reset();
  if (file_.get() >= 0) ::unlink(path_.c_str());
}

tl::expected<void, std::string> DiskImage::open(const std::string& folder) {
  path_ = fmt::format("{}/{}", folder, image_name);
  file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file_.get() < 0) return tl::unexpected(trouble_with(path_));
  return {};
}

tl::expected<void, std::string> DiskImage::fill(const Disk& disk) const {
  constexpr std::uint64_t piece = 2048;  // sectors
  if (!disk.fill_pattern) {
    if (::ftruncate(file_.get(), static_cast<off_t>(disk.sectors * sector_size)) == 0) return {};
    return tl::unexpected(trouble_with(path_));
  }
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t lba = 0; lba < disk.sectors; lba += piece) {
    bytes.resize(std::min(piece, disk.sectors - lba) * sector_size);
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

void remove_images(const std::string& folder) {
  std::error_code ignored;
  const std::filesystem::recursive_directory_iterator files(folder, ignored);
  std::vector<std::filesystem::path> images;
  for (const auto& file : files) {
    if (file.path().filename() == image_name) images.push_back(file.path());
  }
  for (const auto& image : images) std::filesystem::remove(image, ignored);
}

}  // namespace aoe::harness
