// What each client has asked of each LUN: a table of counters by MAC address and LUN, of one size.
//
// Owned by Service, which counts each request in it. Addresses can be forged: a flood of them costs neither
// memory nor time, for a client is looked for in one set of eight entries, and a new one takes the place of one
// that was not seen for `idle_min`, of these of the one with the fewest requests. Where none was idle for as
// long, the new one is counted among the others. Used by the worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "proto/address.h"
#include "wire/frame_port.h"

namespace aoe::target {

struct ClientCounters {
  std::uint64_t requests = 0;
  std::uint64_t bytes_read = 0;  // by operations that succeeded
  std::uint64_t bytes_written = 0;
  std::uint64_t errors = 0;      // replies with an AoE or ATA error
  std::uint64_t unanswered = 0;  // requests: masked, denied, another config string

  bool operator==(const ClientCounters&) const = default;
};

/// One client of one LUN.
struct Client : ClientCounters {
  Mac mac;
  Address lun;
  Instant last_seen{};
  const FramePort* port = nullptr;  // at which it was seen last; null once that is gone
};

class ClientTable {
 public:
  static constexpr std::size_t size_max = 4096;
  static constexpr Duration idle_min = std::chrono::seconds(10);

  /// Counts a request. Allocates the table at the first one.
  void request(const Mac& mac, Address lun, const FramePort& port, Instant now) {
    if (!is_last(mac, lun)) last_ = enter(mac, lun, now);
    Client& client = last_ != nullptr ? *last_ : others_;
    ++client.requests;
    client.last_seen = now;
    client.port = &port;
  }
  /// Returns the counters of the client that has asked last.
  ClientCounters& last() { return last_ != nullptr ? *last_ : others_; }
  /// Returns the counters of a client that has asked something: those of the others where it is not in the
  /// table.
  ClientCounters& counters(Mac mac, Address lun) {
    return is_last(mac, lun) ? *last_ : look_up(mac, lun);
  }

  /// Returns all clients, in no order.
  std::vector<Client> clients() const;
  /// Returns what clients have asked that had no place.
  const ClientCounters& others() const { return others_; }

  /// `port` is about to go.
  void forget(const FramePort& port);
  /// Forgets the clients of a LUN.
  void forget(Address lun);
  void clear();

 private:
  static constexpr std::size_t ways = 8;
  using Set = std::array<Client, ways>;

  /// Returns an address as a number, by which it is compared without a call.
  static std::uint64_t number_of(const Mac& mac) {
    std::uint32_t head = 0;
    std::uint16_t tail = 0;
    std::memcpy(&head, mac.octets.data(), sizeof head);
    std::memcpy(&tail, mac.octets.data() + sizeof head, sizeof tail);
    return std::uint64_t{tail} << 32 | head;
  }
  bool is_last(const Mac& mac, Address lun) const {
    return last_ != nullptr && number_of(last_->mac) == number_of(mac) && last_->lun == lun;
  }
  Set& set_of(Mac mac, Address lun);
  /// Returns the entry of a client, a new one if need be; null where there is no place for it.
  Client* enter(Mac mac, Address lun, Instant now);
  ClientCounters& look_up(Mac mac, Address lun);

  std::vector<Set> sets_;   // none before the first request
  Client others_;           // its address says nothing
  Client* last_ = nullptr;  // that has asked last; null where it has no place
};

}  // namespace aoe::target
