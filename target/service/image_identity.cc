#include "target/service/image_identity.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/printable.h"

namespace aoe::target {
namespace {

/// Returns the name of a device that it has on every machine and after every start; where it has
/// none, its number.
std::string device_object(dev_t device) {
  const std::string about =
      fmt::format("/sys/dev/block/{}:{}/", gnu_dev_major(device), gnu_dev_minor(device));
  std::string object = fmt::format("device {}:{}", gnu_dev_major(device), gnu_dev_minor(device));
  // Of LVM and other mappings, NVMe, SCSI; of the disk of a partition.
  for (const char* const file : {"dm/uuid", "wwid", "device/wwid", "../wwid", "../device/wwid"}) {
    std::string name;
    if (!std::getline(std::ifstream(about + file), name) || name.empty()) continue;
    object = name;
    break;
  }
  std::string partition;
  if (std::ifstream(about + "partition") >> partition) object += " partition " + partition;
  return one_line(object);
}

std::string file_object(int descriptor, const struct stat& status) {
  struct statfs system {};
  ::fstatfs(descriptor, &system);
  return fmt::format("inode {} of {:016x}", status.st_ino,
                     std::bit_cast<std::uint64_t>(system.f_fsid));
}

bool is_place(const std::string& path) {
  return !path.starts_with("memory:") && path.find("://") == path.npos;
}

bool has_same_path(const ImageIdentity& before, const ImageIdentity& now) {
  if (before.path == now.path) return true;
  const std::filesystem::path former = before.path;
  std::error_code error;
  return former.filename() == std::filesystem::path(now.path).filename() &&
         std::filesystem::status(former, error).type() == std::filesystem::file_type::not_found;
}

}  // namespace

ImageIdentity identify(const StoreDefinition& store) {
  const std::string& path = store.written_path();
  if (!is_place(path)) return {one_line(path), 0, ""};
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  ImageIdentity identity{one_line(absolute.string()), 0, ""};
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (opened.get() < 0 || ::fstat(opened.get(), &status) != 0) return identity;
  if (S_ISBLK(status.st_mode)) {
    ::ioctl(opened.get(), BLKGETSIZE64, &identity.size);
    identity.object = device_object(status.st_rdev);
  } else {
    identity.size = static_cast<std::uint64_t>(status.st_size);
    identity.object = file_object(opened.get(), status);
  }
  return identity;
}

bool is_same_image(const ImageIdentity& before, const ImageIdentity& now) {
  if (before.object.empty() || now.object.empty()) return before.path == now.path;
  const int same = (has_same_path(before, now) ? 1 : 0) + (before.size == now.size ? 1 : 0) +
                   (before.object == now.object ? 1 : 0);
  return same >= 2;
}

}  // namespace aoe::target
