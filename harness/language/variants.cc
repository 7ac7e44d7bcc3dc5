#include "harness/language/variants.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <boost/algorithm/string.hpp>

#include "config/yaml_map.h"

namespace aoe::harness {
namespace {

/// The values of a variant, by axis, in the file's order.
using Values = std::vector<std::pair<std::string, std::string>>;

const std::string* value_of(const Values& values, std::string_view axis) {
  const auto found = std::ranges::find(values, axis, &Values::value_type::first);
  return found == values.end() ? nullptr : &found->second;
}

/// Each document's lines, after as many empty ones as stand before it: so its marks are the file's.
std::vector<std::string> split_documents(const std::string& text) {
  std::vector<std::string> documents;
  std::string document;
  std::size_t line_count = 0;
  const auto close = [&] {
    const bool says_something = document.find_first_not_of("\n \t") != std::string::npos;
    if (says_something) documents.push_back(std::move(document));
    document.assign(line_count, '\n');
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    ++line_count;
    if (line.starts_with("---") &&
        (line.size() == 3 || line.find_first_not_of(" -\r\n", 3) == std::string_view::npos)) {
      close();
    } else {
      document += line;
    }
    begin = end;
  }
  close();
  if (documents.empty()) documents.emplace_back();
  return documents;
}

[[noreturn]] void refuse_axis(const YAML::Node& node, const std::string& name, const Values& values,
                              const std::string& file) {
  std::set<std::string> axes;
  for (const auto& [axis, value] : values) axes.insert("$" + axis);
  fail_at(mark_at(file, node.Mark()), fmt::format("matrix: no axis '{}' for '{}'{}", name,
                                                  node.Scalar(), known_instead("$" + name, axes)));
}

/// A scalar with values in place of $axis and ${axis}.
std::string filled_in(const YAML::Node& node, const Values& values, const std::string& file) {
  const std::string& text = node.Scalar();
  std::string filled;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t dollar = std::min(text.find('$', at), text.size());
    filled += text.substr(at, dollar - at);
    if (dollar == text.size()) break;
    const bool braced = dollar + 1 < text.size() && text[dollar + 1] == '{';
    const std::size_t begin = dollar + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_name(std::string("x") + text[end]) && text[end] != '.') ++end;
    const std::string name = text.substr(begin, end - begin);
    const std::string* value = value_of(values, name);
    if (value == nullptr || (braced && (end == text.size() || text[end] != '}'))) {
      refuse_axis(node, name, values, file);
    }
    filled += *value;
    at = end + (braced ? 1 : 0);
  }
  return filled;
}

/// Fills in all scalars below.
void fill(YAML::Node node, const Values& values, const std::string& file) {
  if (node.IsScalar()) {
    const std::string filled = filled_in(node, values, file);
    if (filled != node.Scalar()) node = filled;
  } else if (node.IsSequence()) {
    for (YAML::Node item : node) fill(item, values, file);
  } else if (node.IsMap()) {
    for (auto entry : node) fill(entry.second, values, file);
  }
}

class Matrix {
 public:
  Matrix(const YAML::Node& node, const std::string& file) : map_(node, file, "matrix") {
    for (const YAML::Node& key : map_.keys()) {
      const std::string& name = key.Scalar();
      if (name == "exclude" || name == "include") continue;
      if (!is_name(name) || name.find('.') != std::string::npos) {
        map_.fail(key, "expected an axis of letters, digits, - and _");
      }
      const YAML::Node list = map_.require(name);
      if (!list.IsSequence() || list.size() == 0) {
        map_.fail(list, fmt::format("{}: expected a list of values", name));
      }
      axes_.emplace_back(name, map_.texts(name));
    }
    combine({}, 0);
    for (const YAML::Node& item : combinations("exclude")) exclude(item);
    for (const YAML::Node& item : combinations("include")) include(item);
    map_.finish();
    if (all_.empty()) fail_at(map_.mark(), "matrix: expected at least one combination");
  }

  const std::vector<Values>& all() const { return all_; }

 private:
  void combine(Values chosen, std::size_t axis) {
    if (axis == axes_.size()) {
      if (!chosen.empty()) add(std::move(chosen));
      return;
    }
    for (const std::string& value : axes_[axis].second) {
      chosen.emplace_back(axes_[axis].first, value);
      combine(chosen, axis + 1);
      chosen.pop_back();
    }
  }

  void add(Values values) {
    if (all_.size() == variants_max) {
      fail_at(map_.mark(), fmt::format("matrix: more than {} variants", variants_max));
    }
    all_.push_back(std::move(values));
  }

  Values values_in(const YAML::Node& item) {
    Values values;
    YamlMap entry(item, map_.mark().file, "matrix");
    for (const YAML::Node& key : entry.keys()) {
      values.emplace_back(key.Scalar(), entry.text(key.Scalar()));
    }
    return values;
  }

  /// The items of `exclude` or `include`; none where the key is missing.
  YAML::Node combinations(const std::string& key) {
    const auto list = map_.find(key);
    if (!list) return YAML::Node(YAML::NodeType::Sequence);
    if (!list->IsSequence()) map_.fail(*list, key + ": expected a list of combinations");
    return *list;
  }

  void exclude(const YAML::Node& item) {
    const Values out = values_in(item);
    const auto agrees = [&](const Values& values) {
      return std::ranges::all_of(out, [&](const auto& axis_and_value) {
        const std::string* value = value_of(values, axis_and_value.first);
        return value != nullptr && *value == axis_and_value.second;
      });
    };
    if (std::erase_if(all_, agrees) == 0) {
      map_.fail(item, "exclude: no combination agrees with this one");
    }
  }

  void include(const YAML::Node& item) {
    const Values in = values_in(item);
    if (axes_.empty()) {  // the first of them names the axes
      for (const auto& [axis, value] : in) axes_.push_back({axis, {}});
    }
    Values ordered;
    for (const auto& [axis, values] : axes_) {
      const std::string* value = value_of(in, axis);
      if (value == nullptr) map_.fail(item, fmt::format("include: '{}' is missing", axis));
      ordered.emplace_back(axis, *value);
    }
    if (ordered.size() != in.size()) {
      map_.fail(item, "include: an axis that no other combination has");
    }
    add(std::move(ordered));
  }

  YamlMap map_;
  std::vector<std::pair<std::string, std::vector<std::string>>> axes_;
  std::vector<Values> all_;
};

void expand_document(const std::string& document, const std::string& file,
                     std::vector<Variant>& variants) {
  const YAML::Node root = YAML::Load(document);
  if (!root.IsMap() || !root["matrix"]) {
    variants.push_back({root, boost::trim_left_copy_if(document, boost::is_any_of("\n"))});
    return;
  }
  const Matrix matrix(root["matrix"], file);
  for (const Values& values : matrix.all()) {
    YAML::Node variant = YAML::Load(document);
    variant.remove("matrix");
    fill(variant, values, file);
    for (const auto& [axis, value] : values) variant["variant"][axis] = value;
    const std::string yaml = YAML::Dump(variant) + "\n";
    variants.push_back({variant, yaml});
  }
}

}  // namespace

std::vector<Variant> expand(const std::string& text, const std::string& file) {
  std::vector<Variant> variants;
  for (const std::string& document : split_documents(text)) {
    expand_document(document, file, variants);
  }
  return variants;
}

std::string variant_id(const std::string& name, const YAML::Node& variant) {
  std::string values;
  for (const auto& entry : variant) {
    std::string value = entry.second.Scalar();
    const auto is_odd = [](char c) {
      return !is_name(std::string("x") + c) && c != ':' && c != '+';
    };
    std::ranges::replace_if(value, is_odd, '_');
    values += fmt::format("{}{}={}", values.empty() ? "" : ",", entry.first.Scalar(), value);
  }
  return fmt::format("{}[{}]", name, values);
}

}  // namespace aoe::harness
