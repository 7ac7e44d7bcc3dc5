// A target that is a process: any implementation, started from its command, with a disk image.
// Where it is to have several LUNs, it is started once for each.
#pragma once

#include <functional>
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
  /// Where it runs.
  struct Place {
    const NetworkNamespace* where;        // outlives it; null: this process's own
    std::vector<std::string> interfaces;  // that it serves on
    Link link;                            // of the first
    std::string folder;                   // of its files
    std::string log;                      // the name of the one that gets what it prints
  };
  /// Returns the image of a disk, which is made in that folder where there is none yet.
  using Images = std::function<tl::expected<std::shared_ptr<DiskImage>, std::string>(
      DiskIndex disk, const std::string& folder)>;
  /// The error says what could not be had.
  static tl::expected<std::unique_ptr<ProcessTarget>, std::string> create(
      const Implementation& implementation, const TargetRole& role, const Place& place,
      const Images& images);
  ~ProcessTarget() override;

  tl::expected<void, std::string> begin() override;
  std::string end() override;
  std::string said(std::size_t lines) const override;
  Control pause(bool paused) override;
  Control kill() override;
  Control stop() override;
  Control set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) override;
  Control read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) override;

 private:
  struct Served {
    std::unique_ptr<ProgramLog> log;
    std::string state;  // a folder
    std::vector<std::string> command{};
    std::shared_ptr<DiskImage> image{};
    std::unique_ptr<Process> process{};  // none: it has not begun, or has ended
  };

  ProcessTarget(const Implementation& implementation, const NetworkNamespace* where)
      : implementation_(implementation), where_(where) {}
  tl::expected<Served, std::string> make_lun(const Lun& lun, const Place& place,
                                             const std::string& folder, const Images& images) const;
  /// Returns the first LUN whose program has ended by itself; null: none has.
  const Served* first_ended() const;
  Control able(const std::string& fault) const;

  const Implementation implementation_;
  const NetworkNamespace* const where_;
  std::vector<Served> luns_;
};

}  // namespace aoe::harness
