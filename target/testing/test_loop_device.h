// A loop device over a file, for tests of block devices. Needs root and a kernel that has them.
#pragma once

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <filesystem>
#include <string>

#include "base/descriptor.h"

namespace aoe::target {

class TestLoopDevice {
 public:
  explicit TestLoopDevice(const std::filesystem::path& file) {
    const Descriptor backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    const Descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (backing.get() < 0 || control.get() < 0) return;
    // Another process may take the free one first.
    for (int attempt = 0; attempt < 10; ++attempt) {
      const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
      if (number < 0) return;
      const std::string path = "/dev/loop" + std::to_string(number);
      Descriptor device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
      if (device.get() < 0) return;
      if (::ioctl(device.get(), LOOP_SET_FD, backing.get()) != 0) continue;
      path_ = path;
      device_ = std::move(device);
      return;
    }
  }
  ~TestLoopDevice() {
    if (device_.get() >= 0) ::ioctl(device_.get(), LOOP_CLR_FD);
  }

  /// Empty if there is no loop device.
  const std::string& path() const { return path_; }

 private:
  Descriptor device_;
  std::string path_;
};

}  // namespace aoe::target
