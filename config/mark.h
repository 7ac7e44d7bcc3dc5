// Where something stands in a file, and complaints that say so.
//
// Light enough for headers whose types remember their place; reading YAML itself is yaml_map.h's.
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

/// "x.yaml:14:5: message", on one line and of bounded length, whatever of the file is in the
/// message.
std::string complaint_at(const Mark& mark, std::string_view message);
[[noreturn]] void fail_at(const Mark& mark, std::string_view message);

}  // namespace aoe
