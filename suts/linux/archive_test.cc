#include "suts/linux/archive.h"

#include <gtest/gtest.h>

namespace aoe::guest {
namespace {

/// The thirteen numbers of an entry.
std::string header(std::string_view inode, std::string_view mode, std::string_view links,
                   std::string_view size, std::string_view name_size) {
  const std::string zero(8, '0');
  std::string text = "070701";
  for (const std::string_view field :
       {inode, mode, std::string_view(zero), std::string_view(zero), links, std::string_view(zero),
        size, std::string_view(zero), std::string_view(zero), std::string_view(zero),
        std::string_view(zero), name_size, std::string_view(zero)}) {
    text += field;
  }
  return text;
}

TEST(Archive, HoldsEntriesWithTheirNamesAndContentsAtMultiplesOfFour) {
  Archive archive;
  archive.add_folder("dev");
  archive.add_program("init", "#!x");
  archive.add_file("dev/abc", "");
  const std::string zeros(3, '\0');
  EXPECT_EQ(
      archive.finish(),
      header("00000001", "000041ed", "00000002", "00000000", "00000004") + "dev" +
          zeros.substr(0, 3) + header("00000002", "000081ed", "00000001", "00000003", "00000005") +
          "init" + zeros.substr(0, 2) + "#!x" + zeros.substr(0, 1) +
          header("00000003", "000081a4", "00000001", "00000000", "00000008") + "dev/abc" +
          zeros.substr(0, 3) + header("00000004", "00000000", "00000001", "00000000", "0000000b") +
          "TRAILER!!!" + zeros.substr(0, 1) + std::string(3, '\0'));
}

}  // namespace
}  // namespace aoe::guest
