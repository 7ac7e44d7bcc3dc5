// The initiator's engine: discovery, devices, and the way of every frame and request between them.
//
// A function of frames, requests and time: it does no I/O and reads no clock. Its caller (Session)
// tells it what came in and what time it is, and carries out the Actions. What comes from the
// network is decoded here, once; what is not an answer to something that was asked is counted,
// reported, and never believed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "initiator/actions.h"
#include "initiator/device.h"
#include "initiator/parameters.h"
#include "initiator/tag_table.h"

namespace aoe::initiator {

class Engine {
 public:
  /// `seed` decides where tags begin, and nothing else.
  Engine(const Parameters& parameters, std::uint64_t seed);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// A local interface, or what is new about it. Everyone is asked to show up on a port that comes
  /// up; one that went down is not used until then.
  PortId add_port(const Link& link, Actions& out);
  void change_port(PortId port, const Link& link, Instant now, Actions& out);

  /// §3.2: asks everyone, or one address, to show up; on every port. Returns the tag that answers
  /// carry.
  std::uint32_t discover(Address whom, Actions& out);

  /// Completes exactly once, perhaps at once.
  void submit(const IoRequest& request, Instant now, Actions& out);

  /// A frame that arrived on `port`. Views in the resulting events point into it.
  void on_frame(PortId port, Bytes bytes, Instant now, Actions& out);

  /// When tick() has something to do, at the earliest.
  Instant deadline() const { return deadline_; }
  void tick(Instant now, Actions& out);

  using Devices = std::map<Address, std::unique_ptr<Device>>;
  const Devices& devices() const { return devices_; }
  const Device* find(Address address) const;

  /// Frames that were not believed, by the rule that they broke.
  const std::array<std::uint64_t, rule_count>& rejects() const { return rejects_; }

 private:
  void on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                 Actions& out);
  void on_answer(const Frame& frame, PortId port, Instant now, Actions& out);
  void discover_on(PortId port, Address whom, std::uint32_t tag, Actions& out);
  /// A device did something: its next deadline may be the earliest, and it may want to be searched
  /// for.
  void settle(Device& device, Instant now, Actions& out);

  const Parameters parameters_;
  PortTable ports_;
  TagTable tags_;
  Devices devices_;  // never go: tags point to them
  std::uint32_t next_query_;
  Instant discovery_due_ = never;
  Instant deadline_ = never;
  std::array<std::uint64_t, rule_count> rejects_{};
};

}  // namespace aoe::initiator
