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

#include "initiator/engine/actions.h"
#include "initiator/engine/device.h"
#include "initiator/engine/parameters.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/query_table.h"
#include "initiator/engine/tag_table.h"

namespace aoe::initiator {

class Engine {
 public:
  /// What a network can make us remember. Beyond it a new device is refused, but for the place of
  /// one that was never identified and has been silent for a while.
  static constexpr std::size_t devices_max = 65536;
  static constexpr Duration stranger_patience = std::chrono::seconds(10);
  /// Such a one is forgotten after so many discoveries at the latest.
  static constexpr int stranger_intervals = 10;

  /// `seed` decides where tags begin, and nothing else. Each decision is written to `trace`.
  Engine(const Parameters& parameters, std::uint64_t seed, Trace trace = {});
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// A local interface, or what is new about it. Everyone is asked to show up on a port that comes
  /// up; one that went down is not used until then.
  PortId add_port(const Link& link, Instant now, Actions& out);
  void change_port(PortId port, const Link& link, Instant now, Actions& out);
  /// It has gone for good; another one may get its id.
  void remove_port(PortId port, Instant now, Actions& out);

  const Parameters& parameters() const { return parameters_; }
  /// All of it takes effect at once, on what is outstanding too.
  void set_parameters(const Parameters& parameters, Instant now, Actions& out);

  /// §3.2: asks everyone, or one address, to show up; on every port. Returns the tag that answers
  /// carry.
  std::uint32_t discover(Address whom, Instant now, Actions& out);

  /// One user more. Refused for a device that is unknown or not up.
  bool open(Address device);
  /// One user less of a device that is open.
  void close(Address device, Instant now);
  /// Asks a device what it is, though it be open; one that is down, where it is. Returns false for
  /// one that is not known.
  bool revalidate(Address device, Instant now, Actions& out);
  /// The device is not known any more, and its I/O fails. Refused for one that is unknown or open.
  bool forget(Address device, Instant now, Actions& out);
  /// All that are down and not open; all that are not open. Returns how many.
  std::size_t forget_down(Instant now, Actions& out);
  std::size_t forget_unopened(Instant now, Actions& out);

  /// Completes exactly once, perhaps at once.
  void submit(const IoRequest& request, Instant now, Actions& out);
  /// The request completes at once as cancelled, and its buffer is not touched any more. Returns
  /// false for one that is not outstanding. Its id is the only one of its kind.
  bool cancel(Address device, std::uint64_t id, Instant now, Actions& out);

  /// Asks a target something else; completes exactly once, perhaps at once.
  void ask(const QueryRequest& request, Instant now, Actions& out);
  void cancel_query(std::uint64_t id, Actions& out) { queries_.cancel(id, out); }

  /// A frame that arrived on `port`. Views in the resulting events point into it.
  void on_frame(PortId port, Bytes bytes, Instant now, Actions& out);

  /// When tick() has something to do, at the earliest.
  Instant deadline() const { return deadline_; }
  void tick(Instant now, Actions& out);

  /// A device is there until the engine is called again: it may be forgotten.
  using Devices = std::map<Address, std::unique_ptr<Device>>;
  const Devices& devices() const { return devices_; }
  const Device* find(Address address) const;

  /// Frames that were not believed, by the rule that they broke.
  const std::array<std::uint64_t, rule_count>& rejects() const { return rejects_; }
  const EventCounters& event_counts() const { return events_; }

 private:
  void on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                 Actions& out);
  /// Is it the answer to a query?
  bool answers_query(const Frame& frame, Instant now, Actions& out);
  void on_answer(const Frame& frame, PortId port, Instant now, Actions& out);
  /// Sends a discovery on every port; `why` is for the trace.
  std::uint32_t broadcast(Address whom, std::string_view why, Instant now, Actions& out);
  void discover_on(PortId port, Address whom, std::uint32_t tag, std::string_view why, Instant now,
                   Actions& out);
  void trace_port(PortId port, Instant now) const;
  Device* find_device(Address address);
  /// Null where there is no room for it.
  Device* make_device(Address address, Instant now, Actions& out);
  template <class Condition>
  std::size_t forget_if(Condition condition, Instant now, Actions& out);
  std::size_t forget_strangers(Duration patience, Instant now, Actions& out);
  /// A device did something: its next deadline may be the earliest, and it may want to be searched
  /// for.
  void settle(Device& device, Instant now, Actions& out);
  void reckon_deadline();

  Parameters parameters_;
  const Trace trace_;
  PortTable ports_;
  TagTable tags_;
  EventCounters events_{trace_};
  QueryTable queries_{ports_, tags_, trace_};
  Devices devices_;
  std::uint32_t next_query_;
  Instant discovered_ = Instant::min();  // when everyone was last asked for the interval's sake
  Instant swept_ = Instant::min();       // when there was last made room
  Instant discovery_due_ = never;
  Instant deadline_ = never;
  std::array<std::uint64_t, rule_count> rejects_{};
};

}  // namespace aoe::initiator
