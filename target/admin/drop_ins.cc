#include "target/admin/drop_ins.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "config/yaml_file.h"

namespace aoe::target {

std::string drop_in_folder(const std::string& path) {
  return std::filesystem::path(path).replace_extension(".d").string();
}

tl::expected<std::vector<ConfigText>, std::string> read_config_texts(const std::string& path) {
  std::vector<std::string> names;
  const std::string folder = drop_in_folder(path);
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(".yaml") && !name.starts_with('.')) names.push_back(entry->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return tl::unexpected(fmt::format("{}: {}", folder, error.message()));
  }
  std::ranges::sort(names);
  names.insert(names.begin(), path);
  std::vector<ConfigText> files;
  for (const std::string& name : names) {
    auto text = file_text(name);
    if (!text) return tl::unexpected(text.error());
    files.push_back({name, *std::move(text)});
  }
  return files;
}

}  // namespace aoe::target
