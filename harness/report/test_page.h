// What a page carries, for the tests of the pages.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace aoe::harness {

/// Returns the JSON that the page's script draws; it is discarded without one.
inline nlohmann::json data_of(const std::string& page) {
  const std::string begin = "id=\"data\">";
  const std::size_t at = page.find(begin);
  const std::size_t end = page.find("</script>", at);
  return nlohmann::json::parse(page.substr(at + begin.size(), end - at - begin.size()), nullptr,
                               false);
}

}  // namespace aoe::harness
