// Descriptor: an owned file descriptor, and system errors as std::error_code.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace aoe {

/// Closes the descriptor when destroyed. -1 means none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int get() const { return number_; }

 private:
  int number_ = -1;
};

/// The error code for an errno value.
inline std::error_code error_of(int number) {
  return {number, std::generic_category()};
}

/// The error code for the present errno.
inline std::error_code last_error() {
  return error_of(errno);
}

}  // namespace aoe
