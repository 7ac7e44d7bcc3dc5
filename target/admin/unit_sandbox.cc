#include "target/admin/unit_sandbox.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/yaml_file.h"

namespace aoe::target {
namespace {

namespace fs = std::filesystem;

/// Where units and their drop-ins are; what is found in an earlier one hides what has its name in a later one.
constexpr std::array<const char*, 5> unit_folders{"/etc/systemd/system", "/run/systemd/system",
                                                  "/usr/local/lib/systemd/system",
                                                  "/usr/lib/systemd/system", "/lib/systemd/system"};

bool is_yes(const std::string& value) {
  return value == "yes" || value == "true" || value == "on" || value == "1";
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

bool is_below(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

/// Returns a path without links, as far as there is something.
std::string real(const std::string& path) {
  std::error_code error;
  const fs::path found = fs::weakly_canonical(fs::absolute(path), error);
  std::string text = (error ? fs::absolute(path) : found).string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

/// Whose permissions count.
struct Identity {
  uid_t user = 0;
  std::set<gid_t> groups{0};

  bool may(const struct stat& file, int bits) const {
    int shift = 0;
    if (file.st_uid == user) {
      shift = 6;
    } else if (groups.contains(file.st_gid)) {
      shift = 3;
    }
    return (static_cast<int>(file.st_mode) >> shift & bits) == bits;
  }
};

}  // namespace

tl::expected<UnitSandbox, std::string> UnitSandbox::read(const std::string& unit) {
  UnitSandbox sandbox;
  sandbox.name_ = fs::path(unit).filename().string();
  std::vector<std::string> folders(unit_folders.begin(), unit_folders.end());
  if (unit.find('/') != unit.npos) folders = {fs::path(unit).parent_path().string()};
  std::error_code ignored;
  const auto found = std::ranges::find_if(folders, [&](const std::string& folder) {
    return fs::exists(fs::path(folder) / sandbox.name_, ignored);
  });
  if (found == folders.end()) {
    return tl::unexpected(
        fmt::format("{}: no such unit in {}", sandbox.name_, fmt::join(folders, ", ")));
  }
  std::map<std::string, std::string> drop_ins;  // paths, by their names
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path its = fs::path(folder) / (sandbox.name_ + ".d");
    for (auto entry = fs::directory_iterator(its, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() != ".conf") continue;
      drop_ins.try_emplace(entry->path().filename().string(), entry->path().string());
    }
  }
  std::vector<std::string> paths{*found + "/" + sandbox.name_};
  for (const auto& entry : drop_ins) paths.push_back(entry.second);
  for (const std::string& path : paths) {
    const auto text = file_text(path);
    if (!text) return tl::unexpected(text.error());
    sandbox.take(*text);
  }
  sandbox.make_rules();
  return sandbox;
}

/// Takes the settings of one file.
void UnitSandbox::take(const std::string& text) {
  std::istringstream lines(text);
  std::string section;
  std::string joined;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.starts_with('#') || line.starts_with(';')) continue;
    joined += line;
    if (joined.ends_with('\\')) {
      joined.back() = ' ';
      continue;
    }
    const std::string whole = std::exchange(joined, {});
    if (whole.starts_with('[')) section = whole;
    const auto equals = whole.find('=');
    if (section != "[Service]" || equals == whole.npos) continue;
    std::vector<std::string>& values = settings_[trimmed(whole.substr(0, equals))];
    const std::string value = trimmed(whole.substr(equals + 1));
    if (value.empty()) {
      values.clear();
    } else {
      values.push_back(value);
    }
  }
}

std::string UnitSandbox::last(const std::string& key) const {
  const auto found = settings_.find(key);
  return found == settings_.end() || found->second.empty() ? "" : found->second.back();
}

bool UnitSandbox::is_set(const std::string& key) const {
  return is_yes(last(key));
}

std::vector<std::string> UnitSandbox::words(const std::string& key) const {
  std::vector<std::string> words;
  const auto found = settings_.find(key);
  if (found == settings_.end()) return words;
  for (const std::string& value : found->second) {
    std::istringstream parts(value);
    for (std::string word; parts >> word;) words.push_back(word);
  }
  return words;
}

void UnitSandbox::add_rules(const std::string& key, Access access) {
  for (std::string word : words(key)) {
    while (word.starts_with('-') || word.starts_with('+')) word.erase(0, 1);
    const auto colon = word.find(':');
    // Of Bind*Paths=SOURCE:DESTINATION:OPTIONS, what the process sees is the destination.
    if (key.starts_with("Bind") && colon != word.npos) {
      word = word.substr(colon + 1, word.find(':', colon + 1) - colon - 1);
    } else {
      word = word.substr(0, colon);
    }
    if (word.starts_with('/')) rules_.push_back({real(word), access, key + '=' + word});
  }
}

void UnitSandbox::make_rules() {
  const auto add = [this](std::initializer_list<const char*> folders, Access access,
                          const std::string& key) {
    for (const char* const folder : folders) {
      rules_.push_back({folder, access, key + '=' + last(key)});
    }
  };
  const std::string system = is_set("DynamicUser") ? "strict" : last("ProtectSystem");
  if (system == "strict") {
    add({"/"}, Access::read_only, "ProtectSystem");
    add({"/dev", "/proc", "/sys"}, Access::writable, "ProtectSystem");
  } else if (system == "full") {
    add({"/usr", "/boot", "/efi", "/etc"}, Access::read_only, "ProtectSystem");
  } else if (is_yes(system)) {
    add({"/usr", "/boot", "/efi"}, Access::read_only, "ProtectSystem");
  }
  const std::string home = last("ProtectHome");
  if (!home.empty() && (is_yes(home) || home == "tmpfs" || home == "read-only")) {
    add({"/home", "/root", "/run/user"}, home == "read-only" ? Access::read_only : Access::hidden,
        "ProtectHome");
  }
  if (is_set("PrivateTmp")) add({"/tmp", "/var/tmp"}, Access::hidden, "PrivateTmp");
  if (is_set("PrivateDevices")) add({"/dev"}, Access::hidden, "PrivateDevices");
  for (const auto& [key, root] :
       {std::pair("StateDirectory", "/var/lib/"), std::pair("RuntimeDirectory", "/run/"),
        std::pair("ConfigurationDirectory", "/etc/"), std::pair("CacheDirectory", "/var/cache/"),
        std::pair("LogsDirectory", "/var/log/")}) {
    for (const std::string& word : words(key)) {
      rules_.push_back({root + word.substr(0, word.find(':')), Access::writable, key});
    }
  }
  add_rules("TemporaryFileSystem", Access::hidden);
  add_rules("InaccessiblePaths", Access::hidden);
  add_rules("ReadOnlyPaths", Access::read_only);
  add_rules("ReadWritePaths", Access::writable);
  add_rules("BindReadOnlyPaths", Access::read_only);
  add_rules("BindPaths", Access::writable);
}

std::optional<std::string> UnitSandbox::objection(const std::string& path, bool writes) const {
  const std::string found = real(path);
  if (auto why = folder_objection(found, writes)) return fmt::format("{}: {}", path, *why);
  if (auto why = device_objection(found, writes)) return fmt::format("{}: {}", path, *why);
  if (auto why = user_objection(found, writes)) return fmt::format("{}: {}", path, *why);
  return std::nullopt;
}

/// The setting about the innermost folder counts; only a bind mount shows something below a folder that
/// is hidden.
std::optional<std::string> UnitSandbox::folder_objection(const std::string& path,
                                                         bool writes) const {
  const Rule* inner = nullptr;
  const Rule* hiding = nullptr;
  const auto is_deeper = [](const Rule& rule, const Rule* than) {
    return than == nullptr || rule.folder.size() >= than->folder.size();
  };
  for (const Rule& rule : rules_) {
    if (!is_below(path, rule.folder)) continue;
    if (is_deeper(rule, inner)) inner = &rule;
    if (rule.access == Access::hidden && is_deeper(rule, hiding)) hiding = &rule;
  }
  if (inner == nullptr) return std::nullopt;
  if (hiding != nullptr && !inner->setting.starts_with("Bind")) {
    return fmt::format("not there for {} ({}; BindPaths= would show it)", name_, hiding->setting);
  }
  if (!writes || inner->access != Access::read_only) return std::nullopt;
  std::error_code ignored;
  const std::string folder =
      fs::is_directory(path, ignored) ? path : fs::path(path).parent_path().string();
  return fmt::format("read-only for {} ({}; ReadWritePaths={} would make it writable)", name_,
                     inner->setting, folder);
}

std::optional<std::string> UnitSandbox::device_objection(const std::string& path,
                                                         bool writes) const {
  struct stat status {};
  const std::string policy = last("DevicePolicy");
  const bool is_device = ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  const auto found = settings_.find("DeviceAllow");
  const bool has_list = found != settings_.end() && !found->second.empty();
  // A list alone closes all other devices, too.
  if (!is_device || (policy != "closed" && policy != "strict" && !has_list)) return std::nullopt;
  if (has_list) {
    for (const std::string& value : found->second) {
      std::istringstream parts(value);
      std::string device;
      std::string access = "rwm";
      parts >> device >> access;
      const bool is_it = device == "block-*" || (device.starts_with('/') && real(device) == path);
      const bool may =
          access.find('r') != access.npos && (!writes || access.find('w') != access.npos);
      if (is_it && may) return std::nullopt;
    }
  }
  return fmt::format("{} may not {} it (DevicePolicy={}; DeviceAllow={} {} would admit it)", name_,
                     writes ? "write to" : "read", policy.empty() ? "auto" : policy, path,
                     writes ? "rw" : "r");
}

std::optional<std::string> UnitSandbox::user_objection(const std::string& path, bool writes) const {
  Identity who;
  std::string user = last("User");
  if (is_set("DynamicUser")) {
    who = {static_cast<uid_t>(-2), {static_cast<gid_t>(-2)}};
    user = "its dynamic user";
  } else if (!user.empty() && user != "root" && user != "0") {
    const passwd* const entry = std::ranges::all_of(user, ::isdigit)
                                    ? ::getpwuid(static_cast<uid_t>(std::stoul(user)))
                                    : ::getpwnam(user.c_str());
    if (entry == nullptr) return fmt::format("{} has User={}, and there is none", name_, user);
    int count = 256;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    ::getgrouplist(entry->pw_name, entry->pw_gid, groups.data(), &count);
    groups.resize(std::min<std::size_t>(groups.size(), static_cast<std::size_t>(count)));
    who = {entry->pw_uid, {groups.begin(), groups.end()}};
  } else {
    const std::vector<std::string> bounding = words("CapabilityBoundingSet");
    const bool is_bounded = !bounding.empty() && !bounding.front().starts_with('~');
    if (!is_bounded || std::ranges::find(bounding, "CAP_DAC_OVERRIDE") != bounding.end()) {
      return std::nullopt;  // root opens any file
    }
    user = "root without CAP_DAC_OVERRIDE";
  }
  std::vector<std::string> more = words("SupplementaryGroups");
  if (const std::string group = last("Group"); !group.empty()) more.push_back(group);
  for (const std::string& name : more) {
    if (const auto* const entry = ::getgrnam(name.c_str())) who.groups.insert(entry->gr_gid);
  }

  const auto refuse = [&](const std::string& what, std::string_view action) {
    return fmt::format("{} runs as {}, who may not {} {}", name_, user, action, what);
  };
  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  const fs::path parent = fs::path(path).parent_path();
  fs::path folder;
  for (const fs::path& part : parent) {
    folder /= part;
    struct stat its {};
    if (::stat(folder.c_str(), &its) == 0 && !who.may(its, 1)) {
      return refuse(folder.string(), "enter");
    }
  }
  const bool is_folder = is_there && S_ISDIR(status.st_mode);
  if (!is_there && ::stat(parent.c_str(), &status) != 0) return std::nullopt;
  if (is_folder || !is_there) {
    const std::string made_in = is_folder ? path : parent.string();
    return who.may(status, 3) ? std::nullopt : std::optional(refuse(made_in, "make files in"));
  }
  if (!who.may(status, 4)) return refuse("it", "read");
  return writes && !who.may(status, 2) ? std::optional(refuse("it", "write to")) : std::nullopt;
}

}  // namespace aoe::target
