#include "target/admin/config_file.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "config/yaml_file.h"
#include "proto/codes.h"
#include "proto/frame.h"
#include "target/admin/default_serial.h"
#include "target/admin/groups.h"
#include "target/admin/lun_edits.h"
#include "target/admin/metrics_server.h"
#include "wire/interfaces.h"

namespace aoe::target {
namespace {

// The sectors that a 48-bit LBA can address: no disk has more, and their bytes fit 64 bits.
constexpr std::uint64_t sectors_max = 1ULL << 48;
constexpr std::size_t socket_path_size_max = 107;  // sun_path of unix(7) without its NUL
constexpr std::uint64_t iops_max = 10'000'000;
constexpr std::uint64_t bytes_per_second_min = 1024;
constexpr std::uint64_t bytes_per_second_max = 1ULL << 40;
constexpr std::chrono::seconds burst_max{10};

bool is_memory(std::string_view path) {
  return path.starts_with("memory:");
}

bool is_uri(std::string_view path) {
  return path.find("://") != std::string_view::npos && path.find('/') > path.find("://");
}

bool is_control(char c) {
  return (c >= 0 && c < ' ') || c == 0x7f;
}

class Reader {
 public:
  explicit Reader(const LunEdits& edits) : edits_(edits) {}

  /// Reads a configuration of one file or several, which are read as if they were one.
  TargetDefinition read(std::vector<YamlMap> files) {
    check_keys(files);
    // What the LUNs of all files refer to comes first.
    for (YamlMap& file : files) {
      if (file.has("groups")) groups_.take(file.map("groups"));
    }
    groups_.resolve();
    LunDefinition defaults;
    for (YamlMap& file : files) {
      if (!file.has("defaults")) continue;
      YamlMap settings = file.map("defaults");
      read_settings(settings, defaults);
      settings.finish();
    }
    TargetDefinition target;
    for (YamlMap& file : files) read_process(file, target);
    if (std::ranges::count_if(files, [](YamlMap& file) { return file.has("luns"); }) == 0) {
      files.front().require("luns");
    }
    for (YamlMap& file : files) file.finish();  // a misspelt key may be why a LUN looks wrong
    for (YamlMap& file : files) {
      if (file.has("luns")) read_luns(file, defaults, target);
    }
    add_luns(defaults, target);
    return target;
  }

 private:
  /// Fails where two files have a key that is to be there once: only lists and mappings of names are joined.
  static void check_keys(const std::vector<YamlMap>& files) {
    const std::set<std::string> joined{"groups", "luns", "client-limits"};
    std::map<std::string, Mark> seen;
    for (const YamlMap& file : files) {
      for (const YAML::Node& key : file.keys()) {
        if (joined.contains(key.Scalar())) continue;
        const auto [first, is_new] = seen.emplace(key.Scalar(), file.mark_of(key));
        if (is_new) continue;
        file.fail(key, fmt::format("{}: is in {} as well", key.Scalar(), place(first->second)));
      }
    }
  }

  static std::string place(const Mark& mark) {
    return fmt::format("{}:{}:{}", mark.file, mark.line, mark.column);
  }

  /// Reads what is not about one LUN. A key that is not there changes nothing.
  void read_process(YamlMap& map, TargetDefinition& target) {
    if (map.has("state")) target.state_folder = located(map, "state");
    if (map.has("capture")) target.capture = located(map, "capture");
    if (map.has("control")) target.control = located(map, "control");
    if (target.control.size() > socket_path_size_max) {
      map.fail(map.require("control"),
               fmt::format("control: '{}' is longer than the path of a socket can be ({} bytes)",
                           target.control, socket_path_size_max));
    }
    target.workers =
        static_cast<int>(map.number("workers", static_cast<std::uint64_t>(target.workers), 1, 64));
    target.busy_poll = map.boolean("busy-poll", target.busy_poll);
    if (map.has("wildcards")) {
      target.wildcards = static_cast<Wildcards>(map.choice("wildcards", {"all", "config-only"}));
    }
    target.request_memory = map.size("request-memory", target.request_memory);
    if (target.request_memory < RequestMemory::size_min) {
      map.fail(map.require("request-memory"), "request-memory: expected 1MiB or more");
    }
    if (map.has("client-limits")) read_client_limits(map.map("client-limits"), target);
    if (map.has("metrics")) {
      target.metrics = map.text("metrics");
      if (const auto endpoint = metrics_endpoint(target.metrics); !endpoint) {
        map.fail(map.require("metrics"), "metrics: " + endpoint.error());
      }
    }
    if (map.has("mtu")) read_mtu_limits(map.map("mtu"), target);
  }

  static void read_mtu_limits(YamlMap map, TargetDefinition& target) {
    constexpr std::size_t mtu_min = 576;  // of one sector, with room
    for (const YAML::Node& key : map.keys()) {
      const std::string& name = key.Scalar();
      if (const auto names = parse_some_interfaces(name); !names || names->size() != 1) {
        map.fail(key, fmt::format("mtu: '{}' is not the name of an interface", name));
      }
      target.mtu_limits[name] =
          static_cast<std::uint16_t>(map.number(name, 0, mtu_min, 65535, "bytes"));
    }
    map.finish();
  }

  void read_luns(YamlMap& file, const LunDefinition& defaults, TargetDefinition& target) {
    const YAML::Node luns = file.require("luns");
    if (!luns.IsSequence()) file.fail(luns, "luns: expected a list");
    for (const YAML::Node& node : luns) {
      YamlMap map(node, file.mark().file, "lun");
      const Address address = read_address(map);
      const auto edit = edits_.find(address);
      const bool is_edited = edit != edits_.end();
      if (!places_.emplace(address, map.mark()).second) {
        map.fail(map.require("shelf"), fmt::format("{} is defined twice, first at {}", address,
                                                   place(places_.at(address))));
      }
      if (is_edited && edit->second.is_removed) continue;
      std::optional<YamlMap> other;
      if (is_edited) other.emplace(edited(node, edit->second), lun_edit_file, "lun");
      YamlMap& lun = other ? *other : map;
      target.luns.push_back(read_lun(lun, address, defaults, folder_of(file)));
      check_against_others(lun, target.luns.back());
      target.places.emplace(address, place(places_.at(address)));
    }
  }

  /// Adds the LUNs that only the edits have.
  void add_luns(const LunDefinition& defaults, TargetDefinition& target) {
    for (const auto& [address, edit] : edits_) {
      if (edit.is_removed || places_.contains(address)) continue;
      YAML::Node node;
      node["shelf"] = address.shelf;
      node["slot"] = static_cast<int>(address.slot);
      YamlMap map(edited(node, edit), lun_edit_file, "lun");
      target.luns.push_back(read_lun(map, read_address(map), defaults, {}));
      check_against_others(map, target.luns.back());
    }
  }

  /// Reads limits by address, name of a group or `everyone`.
  void read_client_limits(YamlMap map, TargetDefinition& target) {
    for (const YAML::Node& key : map.keys()) {
      const std::string& name = key.Scalar();
      const RateLimits limits = read_limits(map.map(name));
      if (name == everyone) {
        if (std::exchange(has_limits_of_everyone_, true)) {
          map.fail(key, "everyone has limits already, in another file");
        }
        target.client_limits.everyone = limits;
        continue;
      }
      for (const Mac client : macs_of(map, key, name)) {
        if (target.client_limits.named.emplace(client, limits).second) continue;
        map.fail(key, fmt::format("{} has limits already", client));
      }
    }
  }

  /// Reads rights by address, name of a group or `everyone`.
  ClientRights read_rights(YamlMap map) const {
    ClientRights rights;
    for (const YAML::Node& key : map.keys()) {
      const std::string& name = key.Scalar();
      const Rights its = rights_of(map, name);
      if (name == everyone) {
        rights.everyone = its;
        continue;
      }
      for (const Mac client : macs_of(map, key, name)) {
        if (rights.named.emplace(client, its).second) continue;
        map.fail(key, fmt::format("{} has rights already", client));
      }
    }
    return rights;
  }

  /// Reads a list of rights, or `all`.
  static Rights rights_of(YamlMap& map, const std::string& key) {
    const std::vector<std::string> words{"read", "write", "config-set", "mask", "reserve", "all"};
    const bool is_list = !map.require(key).IsScalar();
    const auto indexes = is_list ? map.choices(key, words) : std::vector{map.choice(key, words)};
    Rights rights = Rights::none();
    for (const std::size_t index : indexes) {
      if (index == right_count) return {};
      rights.add(static_cast<Right>(index));
    }
    return rights;
  }

  /// Reads limits; where the mapping is empty there are none.
  static RateLimits read_limits(YamlMap map) {
    RateLimits limits;
    limits.iops = map.number("iops", 0, 1, iops_max);
    if (map.has("bytes-per-second")) {
      limits.bytes_per_second = map.size("bytes-per-second", 0);
      if (limits.bytes_per_second < bytes_per_second_min ||
          limits.bytes_per_second > bytes_per_second_max) {
        map.fail(map.require("bytes-per-second"),
                 "bytes-per-second: expected a size from 1KiB to 1024GiB");
      }
    }
    limits.burst = map.duration("burst", limits.burst);
    if (limits.burst > burst_max) map.fail(map.require("burst"), "burst: expected at most 10s");
    map.finish();
    return limits;
  }

  /// Reads the keys that a LUN and `defaults` share. Values without a key stay as they are.
  void read_settings(YamlMap& map, LunDefinition& lun) {
    if (map.has("interfaces")) lun.interfaces = read_interfaces(map);
    lun.buffers = static_cast<std::uint16_t>(map.number("buffers", lun.buffers, 2, 65535));
    if (map.has("allow")) lun.allow = read_access(map, "allow");
    if (map.has("deny")) lun.deny = read_access(map, "deny");
    if (map.has("rights")) lun.rights = read_rights(map.map("rights"));
    if (map.has("model")) lun.model = ata_text(map, "model", model_size_max);
    lun.announce = map.boolean("announce", lun.announce);
    lun.standby = map.boolean("standby", lun.standby);
    if (map.has("limits")) lun.limits = read_limits(map.map("limits"));
    lun.store.read_only = map.boolean("read-only", lun.store.read_only);
    lun.store.create = map.boolean("create", lun.store.create);
    lun.store.sync = map.boolean("sync", lun.store.sync);
    if (map.has("io")) {
      lun.store.io =
          static_cast<IoMode>(map.choice("io", {"auto", "mapped", "buffered", "direct"}));
    }
    if (lun.store.io == IoMode::mapped && lun.store.sync) {
      map.fail(map.require(map.has("io") ? "io" : "sync"),
               "io: mapped and sync: true exclude each other: take io: direct or buffered");
    }
  }

  static Address read_address(YamlMap& map) {
    map.require("shelf");
    map.require("slot");
    return {static_cast<std::uint16_t>(map.number("shelf", 0, 0, Address::any_shelf - 1)),
            static_cast<std::uint8_t>(map.number("slot", 0, 0, Address::any_slot - 1))};
  }

  /// Reads a LUN. `folder`: of its file, to which its paths are relative.
  LunDefinition read_lun(YamlMap& map, Address address, const LunDefinition& defaults,
                         const std::filesystem::path& folder) {
    LunDefinition lun = defaults;
    lun.address = address;
    for (const char* const key : {"shelf", "slot"}) map.has(key);
    lun.store.path = located(map, "path", folder);
    if (map.has("overlay")) lun.store.overlay = located(map, "overlay", folder);
    const bool is_file = !is_memory(lun.store.path) && !is_uri(lun.store.path);
    if (!is_file) lun.store.io = IoMode::automatic;  // a default for files only
    if (is_memory(lun.store.path)) lun.store.sync = false;
    read_settings(map, lun);
    lun.store.offset = map.number("offset", 0, 0, sectors_max - 1);
    if (map.has("length")) {
      lun.store.length = map.number("length", 1, 1, sectors_max - lun.store.offset);
    }
    lun.store.force = map.boolean("force", false);
    if (map.has("config-string")) lun.config_string = config_string(map);
    if (map.has("serial")) lun.serial = ata_text(map, "serial", serial_size_max);
    map.finish();
    check_store(map, lun.store, is_file);
    return lun;
  }

  static void check_store(YamlMap& map, const StoreDefinition& store, bool is_file) {
    if (!is_file && map.has("io")) {
      map.fail(map.require("io"),
               fmt::format("io: '{}' is not a file, so it has no io", store.path));
    }
    if (is_memory(store.path)) {
      for (const char* key : {"sync", "offset", "length"}) {
        if (!map.has(key)) continue;
        map.fail(map.require(key), fmt::format("{}: has no meaning for '{}'", key, store.path));
      }
    }
    if (store.overlay.empty() && map.has("create")) {
      map.fail(map.require("create"), "create: has no meaning without an overlay");
    }
    if (!store.overlay.empty() && store.overlay == store.path) {
      map.fail(map.require("overlay"), "overlay: is the same file as path");
    }
  }

  /// Checks a LUN against the ones that were read before it.
  void check_against_others(YamlMap& map, const LunDefinition& lun) {
    const StoreDefinition& store = lun.store;
    // A store writes its overlay as if no other did.
    if (!store.overlay.empty()) {
      for (const Owners* const owners : {&overlays_, &paths_}) {
        const auto other = owners->find(store.overlay);
        if (other == owners->end()) continue;
        map.fail(map.require("overlay"),
                 fmt::format("overlay: '{}' belongs to {}", store.overlay, other->second));
      }
      overlays_.emplace(store.overlay, lun.address);
    }
    if (const auto other = overlays_.find(store.path); other != overlays_.end()) {
      map.fail(map.require("path"),
               fmt::format("path: '{}' is the overlay of {}", store.path, other->second));
    }
    paths_.emplace(store.path, lun.address);
  }

  static std::vector<std::string> read_interfaces(YamlMap& map) {
    std::vector<std::string> interfaces;
    for (const YAML::Node& item : map.items("interfaces")) {
      const auto names = parse_some_interfaces(item.Scalar());
      if (!names) map.fail(item, "interfaces: " + names.error());
      std::ranges::copy(*names, std::back_inserter(interfaces));
    }
    return interfaces;
  }

  /// Reads MACs and names of groups. `everyone` alone empties a list of the defaults.
  std::vector<Mac> read_access(YamlMap& map, const std::string& key) const {
    const std::vector<YAML::Node> items = map.items(key);
    if (items.size() == 1 && items.front().Scalar() == everyone) {
      if (key == "allow") return {};
      map.fail(items.front(), "deny: with everyone no client would be answered");
    }
    if (items.empty() && key == "allow") {
      map.fail(map.require(key),
               "allow: the list is empty; to allow every client, write 'everyone'");
    }
    std::vector<Mac> macs;
    for (const YAML::Node& item : items) {
      const bool is_mac = groups_.find(item.Scalar()) == nullptr;
      for (const Mac mac : macs_of(map, item, key)) {
        if (is_mac) {
          add_mac(map, item, key, mac, macs);
        } else if (std::ranges::find(macs, mac) == macs.end()) {
          macs.push_back(mac);
        }
      }
    }
    return macs;
  }

  /// Returns the addresses of a group, or the one address that is written there.
  std::vector<Mac> macs_of(const YamlMap& map, const YAML::Node& item,
                           const std::string& key) const {
    const std::string& word = item.Scalar();
    if (const auto* const group = groups_.find(word)) return *group;
    if (word.find(':') == std::string::npos) fail_unknown_group(map, item, key);
    return {mac_of(map, item, key)};
  }

  [[noreturn]] void fail_unknown_group(const YamlMap& map, const YAML::Node& item,
                                       const std::string& key) const {
    const std::string hint = nearest(item.Scalar(), groups_.names());
    map.fail(item, fmt::format("{}: '{}' is neither a group nor an address such as "
                               "02:00:00:0a:0b:0c{}",
                               key, item.Scalar(),
                               hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
  }

  static std::string ata_text(YamlMap& map, const std::string& key, std::size_t size_max) {
    std::string text = map.text(key);
    if (const std::string error = ata_text_error(text, size_max); !error.empty()) {
      map.fail(map.require(key), fmt::format("{}: {}", key, error));
    }
    return text;
  }

  static std::string config_string(YamlMap& map) {
    std::string text = map.text("config-string");
    if (text.size() > config_string_size_max) {
      map.fail(map.require("config-string"),
               fmt::format("config-string: {} bytes; at most {} are possible", text.size(),
                           config_string_size_max));
    }
    return text;
  }

  /// Reads a path; a relative one is relative to the folder of the configuration file.
  static std::string located(YamlMap& map, const std::string& key) {
    return located(map, key, folder_of(map));
  }

  static std::filesystem::path folder_of(const YamlMap& map) {
    return std::filesystem::path(map.mark().file).parent_path();
  }

  static std::string located(YamlMap& map, const std::string& key,
                             const std::filesystem::path& folder) {
    std::string path = map.text(key);
    if (path.empty() || std::ranges::any_of(path, is_control)) {
      map.fail(map.require(key), fmt::format("{}: expected a path", key));
    }
    if (is_memory(path) || is_uri(path)) {
      if (key == "path") return path;
      map.fail(map.require(key), fmt::format("{}: expected the path of a file", key));
    }
    return (folder / path).string();
  }

  const LunEdits& edits_;
  bool has_limits_of_everyone_ = false;
  Groups groups_;

  // Of the LUNs that were read: where they are defined, and whose overlay or path a file is.
  using Owners = std::unordered_map<std::string, Address>;
  std::map<Address, Mark> places_;
  Owners overlays_;
  Owners paths_;
};

}  // namespace

std::string ata_text_error(std::string_view text, std::size_t size_max) {
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  const bool fits = !text.empty() && text.size() <= size_max;
  if (fits && std::ranges::all_of(text, is_printable)) return {};
  return fmt::format("expected 1 to {} characters of ASCII", size_max);
}

tl::expected<TargetDefinition, std::string> parse_config(std::span<const ConfigText> files,
                                                         const LunEdits& edits) {
  std::vector<YamlMap> maps;
  for (const auto& [path, text] : files) {
    const auto map = read_yaml(
        text, path, [&](const YAML::Node& root) { return YamlMap(root, path, "target"); });
    if (!map) return tl::unexpected(map.error());
    maps.push_back(*map);
  }
  const std::string& first = files.front().path;
  return read_whole(first, [&] { return Reader(edits).read(std::move(maps)); });
}

tl::expected<TargetDefinition, std::string> parse_config(const std::string& text,
                                                         const std::string& path) {
  const ConfigText file{path, text};
  return parse_config({&file, 1});
}

tl::expected<TargetDefinition, std::string> read_config_file(const std::string& path) {
  const auto files = read_config_texts(path);
  if (!files) return tl::unexpected(files.error());
  return parse_config(*files);
}

}  // namespace aoe::target
