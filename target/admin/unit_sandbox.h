// What a unit of systemd lets its process do with files: a judgement by the settings of the unit and its
// drop-ins, for `aoe-target check --unit`.
//
// systemd is not asked and need not run. Known are User=, Group=, SupplementaryGroups=, DynamicUser=,
// CapabilityBoundingSet=, ProtectSystem=, ProtectHome=, PrivateTmp=, PrivateDevices=, DevicePolicy=,
// DeviceAllow=, the *Paths= and Bind*Paths= settings, TemporaryFileSystem= and the *Directory= settings.
// Other settings, specifiers (%i) and access control lists are not looked at.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace aoe::target {

class UnitSandbox {
 public:
  /// Reads a unit and its drop-ins: `unit` is a path, or a name that is looked for in the folders of
  /// systemd. Error: "aoe-target.service: no such unit in /etc/systemd/system, …".
  static tl::expected<UnitSandbox, std::string> read(const std::string& unit);

  /// Returns why a process of the unit can't open a file, or make files in a folder: "/srv/disk.img:
  /// read-only for aoe-target.service (ProtectSystem=strict; ReadWritePaths=/srv would make it
  /// writable)". A file that is not there is to be made. `writes`: it is opened for writing, too.
  std::optional<std::string> objection(const std::string& path, bool writes) const;

 private:
  /// What becomes of all that is below a folder.
  enum class Access : std::uint8_t { writable, read_only, hidden };
  struct Rule {
    std::string folder;  // absolute
    Access access;
    std::string setting;  // "ProtectSystem=strict"
  };

  void take(const std::string& text);
  void make_rules();
  std::string last(const std::string& key) const;
  /// Returns whether a setting of yes or no is yes.
  bool is_set(const std::string& key) const;
  std::vector<std::string> words(const std::string& key) const;
  void add_rules(const std::string& key, Access access);
  std::optional<std::string> folder_objection(const std::string& path, bool writes) const;
  std::optional<std::string> device_objection(const std::string& path, bool writes) const;
  std::optional<std::string> user_objection(const std::string& path, bool writes) const;

  std::string name_;
  std::map<std::string, std::vector<std::string>> settings_;  // values, as they were assigned
  std::vector<Rule> rules_;
};

}  // namespace aoe::target
