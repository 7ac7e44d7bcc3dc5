#include "target/service/state_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/descriptor.h"
#include "config/yaml_file.h"

namespace aoe::target {
namespace {

/// A config string may hold any byte, so it is kept as two hexadecimal digits each.
std::string hexadecimal(std::string_view bytes) {
  const Bytes numbers(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return fmt::format("{:02x}", fmt::join(numbers, ""));
}

std::optional<std::string> from_hexadecimal(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = digits.find(text[i]);
    const std::size_t low = digits.find(text[i + 1]);
    if (high == digits.npos || low == digits.npos) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string file_name(Address lun) {
  return fmt::format("{}.yaml", lun);
}

std::string quoted(const std::vector<Mac>& macs) {
  return macs.empty() ? "[]" : fmt::format("[\"{}\"]", fmt::join(macs, "\", \""));
}

/// Quotes text for YAML; it has no control characters.
std::string quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string text_of(const StateFiles::Saved& saved) {
  const auto& [lun, state, image] = saved;
  const std::string string =
      state.is_default_string
          ? ""
          : fmt::format("config-string: \"{}\"\n", hexadecimal(state.config_string));
  return fmt::format(
      "# What clients of {} have set (aoe-target). The config string is in hexadecimal.\n"
      "# Without the line of the image, this is taken for any image.\n"
      "image: {{path: {}, size: {}, object: {}}}\n"
      "{}mask: {}\nreserved: {}\n",
      lun, quoted(image.path), image.size, quoted(image.object), string, quoted(state.mask),
      quoted(state.reserved));
}

std::vector<Mac> read_macs(YamlMap& map, const std::string& key) {
  map.require(key);  // without its end a file is damaged
  std::vector<Mac> macs;
  for (const YAML::Node& item : map.items(key)) {
    const auto mac = parse_mac(item.Scalar());
    if (!mac) map.fail(item, key + ": expected a MAC address such as 02:00:00:00:00:01");
    if (macs.size() == MacSet::capacity) map.fail(item, key + ": more than 255 addresses");
    macs.push_back(*mac);
  }
  return macs;
}

ImageIdentity read_image(YamlMap map) {
  ImageIdentity image;
  image.path = map.text("path");
  image.size = map.number("size", 0, 0, std::numeric_limits<std::uint64_t>::max());
  image.object = map.text("object");
  map.finish();
  return image;
}

StateFiles::Loaded read_state(const YAML::Node& root, const std::string& file) {
  YamlMap map(root, file, "state");
  StateFiles::Loaded loaded;
  LunState& state = loaded.state;
  if (map.has("image")) loaded.image = read_image(map.map("image"));
  state.is_default_string = !map.has("config-string");
  if (!state.is_default_string) {
    const YAML::Node text = map.require("config-string");
    const auto bytes = text.IsScalar() ? from_hexadecimal(text.Scalar()) : std::nullopt;
    if (!bytes || bytes->size() > config_string_size_max) {
      map.fail(text, "config-string: expected at most 1024 bytes in hexadecimal");
    }
    state.config_string = *bytes;
  }
  state.mask = read_macs(map, "mask");
  state.reserved = read_macs(map, "reserved");
  map.finish();
  return loaded;
}

std::string beside(const std::string& name) {
  return name + ".new";
}

/// Writes a file beside the one of this name, which it may then replace.
std::error_code write_beside(int folder, const std::string& name, std::string_view text,
                             bool make_stable) {
  const std::string path = beside(name);
  // What is left of a save that was interrupted.
  if (::unlinkat(folder, path.c_str(), 0) != 0 && errno != ENOENT) return last_error();
  const Descriptor file(
      ::openat(folder, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return last_error();
  while (!text.empty()) {
    const ssize_t count = ::write(file.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return !make_stable || ::fsync(file.get()) == 0 ? std::error_code{} : last_error();
}

}  // namespace

tl::expected<StateFiles, std::string> StateFiles::open(const std::string& folder) {
  const bool is_there = ::mkdir(folder.c_str(), S_IRWXU) == 0 || errno == EEXIST;
  // The slash has a file that is no folder refused.
  if (!is_there || ::access((folder + '/').c_str(), R_OK | W_OK | X_OK) != 0) {
    return tl::unexpected(folder + ": " + last_error().message());
  }
  return StateFiles(folder);
}

std::string StateFiles::path(Address lun) const {
  return fmt::format("{}/{}", folder_, file_name(lun));
}

tl::expected<std::optional<StateFiles::Loaded>, std::string> StateFiles::load(Address lun) const {
  const std::string file = path(lun);
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return std::nullopt;
  const auto text = file_text(file);
  if (!text) return tl::unexpected(text.error());
  const auto state =
      read_yaml(*text, file, [&](const YAML::Node& root) { return read_state(root, file); });
  if (!state) return tl::unexpected(state.error());
  return *state;
}

tl::expected<std::optional<std::string>, std::string> StateFiles::set_aside(Address lun) const {
  const std::string from = path(lun);
  const auto fail = [&] { return tl::unexpected(from + ": " + last_error().message()); };
  std::string to = from + ".old";
  for (int number = 2;
       ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0; ++number) {
    if (errno == ENOENT) return std::nullopt;
    if (errno != EEXIST) return fail();
    to = fmt::format("{}.old{}", from, number);
  }
  const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return fail();
  return to;
}

std::error_code StateFiles::save(Address lun, const LunState& state,
                                 const ImageIdentity& image) const {
  const Saved saved{lun, state, image};
  return save({&saved, 1}).front();
}

std::vector<std::error_code> StateFiles::save(std::span<const Saved> states) const {
  /// Up to so many files are made stable one by one; more of them with their whole file system.
  constexpr std::size_t few = 4;
  std::map<Address, const Saved*> last;
  for (const Saved& saved : states) last[saved.lun] = &saved;
  const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::error_code of_all = folder.get() < 0 ? last_error() : std::error_code{};
  std::map<Address, std::error_code> errors;
  for (const auto& [lun, saved] : last) {
    errors[lun] =
        of_all ? of_all
               : write_beside(folder.get(), file_name(lun), text_of(*saved), last.size() <= few);
  }
  if (!of_all && last.size() > few && ::syncfs(folder.get()) != 0) of_all = last_error();
  for (auto& [lun, error] : errors) {
    if (of_all || error) continue;
    const std::string name = file_name(lun);
    if (::renameat(folder.get(), beside(name).c_str(), folder.get(), name.c_str()) != 0) {
      error = last_error();
    }
  }
  if (!of_all && ::fsync(folder.get()) != 0) of_all = last_error();
  std::vector<std::error_code> results;
  for (const Saved& one : states) results.push_back(errors[one.lun] ? errors[one.lun] : of_all);
  return results;
}

}  // namespace aoe::target
