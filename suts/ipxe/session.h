// A session: the requests that come by lines, each carried out by iPXE and answered, until there are
// no more (suts/README.md, "A session").
#pragma once

#include <cstdio>
#include <string>

#include "suts/ipxe/firmware.h"

namespace aoe::guest {

class Session {
 public:
  /// `device`: the disk that iPXE hooks, such as "e1.1". All are borrowed.
  Session(Firmware& firmware, std::string device, std::FILE* in, std::FILE* out)
      : firmware_(firmware), device_(std::move(device)), in_(in), out_(out) {}

  /// Returns when `in` has ended.
  void run();

 private:
  /// Has iPXE look for the disk, even if it knows it already.
  Firmware::Result discover();
  /// Has iPXE look for the disk and hook it as drive 0x81, as its sanboot does before it boots, unless
  /// it has.
  Firmware::Result hook();
  void read(std::uint64_t lba, std::size_t sectors);
  void write(std::uint64_t lba, std::size_t sectors);
  void answer(const Firmware::Result& result, const std::string& bytes = {});
  void say(const std::string& bytes);

  Firmware& firmware_;
  const std::string device_;
  std::FILE* const in_;
  std::FILE* const out_;
  bool is_hooked_ = false;
};

}  // namespace aoe::guest
