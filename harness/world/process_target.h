// A target that is a process: any implementation, started from its command, with a disk image.
// Where it is to have several LUNs, it is started once for each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/language/implementation.h"
#include "harness/world/disk_image.h"
#include "harness/world/live_ends.h"
#include "harness/world/process.h"
#include "wire/network_namespace.h"

namespace aoe::harness {

class ProcessTarget final : public LiveTarget {
 public:
  /// `where` outlives it. `folder`, the case's, gets sut.log: what the program prints. The error
  /// says what could not be had.
  static tl::expected<std::unique_ptr<ProcessTarget>, std::string> create(
      const Implementation& implementation, const TargetRole& role, const Link& link,
      const NetworkNamespace& where, const std::string& folder, bool with_disk_faults);
  ~ProcessTarget() override;

  tl::expected<void, std::string> start() override;
  std::string end() override;
  std::string said(std::size_t lines) const override;
  Control pause(bool paused) override;
  Control kill() override;
  Control set_disk_faults(const std::optional<DiskFaults>& faults) override;
  Control read_store(std::uint64_t offset, MutableBytes into) override;

 private:
  struct Lun {
    std::unique_ptr<ProgramLog> log;
    std::string state;  // a folder
    std::vector<std::string> command{};
    std::unique_ptr<DiskImage> image{};
    std::unique_ptr<Process> process{};  // none: it was killed
  };

  ProcessTarget(const Implementation& implementation, const NetworkNamespace& where)
      : implementation_(implementation), where_(where) {}
  tl::expected<Lun, std::string> make_lun(const TargetRole& role, const Link& link,
                                          const std::string& folder, bool with_disk_faults) const;
  /// Returns the first LUN whose program has ended by itself; null: none has.
  const Lun* first_ended() const;
  Control able(const std::string& fault) const;

  const Implementation implementation_;
  const NetworkNamespace& where_;
  std::vector<Lun> luns_;
};

}  // namespace aoe::harness
