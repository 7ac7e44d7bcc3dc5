// Serves LUNs on frame ports: what aoe-target does between receiving a frame and sending its reply.
//
// Owns the LUNs and their stores. Knows ports and stores by their interfaces only, so the same code
// runs over real interfaces and over a simulated link. One thread, no clock, no waiting.
//
// With a synchronous store nothing is allocated per frame, and sector data moves once: from the
// store into the reply, or from the request into the store. With others each operation takes a job
// from a pool, with a copy of the data; a LUN has at most four times its buffer count of them in
// flight, and drops what exceeds that, as AoE lets it.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proto/reject.h"
#include "target/lun.h"
#include "target/store.h"
#include "wire/frame_port.h"

namespace aoe::target {

/// What a service has done. Requests are counted once for each LUN that they cover.
struct ServiceCounters {
  std::uint64_t requests = 0;    // handed to a LUN
  std::uint64_t replies = 0;     // handed to a port, whatever they said
  std::uint64_t aoe_errors = 0;  // replies with flag E
  std::uint64_t ata_errors = 0;  // replies whose ATA status is an error
  std::uint64_t reads = 0;       // operations that stores did, failed ones included
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t store_errors = 0;                       // of these, failed
  std::uint64_t announcements = 0;                      // frames
  std::uint64_t responses = 0;                          // received and ignored (flag R)
  std::uint64_t not_addressed = 0;                      // frames for other LUNs
  std::uint64_t dropped_busy = 0;                       // requests: too many operations in flight
  std::uint64_t dropped_port = 0;                       // replies: their port was forgotten
  std::array<std::uint64_t, rule_count> rejects{};      // frames, by Rule
  std::array<std::uint64_t, silence_count> silences{};  // requests, by Silence

  bool operator==(const ServiceCounters&) const = default;
};

class Service {
 public:
  Service();
  ~Service();

  /// Several LUNs may be served; each at an address of its own.
  void add(const LunOptions& options, std::unique_ptr<Store> store);

  /// Handles all frames that wait at `port`, in batches, and sends the replies.
  /// Replies to operations that a store finishes later go out by the port their request came in by.
  /// An event loop with other things to do gives `frames_max`; true: it was reached, and more
  /// frames may wait.
  bool serve(FramePort& port, std::size_t frames_max = std::numeric_limits<std::size_t>::max());

  /// Announces every LUN on `port` (when it comes up, or its MAC or MTU changed).
  void announce(FramePort& port);

  /// `port` is about to go: replies still due on it are dropped.
  void forget(FramePort& port);

  /// The stores, in the order they were added: an event loop waits for their descriptors and calls
  /// reap().
  std::vector<Store*> stores() const;

  const ServiceCounters& counters() const { return counters_; }

 private:
  struct Served;
  class Job;

  void handle(Bytes frame, FramePort& port, const Link& link);
  void handle(Served& served, const Frame& request, FramePort& port, const Link& link);
  void perform(Served& served, const DiskWork& work, FramePort& port, const Link& link);
  void begin(Served& served, const DiskWork& work, FramePort& port, const Link& link);
  void finished(Job& job, std::error_code error);
  void count(DiskAction action, bool failed);

  /// The next free reply buffer; the batch is sent first where it is full.
  MutableBytes next_reply(FramePort& port, const Link& link);
  void queue(Bytes frame);
  void send_queued(FramePort& port);

  std::vector<std::unique_ptr<Job>> jobs_;  // outlive the stores, which may hold their operations
  std::vector<Job*> free_jobs_;
  std::vector<std::unique_ptr<Served>> luns_;
  std::unordered_map<std::uint32_t, Served*> by_address_;
  std::vector<std::uint8_t> replies_;  // batch_size buffers of reply_stride_ bytes
  std::size_t reply_stride_ = 0;
  std::array<Outgoing, batch_size> queued_;
  std::size_t queued_count_ = 0;
  ServiceCounters counters_;
};

}  // namespace aoe::target
