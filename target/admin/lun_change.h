// What a start or a reload does with one LUN: plain values, which the Daemon fills in step by step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "target/lun/lun.h"
#include "target/service/definition.h"
#include "target/service/image_identity.h"
#include "target/service/image_use.h"
#include "target/store/open_store.h"

namespace aoe::target {

/// One LUN that is added, changed or removed.
struct LunChange {
  enum class Kind : std::uint8_t { add, replace, change, remove };
  Kind kind;
  LunDefinition definition;
  std::vector<ImageUse> images = {};
  std::optional<OpenedStore> store = {};  // add, replace
  std::optional<LunState> state = {};     // add
  ImageIdentity image = {};               // all but remove
  /// add, replace: of what the address was served before. The state is not taken from another image.
  std::optional<ImageIdentity> former_image = {};
  bool is_other_image = false;

  // replace: of what the address served before.
  std::uint64_t former_sectors = 0;
  /// What a look at the image of the same store has found, "disk.img is another file now", or empty
  /// for the file or device that was open; nothing where another store is defined.
  std::optional<std::string> found = {};
  bool is_redefined = false;  // something else of the LUN changes as well
  bool changes_role = false;  // add, remove: the LUN stood by before, or does from now on

  bool opens_image() const { return kind == Kind::add || kind == Kind::replace; }
  /// Returns the options of the LUN over this disk. `revision`: the version of the program.
  LunOptions options(std::uint64_t sectors, const StoreTraits& disk,
                     const std::string& revision) const;
  /// Returns the lines for the log about the opened store.
  std::vector<LogLine> store_lines() const;
  /// Returns whether less of the file or device that was open is served from now on: it has become
  /// shorter, or may.
  bool cuts_image() const;
  /// Returns what was done, while the store is here: "added", "promoted", "grown from 2048 to 4096
  /// sectors".
  std::string text() const;

 private:
  std::string text_of_found() const;
};

/// Returns the sectors of a LUN over this store.
std::uint64_t sectors_of(const Store& store);

}  // namespace aoe::target
