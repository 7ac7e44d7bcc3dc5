// A virtual machine with Linux in it: QEMU in software emulation, so that it runs anywhere.
//
// To boot takes many seconds, so it is done once: the state of the machine just before the aoe
// module is loaded is kept in a file beside the kernel, and every later machine begins there. The
// file's name contains a hash of all that it was made from. If it can't be written, each machine
// boots.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "suts/guest/qemu.h"

namespace aoe::guest {

/// The parts that a virtual machine is made of, as found on this one.
struct Parts {
  std::string folder;   // with the kernel (vmlinux), its modules, and the name of its release
  std::string release;  // "6.1.192-2"
  std::string agent;    // the program
  std::string qemu;
};

/// Errors say how to get what is missing. `folder` may be empty: then it is where fetch puts it.
tl::expected<Parts, std::string> find_parts(const std::string& folder);

class Machine {
 public:
  /// Starts a machine whose agent waits for its first message. The error is a line.
  static tl::expected<std::unique_ptr<Machine>, std::string> start(const Parts& parts);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// The stream of messages with the agent, and the stream of frames with a card, in QEMU's
  /// format: 0 is the guest's eth0, 1 its eth1, which is down until the agent sets it.
  Descriptor take_agent() { return std::move(agent_); }
  Descriptor take_card(std::size_t card) { return std::move(cards_.at(card)); }

  static constexpr std::size_t cards = 2;

 private:
  using Result = tl::expected<void, std::string>;

  Machine() = default;
  static tl::expected<std::unique_ptr<Machine>, std::string> boot(const Parts& parts);
  /// `from`: the file with the machine's state; empty: it boots.
  Result launch(const Parts& parts, const std::string& from);
  /// Waits for the agent's first message, which says that the machine is up.
  Result await_agent();
  /// Writes the machine's state to a file, and stops it.
  Result save(const std::string& file);

  Qemu qemu_;
  Descriptor agent_;
  std::array<Descriptor, cards> cards_;
  Descriptor monitor_;
};

}  // namespace aoe::guest
