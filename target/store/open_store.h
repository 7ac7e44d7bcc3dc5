// Where a LUN's sectors live, as the command line or the configuration file says, and how such a
// store is opened: the one place that knows every kind of store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/log.h"
#include "target/store/disk_queue.h"
#include "target/store/handover.h"
#include "target/store/store.h"

namespace aoe::target {

/// How the sectors of a file are reached.
enum class IoMode : std::uint8_t {
  automatic,  // a regular file mapped, a block device directly; buffered where neither can be
  mapped,     // mmap(2): the fastest while the image fits in memory
  buffered,   // through the page cache, without waiting for it
  direct,     // O_DIRECT: past the page cache
};

/// Where a LUN's sectors live.
struct StoreDefinition {
  std::string path;     // a file, a block device, "memory:SIZE", or an NBD URI (nbd…://…)
  std::string overlay;  // a delta over `path`, which is then only read; none where empty
  bool create = false;  // make the overlay where there is none
  IoMode io = IoMode::automatic;
  bool sync = false;  // a write is stable before it is answered
  bool read_only = false;
  bool force = false;        // use it even if another LUN, or the system, uses it as well
  std::uint64_t offset = 0;  // sectors of `path` left out at its start
  std::optional<std::uint64_t> length;  // sectors served; to the end where not given

  /// Returns the path of what is written to: the overlay, if there is one.
  const std::string& written_path() const { return overlay.empty() ? path : overlay; }

  /// Returns whether `path` names a file or a block device, and neither memory nor a URI.
  bool is_file() const;

  /// Returns whether opening the store has to make the overlay: its file is missing, or empty.
  bool needs_new_overlay() const;

  /// Compares all but `create`, which changes nothing of a store that is open.
  bool operator==(const StoreDefinition& other) const;
};

struct OpenedStore {
  std::unique_ptr<Store> store;
  /// For the log: "mapped (io_uring)", "buffered (io_uring)", "direct (threads)", "memory", "NBD", "NBD, which
  /// cannot flush", "overlay client3.cow over golden.img".
  std::string kind;
  /// Bytes after the last whole sector, which are not served.
  std::uint64_t ignored_tail = 0;
  /// What else the log should say of its files, a line each: "made a new overlay client3.cow over
  /// golden.img".
  std::vector<LogLine> remarks;
};

/// Returns why open_store() would fail, if a look at the files of a store tells that: image and overlay are
/// not there, are something else, may not be written to or do not belong together, the part that is to be
/// served is not in the image, or the definition contradicts itself. Waits for no lock and changes
/// nothing, so that a target may serve the same files. Connects to no NBD server. May wait for a disk.
std::optional<std::string> store_error(const StoreDefinition& definition);

/// Returns why the NBD export of a store can't be used, where it has one: connects to its server, which
/// may take a few seconds.
std::optional<std::string> export_error(const StoreDefinition& definition);

/// Opens a store. Blocks, for an NBD server up to a few seconds. The queue and `handover` outlive the
/// store. Errors are one line that begins with the path: "disk.img: smaller than one sector",
/// "client3.cow: no such overlay; …".
tl::expected<OpenedStore, std::string> open_store(const StoreDefinition& definition,
                                                  DiskQueue& queue, Handover& handover);

}  // namespace aoe::target
