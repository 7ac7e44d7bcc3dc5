// A cpio archive ("newc") as the Linux kernel unpacks one into its first root file system.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aoe::guest {

class Archive {
 public:
  void add_folder(std::string_view path) { add(path, folder_mode, {}); }
  void add_program(std::string_view path, std::string_view content) {
    add(path, program_mode, content);
  }
  void add_file(std::string_view path, std::string_view content) { add(path, file_mode, content); }
  /// Returns the archive with its trailer. Paths are relative; a folder comes before its content.
  std::string finish();

 private:
  static constexpr std::uint32_t folder_mode = 0040755;
  static constexpr std::uint32_t program_mode = 0100755;
  static constexpr std::uint32_t file_mode = 0100644;

  void add(std::string_view path, std::uint32_t mode, std::string_view content);

  std::string bytes_;
  std::uint32_t entries_ = 0;
};

}  // namespace aoe::guest
