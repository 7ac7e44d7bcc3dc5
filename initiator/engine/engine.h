// The initiator's engine: discovery, devices, and the way of every frame and request between them.
//
// A function of frames, requests and time: it does no I/O and reads no clock. Its caller (Session)
// passes in frames, requests and the time, and carries out the Actions. Frames are decoded here,
// once. A frame that answers nothing that was asked is reported as an event, and otherwise ignored.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/device.h"
#include "initiator/engine/discovery_schedule.h"
#include "initiator/engine/parameters.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/query_table.h"
#include "initiator/engine/tag_table.h"

namespace aoe::initiator {

class Engine {
 public:
  /// Bounds what a network can make the engine remember. Beyond it a new device is refused, unless
  /// another can be forgotten that was never identified and has been silent for stranger_patience.
  static constexpr std::size_t devices_max = 65536;
  static constexpr Duration stranger_patience = std::chrono::seconds(10);
  /// A device that was never identified is forgotten after so many silent discovery intervals.
  static constexpr int stranger_intervals = 10;

  /// `seed` decides the tags, and nothing else: random, so that nobody can guess them. Each decision is written to `trace`.
  Engine(const Parameters& parameters, std::uint64_t seed, Trace trace = {});
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Adds a local interface; changes one. A port that is up, or comes up, sends a discovery, and again
  /// until something answers (discovery_schedule.h). A port that is down is not used.
  PortId add_port(const Link& link, Instant now, Actions& out);
  void change_port(PortId port, const Link& link, Instant now, Actions& out);
  /// Removes a port for good. Another one may get its id.
  void remove_port(PortId port, Instant now, Actions& out);

  const Parameters& parameters() const { return parameters_; }
  /// Takes effect at once, also on what is outstanding.
  void set_parameters(const Parameters& parameters, Instant now, Actions& out);

  /// Sends a discovery (§3.2) for all targets, or for one address, on every port. Returns the tag
  /// that the replies carry.
  std::uint32_t discover(Address whom, Instant now, Actions& out);

  /// Counts a user that has the device open. Returns false for a device that is not up, or not
  /// known.
  bool open(Address device);
  /// Ends that of one user. After the last, the device is discovered again: what its target said
  /// while it was open is followed then.
  void close(Address device, Instant now, Actions& out);
  /// Sends a device IDENTIFY, even while it is open. A device that is down is discovered. Returns
  /// false for a device that is not known.
  bool revalidate(Address device, Instant now, Actions& out);
  /// Forgets a device; its I/O fails. Returns false for a device that is open, or not known.
  bool forget(Address device, Instant now, Actions& out);
  /// Forget all devices that are down, or all, except those that are open. Return how many.
  std::size_t forget_down(Instant now, Actions& out);
  std::size_t forget_unopened(Instant now, Actions& out);

  /// Begins a request, which completes exactly once, perhaps at once.
  void submit(const IoRequest& request, Instant now, Actions& out);
  /// Completes a request at once as cancelled; its buffer is not used any more. Returns false when
  /// no request of this id is outstanding. Ids of requests that are cancelled must be unique.
  bool cancel(Address device, std::uint64_t id, Instant now, Actions& out);

  /// Begins a query, which completes exactly once, perhaps at once.
  void ask(const QueryRequest& request, Instant now, Actions& out);
  void cancel_query(std::uint64_t id, Actions& out) { queries_.cancel(id, out); }

  /// Takes a frame that arrived on `port`. Events may point into it.
  void on_frame(PortId port, Bytes bytes, Instant now, Actions& out);

  /// When tick() has something to do, at the earliest.
  Instant deadline() const { return deadline_; }
  void tick(Instant now, Actions& out);

  /// Which answers are to this engine: all their tags are of one of these patterns. Announcements,
  /// and answers to the queries of others, are answers to Query Config that it takes with any tag.
  std::array<TagPattern, 2> own_answers() const { return {tags_.pattern(), query_tags_.pattern()}; }

  /// References to devices are valid until the engine is called again: it may forget them.
  using Devices = std::map<Address, std::unique_ptr<Device>>;
  const Devices& devices() const { return devices_; }
  const Device* find(Address address) const { return find_device(address); }

 private:
  void on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                 Actions& out);
  /// Returns whether the frame answers a query, which takes it then.
  bool answers_query(const Frame& frame, Instant now, Actions& out);
  void on_answer(const Frame& frame, PortId port, Instant now, Actions& out);
  /// Sends a discovery on every port; `why` is for the trace.
  std::uint32_t broadcast(Address whom, std::string_view why, Instant now, Actions& out);
  void discover_on(PortId port, Address whom, std::uint32_t tag, std::string_view why, Instant now,
                   Actions& out);
  void trace_port(PortId port, Instant now) const;
  Device* find_device(Address address) const;
  /// Returns null when there is no room for the device.
  Device* make_device(Address address, Instant now, Actions& out);
  template <class Condition>
  std::size_t forget_if(Condition condition, Instant now, Actions& out);
  std::size_t forget_strangers(Duration patience, Instant now, Actions& out);
  /// Called after each call of a device: its deadline may have moved, and it may have to be
  /// discovered.
  void settle(Device& device, Instant now, Actions& out);
  void set_deadline(Device& device, Instant deadline);
  void reckon_deadline();
  /// A search is repeated unless discovery is only on demand.
  template <class Where>
  void repeat_search(Where where, Instant now);

  Parameters parameters_;
  const Trace trace_;
  PortTable ports_;
  TagTable tags_;
  TagTable query_tags_;
  IdentifyPace pace_;
  const Shared shared_{parameters_, ports_, tags_, trace_, pace_};
  QueryTable queries_{ports_, query_tags_, trace_};
  DiscoverySchedule searches_;
  Devices devices_;
  std::set<std::pair<Instant, Address>> deadlines_;  // of the devices that have one
  std::vector<Address> due_;
  Instant discovered_ = Instant::min();  // when the interval last made it send a discovery
  Instant swept_ = Instant::min();       // when strangers were last forgotten to make room
  Instant discovery_due_ = never;
  Instant deadline_ = never;
};

}  // namespace aoe::initiator
