#include "target/admin/check_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "target/admin/config_file.h"
#include "target/admin/unit_sandbox.h"
#include "target/service/image_use.h"
#include "target/service/state_files.h"
#include "target/store/open_store.h"
#include "wire/interfaces.h"

namespace aoe::target {
namespace {

std::string folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

/// Returns why no file can be made or replaced in a folder.
std::optional<std::string> folder_error(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || ::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("{}: {}", folder, last_error().message());
  }
  return S_ISDIR(status.st_mode) ? std::nullopt : std::optional(folder + ": Not a directory");
}

/// One check of one configuration.
class Check {
 public:
  Check(const ConfigCheckOptions& options, const TargetDefinition& definition)
      : options_(options), definition_(definition) {}

  ConfigCheck run() {
    if (!options_.unit.empty()) read_unit();
    std::vector<ImageUse> images;
    for (const LunDefinition& lun : definition_.luns) {
      check_lun(lun);
      if (lun.standby) continue;
      const std::vector<ImageUse> used = images_of(lun);
      images.insert(images.end(), used.begin(), used.end());
    }
    for (const ImageError& error : find_conflicts(images, definition_.capture)) {
      say(error.lun, error.text);
    }
    check_interfaces();
    check_process();
    return std::move(found_);
  }

 private:
  void say(Address lun, const std::string& text) {
    found_.errors.push_back(fmt::format("{}: {}", definition_.places.at(lun), text));
  }
  /// Says what is wrong with what a key of the file names.
  void say(std::string_view key, const std::string& text) {
    found_.errors.push_back(fmt::format("{}: {}: {}", options_.file, key, text));
  }

  void read_unit() {
    auto unit = UnitSandbox::read(options_.unit);
    if (unit) {
      unit_ = *std::move(unit);
    } else {
      found_.errors.push_back(unit.error());
    }
  }

  std::optional<std::string> unit_error(const std::string& path, bool writes) const {
    return unit_ ? unit_->objection(path, writes) : std::nullopt;
  }

  std::optional<std::string> error_of(const LunDefinition& lun) const {
    const StoreDefinition& store = lun.store;
    if (auto error = store_error(store)) return error;
    if (auto error = export_error(store)) return error;
    const bool writes = store.overlay.empty() && !store.read_only;
    auto error = store.is_file() ? unit_error(store.path, writes) : std::nullopt;
    if (!error && !store.overlay.empty()) error = unit_error(store.overlay, true);
    return error;
  }

  void check_lun(const LunDefinition& lun) {
    const auto error = error_of(lun);
    if (error && lun.standby) {
      found_.remarks.push_back(
          fmt::format("{}: stands by, and can't be promoted now: {}", lun.address, *error));
    } else if (error) {
      say(lun.address, fmt::format("{}: {}", lun.address, *error));
    }
    if (error || !lun.store.needs_new_overlay()) return;
    found_.remarks.push_back(fmt::format("{}: would make a new overlay {} over {}", lun.address,
                                         lun.store.overlay, lun.store.path));
  }

  /// An interface may come later, so that its absence is only said.
  void check_interfaces() {
    const auto interfaces = list_interfaces();
    if (!interfaces) return;
    for (const LunDefinition& lun : definition_.luns) {
      for (const std::string& name : find_unmatched(*interfaces, lun.interfaces)) {
        found_.remarks.push_back(fmt::format("{}: {}", lun.address, unmatched_text(name)));
      }
    }
  }

  /// Checks what the process needs besides images.
  void check_process() {
    if (!definition_.state_folder.empty()) check_state(definition_.state_folder);
    struct stat status {};
    const std::string& control = definition_.control;
    if (!control.empty()) {
      const bool is_there = ::lstat(control.c_str(), &status) == 0;
      if (is_there && !S_ISSOCK(status.st_mode)) {
        say("control", control + ": exists and is not a socket");
      } else {
        check_folder("control", folder_of(control));
      }
    }
    const std::string& capture = definition_.capture;
    const bool is_file = !capture.empty() && ::stat(capture.c_str(), &status) == 0;
    if (is_file && ::access(capture.c_str(), W_OK) != 0) {
      say("capture", fmt::format("{}: {}", capture, last_error().message()));
    } else if (is_file) {
      if (const auto error = unit_error(capture, true)) say("capture", *error);
    } else if (!capture.empty()) {
      check_folder("capture", folder_of(capture));
    }
  }

  void check_folder(std::string_view key, const std::string& folder) {
    auto error = folder_error(folder);
    if (!error) error = unit_error(folder, true);
    if (error) say(key, *error);
  }

  void check_state(const std::string& folder) {
    std::error_code ignored;
    if (!std::filesystem::exists(folder, ignored)) return check_folder("state", folder_of(folder));
    check_folder("state", folder);
    const auto state = StateFiles::open(folder);
    if (!state) return;
    for (const LunDefinition& lun : definition_.luns) {
      const auto loaded = state->load(lun.address);
      if (!loaded) say(lun.address, fmt::format("{}: {}", lun.address, loaded.error()));
    }
  }

  const ConfigCheckOptions& options_;
  const TargetDefinition& definition_;
  std::optional<UnitSandbox> unit_;
  ConfigCheck found_;
};

}  // namespace

ConfigCheck check_config(const ConfigCheckOptions& options) {
  const auto files = read_config_texts(options.file);
  auto definition = files ? parse_config(*files) : tl::unexpected(files.error());
  if (!definition) return {{definition.error()}, {}};
  for (LunDefinition& lun : definition->luns) lun.store.force |= options.force;
  ConfigCheck found = Check(options, *definition).run();
  if (!found.errors.empty()) return found;
  const std::string others = files->size() == 1 ? ""
                                                : fmt::format(" and {} of {}", files->size() - 1,
                                                              drop_in_folder(options.file));
  found.remarks.push_back(
      fmt::format("{}{}: valid, {} LUNs", options.file, others, definition->luns.size()));
  return found;
}

}  // namespace aoe::target
