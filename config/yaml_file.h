// Reads a whole YAML file into a value, or returns one line that says what is wrong.
//
// The caller passes a function from the root node to the value, which throws YamlError where the
// file is wrong. Exceptions of the parser become the same kind of line.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "config/yaml_map.h"

namespace aoe {

/// Returns the bytes of a file. Error: "aoe.yaml: No such file or directory".
tl::expected<std::string, std::string> file_text(const std::string& path);

/// Returns the only document in `text`, a null node if there is none. Throws YamlError or
/// YAML::Exception.
YAML::Node yaml_document(const std::string& text, const std::string& file);

/// Returns the value of `reader()`, or the line of the exception that it throws: "aoe.yaml:7:5:
/// what is wrong".
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

/// Returns the value of `reader(root)` for the only document in `text`, or an error as read_whole()
/// does.
template <typename Reader>
auto read_yaml(const std::string& text, const std::string& file, const Reader& reader)
    -> tl::expected<decltype(reader(YAML::Node())), std::string> {
  return read_whole(file, [&] { return reader(yaml_document(text, file)); });
}

}  // namespace aoe
