// Mark: a place in a file, and error messages that begin with one.
//
// Includes no YAML parser, so that headers of types which remember their place can include it; see
// yaml_map.h for reading YAML.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace aoe {

/// Printed as file:line:column, both from 1 on.
struct Mark {
  std::string file;
  int line = 0;
  int column = 0;
};

struct YamlError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Returns "x.yaml:14:5: message" as one line of bounded length: text of the file that the message
/// quotes is escaped and shortened.
std::string complaint_at(const Mark& mark, std::string_view message);
/// Throws a YamlError with that line.
[[noreturn]] void fail_at(const Mark& mark, std::string_view message);

}  // namespace aoe
