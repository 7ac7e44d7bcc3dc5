#include "suts/ipxe/session.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "proto/codes.h"

namespace aoe::guest {
namespace {

/// Nobody asks for more at once.
constexpr std::size_t request_sectors_max = 1 << 16;

/// A line without its end; empty when there are no more.
std::string read_line(std::FILE* in) {
  std::string line;
  for (int next = std::fgetc(in); next != EOF; next = std::fgetc(in)) {
    line += static_cast<char>(next);
    if (next == '\n') break;
  }
  return line;
}

}  // namespace

void Session::run() {
  say("ready\n");
  for (std::string line = read_line(in_); !line.empty(); line = read_line(in_)) {
    std::istringstream words(line);
    std::string verb;
    std::uint64_t lba = 0;
    std::size_t sectors = 0;
    words >> verb;
    if (verb == "discover") {
      answer(discover());
    } else if (verb == "read" && words >> lba >> sectors && sectors <= request_sectors_max) {
      read(lba, sectors);
    } else if (verb == "write" && words >> lba >> sectors && sectors <= request_sectors_max) {
      write(lba, sectors);
    } else {
      answer(tl::unexpected("unknown request: " + line.substr(0, line.find('\n'))));
    }
  }
}

Firmware::Result Session::discover() {
  if (is_hooked_) (void)firmware_.execute("sanunhook --drive 0x81");
  is_hooked_ = false;
  return hook();
}

Firmware::Result Session::hook() {
  if (is_hooked_) return {};
  auto hooked = firmware_.execute("sanhook --drive 0x81 aoe:" + device_);
  is_hooked_ = hooked.has_value();
  return hooked;
}

void Session::read(std::uint64_t lba, std::size_t sectors) {
  std::string bytes;
  Firmware::Result result = hook();
  for (std::size_t done = 0; result && done < sectors;) {
    const std::size_t part = std::min(sectors - done, Firmware::sectors_max);
    auto piece = firmware_.read(lba + done, part);
    if (!piece) result = tl::unexpected(piece.error());
    if (piece) bytes += *piece;
    done += part;
  }
  answer(result, bytes);
}

void Session::write(std::uint64_t lba, std::size_t sectors) {
  std::string bytes(sectors * sector_size, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), in_));
  Firmware::Result result = hook();
  if (bytes.size() < sectors * sector_size)
    result = tl::unexpected(std::string("the data ended early"));
  for (std::size_t done = 0; result && done < sectors;) {
    const std::size_t part = std::min(sectors - done, Firmware::sectors_max);
    result = firmware_.write(
        lba + done, std::string_view(bytes).substr(done * sector_size, part * sector_size));
    done += part;
  }
  answer(result);
}

void Session::answer(const Firmware::Result& result, const std::string& bytes) {
  say(result ? "ok\n" + bytes : fmt::format("error {}\n", result.error()));
}

void Session::say(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), out_);
  std::fflush(out_);
}

}  // namespace aoe::guest
