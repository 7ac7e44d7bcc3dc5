// The disk of a target that is a process: a file that it is given.
//
// The file has no name of its own where the file system lets it, so that nothing is left of it
// however this process ends; its path leads by this process's descriptor. Where faults may be asked
// for, the path is one of a FUSE file (FaultyFile) that stands before it.
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
  /// Makes it, filled as the role says. `folder` is the case's. The error names the file. Where no
  /// FUSE file can be had it has no faults, and set_faults() says why.
  static tl::expected<std::unique_ptr<DiskImage>, std::string> create(const TargetRole& role,
                                                                      const std::string& folder,
                                                                      bool with_faults);
  ~DiskImage();

  /// The path for the target to open.
  const std::string& path() const { return path_; }
  Control set_faults(const std::optional<DiskFaults>& faults);
  /// Reads what a program that opens it would read now. False: it could not be read.
  bool read(std::uint64_t offset, MutableBytes into) const;

 private:
  DiskImage() = default;
  tl::expected<void, std::string> open(const std::string& folder);
  tl::expected<void, std::string> put_faults_before(const std::string& folder);
  tl::expected<void, std::string> fill(const TargetRole& role) const;

  Descriptor file_;
  std::string named_;  // the file, where it has a name
  std::unique_ptr<FaultyFile> faulty_;
  std::string why_whole_ = "this disk was made without faults";
  Descriptor seen_;  // the file as it is read through faulty_
  std::string path_;
};

}  // namespace aoe::harness
