#include "target/admin/lun_change.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/ata.h"
#include "target/admin/default_serial.h"

namespace aoe::target {

std::uint64_t sectors_of(const Store& store) {
  return std::min(store.size() / sector_size, ata::lba48_sectors_max);
}

LunOptions LunChange::options(std::uint64_t sectors, const StoreTraits& disk,
                              const std::string& revision) const {
  LunOptions options;
  options.address = definition.address;
  options.sectors = sectors;
  options.buffer_count = definition.buffers;
  options.firmware = 1;
  options.read_only = definition.store.read_only;
  options.write_cache = !definition.store.sync;
  options.disk = disk;
  options.access = {definition.allow, definition.deny, definition.rights};
  options.announced = definition.announce;
  const std::string serial =
      definition.serial.empty() ? default_serial(definition, image) : definition.serial;
  options.serial = std::string_view(serial);
  options.model = std::string_view(definition.model);
  options.revision = std::string_view(revision);
  options.config_string = definition.config_string;
  return options;
}

std::vector<LogLine> LunChange::store_lines() const {
  if (!store) return {};
  const StoreDefinition& asked = definition.store;
  std::vector<LogLine> lines{
      {LogLevel::info, fmt::format("{}: {}, {} sectors, {}, {}", definition.address, asked.path,
                                   sectors_of(*store->store), store->kind,
                                   asked.read_only ? "read-only" : "read-write")}};
  if (store->ignored_tail > 0) {
    lines.push_back({LogLevel::warning,
                     fmt::format("{}: the last {} bytes are not a whole sector and are not served",
                                 asked.path, store->ignored_tail)});
  }
  for (const auto& [level, text] : store->remarks) {
    lines.push_back({level, fmt::format("{}: {}", definition.address, text)});
  }
  constexpr std::uint16_t refused_by_linux = 0xfff;
  if (definition.address.shelf == refused_by_linux) {
    lines.push_back({LogLevel::warning, fmt::format("{}: Linux clients refuse shelf {}",
                                                    definition.address, refused_by_linux)});
  }
  return lines;
}

bool LunChange::cuts_image() const {
  const bool is_same = found ? found->empty() : !is_other_image;
  return kind == Kind::replace && is_same && sectors_of(*store->store) < former_sectors;
}

std::string LunChange::text_of_found() const {
  const std::uint64_t sectors = sectors_of(*store->store);
  std::string text;
  if (!found->empty()) {
    text = *found;
    if (sectors != former_sectors) {
      text += fmt::format(", of {} sectors instead of {}", sectors, former_sectors);
    }
  } else if (sectors == former_sectors) {
    text = fmt::format("opened again, {} sectors as before", sectors);
  } else {
    text = fmt::format("{} from {} to {} sectors", sectors > former_sectors ? "grown" : "shrunk",
                       former_sectors, sectors);
  }
  return is_redefined ? "changed, and " + text : text;
}

std::string LunChange::text() const {
  switch (kind) {
    case Kind::add: return changes_role ? "promoted" : "added";
    case Kind::replace: return found ? text_of_found() : "changed, and its image opened again";
    case Kind::change: return "changed";
    case Kind::remove: return changes_role ? "demoted" : "removed";
  }
  AOE_CHECK(false && "a change without words");
}

}  // namespace aoe::target
