#include "harness/language/implementation.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/yaml_file.h"
#include "harness/language/abilities.h"
#include "harness/language/fault_spec.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

using Role = Implementation::Role;

/// Where this program is. Asked as it starts: once it has a mount namespace of its own, the kernel
/// tells a path that a changed root does not lead to.
const fs::path own_folder = [] {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}();

const std::set<std::string>& placeholders(Role role) {
  static const std::set<std::string> of_target{"shelf",   "slot", "interface", "image",
                                               "buffers", "mac",  "mtu",       "state"};
  static const std::set<std::string> of_initiator{"interface", "dir",    "device", "shelf", "slot",
                                                  "deadsecs",  "maxout", "mac",    "mtu"};
  return role == Role::target ? of_target : of_initiator;
}

/// Would it expand? Placeholders, and those of one request, stand for themselves meanwhile.
tl::expected<void, std::string> check(const std::string& command, Role role,
                                      const std::set<std::string>& of_request = {}) {
  Placeholders values;
  for (const std::string& name : placeholders(role)) values.emplace(name, name);
  for (const std::string& name : of_request) values.emplace(name, name);
  if (auto words = expand(command, values); !words) return tl::unexpected(words.error());
  return {};
}

/// Reads one command template. Fails where it is empty or would not expand.
std::string read_command(YamlMap& map, Role role, const std::string& key,
                         const std::set<std::string>& of_request = {}) {
  std::string text = map.text(key);
  if (auto right = check(text, role, of_request); !right) map.fail(map.require(key), right.error());
  if (text.find_first_not_of(' ') == std::string::npos)
    map.fail(map.require(key), fmt::format("{}: expected a program or a file, got nothing", key));
  return text;
}

/// Reads by which of the three an initiator is used, and what belongs to that.
void read_use(YamlMap& map, Implementation& found) {
  constexpr auto of = Role::initiator;
  const auto refuse = [&](std::initializer_list<const char*> keys, const char* why) {
    for (const char* key : keys) {
      if (map.has(key)) map.fail(map.require(key), fmt::format("{}: {}", key, why));
    }
  };
  if (map.has("session")) {
    found.session = read_command(map, of, "session");
    refuse({"command", "device", "state", "discover", "read", "write", "flush"},
           "a session takes all requests itself, so this has no meaning beside it");
  } else if (map.has("read")) {
    const std::set<std::string> range{"lba", "count"};
    found.read = read_command(map, of, "read", range);
    if (map.has("write")) found.write = read_command(map, of, "write", range);
    if (map.has("flush")) found.flush = read_command(map, of, "flush");
    if (map.has("discover")) found.discover = read_command(map, of, "discover");
    if (map.has("command")) found.command = read_command(map, of, "command");
    refuse({"device", "state"}, "a disk that is used by commands (read:) has no file");
  } else {
    refuse({"write", "flush", "at-once", "request-within"},
           "expected read: or session: beside it, for a disk that is no file");
    found.command = read_command(map, of, "command");
    found.device = read_command(map, of, "device");
    if (map.has("state")) found.state = read_command(map, of, "state");
    if (map.has("discover")) found.discover = read_command(map, of, "discover");
  }
  constexpr std::size_t at_once_max = 32;
  const std::size_t usual = found.use() == Implementation::Use::requests ? at_once_max : 1;
  found.at_once = map.number("at-once", usual, 1, at_once_max);
  if (map.has("request-within")) found.request_within = map.duration("request-within", {});
  found.ready_within = map.duration("ready-within", found.ready_within);
}

/// Reads what it does not have, in words that a scenario can mean.
std::map<std::string, std::string> read_cannot(YamlMap map) {
  std::map<std::string, std::string> cannot;
  for (const YAML::Node& key : map.keys()) {
    const std::string& word = key.Scalar();
    const bool is_known =
        ability_words().contains(word) || std::ranges::count(fault_words(), word) > 0;
    if (!is_known) {
      std::set<std::string> known = ability_words();
      known.insert(fault_words().begin(), fault_words().end());
      map.fail(key, fmt::format("there is no '{}'{}", word, known_instead(word, known)));
    }
    cannot.emplace(word, map.text(word));
  }
  map.finish();
  return cannot;
}

Implementation read_implementation(const YAML::Node& root, const std::string& file) {
  YamlMap map(root, file, "implementation");
  Implementation found;
  found.name = map.name("implementation");
  found.role = map.choice("role", {"target", "initiator"}) == 0 ? Role::target : Role::initiator;
  if (found.role == Role::initiator) {
    read_use(map, found);
  } else {
    found.command = read_command(map, found.role, "command");
  }
  if (map.has("version")) {
    found.version = map.text("version");
    if (auto words = expand(found.version, {}); !words)
      map.fail(map.require("version"), "version: " + words.error());
  }
  if (map.has("cannot")) found.cannot = read_cannot(map.map("cannot"));
  map.finish();
  return found;
}

/// A command of a person's own.
tl::expected<Implementation, std::string> from_command(const std::string& command) {
  Implementation found{.name = command, .command = command};
  if (command.find("{dir}") != std::string::npos) {
    found.role = Role::initiator;
    found.device = "{dir}/dev/etherd/{device}";
    found.state = "{dir}/sys/block/etherd!{device}/state";
  }
  if (auto right = check(command, found.role); !right) return tl::unexpected(right.error());
  return found;
}

tl::expected<Implementation, std::string> find(const std::string& name_or_command) {
  if (name_or_command.find_first_not_of(' ') == std::string::npos)
    return tl::unexpected(std::string("expected a name, a file or a command, got nothing"));
  if (name_or_command.find_first_of(" {") != std::string::npos)
    return from_command(name_or_command);
  if (name_or_command.ends_with(".yaml")) {
    const auto text = file_text(name_or_command);
    if (!text) return tl::unexpected(text.error());
    return parse_implementation(*text, name_or_command);
  }
  const auto& known = known_implementations();
  if (const auto found = known.find(name_or_command); found != known.end()) {
    return parse_implementation(found->second, found->first + ".yaml");
  }
  std::set<std::string> names;
  for (const auto& [name, yaml] : known) names.insert(name);
  const std::string meant = nearest(name_or_command, names);
  return tl::unexpected(fmt::format(
      "{}: no such implementation{}; known are {}, and a command says where its disk is: {{image}} "
      "or {{dir}}",
      name_or_command, meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant),
      fmt::join(names, ", ")));
}

}  // namespace

std::string_view text(Implementation::Role role) {
  return role == Role::target ? "target" : "initiator";
}

tl::expected<Implementation, std::string> find_implementation(const std::string& name_or_command) {
  auto found = find(name_or_command);
  if (found) found->given = name_or_command;
  return found;
}

bool Implementation::takes(std::string_view placeholder) const {
  const std::string word = fmt::format("{{{}}}", placeholder);
  return std::ranges::any_of(
      std::array{&command, &read, &write, &flush, &discover, &session},
      [&](const std::string* text) { return text->find(word) != std::string::npos; });
}

Implementation our_target() {
  return find_implementation("aoe-target").value();
}

tl::expected<Implementation, std::string> parse_implementation(const std::string& yaml,
                                                               const std::string& file) {
  return read_yaml(yaml, file,
                   [&](const YAML::Node& root) { return read_implementation(root, file); });
}

namespace {

/// `values` null: there are no placeholders, and braces mean nothing.
tl::expected<std::vector<std::string>, std::string> split(std::string_view command,
                                                          const Placeholders* values) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < command.size(); ++at) {
    const char c = command[at];
    if (quote != 0 ? c == quote : c == '\'' || c == '"') {
      quote = quote != 0 ? '\0' : c;
      in_word = true;
    } else if (c == ' ' && quote == 0) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else if (c == '{' && values != nullptr &&
               !(at > 0 && command[at - 1] == '$')) {  // ${…} is somebody else's
      const std::size_t end = command.find('}', at);
      const std::string name(
          command.substr(at + 1, end == std::string_view::npos ? end : end - at - 1));
      const auto found = values->find(name);
      if (end == std::string_view::npos || found == values->end()) {
        std::vector<std::string_view> known;
        known.reserve(values->size());
        for (const auto& value : *values) known.push_back(value.first);
        return tl::unexpected(known.empty()
                                  ? fmt::format("{{{}}}: expected no placeholder here", name)
                                  : fmt::format("{{{}}}: no such placeholder; there are {{{}}}",
                                                name, fmt::join(known, "}, {")));
      }
      word += found->second;
      in_word = true;
      at = end;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return tl::unexpected(fmt::format("{}: a quote is not closed", command));
  if (in_word) words.push_back(word);
  return words;
}

}  // namespace

tl::expected<std::vector<std::string>, std::string> expand(std::string_view command,
                                                           const Placeholders& values) {
  return split(command, &values);
}

tl::expected<std::vector<std::string>, std::string> words_of(std::string_view command) {
  return split(command, nullptr);
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::error_code error;
  const char* path = std::getenv("PATH");
  std::string folders = own_folder.string();
  folders += std::string(":") + (path == nullptr ? "" : path) + ":/usr/local/sbin:/usr/sbin:/sbin";
  for (std::size_t at = 0; at < folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const fs::path candidate = fs::path(folders.substr(at, end - at)) / name;
    if (end > at && fs::is_regular_file(candidate, error)) return candidate.string();
    at = end + 1;
  }
  return name;
}

}  // namespace aoe::harness
