#include "target/admin/command_line.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "proto/codes.h"
#include "wire/interfaces.h"

namespace aoe::target {
namespace {

std::optional<int> parse_number(std::string_view text, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number < 0 || number > most) return std::nullopt;
  return number;
}

IoMode mode_of(std::string_view word) {
  if (word == "mapped") return IoMode::mapped;
  if (word == "buffered") return IoMode::buffered;
  if (word == "direct") return IoMode::direct;
  return IoMode::automatic;
}

/// SHELF SLOT IF IMAGE
std::optional<std::string> take_vblade_operands(CommandLine& line) {
  if (line.shelf || line.slot || !line.lun.interfaces.empty()) {
    return "SHELF SLOT IF IMAGE leave no room for --shelf, --slot and --interface";
  }
  const std::vector<std::string>& words = line.operands;
  line.shelf = parse_number(words[0], Address::any_shelf - 1);
  if (!line.shelf) return fmt::format("SHELF: {}: not a number from 0 to 65534", words[0]);
  line.slot = parse_number(words[1], Address::any_slot - 1);
  if (!line.slot) return fmt::format("SLOT: {}: not a number from 0 to 254", words[1]);
  const auto interfaces = parse_some_interfaces(words[2]);
  if (!interfaces) return "IF: " + interfaces.error();
  line.lun.interfaces = *interfaces;
  line.lun.store.path = words[3];
  return std::nullopt;
}

}  // namespace

std::string default_state_folder() {
  const char* const given = std::getenv("STATE_DIRECTORY");
  return given != nullptr && *given != '\0' ? given : "/var/lib/aoe-target";
}

std::string default_control_of_unit() {
  const char* const folder = std::getenv("RUNTIME_DIRECTORY");
  return folder != nullptr && *folder != '\0' ? std::string(folder) + "/control.sock" : "";
}

std::optional<std::string> complete(CommandLine& line) {
  if (line.no_state && !line.state.empty()) return "--state and --no-state contradict each other";
  if (line.direct && !line.io.empty() && line.io != "direct") {
    return fmt::format("--direct and --io {} contradict each other", line.io);
  }
  if (!line.config_file.empty()) {
    if (!line.operands.empty() || line.shelf || line.slot) {
      return "--config says what to serve: no IMAGE, --shelf or --slot beside it";
    }
    if (line.lun != LunDefinition{} || line.lun.store.create || line.direct || line.silent ||
        !line.io.empty()) {
      return "--config says how to serve: options of a LUN belong in the file";
    }
    return std::nullopt;
  }
  LunDefinition& lun = line.lun;
  if (lun.store.create && lun.store.overlay.empty()) return "--create makes an --overlay";
  if (line.operands.size() == 4) {
    if (auto error = take_vblade_operands(line)) return error;
  } else if (line.operands.size() != 1) {
    return line.operands.empty() ? "IMAGE is required"
                                 : "one IMAGE is expected, or SHELF SLOT IF IMAGE";
  } else {
    lun.store.path = line.operands[0];
  }
  if (lun.standby && line.control.empty()) return "--standby needs --control, to be promoted by";
  if (!line.shelf) return "--shelf is required";
  if (!line.slot) return "--slot is required";
  lun.address = {static_cast<std::uint16_t>(*line.shelf), static_cast<std::uint8_t>(*line.slot)};
  lun.store.io = line.direct ? IoMode::direct : mode_of(line.io);
  lun.announce = !line.silent;
  return std::nullopt;
}

TargetDefinition with_options(const CommandLine& line, TargetDefinition definition) {
  for (LunDefinition& lun : definition.luns) lun.store.force |= line.force;
  if (!line.state.empty()) definition.state_folder = line.state;
  if (definition.state_folder.empty()) definition.state_folder = default_state_folder();
  if (line.no_state) definition.state_folder.clear();
  if (definition.control.empty()) definition.control = default_control_of_unit();
  if (!line.control.empty()) definition.control = line.control;
  if (line.workers) definition.workers = *line.workers;
  if (line.busy_poll) definition.busy_poll = true;
  if (!line.wildcards.empty()) {
    definition.wildcards =
        line.wildcards == "config-only" ? Wildcards::config_only : Wildcards::all;
  }
  if (line.request_memory) definition.request_memory = *line.request_memory;
  if (!line.capture.empty()) definition.capture = line.capture;
  return definition;
}

std::string path_setting(std::string_view path) {
  std::string absolute(path);
  StoreDefinition store;
  store.path = absolute;
  if (store.is_file() && !path.empty()) absolute = std::filesystem::absolute(path).string();
  return YAML::Dump(YAML::Node(absolute));
}

std::optional<std::pair<std::string, std::string>> parse_setting(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == word.npos || equals == 0) return std::nullopt;
  const std::string key(word.substr(0, equals));
  const std::string_view value = word.substr(equals + 1);
  const bool is_path = (key == "path" || key == "overlay") && !value.empty();
  return std::pair(key, is_path ? path_setting(value) : std::string(value));
}

std::optional<Mac> parse_loose_mac(std::string_view text) {
  std::string with_colons;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_bare = text.find(':') == text.npos;
    if (is_bare && i > 0 && i % 2 == 0) with_colons += ':';
    with_colons += text[i];
  }
  return parse_mac(with_colons);
}

}  // namespace aoe::target
