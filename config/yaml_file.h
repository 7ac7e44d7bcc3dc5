// A whole YAML file, read to its end or not at all.
//
// The reader of a kind of file is a function from the root node to a value, which throws YamlError
// where the file is wrong; what the parser itself throws becomes the same one line of text here.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "config/yaml_map.h"

namespace aoe {

/// The bytes of a file. Error: "aoe.yaml: No such file or directory".
tl::expected<std::string, std::string> file_text(const std::string& path);

/// The one document in `text`; null where there is none. Throws YamlError or YAML::Exception.
YAML::Node yaml_document(const std::string& text, const std::string& file);

/// What `reader()` makes of the file, as an error of one line where it throws: "aoe.yaml:7:5: what
/// is wrong".
template <typename Reader>
auto read_whole(const std::string& file, const Reader& reader)
    -> tl::expected<decltype(reader()), std::string> {
  try {
    return reader();
  } catch (const YamlError& error) {
    return tl::unexpected(std::string(error.what()));
  } catch (const YAML::Exception& error) {
    return tl::unexpected(complaint_at(mark_at(file, error.mark), error.msg));
  }
}

/// What `reader(root)` makes of the one document in `text`.
template <typename Reader>
auto read_yaml(const std::string& text, const std::string& file, const Reader& reader)
    -> tl::expected<decltype(reader(YAML::Node())), std::string> {
  return read_whole(file, [&] { return reader(yaml_document(text, file)); });
}

}  // namespace aoe
