// The client library: AoE disks for programs that run a Boost.Asio loop.
//
//   boost::asio::io_context loop;
//   auto client = aoe::initiator::Client::open(loop, {.interfaces = {"eth0"}});
//   auto disk = co_await client->async_open("e0.2", 3s, boost::asio::use_awaitable);
//   co_await disk.async_read(0, buffer, boost::asio::use_awaitable);
//
// Asynchronous operations take any completion token (a callback, use_future, use_awaitable, ...) of
// the signature given with each; they can be cancelled by the token's cancellation slot. A handler
// is called once, and never from within the function that began the operation; buffers stay in
// place until then.
//
// Handlers and listeners must not throw. One thread: everything here is called from the thread that
// runs the loop (or while none does). As long as a Client or a Disk of it lives, the loop has work.
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

#include "initiator/client/error.h"
#include "initiator/client/operation.h"
#include "initiator/client/status.h"
#include "initiator/engine/parameters.h"

namespace aoe::initiator {

class ClientCore;
class Disk;

/// Discovers disks on this machine's interfaces. Movable; when it and all its disks are gone, what
/// is outstanding completes with operation_aborted.
class Client {
 public:
  struct Options {
    /// Names or globs ("eth*"); none: every Ethernet interface, as soon as it is up.
    std::vector<std::string> interfaces{};
    Parameters parameters{};
  };
  using Listener = std::function<void(const Event&)>;
  using TroubleListener = std::function<void(const std::string&)>;

  /// Opens packet sockets (which takes CAP_NET_RAW) and asks everyone to show up. The error names
  /// the interface: "eth9: no such interface".
  static tl::expected<Client, std::string> open(boost::asio::io_context& loop,
                                                const Options& options);

  // Devices.

  /// Opens a disk as soon as it is up, asking for it again and again, for `limit` at most.
  /// void(error_code, Disk). Errors: IoError::no_such_device when nothing answered, or nothing that
  /// could be identified; why_not_up() says more.
  template <class Token>
  auto async_open(Address address, std::chrono::nanoseconds limit, Token&& token);
  /// By name: "e0.2". Another name is IoError::invalid.
  template <class Token>
  auto async_open(std::string_view name, std::chrono::nanoseconds limit, Token&& token);
  /// Opens it now, if it is up.
  std::optional<Disk> open_disk(Address address);

  /// Asks everyone (or one address) to show up; returns the tag that answers carry. Events tell of
  /// them, devices() lists them.
  std::uint32_t discover(Address whom = Address::everyone());
  /// All devices that answered, by address.
  std::vector<DeviceStatus> devices() const;
  std::optional<DeviceStatus> device(Address address) const;
  /// A line: "e0.2: no answer on eth1", "e0.2: IDENTIFY failed: device unavailable".
  std::string why_not_up(Address address) const;

  /// Asks a disk again what it is, also while it is open: a changed size is picked up and told as
  /// an event. False for an address that never answered.
  bool revalidate(Address address);
  /// Forgets a device that nobody holds open. False for one that is, and for one that is not known.
  bool forget(Address address);
  /// Forgets all that are down, or all, but for those that are open. Returns how many.
  std::size_t forget_down();
  std::size_t forget_unopened();

  // What is asked of a target besides I/O.

  /// Asks until there is an answer, for `limit` at most; the device need not be up.
  /// void(error_code, QueryAnswer). An error that is errc::timed_out: nothing answered.
  template <class Token>
  auto async_query(Address address, Query query, std::chrono::nanoseconds limit, Token&& token);
  /// Asks once, by this path alone, in a frame of at least `frame_size` bytes.
  template <class Token>
  auto async_probe(Address address, PathStatus path, Query query, std::size_t frame_size,
                   std::chrono::nanoseconds limit, Token&& token);

  // The driver's parameters and interfaces.

  const Parameters& parameters() const;
  /// Takes effect at once.
  void set_parameters(const Parameters& parameters);
  std::vector<InterfaceStatus> interfaces() const;
  void change_interfaces(const std::vector<std::string>& interfaces);
  /// Of an event's port.
  const std::string& interface_name(PortId port) const;

  /// Hears of everything that happens from now on, from within the loop or the function that made
  /// it happen; what open() itself heard is in devices().
  void listen(Listener listener);
  /// Hears of interfaces that could not be opened.
  void listen_for_trouble(TroubleListener listener);

 private:
  explicit Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}
  static std::uint64_t start_opening(const std::shared_ptr<ClientCore>& core, Address address,
                                     std::chrono::nanoseconds limit,
                                     std::unique_ptr<Operation<Disk>> operation);
  /// No path: on every interface.
  static std::uint64_t ask(const std::shared_ptr<ClientCore>& core, Address address,
                           const Query& query, const PathStatus* path, std::size_t frame_size,
                           std::chrono::nanoseconds limit,
                           std::unique_ptr<Operation<QueryAnswer>> operation);

  std::shared_ptr<ClientCore> core_;
};

/// A disk that is held open: a device that goes down stays so until every Disk of it has gone, for
/// what comes back may be another. Offsets and lengths are bytes, multiples of 512. Movable.
///
/// Requests may be of any size, and are split as the paths demand. Requests that overlap take
/// effect in the order in which they were begun; a flush makes stable what completed before it
/// began. A request that fails may have taken effect in part.
class Disk {
 public:
  /// None: to be assigned to.
  Disk() = default;
  Disk(Disk&&) noexcept = default;
  Disk& operator=(Disk&& other) noexcept;
  ~Disk();

  Address address() const { return address_; }
  DeviceStatus status() const;
  /// In bytes, as the disk last said.
  std::uint64_t size() const;

  /// void(error_code): all of `into` was read.
  template <class Token>
  auto async_read(std::uint64_t offset, MutableBytes into, Token&& token) {
    return begin({.kind = IoKind::read, .lba = offset / sector_size, .into = into}, offset,
                 std::forward<Token>(token));
  }
  /// void(error_code): all of `from` was written; stable after a flush.
  template <class Token>
  auto async_write(std::uint64_t offset, Bytes from, Token&& token) {
    return begin({.kind = IoKind::write, .lba = offset / sector_size, .from = from}, offset,
                 std::forward<Token>(token));
  }
  /// void(error_code).
  template <class Token>
  auto async_flush(Token&& token) {
    return begin({.kind = IoKind::flush}, 0, std::forward<Token>(token));
  }
  /// void(error_code). IoError::unsupported where the disk does not know TRIM.
  template <class Token>
  auto async_trim(std::uint64_t offset, std::uint64_t length, Token&& token) {
    return begin({.kind = IoKind::trim,
                  .lba = offset / sector_size,
                  .sectors = length % sector_size == 0 ? length / sector_size : 0},
                 offset, std::forward<Token>(token));
  }

 private:
  friend class Client;
  friend class ClientCore;
  Disk(std::shared_ptr<ClientCore> core, Address address);

  template <class Token>
  auto begin(const IoRequest& request, std::uint64_t offset, Token&& token);
  static std::uint64_t submit(const std::shared_ptr<ClientCore>& core, Address address,
                              IoRequest request, std::uint64_t offset,
                              std::unique_ptr<Operation<>> operation);

  std::shared_ptr<ClientCore> core_;
  Address address_{};
};

// What the templates are made of.

/// Ends an operation of this number early, if it is still there.
void cancel(const std::weak_ptr<ClientCore>& core, std::uint64_t number);
boost::asio::io_context::executor_type executor(const ClientCore& core);

/// `start` is given the core and the handler of `token` as an Operation, and returns the
/// operation's number.
template <class... Results, class Token, class Start>
auto begin_operation(const std::shared_ptr<ClientCore>& core, Token&& token, Start start) {
  using boost::system::error_code;
  return boost::asio::async_initiate<Token, void(error_code, Results...)>(
      [core, start = std::move(start)](auto handler) mutable {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        using Erased = HandlerOperation<decltype(handler), Results...>;
        const std::uint64_t number =
            start(core, std::make_unique<Erased>(std::move(handler), executor(*core)));
        if (!slot.is_connected()) return;
        slot.assign([core = std::weak_ptr(core), number](boost::asio::cancellation_type) {
          cancel(core, number);
        });
      },
      token);
}

template <class Token>
auto Client::async_open(Address address, std::chrono::nanoseconds limit, Token&& token) {
  return begin_operation<Disk>(core_, std::forward<Token>(token),
                               [address, limit](const auto& core, auto operation) {
                                 return start_opening(core, address, limit, std::move(operation));
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
      core_, std::forward<Token>(token),
      [address, query = std::move(query), limit](const auto& core, auto operation) {
        return ask(core, address, query, nullptr, 0, limit, std::move(operation));
      });
}

template <class Token>
auto Client::async_probe(Address address, PathStatus path, Query query, std::size_t frame_size,
                         std::chrono::nanoseconds limit, Token&& token) {
  return begin_operation<QueryAnswer>(core_, std::forward<Token>(token),
                                      [address, path = std::move(path), query = std::move(query),
                                       frame_size, limit](const auto& core, auto operation) {
                                        return ask(core, address, query, &path, frame_size, limit,
                                                   std::move(operation));
                                      });
}

template <class Token>
auto Disk::begin(const IoRequest& request, std::uint64_t offset, Token&& token) {
  return begin_operation(core_, std::forward<Token>(token),
                         [address = address_, request, offset](const auto& core, auto operation) {
                           return submit(core, address, request, offset, std::move(operation));
                         });
}

}  // namespace aoe::initiator
