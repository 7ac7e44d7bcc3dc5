// How a request reaches an initiator that is used by commands: as a process of its own
// (process_carrier.h), or as a line to a program that stays (session_carrier.h).
//
// Owned and called by CommandInitiator, in the loop of its world.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proto/codes.h"

namespace aoe::harness {

struct CarriedRequest {
  enum class Kind : std::uint8_t { discover, read, write, flush };
  Kind kind = Kind::discover;
  std::uint64_t lba = 0;             // of a read or write
  std::uint32_t sectors = 0;         // of a read or write
  std::vector<std::uint8_t> data{};  // of a write
};

struct CarriedResult {
  std::string trouble{};             // why it failed: "ended with status 1"; empty: it succeeded
  std::vector<std::uint8_t> data{};  // of a read that succeeded: as many bytes as it asked for
};

class RequestCarrier {
 public:
  using Ended = std::function<void(CarriedResult)>;

  RequestCarrier() = default;
  RequestCarrier(const RequestCarrier&) = delete;
  RequestCarrier& operator=(const RequestCarrier&) = delete;
  /// Ends what still runs; no request ends after that.
  virtual ~RequestCarrier() = default;

  /// Carries out a request; `ended` is called exactly once, from the loop, in bounded time.
  virtual void carry_out(CarriedRequest request, Ended ended) = 0;
  virtual bool is_ready() const { return true; }
  /// Returns why it can carry out no more requests; empty while it can.
  virtual std::string end() { return {}; }
};

}  // namespace aoe::harness
