#include "target/store/open_store.h"

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "proto/codes.h"
#include "target/store/file.h"
#include "target/store/file_store.h"
#include "target/store/mapped_store.h"
#include "target/store/memory_store.h"
#include "target/store/nbd_store.h"
#include "target/store/overlay_file.h"
#include "target/store/overlay_store.h"

namespace aoe::target {
namespace {

constexpr std::string_view memory_prefix = "memory:";

using Opened = tl::expected<OpenedStore, std::string>;

tl::unexpected<std::string> refuse(const StoreDefinition& definition, std::string_view why) {
  return tl::unexpected(fmt::format("{}: {}", definition.path, why));
}

/// nbd://, nbds://, nbd+unix://, nbds+vsock://, ...
bool is_nbd_uri(std::string_view path) {
  const std::string_view scheme = path.substr(0, path.find("://"));
  return scheme.size() != path.size() &&
         (scheme == "nbd" || scheme == "nbds" || scheme.starts_with("nbd+") ||
          scheme.starts_with("nbds+"));
}

/// The part of an image that is served, and the bytes after its last whole sector.
struct Part {
  ByteRange range;
  std::uint64_t ignored_tail;
};

tl::expected<Part, std::string> part_of(std::uint64_t size, const StoreDefinition& definition) {
  const std::uint64_t sectors = size / sector_size;
  if (definition.offset >= sectors) {
    return refuse(definition, fmt::format("has {} sectors, so none is left after an offset of {}",
                                          sectors, definition.offset));
  }
  const std::uint64_t left = sectors - definition.offset;
  const std::uint64_t length = definition.length.value_or(left);
  if (length == 0) return refuse(definition, "a length of 0 sectors");
  if (length > left) {
    return refuse(definition,
                  fmt::format("has {} sectors, so {} from sector {} on reach beyond its end",
                              sectors, length, definition.offset));
  }
  return Part{{definition.offset * sector_size, length * sector_size},
              definition.length ? 0 : size % sector_size};
}

void warn_if_unlocked(const File& file, std::vector<LogLine>& remarks) {
  if (!file.is_unlocked()) return;
  remarks.push_back(
      {LogLevel::warning, file.path() +
                              ": its file system has no locks, so nothing keeps other programs "
                              "from writing to it"});
}

/// Returns the error of an overlay that is not there and must not be made.
std::string missing_overlay_error(const StoreDefinition& definition) {
  return fmt::format("{}: no such overlay; create: true (or --create) makes a new one",
                     definition.overlay);
}

/// Returns why no store can be what a definition says, whatever there is on the disk.
tl::expected<void, std::string> check_terms(const StoreDefinition& definition) {
  const bool is_memory = definition.path.starts_with(memory_prefix);
  const bool has_io = definition.io != IoMode::automatic;
  if (!definition.overlay.empty()) {
    if (is_memory) {
      return refuse(definition, "an overlay needs a file, a block device or NBD under it");
    }
    if (has_io && definition.io != IoMode::mapped) {
      return refuse(definition, "an overlay and its base are always mapped");
    }
    if (definition.sync) return refuse(definition, "an overlay cannot do sync; a flush is stable");
    return {};
  }
  if (has_io && !definition.is_file()) return refuse(definition, "io is for files");
  if (is_memory && definition.sync) {
    return refuse(definition, "memory is never stable, as sync needs it");
  }
  if (is_memory && (definition.offset != 0 || definition.length)) {
    return refuse(definition, "offset and length are for files, devices and NBD");
  }
  if (definition.io == IoMode::mapped && definition.sync) {
    return refuse(definition, "a write to a mapping cannot be stable at once; use io: buffered");
  }
  return {};
}

Opened open_memory(const StoreDefinition& definition) {
  auto store = MemoryStore::open(std::string_view(definition.path).substr(memory_prefix.size()));
  if (!store) return tl::unexpected(store.error());
  return OpenedStore{*std::move(store), "memory", 0, {}};
}

/// An NBD export, of which the store holds the part that is served.
struct Export {
  std::unique_ptr<NbdStore> store;
  Part part;
};

tl::expected<Export, std::string> open_export(const StoreDefinition& definition,
                                              const NbdStore::Options& options) {
  auto store = NbdStore::open(definition.path, options);
  if (!store) return tl::unexpected(store.error());
  const auto part = part_of((*store)->export_size(), definition);
  if (!part) return tl::unexpected(part.error());
  (*store)->narrow(part->range);
  return Export{*std::move(store), *part};
}

Opened open_nbd(const StoreDefinition& definition) {
  NbdStore::Options options;
  options.read_only = definition.read_only;
  options.sync = definition.sync;
  auto opened = open_export(definition, options);
  if (!opened) return tl::unexpected(opened.error());
  const char* const kind = opened->store->can_flush() ? "NBD" : "NBD, which cannot flush";
  return OpenedStore{std::move(opened->store), kind, opened->part.ignored_tail, {}};
}

/// What is under an overlay.
struct Base {
  std::unique_ptr<Store> store;  // of the part that is served
  OverlayBase about;
  Part part;
  std::vector<LogLine> remarks;
};

tl::expected<Base, std::string> open_file_base(const StoreDefinition& definition, DiskQueue& queue,
                                               Handover& handover) {
  auto file = File::open(definition.path, {.use = FileUse::read});
  if (!file) return tl::unexpected(file.error());
  const auto part = part_of(file->size(), definition);
  if (!part) return tl::unexpected(part.error());
  std::vector<LogLine> remarks;
  warn_if_unlocked(*file, remarks);
  auto store = MappedStore::open(*std::move(file), part->range, queue, handover);
  if (!store) return tl::unexpected(store.error());
  OverlayBase about((*store)->file());
  return Base{*std::move(store), std::move(about), *part, std::move(remarks)};
}

tl::expected<Base, std::string> open_nbd_base(const StoreDefinition& definition) {
  NbdStore::Options options;
  options.read_only = true;
  auto opened = open_export(definition, options);
  if (!opened) return tl::unexpected(opened.error());
  NbdStore& store = *opened->store;
  const std::uint64_t start = opened->part.range.offset;
  OverlayBase about(definition.path, store.export_size(),
                    [&store, start](std::uint64_t offset, MutableBytes into) {
                      return read_and_wait(store, offset - start, into);
                    });
  return Base{std::move(opened->store), std::move(about), opened->part, {}};
}

Opened open_overlay(const StoreDefinition& definition, DiskQueue& queue, Handover& handover) {
  auto base = is_nbd_uri(definition.path) ? open_nbd_base(definition)
                                          : open_file_base(definition, queue, handover);
  if (!base) return tl::unexpected(base.error());
  const bool is_new = definition.needs_new_overlay();
  if (is_new && !definition.create) return tl::unexpected(missing_overlay_error(definition));
  auto delta = File::open(definition.overlay, {.use = FileUse::sole, .create = is_new});
  if (!delta) return tl::unexpected(delta.error());
  warn_if_unlocked(*delta, base->remarks);
  if (is_new) {
    base->remarks.push_back({LogLevel::info, fmt::format("made a new overlay {} over {}",
                                                         definition.overlay, definition.path)});
  }
  auto store = OverlayStore::open(std::move(base->store), std::move(base->about), base->part.range,
                                  *std::move(delta), queue, handover);
  if (!store) return tl::unexpected(store.error());
  if ((*store)->has_looked_at_base()) {
    base->remarks.push_back(
        {LogLevel::warning,
         fmt::format(
             "{} was copied or changed since {} was made over it, and is taken for the same by "
             "a look at some of its blocks; aoe-target overlay adopt takes it for good",
             definition.path, definition.overlay)});
  }
  return OpenedStore{*std::move(store),
                     fmt::format("overlay {} over {}", definition.overlay, definition.path),
                     base->part.ignored_tail, std::move(base->remarks)};
}

File::Options file_options(const StoreDefinition& definition, IoMode io) {
  return {.use = definition.read_only ? FileUse::read : FileUse::write,
          .direct = io == IoMode::direct,
          .sync = definition.sync,
          .force = definition.force};
}

Opened open_file(const StoreDefinition& definition, IoMode io, DiskQueue& queue,
                 Handover& handover) {
  auto file = File::open(definition.path, file_options(definition, io));
  if (!file) return tl::unexpected(file.error());
  const auto part = part_of(file->size(), definition);
  if (!part) return tl::unexpected(part.error());
  std::vector<LogLine> remarks;
  warn_if_unlocked(*file, remarks);
  if (io == IoMode::mapped) {
    auto store = MappedStore::open(*std::move(file), part->range, queue, handover);
    if (!store) return tl::unexpected(store.error());
    return OpenedStore{*std::move(store), "mapped", part->ignored_tail, std::move(remarks)};
  }
  const std::string_view way = io == IoMode::direct ? "direct" : "buffered";
  return OpenedStore{std::make_unique<FileStore>(*std::move(file), part->range, queue),
                     fmt::format("{} ({})", way, queue.name()), part->ignored_tail,
                     std::move(remarks)};
}

Opened open_automatic(const StoreDefinition& definition, DiskQueue& queue, Handover& handover) {
  const auto file = File::open(definition.path, file_options(definition, IoMode::buffered));
  if (!file) return tl::unexpected(file.error());
  // A write through a mapping cannot be made stable by itself.
  IoMode best = definition.sync ? IoMode::buffered : IoMode::mapped;
  if (file->is_device()) best = IoMode::direct;
  auto opened = open_file(definition, best, queue, handover);
  return opened ? std::move(opened) : open_file(definition, IoMode::buffered, queue, handover);
}

/// Looks at the delta of an overlay. `base`: the file under it, if it is over one, and its part.
tl::expected<void, std::string> look_at_delta(const StoreDefinition& definition,
                                              const std::optional<File>& base, const Part& part) {
  const auto fail = [&](const std::string& why) {
    return tl::unexpected(fmt::format("{}: {}", definition.overlay, why));
  };
  if (definition.needs_new_overlay()) {
    if (!definition.create) return tl::unexpected(missing_overlay_error(definition));
    const std::filesystem::path path(definition.overlay);
    const bool is_there = ::access(path.c_str(), F_OK) == 0;
    const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
    const std::string& written = is_there ? definition.overlay : folder;
    if (::access(written.c_str(), is_there ? W_OK : W_OK | X_OK) != 0) {
      return fail(last_error().message());
    }
    return {};
  }
  auto file = File::open(definition.overlay, {.use = FileUse::sole, .is_look = true});
  if (!file) return tl::unexpected(file.error());
  const auto delta = OverlayFile::open(*std::move(file), boot_id());
  if (!delta) return tl::unexpected(delta.error());
  if (!base) return {};
  const std::string objection = delta->objection_to(*base, part.range);
  return objection.empty() ? tl::expected<void, std::string>() : fail(objection);
}

tl::expected<void, std::string> look_at_files(const StoreDefinition& definition) {
  if (const auto sound = check_terms(definition); !sound) return sound;
  if (definition.path.starts_with(memory_prefix)) {
    const auto size = MemoryStore::parse(definition.path.substr(memory_prefix.size()));
    return size ? tl::expected<void, std::string>() : tl::unexpected(size.error());
  }
  std::optional<File> image;
  Part part{};
  if (!is_nbd_uri(definition.path)) {
    const bool is_read = definition.read_only || !definition.overlay.empty();
    auto file = File::open(definition.path, {.use = is_read ? FileUse::read : FileUse::write,
                                             .direct = definition.io == IoMode::direct,
                                             .is_look = true});
    if (!file) return tl::unexpected(file.error());
    const auto its_part = part_of(file->size(), definition);
    if (!its_part) return tl::unexpected(its_part.error());
    part = *its_part;
    image.emplace(*std::move(file));
  }
  if (definition.overlay.empty()) return {};
  return look_at_delta(definition, image, part);
}

}  // namespace

bool StoreDefinition::is_file() const {
  return !path.starts_with(memory_prefix) && path.find("://") == path.npos;
}

bool StoreDefinition::needs_new_overlay() const {
  if (overlay.empty()) return false;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(overlay, error);
  return error ? error == std::errc::no_such_file_or_directory : size == 0;
}

bool StoreDefinition::operator==(const StoreDefinition& other) const {
  const auto all = [](const StoreDefinition& store) {
    return std::tie(store.path, store.overlay, store.io, store.sync, store.read_only, store.force,
                    store.offset, store.length);
  };
  return all(*this) == all(other);
}

std::optional<std::string> store_error(const StoreDefinition& definition) {
  const auto found = look_at_files(definition);
  return found ? std::nullopt : std::optional(found.error());
}

std::optional<std::string> export_error(const StoreDefinition& definition) {
  if (!is_nbd_uri(definition.path)) return std::nullopt;
  NbdStore::Options options;
  options.read_only = definition.read_only || !definition.overlay.empty();
  const auto opened = open_export(definition, options);
  return opened ? std::nullopt : std::optional(opened.error());
}

Opened open_store(const StoreDefinition& definition, DiskQueue& queue, Handover& handover) {
  if (const auto sound = check_terms(definition); !sound) return tl::unexpected(sound.error());
  if (!definition.overlay.empty()) return open_overlay(definition, queue, handover);
  if (definition.path.starts_with(memory_prefix)) return open_memory(definition);
  if (is_nbd_uri(definition.path)) return open_nbd(definition);
  if (definition.io == IoMode::automatic) return open_automatic(definition, queue, handover);
  return open_file(definition, definition.io, queue, handover);
}

}  // namespace aoe::target
