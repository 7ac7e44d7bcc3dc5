#include "target/service/image_use.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "proto/codes.h"

namespace aoe::target {
namespace {

constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

/// Bytes of a file or device, whatever its name is.
struct Place {
  std::string identity;
  ByteRange range;
};

std::string device_number(dev_t device) {
  return fmt::format("{}:{}", gnu_dev_major(device), gnu_dev_minor(device));
}

std::string file_identity(dev_t device, ino_t inode) {
  return fmt::format("file {} of {}", inode, device_number(device));
}

Descriptor open_to_look(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/// Returns the path of a device, as the kernel names it.
std::string path_of(dev_t device) {
  constexpr std::string_view key = "DEVNAME=";
  std::ifstream about(fmt::format("/sys/dev/block/{}/uevent", device_number(device)));
  for (std::string line; std::getline(about, line);) {
    if (line.starts_with(key)) return "/dev/" + line.substr(key.size());
  }
  return {};
}

/// Returns a part of a device as a part of the file or the disk under it.
Place place_on_device(const Descriptor& opened, dev_t device, ByteRange range) {
  const std::string about = fmt::format("/sys/dev/block/{}/", device_number(device));
  std::uint64_t first_sector = 0;
  unsigned major = 0;
  unsigned minor = 0;
  char colon = 0;
  if (std::ifstream(about + "start") >> first_sector &&
      std::ifstream(about + "../dev") >> major >> colon >> minor) {
    range.offset += first_sector * sector_size;
    device = gnu_dev_makedev(major, minor);
  }
  loop_info64 loop{};
  if (::ioctl(opened.get(), LOOP_GET_STATUS64, &loop) == 0) {
    range.offset += loop.lo_offset;
    // The kernel gives a device's own number where the loop is over a device.
    if (loop.lo_rdevice == 0) return {file_identity(loop.lo_device, loop.lo_inode), range};
    device = loop.lo_rdevice;
    const Descriptor under = open_to_look(path_of(device));
    if (under.get() >= 0) return place_on_device(under, device, range);
  }
  return {"device " + device_number(device), range};
}

/// Returns the part of a file that `part` leaves, in the terms of a StoreDefinition.
ByteRange clip(std::uint64_t size, const StoreDefinition& part) {
  const std::uint64_t sectors = size / sector_size;
  const std::uint64_t begin = std::min(part.offset, sectors);
  const std::uint64_t length = std::min(part.length.value_or(no_end), sectors - begin);
  return {begin * sector_size, length * sector_size};
}

/// Returns where the bytes of a file or device are; nothing where it is neither, or not there.
std::optional<Place> find_place(const std::string& path, const StoreDefinition& part) {
  const Descriptor opened = open_to_look(path);
  struct stat status;
  if (opened.get() < 0 || ::fstat(opened.get(), &status) != 0) return std::nullopt;
  if (S_ISREG(status.st_mode)) {
    const ByteRange range = clip(static_cast<std::uint64_t>(status.st_size), part);
    return Place{file_identity(status.st_dev, status.st_ino), range};
  }
  std::uint64_t size = 0;
  if (!S_ISBLK(status.st_mode) || ::ioctl(opened.get(), BLKGETSIZE64, &size) != 0) {
    return std::nullopt;
  }
  return place_on_device(opened, status.st_rdev, clip(size, part));
}

/// Returns where the bytes of a file are, all of them and those that it will have.
std::optional<Place> find_whole(const std::string& path) {
  auto place = find_place(path, {});
  if (place) place->range = {0, no_end};
  return place;
}

bool overlap(const ByteRange& one, const ByteRange& other) {
  return one.offset < other.offset ? other.offset - one.offset < one.length && other.length > 0
                                   : one.offset - other.offset < other.length && one.length > 0;
}

bool in_conflict(const ImageUse& one, const ImageUse& other) {
  return (one.writes || other.writes) && !one.force && !other.force &&
         one.identity == other.identity && overlap(one.range, other.range);
}

std::string describe(const ImageUse& use, const ImageUse& other) {
  const std::string writers = use.writes && other.writes
                                  ? "both write"
                                  : fmt::format("{} writes", (use.writes ? use : other).lun);
  return fmt::format("{}: {}: {} uses it too (as {}), and {} to it; --force serves it all the same",
                     use.lun, use.path, other.lun, other.path, writers);
}

}  // namespace

std::vector<ImageUse> images_of(const LunDefinition& lun) {
  const StoreDefinition& store = lun.store;
  std::vector<ImageUse> uses;
  const auto add = [&](const std::string& path, std::optional<Place> place, bool writes) {
    if (!place) return;
    uses.push_back(
        {lun.address, path, std::move(place->identity), place->range, writes, store.force});
  };
  const bool has_overlay = !store.overlay.empty();
  const bool writes = !has_overlay && !store.read_only;
  if (store.is_file()) {
    add(store.path, find_place(store.path, store), writes);
  } else if (!store.path.starts_with("memory:")) {
    const ByteRange range = clip(no_end, store);
    add(store.path, Place{store.path, range}, writes);
  }
  if (has_overlay) add(store.overlay, find_whole(store.overlay), true);
  return uses;
}

std::string_view disk_of(const ImageUse& use) {
  const std::string_view identity = use.identity;
  constexpr std::string_view on = " of ";
  const std::size_t found = identity.find(on);
  return identity.starts_with("file ") ? identity.substr(found + on.size()) : identity;
}

bool share_data(std::span<const ImageUse> one, std::span<const ImageUse> other) {
  return std::ranges::any_of(one, [other](const ImageUse& use) {
    return std::ranges::any_of(other, [&use](const ImageUse& its) {
      return (use.writes || its.writes) && use.identity == its.identity;
    });
  });
}

std::vector<ImageError> find_conflicts(std::span<const ImageUse> uses, const std::string& capture) {
  std::vector<ImageError> errors;
  if (const auto place = capture.empty() ? std::nullopt : find_whole(capture)) {
    const auto found = std::ranges::find(uses, place->identity, &ImageUse::identity);
    if (found != uses.end()) {
      errors.push_back(
          {found->lun, fmt::format("{}: {} uses it (as {}); it is not overwritten by a capture",
                                   capture, found->lun, found->path)});
    }
  }
  std::map<std::string_view, std::vector<const ImageUse*>> users;
  for (const ImageUse& use : uses) {
    std::vector<const ImageUse*>& others = users[use.identity];
    const auto other = std::ranges::find_if(
        others, [&use](const ImageUse* before) { return in_conflict(use, *before); });
    if (other != others.end()) errors.push_back({use.lun, describe(use, **other)});
    others.push_back(&use);
  }
  return errors;
}

}  // namespace aoe::target
