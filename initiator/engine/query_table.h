// The queries (query.h) that wait for an answer.
//
// A query is broadcast on every port that is up, so that it finds a target wherever it is, and
// repeated at growing distances until one answer completes it or its limit is over. Every
// transmission takes a tag of the engine's table. An answer to an older transmission is as good.
//
// Copies do no harm: where a target says that a string or a reservation is there already, it may be
// the one that an earlier copy set. The target is then asked what it has, and the error counts only
// if that is something else.
//
// Owned by the engine, and called by it alone. No I/O, no clock.
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
  std::uint64_t id = 0;  // the user's; given back with the result
  Address device{};      // exact
  Query query{};
  Duration limit = std::chrono::seconds(3);
  /// Asks once, and by this path alone.
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
    std::uint64_t serial = 0;  // tells it from others, past and present
    QueryRequest request{};
    std::vector<std::uint8_t> frame{};  // as it was last sent; Transmits point into it
    std::vector<std::uint32_t> tags{};
    std::optional<Completion> doubt{};  // an error that is not believed until the target was asked
    Duration distance{};                // to the next transmission
    Instant repeat{};
    Instant end{};
  };
  using Place = std::vector<Pending>::iterator;

  void transmit(Pending& query, Instant now, Actions& out);
  void send(Pending& query, const Query& asked, const QueryRoute& route, std::uint32_t tag,
            Actions& out);
  void complete(Place query, const Completion& completion, QueryAnswer answer, Actions& out);

  const PortTable& ports_;
  TagTable& tags_;
  const Trace& trace_;
  std::vector<Pending> pending_;
  std::uint64_t next_serial_ = 0;
};

}  // namespace aoe::initiator
