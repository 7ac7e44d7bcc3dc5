// iPXE in a virtual machine that has nothing but a network card, and the agent (agent.s) that it has
// booted: what a machine is that starts from the network, just before it reads its disk.
//
// A firmware does one thing at a time, so each call returns when iPXE has done it, however long that
// takes; iPXE gives up by itself. Frames have to pass meanwhile, so the card's stream belongs to
// another thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "proto/address.h"
#include "suts/guest/qemu.h"

namespace aoe::guest {

/// The parts that the machine is made of, as found on this one.
struct FirmwareParts {
  std::string image;    // iPXE, as a kernel that QEMU loads: ipxe.lkrn
  std::string release;  // "1.0.0+git-20190125.36a4c85-5.1"
  std::string agent;    // the program that iPXE boots
  std::string qemu;
};

/// Errors say how to get what is missing. `folder` may be empty: then it is where fetch puts it.
tl::expected<FirmwareParts, std::string> find_firmware(const std::string& folder);

class Firmware {
 public:
  using Result = tl::expected<void, std::string>;

  /// Does nothing but to make the streams: frames may come and go before it starts.
  Firmware();

  /// Boots with a card that has this address, which takes a second or two. Its console is this
  /// process's standard error. The error is a line.
  Result start(const FirmwareParts& parts, Mac address);

  /// The stream of frames with the card, in QEMU's format; once.
  Descriptor take_card() { return std::move(card_.ours); }

  /// Executes a command as iPXE's prompt would: "sanhook --drive 0x81 aoe:e1.1".
  Result execute(std::string_view command);
  /// Reads sectors of drive 0x81 by INT 13h: at most `sectors_max`.
  tl::expected<std::string, std::string> read(std::uint64_t lba, std::size_t sectors);
  /// Writes them likewise; `bytes` are whole sectors.
  Result write(std::uint64_t lba, std::string_view bytes);

  static constexpr std::size_t sectors_max = 127;  // of what a segment of real mode can hold

 private:
  /// Sends an order to the agent, and returns once it says that this succeeded. The error has the
  /// status.
  Result order(const std::string& bytes, std::string_view what);

  Stream card_;
  Stream agent_;
  Descriptor mailbox_;  // the machine's own drive, by which sectors come and go
  Qemu qemu_;
};

}  // namespace aoe::guest
