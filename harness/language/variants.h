// A scenario file taken apart: its documents, and of each the variants that `matrix` asks for.
//
//   matrix:
//     count: [0, 3, 255]          every combination of these,
//     mtu: [1500, 9000]
//     exclude: [{count: 3, mtu: 9000}]     but not this one (nor any that agrees with it),
//     include: [{count: 17, mtu: 9000}]    and that one, too
//
// In all values below, $count or ${count} stands for the variant's value.
#pragma once

#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace aoe::harness {

inline constexpr std::size_t variants_max = 1000;

struct Variant {
  YAML::Node root;   // nodes know where they stand in the file
  std::string yaml;  // its text; with `variant: {count: 3}` in place of the matrix
};

/// Throws YamlError or YAML::Exception, which know the file's lines.
std::vector<Variant> expand(const std::string& text, const std::string& file);

/// "reads[count=3,mtu=1500]" of "reads" and the mapping of `variant`.
std::string variant_id(const std::string& name, const YAML::Node& variant);

}  // namespace aoe::harness
