// The disk of a target that is a process: a file that it is given, target.img in the case's folder.
//
// It is gone with this object. Where this process is killed, who started it calls remove_images().
// Where faults may be asked for, a FUSE file (FaultyFile) of the same name stands before it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/descriptor.h"
#include "harness/world/faulty_file.h"
#include "harness/world/world.h"

namespace aoe::harness {

class DiskImage {
 public:
  /// Makes it, filled as the disk is to be. `folder` is the case's. The error names the file. Where no
  /// FUSE file can be had it has no faults, and set_faults() says why.
  static tl::expected<std::unique_ptr<DiskImage>, std::string> create(const Disk& disk,
                                                                      const std::string& folder,
                                                                      bool with_faults);
  ~DiskImage();

  /// The path for the target to open: `folder`, and target.img.
  const std::string& path() const { return path_; }
  Control set_faults(const std::optional<DiskFaults>& faults);
  /// Reads what a program that opens it would read now. False: it could not be read.
  bool read(std::uint64_t offset, MutableBytes into) const;

 private:
  DiskImage() = default;
  tl::expected<void, std::string> open(const std::string& folder);
  tl::expected<void, std::string> put_faults_before();
  tl::expected<void, std::string> fill(const Disk& disk) const;

  Descriptor file_;
  std::string path_;
  std::unique_ptr<FaultyFile> faulty_;
  std::string why_whole_ = "this disk was made without faults";
  Descriptor seen_;  // the file as it is read through faulty_
};

/// Removes the images that are left in the folder of a case, whose process is gone.
void remove_images(const std::string& folder);

}  // namespace aoe::harness
