// The client library: AoE disks for programs that run a Boost.Asio loop.
//
//   using namespace std::chrono_literals;
//   using boost::asio::use_awaitable;
//
//   boost::asio::awaitable<void> print_first_byte(aoe::initiator::Client& client) {
//     aoe::initiator::Disk disk = co_await client.async_open("e0.2", 3s, use_awaitable);
//     std::array<std::uint8_t, 512> sector;
//     co_await disk.async_read(0, sector, use_awaitable);
//     std::printf("%02x\n", sector[0]);
//   }
//
//   boost::asio::io_context loop;
//   auto client = aoe::initiator::Client::open(loop, {.interfaces = {"eth0"}});
//   if (!client) return fail(client.error().text);
//   boost::asio::co_spawn(loop, print_first_byte(*client), [&](std::exception_ptr) { loop.stop(); });
//   loop.run();
//
// Asynchronous operations take any completion token (a callback, use_future, use_awaitable, ...) of
// the signature given with each. The token's cancellation slot cancels them. A handler is called
// once, and never from within the function that began the operation. Buffers stay in place until
// then.
//
// Threads: what is marked [loop] is called from the thread that runs the loop, or while none does. A
// loop of a Client has one thread. Handlers run on their executor, which is the loop's unless they have
// one of their own; listeners run in the loop. Neither may throw. As long as a Client or a Disk of it
// lives, the loop has work.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "base/check.h"
#include "base/trace.h"
#include "initiator/client/error.h"
#include "initiator/client/operation.h"
#include "initiator/client/status.h"
#include "initiator/engine/parameters.h"

namespace aoe::initiator {

class Disk;
class LiveSession;

/// Discovers disks on this machine's interfaces. Movable. When the client and all its disks are
/// gone, what is outstanding completes with operation_aborted. [loop] Moved and destroyed.
class Client {
 public:
  struct Options {
    /// Names, altnames or globs ("eth*"). Empty: every Ethernet interface that is not the port of a
    /// bridge, bond or team, as soon as it is up.
    std::vector<std::string> interfaces{};
    /// An interface that is named and not there is no error: it is used when it comes.
    bool wait_for_interfaces = false;
    Parameters parameters{};
    /// Gets a line for each decision of the engine: see base/trace.h. Off unless it has a writer.
    Trace trace{};
  };
  using Listener = std::function<void(const Event&)>;
  using TroubleListener = std::function<void(const std::string&)>;

  /// [loop] Opens packet sockets (which takes CAP_NET_RAW) and discovers all targets. OpenError says
  /// by a code and a line why that can't be: "eth9: no such interface".
  static tl::expected<Client, OpenError> open(boost::asio::io_context& loop,
                                              const Options& options);

  // Devices.

  /// [loop] Opens a disk as soon as it is up. Discovers it again and again, for `limit` at most.
  /// void(error_code, Disk). Fails with IoError::no_such_device when no target answered, or none
  /// that could be identified: why_not_up() says which.
  template <class Token>
  auto async_open(Address address, std::chrono::nanoseconds limit, Token&& token);
  /// [loop] Opens a disk by name: "e0.2". Fails with IoError::invalid for what is no such name.
  template <class Token>
  auto async_open(std::string_view name, std::chrono::nanoseconds limit, Token&& token);
  /// [loop] Opens a disk now. Returns nothing when it is not up.
  std::optional<Disk> open_disk(Address address);

  /// [loop] Discovers all targets, or those at one address. Returns the tag that the replies carry. Each
  /// reply is an event; devices() lists the devices.
  std::uint32_t discover(Address whom = Address::everyone());
  /// [loop] Returns all devices that have answered, ordered by address.
  std::vector<DeviceStatus> devices() const;
  /// [loop] Returns one of them; nothing where it has not answered.
  std::optional<DeviceStatus> device(Address address) const;
  /// [loop] Returns a line: "e0.2: no answer on eth1", "e0.2: IDENTIFY failed: device unavailable".
  std::string why_not_up(Address address) const;

  /// [loop] Sends a disk IDENTIFY again, also while it is open. A changed size is an event. Returns false
  /// for an address that never answered.
  bool revalidate(Address address);
  /// [loop] Forgets a device. Returns false when it is open, or not known.
  bool forget(Address address);
  /// [loop] Forgets all devices that are down and not open. Returns how many.
  std::size_t forget_down();
  /// [loop] Forgets all devices that are not open. Returns how many.
  std::size_t forget_unopened();

  // Queries: what a target can be asked besides I/O (query.h).

  /// [loop] Repeats a query until there is a reply, for `limit` at most. The device need not be up.
  /// void(error_code, QueryAnswer). The error is errc::timed_out when no target answered.
  template <class Token>
  auto async_query(Address address, Query query, std::chrono::nanoseconds limit, Token&& token);
  /// [loop] Sends a query once, by this path alone, in a frame of at least `frame_size` bytes.
  template <class Token>
  auto async_probe(Address address, PathStatus path, Query query, std::size_t frame_size,
                   std::chrono::nanoseconds limit, Token&& token);

  // Parameters and interfaces.

  /// [loop] Returns those in effect. The reference is valid until they are set.
  const Parameters& parameters() const;
  /// [loop] Takes effect at once, also on what is outstanding.
  void set_parameters(const Parameters& parameters);
  /// [loop] Returns the interfaces that are used now.
  std::vector<InterfaceStatus> interfaces() const;
  /// [loop] Returns "eth0, eth1 (down)".
  std::string interface_names() const;
  /// [loop] Uses others from now on: names, altnames or globs, as in Options. One that can't be used is
  /// reported to the TroubleListener.
  void change_interfaces(const std::vector<std::string>& interfaces);
  /// [loop] Returns the interface of an event's port, also of one that is gone.
  const std::string& interface_name(PortId port) const;

  /// [loop] Sets the function that is called for each event, from within the loop or from within the
  /// function that caused the event. Events before this call are seen in devices() only.
  void listen(Listener listener);
  /// [loop] Sets the function that is called with a line for each interface that could not be opened, or
  /// whose frames a bridge, bond or team takes.
  void listen_for_trouble(TroubleListener listener);

 private:
  friend class Disk;
  using Shared = std::shared_ptr<LiveSession>;
  explicit Client(Shared session) : session_(std::move(session)) {}
  // Each begins an operation and returns its id.
  static std::uint64_t begin_open(const Shared& session, Address address,
                                  std::chrono::nanoseconds limit,
                                  std::unique_ptr<Operation<Disk>> operation);
  /// `path` is null for a query on every interface.
  static std::uint64_t begin_query(const Shared& session, Address address, const Query& query,
                                   const PathStatus* path, std::size_t frame_size,
                                   std::chrono::nanoseconds limit,
                                   std::unique_ptr<Operation<QueryAnswer>> operation);
  /// `offset` and `length` are bytes; a flush has none.
  static std::uint64_t begin_request(const Shared& session, IoRequest request, std::uint64_t offset,
                                     std::uint64_t length, std::unique_ptr<Operation<>> operation);

  Shared session_;
};

/// A disk that is held open. A device that goes down stays down until every Disk of it is gone,
/// because what comes back may be another disk. Offsets and lengths are bytes, multiples of 512.
/// Movable. [loop] Moved.
///
/// Requests may be of any size, and are split as the paths demand. Requests that overlap take
/// effect in the order in which they were begun. A flush makes stable what completed before it
/// began. A request that fails may have taken effect in part. One of length 0 succeeds, and asks the disk
/// nothing.
class Disk {
 public:
  /// No disk, to be assigned to; a Disk that was moved from is the same. Its size is 0, and nothing
  /// may be begun with it.
  Disk() = default;
  Disk(Disk&&) noexcept = default;
  Disk& operator=(Disk&& other) noexcept;
  /// [loop] When nobody else has it open either, the device is discovered again, and so may be reported.
  ~Disk();

  /// [loop] Returns false for a Disk that was default-constructed or moved from.
  bool is_open() const { return session_ != nullptr; }
  /// [loop] Returns its shelf and slot.
  Address address() const { return address_; }
  /// [loop] Returns its present state.
  DeviceStatus status() const;
  /// [loop] Returns the size in bytes, by the last IDENTIFY.
  std::uint64_t size() const;

  /// [loop] Reads all of `into`. void(error_code).
  template <class Token>
  auto async_read(std::uint64_t offset, MutableBytes into, Token&& token) {
    return begin(
        {.kind = IoKind::read, .device = address_, .lba = offset / sector_size, .into = into},
        offset, into.size(), std::forward<Token>(token));
  }
  /// [loop] Writes all of `from`, which is stable after a flush. void(error_code).
  template <class Token>
  auto async_write(std::uint64_t offset, Bytes from, Token&& token) {
    return begin(
        {.kind = IoKind::write, .device = address_, .lba = offset / sector_size, .from = from},
        offset, from.size(), std::forward<Token>(token));
  }
  /// [loop] Makes stable what was written. void(error_code).
  template <class Token>
  auto async_flush(Token&& token) {
    return begin({.kind = IoKind::flush, .device = address_}, 0, 0, std::forward<Token>(token));
  }
  /// [loop] Tells the disk that a range is unused. void(error_code). Fails with IoError::unsupported on a
  /// disk without TRIM.
  template <class Token>
  auto async_trim(std::uint64_t offset, std::uint64_t length, Token&& token) {
    return begin({.kind = IoKind::trim,
                  .device = address_,
                  .lba = offset / sector_size,
                  .sectors = length / sector_size},
                 offset, length, std::forward<Token>(token));
  }

 private:
  friend class Client;
  Disk(std::shared_ptr<LiveSession> session, Address address);

  template <class Token>
  auto begin(const IoRequest& request, std::uint64_t offset, std::uint64_t length, Token&& token);

  std::shared_ptr<LiveSession> session_;
  Address address_{};
};

// What the templates are made of.

/// Cancels the operation of this id, unless it has completed.
void cancel(const std::weak_ptr<LiveSession>& session, std::uint64_t id);
boost::asio::io_context::executor_type executor(const LiveSession& session);

/// Calls `start` with the session and the token's handler as an Operation. `start` returns the id.
template <class... Results, class Token, class Start>
auto begin_operation(const std::shared_ptr<LiveSession>& session, Token&& token, Start start) {
  using boost::system::error_code;
  return boost::asio::async_initiate<Token, void(error_code, Results...)>(
      [session, start = std::move(start)](auto handler) mutable {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        using Erased = HandlerOperation<decltype(handler), Results...>;
        const std::uint64_t id =
            start(session, std::make_unique<Erased>(std::move(handler), executor(*session)));
        if (!slot.is_connected()) return;
        slot.assign([session = std::weak_ptr(session), id](boost::asio::cancellation_type) {
          cancel(session, id);
        });
      },
      token);
}

template <class Token>
auto Client::async_open(Address address, std::chrono::nanoseconds limit, Token&& token) {
  return begin_operation<Disk>(session_, std::forward<Token>(token),
                               [=](const Shared& session, auto operation) {
                                 return begin_open(session, address, limit, std::move(operation));
                               });
}

template <class Token>
auto Client::async_open(std::string_view name, std::chrono::nanoseconds limit, Token&& token) {
  return async_open(parse_address(name).value_or(Address::everyone()), limit,
                    std::forward<Token>(token));
}

template <class Token>
auto Client::async_query(Address address, Query query, std::chrono::nanoseconds limit,
                         Token&& token) {
  return begin_operation<QueryAnswer>(
      session_, std::forward<Token>(token),
      [address, query = std::move(query), limit](const Shared& session, auto operation) {
        return begin_query(session, address, query, nullptr, 0, limit, std::move(operation));
      });
}

template <class Token>
auto Client::async_probe(Address address, PathStatus path, Query query, std::size_t frame_size,
                         std::chrono::nanoseconds limit, Token&& token) {
  return begin_operation<QueryAnswer>(session_, std::forward<Token>(token),
                                      [address, path = std::move(path), query = std::move(query),
                                       frame_size, limit](const Shared& session, auto operation) {
                                        return begin_query(session, address, query, &path,
                                                           frame_size, limit, std::move(operation));
                                      });
}

template <class Token>
auto Disk::begin(const IoRequest& request, std::uint64_t offset, std::uint64_t length,
                 Token&& token) {
  AOE_CHECK(is_open() && "a Disk that is not open");
  return begin_operation(
      session_, std::forward<Token>(token), [=](const Client::Shared& session, auto operation) {
        return Client::begin_request(session, request, offset, length, std::move(operation));
      });
}

}  // namespace aoe::initiator
