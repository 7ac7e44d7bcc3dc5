#include "config/yaml_file.h"

#include <fstream>

#include <gtest/gtest.h>

namespace aoe {
namespace {

/// What a reader of {n: NUMBER} makes of the text.
tl::expected<std::uint64_t, std::string> number_in(const std::string& text) {
  return read_yaml(text, "x.yaml", [](const YAML::Node& root) {
    YamlMap map(root, "x.yaml", "file");
    const std::uint64_t number = map.number("n", 0, 0, 9);
    map.finish();
    return number;
  });
}

TEST(YamlFile, ItsOneDocumentIsRead) {
  EXPECT_EQ(number_in("n: 7"), 7U);
  EXPECT_EQ(number_in("---\nn: 7\n...\n"), 7U);
}

TEST(YamlFile, WhatTheReaderOrTheParserComplainsOfIsOneLine) {
  EXPECT_EQ(number_in("m: 7").error(), "x.yaml:1:1: file: unknown key 'm'; did you mean 'n'?");
  EXPECT_EQ(number_in("\nn: [7").error(), "x.yaml:2:1: end of sequence flow not found");
  EXPECT_EQ(number_in("n: *a").error(), "x.yaml:1:4: the referenced anchor is not defined");
}

TEST(YamlFile, NoDocumentIsNoMappingAndSeveralAreOneTooMany) {
  EXPECT_EQ(number_in("").error(), "x.yaml:1:1: file: expected a mapping");
  EXPECT_EQ(number_in("# nothing\n").error(), "x.yaml:1:1: file: expected a mapping");
  EXPECT_EQ(number_in("n: 1\n---\nn: 2").error(),
            "x.yaml:1:1: expected one YAML document, got several");
}

TEST(YamlFile, NestingWithoutEndIsRefused) {
  EXPECT_FALSE(number_in("n: " + std::string(100'000, '['))) << "and the stack holds";
}

TEST(FileText, AFileIsItsBytes) {
  const std::string path = testing::TempDir() + "/file_text";
  std::ofstream(path) << "a\nb";
  EXPECT_EQ(file_text(path), "a\nb");
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(file_text(path), "");
}

TEST(FileText, WhatCannotBeReadIsNamedWithItsReason) {
  EXPECT_EQ(file_text("/nonexistent/x.yaml").error(),
            "/nonexistent/x.yaml: No such file or directory");
  EXPECT_EQ(file_text("/").error(), "/: Is a directory");
}

}  // namespace
}  // namespace aoe
