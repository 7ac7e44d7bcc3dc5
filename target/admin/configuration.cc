#include "target/admin/configuration.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/whole_file.h"
#include "config/yaml_file.h"

namespace aoe::target {
namespace {

/// Returns the text of a drop-in with one LUN.
std::string text_of(Address lun, const YAML::Node& keys) {
  YAML::Node first;  // the address comes first
  first["shelf"] = lun.shelf;
  first["slot"] = static_cast<int>(lun.slot);
  for (const auto& entry : keys) first[entry.first.Scalar()] = entry.second;
  YAML::Node root;
  root["luns"].push_back(first);
  return fmt::format("# {} as aoe-target ctl --save has written it, and will again.\n{}\n", lun,
                     YAML::Dump(root));
}

/// Returns an error without its place, which is of no use where there is no file: "ctl:1:1: lun: …".
std::string without_place(const std::string& error) {
  const std::string file = std::string(lun_edit_file) + ':';
  if (!error.starts_with(file)) return error;
  const auto end = error.find(": ", file.size());
  return end == error.npos ? error : error.substr(end + 2);
}

}  // namespace

tl::expected<TargetDefinition, std::string> Configuration::parse(Source source) {
  auto definition = parse_config(source.files, source.edits);
  if (!definition) return tl::unexpected(without_place(definition.error()));
  source.places = definition->places;
  tried_ = std::move(source);
  return complete_(*std::move(definition));
}

tl::expected<TargetDefinition, std::string> Configuration::read() {
  auto files = read_config_texts(path_);
  if (!files) return tl::unexpected(files.error());
  return parse({*std::move(files)});
}

tl::expected<TargetDefinition, std::string> Configuration::edit(Address lun, const LunEdit& edit) {
  if (std::string error = edit_error(edit); !error.empty()) return tl::unexpected(std::move(error));
  Source source{in_use_.files, in_use_.edits};
  LunEdit& of_lun = source.edits[lun];
  of_lun = joined(of_lun, edit);
  return parse(std::move(source));
}

void Configuration::commit() {
  in_use_ = std::exchange(tried_, {});
}

std::string Configuration::saved_path(Address lun) const {
  return fmt::format("{}/{}.yaml", drop_in_folder(path_), lun);
}

std::string Configuration::why_not_saved(Address lun) const {
  const auto place = in_use_.places.find(lun);
  const std::string own = saved_path(lun);
  const bool is_elsewhere = place != in_use_.places.end() && !place->second.starts_with(own + ':');
  if (is_elsewhere) return fmt::format("{} is defined in {}: change it there", lun, place->second);
  const auto file = std::ranges::find(in_use_.files, own, &ConfigText::path);
  if (file == in_use_.files.end()) return {};
  const YAML::Node root = YAML::Load(file->text);
  if (root.size() == 1 && root["luns"].size() == 1) return {};
  return fmt::format("{} has more than {}: change it there", own, lun);
}

tl::expected<std::string, std::string> Configuration::save(Address lun) {
  const std::string path = saved_path(lun);
  const auto fail = [&path] { return tl::unexpected(path + ": " + last_error().message()); };
  const auto found = in_use_.edits.find(lun);
  if (found == in_use_.edits.end()) return path;
  const auto file = std::ranges::find(in_use_.files, path, &ConfigText::path);
  if (found->second.is_removed) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail();
    if (file != in_use_.files.end()) in_use_.files.erase(file);
  } else {
    YAML::Node before;
    if (file != in_use_.files.end()) before = YAML::Load(file->text)["luns"][0];
    std::string text = text_of(lun, edited(before, found->second));
    if (::mkdir(drop_in_folder(path_).c_str(), 0755) != 0 && errno != EEXIST) return fail();
    if (auto written = write_whole(path, text); !written) return tl::unexpected(written.error());
    for (const std::string& stable : {path, drop_in_folder(path_)}) {
      const Descriptor opened(::open(stable.c_str(), O_RDONLY | O_CLOEXEC));
      if (opened.get() < 0 || ::fsync(opened.get()) != 0) return fail();
    }
    if (file != in_use_.files.end()) in_use_.files.erase(file);
    in_use_.files.push_back({path, std::move(text)});
    std::ranges::sort(in_use_.files.begin() + 1, in_use_.files.end(), {}, &ConfigText::path);
    in_use_.places[lun] = path + ":1:1";
  }
  if (found->second.is_removed) in_use_.places.erase(lun);
  in_use_.edits.erase(found);
  return path;
}

}  // namespace aoe::target
