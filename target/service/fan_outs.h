// Requests with a wildcard that address many LUNs, until the last of them has answered.
//
// Owned by Service, which answers for a few LUNs of one of them at a time, in turn, and serves other
// requests in between: a frame of 60 bytes may ask for the replies of thousands of LUNs. A source has
// one request here on a port. What it asks with further wildcards meanwhile, mostly the same again,
// adds nothing: fairness between sources is about the replies that they cost, not about their frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/instant.h"
#include "proto/address.h"
#include "wire/frame_port.h"

namespace aoe::target {

struct FanOut {
  FramePort* port;  // that the request came in by
  Mac source;
  std::shared_ptr<const std::vector<std::uint8_t>> request;  // the frame
  Instant received;
  Address next{};  // LUNs before this address have answered
};

class FanOuts {
 public:
  /// A source can forge the addresses of others.
  static constexpr std::size_t size_max = 256;

  /// Adds a request from which no LUN has answered yet. Returns false, and drops it, where its source
  /// has one already on its port, or where there are `size_max`.
  bool add(FanOut request);

  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  /// The one whose turn it is. There is one.
  FanOut& front() { return waiting_.front(); }
  /// Gives the next one its turn.
  void pass() { waiting_.splice(waiting_.end(), waiting_, waiting_.begin()); }
  /// Removes the one whose turn it is: all LUNs have answered.
  void end() { waiting_.pop_front(); }
  /// Removes those that came in by a port that is about to go.
  void forget(const FramePort& port);

 private:
  std::list<FanOut> waiting_;
};

}  // namespace aoe::target
