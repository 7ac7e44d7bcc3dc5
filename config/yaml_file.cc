#include "config/yaml_file.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

namespace aoe {

tl::expected<std::string, std::string> file_text(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || (text.str().empty() && errno != 0)) {
    const int reason = errno == 0 ? EIO : errno;
    return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(reason)));
  }
  return text.str();
}

YAML::Node yaml_document(const std::string& text, const std::string& file) {
  const std::vector<YAML::Node> documents = YAML::LoadAll(text);
  if (documents.size() > 1) fail_at({file, 1, 1}, "expected one YAML document, got several");
  return documents.empty() ? YAML::Node() : documents.front();
}

}  // namespace aoe
