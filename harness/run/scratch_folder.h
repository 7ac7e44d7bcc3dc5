// A folder for temporary files, gone with them when this is.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace aoe::harness {

class ScratchFolder {
 public:
  /// `name` is a part of its path.
  explicit ScratchFolder(const std::string& name) {
    std::error_code error;
    std::string path = (std::filesystem::temp_directory_path(error) / (name + "-XXXXXX")).string();
    if (::mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  /// Empty where none can be made.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace aoe::harness
