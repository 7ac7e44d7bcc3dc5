// The queries (query.h) that are outstanding.
//
// A query is broadcast on every port that is up, so it finds a target wherever it is. It is
// repeated at growing intervals until an answer completes it or its limit is over. Every
// transmission takes a tag of the engine's table. An answer to an earlier transmission completes it
// as well.
//
// Copies do no harm: when a target answers that there already is a string or a reservation, an
// earlier copy of the query may have set it. The target is then asked what it has, and the error
// counts only if that is something else.
//
// Owned by the engine, and called by it alone. Does no I/O and reads no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/tag_table.h"

namespace aoe::initiator {

/// One port and one MAC address of the target.
struct QueryRoute {
  PortId port = 0;
  Mac mac{};
};

struct QueryRequest {
  std::uint64_t id = 0;  // the result has the same
  Address device{};      // exact
  Query query{};
  Duration limit = std::chrono::seconds(3);
  /// If set, the query is sent once, by this path alone.
  std::optional<QueryRoute> route{};
  std::size_t frame_size = 0;  // bytes; the frame is padded to it
};

class QueryTable {
 public:
  QueryTable(const PortTable& ports, TagTable& tags, const Trace& trace)
      : ports_(ports), tags_(tags), trace_(trace) {}

  void ask(const QueryRequest& request, Instant now, Actions& out);
  void cancel(std::uint64_t id, Actions& out);

  /// Takes any reply to a query's transmission. Returns false when it is too late, or from another
  /// address.
  bool on_answer(const Transmission& transmission, const Frame& frame, Instant now, Actions& out);

  /// When tick() has something to do, at the earliest.
  Instant deadline() const;
  void tick(Instant now, Actions& out);

 private:
  struct Pending {
    std::uint64_t serial = 0;  // no other query ever has it
    QueryRequest request{};
    std::vector<std::uint8_t> frame{};  // as it was last sent; Transmits point into it
    std::vector<std::uint32_t> tags{};
    std::optional<Completion> doubt{};  // an error that counts only if the target confirms it
    Duration distance{};                // to the next transmission
    Instant repeat{};
    Instant end{};
  };
  using Place = std::vector<Pending>::iterator;

  void transmit(Pending& query, Instant now, Actions& out);
  void send(Pending& query, const Body& body, const QueryRoute& route, std::uint32_t tag,
            Actions& out);
  void complete(Place query, const Completion& completion, QueryAnswer answer, Actions& out);

  const PortTable& ports_;
  TagTable& tags_;
  const Trace& trace_;
  std::vector<Pending> pending_;
  std::uint64_t next_serial_ = 0;
};

}  // namespace aoe::initiator
