#include "target/admin/import_config.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "config/yaml_file.h"
#include "target/admin/command_line.h"
#include "target/admin/config_file.h"

namespace aoe::target {
namespace {

namespace fs = std::filesystem;
using Remarks = std::vector<std::string>;

std::string trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(blanks) - begin + 1));
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (std::string word = trimmed(text.substr(0, end)); !word.empty()) words.push_back(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

YAML::Node list(const std::vector<std::string>& words) {
  YAML::Node node(YAML::NodeType::Sequence);
  node.SetStyle(YAML::EmitterStyle::Flow);
  for (const std::string& word : words) node.push_back(word);
  return node;
}

/// MAC addresses in any of the ways of vblade become ours; other words stay.
YAML::Node mac_list(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (const auto mac = parse_loose_mac(word)) word = fmt::format("{}", *mac);
  }
  return list(words);
}

std::vector<fs::path> entries(const fs::path& folder,
                              const std::function<bool(const fs::path&)>& is_wanted) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (is_wanted(entry->path())) paths.push_back(entry->path());
  }
  std::ranges::sort(paths);
  return paths;
}

/// Lays the options of vblade over a LUN. `name`: of the file, for remarks.
void take_options(const std::string& options, const std::string& name, YAML::Node lun,
                  Remarks& remarks) {
  const std::map<char, std::pair<const char*, const char*>> flags{
      {'d', {"io", "direct"}}, {'s', {"sync", "true"}}, {'r', {"read-only", "true"}}};
  const std::map<char, const char*> values{
      {'b', "buffers"}, {'o', "offset"}, {'l', "length"}, {'m', "allow"}};
  const std::vector<std::string> words = split(options, " \t");
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with('-') || word.size() < 2) {
      remarks.push_back(fmt::format("{}: options: '{}' is not taken over", name, word));
      continue;
    }
    for (std::size_t at = 1; at < word.size(); ++at) {
      if (const auto flag = flags.find(word[at]); flag != flags.end()) {
        lun[flag->second.first] = flag->second.second;
        continue;
      }
      const auto value = values.find(word[at]);
      if (value == values.end()) {
        remarks.push_back(fmt::format("{}: options: -{} is not taken over", name, word[at]));
        continue;
      }
      std::string text = word.substr(at + 1);
      if (text.empty() && i + 1 < words.size()) text = words[++i];
      if (word[at] == 'm') {
        lun[value->second] = mac_list(split(text, ","));
      } else if (word[at] == 'b' && text == "1") {
        remarks.push_back(
            fmt::format("{}: options: -b 1 is not taken over: buffers is 2 at least", name));
      } else {
        lun[value->second] = text;
      }
      break;
    }
  }
}

/// One LUN of vblade, from its variables.
YAML::Node vblade_lun(const std::map<std::string, std::string>& variables, const std::string& name,
                      Remarks& remarks) {
  YAML::Node lun(YAML::NodeType::Map);
  for (const auto& [from, to] :
       {std::pair("shelf", "shelf"), std::pair("slot", "slot"), std::pair("filename", "path")}) {
    if (const auto found = variables.find(from); found != variables.end()) lun[to] = found->second;
  }
  for (const auto& [key, value] : variables) {
    if (key == "netif") {
      lun["interfaces"] = list({value});
    } else if (key == "options") {
      take_options(value, name, lun, remarks);
    } else if (key != "shelf" && key != "slot" && key != "filename") {
      remarks.push_back(fmt::format("{}: {} is not taken over", name, key));
    }
  }
  return lun;
}

/// Returns the configuration, if it is one: what is imported may be wrong in itself.
tl::expected<Imported, std::string> finish(const YAML::Node& root, Remarks remarks,
                                           const std::string& path) {
  std::string yaml = YAML::Dump(root) + '\n';
  // Absolute paths only: relative ones would be relative to nothing that is known.
  const auto parsed = parse_config(yaml, "imported");
  if (!parsed) return tl::unexpected(fmt::format("{}: {}", path, parsed.error()));
  return Imported{std::move(yaml), std::move(remarks)};
}

/// Reads a fragment of shell that only sets variables.
std::map<std::string, std::string> read_variables(const std::string& text, const std::string& name,
                                                  Remarks& remarks) {
  std::map<std::string, std::string> variables;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string word = trimmed(line);
    if (word.empty() || word.starts_with('#')) continue;
    const auto equals = word.find('=');
    std::string value = equals == word.npos ? "" : word.substr(equals + 1);
    const bool is_quoted = value.size() >= 2 && (value[0] == '\'' || value[0] == '"') &&
                           value.find(value[0], 1) == value.size() - 1;
    const bool is_plain = value.find_first_of("'\" \t;&|<>()#") == value.npos;
    const bool is_literal =
        value.find_first_of("$`\\") == value.npos || (is_quoted && value[0] == '\'');
    if (equals == word.npos || !is_literal || (!is_quoted && !is_plain)) {
      remarks.push_back(
          fmt::format("{}:{}: '{}' is not taken over: only NAME=VALUE is", name, number, word));
      continue;
    }
    if (is_quoted) value = value.substr(1, value.size() - 2);
    variables[word.substr(0, equals)] = value;
  }
  return variables;
}

/// Imports each of these by `read_one`, which returns nothing and adds a remark where that can't be.
tl::expected<Imported, std::string> import_all(
    const std::string& path, const std::vector<fs::path>& all, const char* what,
    const std::function<std::map<std::string, std::string>(const fs::path&, Remarks&)>& read_one) {
  if (all.empty()) {
    std::error_code error;
    const bool is_there = fs::exists(fs::status(path, error));
    return tl::unexpected(fmt::format("{}: {}", path, is_there ? what : error.message()));
  }
  Remarks remarks;
  YAML::Node root;
  root["luns"] = YAML::Node(YAML::NodeType::Sequence);
  for (const fs::path& one : all) {
    const auto variables = read_one(one, remarks);
    std::string missing;
    for (const char* const key : {"shelf", "slot", "netif", "filename"}) {
      if (!variables.contains(key))
        missing += fmt::format("{}{}", missing.empty() ? "" : ", ", key);
    }
    if (missing.empty()) {
      root["luns"].push_back(vblade_lun(variables, one.string(), remarks));
    } else {
      remarks.push_back(
          fmt::format("{}: left out, as by vblade: it has no {}", one.string(), missing));
    }
  }
  return finish(root, std::move(remarks), path);
}

/// A file of ggaoed, section by section: keys with their values and lines, in the file's order.
struct Section {
  std::string name;
  std::vector<std::tuple<std::string, std::string, int>> keys = {};
};

tl::expected<std::vector<Section>, std::string> read_sections(const std::string& path) {
  const auto text = file_text(path);
  if (!text) return tl::unexpected(text.error());
  std::vector<Section> sections;
  std::istringstream lines(*text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string word = trimmed(line);
    if (word.empty() || word.starts_with('#')) continue;
    const auto equals = word.find('=');
    if (word.starts_with('[') && word.ends_with(']')) {
      sections.push_back({word.substr(1, word.size() - 2)});
    } else if (equals == word.npos || sections.empty()) {
      return tl::unexpected(
          fmt::format("{}:{}: expected [SECTION] or KEY = VALUE, got '{}'", path, number, word));
    } else {
      sections.back().keys.emplace_back(trimmed(word.substr(0, equals)),
                                        trimmed(word.substr(equals + 1)), number);
    }
  }
  return sections;
}

/// Lays a key of ggaoed over a LUN, or over the defaults of all. Returns whether it has a counterpart.
bool take_key(const std::string& key, const std::string& value, YAML::Node into) {
  const bool is_true = value == "true" || value == "1";
  if (key == "queue-length") {
    into["buffers"] = value;
  } else if (key == "interfaces") {
    into["interfaces"] = list(split(value, ","));
  } else if (key == "direct-io") {
    if (is_true) into["io"] = "direct";
  } else if (key == "read-only") {
    into["read-only"] = is_true;
  } else if (key == "broadcast") {
    into["announce"] = is_true;
  } else if (key == "accept" || key == "deny") {
    into[key == "accept" ? "allow" : "deny"] = mac_list(split(value, ","));
  } else if (key == "uuid") {
    into["path"] = "/dev/disk/by-uuid/" + value;
  } else if (key == "path" || key == "shelf" || key == "slot") {
    into[key] = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace

tl::expected<Imported, std::string> import_vblade(const std::string& path) {
  std::vector<fs::path> files{path};
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    files = entries(path, [](const fs::path& file) { return file.extension() == ".conf"; });
  }
  return import_all(path, files, "no *.conf is there", [](const fs::path& file, Remarks& remarks) {
    const auto text = file_text(file.string());
    if (text) return read_variables(*text, file.string(), remarks);
    remarks.push_back(text.error());
    return std::map<std::string, std::string>{};
  });
}

tl::expected<Imported, std::string> import_vblade_persist(const std::string& path) {
  const auto is_lun = [](const fs::path& folder) { return fs::is_directory(folder / "env"); };
  const std::vector<fs::path> luns =
      is_lun(path) ? std::vector<fs::path>{path} : entries(path, is_lun);
  const auto read_one = [](const fs::path& folder, Remarks& remarks) {
    const std::map<std::string, std::string> names{
        {"SHELF", "shelf"}, {"SLOT", "slot"}, {"NETIF", "netif"}, {"SOURCE", "filename"}};
    std::map<std::string, std::string> variables;
    for (const fs::path& file : entries(folder / "env", [](const fs::path&) { return true; })) {
      const auto name = names.find(file.filename().string());
      const auto text = file_text(file.string());
      if (!text) {
        remarks.push_back(text.error());
      } else if (name == names.end()) {
        remarks.push_back(fmt::format("{}: is not taken over", file.string()));
      } else {
        variables[name->second] = trimmed(*text);
      }
    }
    std::string macs;
    for (const fs::path& mac : entries(folder / "macs", [](const fs::path&) { return true; })) {
      macs += (macs.empty() ? "" : ",") + mac.filename().string();
    }
    if (!macs.empty()) variables["options"] = "-m " + macs;
    return variables;
  };
  return import_all(path, luns, "no folder of a LUN is there", read_one);
}

tl::expected<Imported, std::string> import_ggaoed(const std::string& path) {
  const auto sections = read_sections(path);
  if (!sections) return tl::unexpected(sections.error());
  Remarks remarks;
  YAML::Node root;
  YAML::Node luns(YAML::NodeType::Sequence);
  for (const Section& section : *sections) {
    YAML::Node into(YAML::NodeType::Map);
    for (const auto& [key, value, line] : section.keys) {
      if (section.name == "acls") {
        into[key] = mac_list(split(value, ","));
      } else if (!take_key(key, value, into)) {
        remarks.push_back(
            fmt::format("{}:{}: [{}] {} is not taken over", path, line, section.name, key));
      }
    }
    if (section.name == "acls" || section.name == "defaults") {
      if (into.size() > 0) root[section.name == "acls" ? "groups" : "defaults"] = into;
    } else {
      luns.push_back(into);
    }
  }
  root["luns"] = luns;
  return finish(root, std::move(remarks), path);
}

}  // namespace aoe::target
