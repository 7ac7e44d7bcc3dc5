// TestFolder: a temporary folder with disk images, removed with all its contents when destroyed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace aoe::target {

class TestFolder {
 public:
  /// On the disk; or in memory, for a test that flushes often and only needs a page cache.
  enum class Where : std::uint8_t { disk, memory };

  explicit TestFolder(Where where = Where::disk) {
    std::filesystem::path parent = std::filesystem::temp_directory_path();
    if (where == Where::memory && std::filesystem::exists("/dev/shm")) parent = "/dev/shm";
    std::string name = parent / "aoe_target_test.XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }

  std::filesystem::path path(const std::string& name = "disk.img") const { return path_ / name; }

  /// Makes a file of `size` zeros, or with these contents, and returns its path.
  std::filesystem::path make_image(std::uint64_t size, const std::string& name = "disk.img") const {
    std::ofstream(path(name)).flush();
    std::filesystem::resize_file(path(name), size);
    return path(name);
  }
  std::filesystem::path make_image(const std::vector<std::uint8_t>& contents,
                                   const std::string& name = "disk.img") const {
    std::ofstream out(path(name), std::ios::binary);
    out.write(reinterpret_cast<const char*>(contents.data()),
              static_cast<std::streamsize>(contents.size()));
    return path(name);
  }
  std::vector<std::uint8_t> contents(const std::string& name = "disk.img") const {
    std::vector<std::uint8_t> bytes(std::filesystem::file_size(path(name)));
    std::ifstream in(path(name), std::ios::binary);
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }
  /// Returns the text with this folder's name removed from all paths.
  std::string shorten(std::string text) const {
    const std::string prefix = path_.string() + "/";
    for (std::size_t at = 0; (at = text.find(prefix)) != std::string::npos;) {
      text.erase(at, prefix.size());
    }
    return text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace aoe::target
