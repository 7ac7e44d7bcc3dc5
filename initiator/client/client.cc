#include "initiator/client/client.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "initiator/client/live_session.h"
#include "proto/describe.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;

constexpr std::chrono::nanoseconds for_ever = std::chrono::hours(24 * 365);

/// Calls a handler at once where the loop has called the session, and later everywhere else: never
/// from within the function that began the operation.
template <class... Results>
void complete(const LiveSession& session, Operation<Results...>* released, const error_code& error,
              const std::type_identity_t<Results>&... results) noexcept {
  const std::unique_ptr<Operation<Results...>> operation(released);
  if (session.is_in_step()) {
    operation->complete(error, results...);
  } else {
    operation->complete_later(error, results...);
  }
}

/// Ends a session that its last user has left: after the callback in which that may have happened.
void end(LiveSession* left) {
  std::unique_ptr<LiveSession> session(left);
  if (!session->is_reporting()) return;
  session->listen({});
  session->listen_for_trouble({});
  boost::asio::io_context& loop = session->loop();
  boost::asio::post(loop, [session = std::move(session)] {});
}

}  // namespace

void cancel(const std::weak_ptr<LiveSession>& session, std::uint64_t id) {
  if (const auto locked = session.lock()) locked->call(&Session::cancel, id);
}

boost::asio::io_context::executor_type executor(const LiveSession& session) {
  return session.loop().get_executor();
}

// Client.

tl::expected<Client, OpenError> Client::open(boost::asio::io_context& loop,
                                             const Options& options) {
  auto session = LiveSession::open(
      loop, options.parameters, options.interfaces, options.trace,
      options.wait_for_interfaces ? LiveSession::Missing::wait : LiveSession::Missing::refuse);
  if (!session) return tl::unexpected(session.error());
  return Client(Shared(session->release(), end));
}

std::uint64_t Client::begin_open(const Shared& session, Address address,
                                 std::chrono::nanoseconds limit,
                                 std::unique_ptr<Operation<Disk>> operation) {
  const auto done = [address, weak = std::weak_ptr(session),
                     operation = std::shared_ptr(std::move(operation))](Completion result) {
    const Shared alive = weak.lock();
    std::optional<Disk> disk;
    if (result.error == IoError::none && alive != nullptr) {
      disk = Client(alive).open_disk(address);
      if (!disk) result.error = IoError::no_such_device;  // it is down again
    } else if (result.error == IoError::none) {
      result.error = IoError::cancelled;
    }
    operation->complete_later(make_error_code(result), disk ? *std::move(disk) : Disk());
  };
  return session->call(&Session::await, address, std::min(limit, for_ever), done);
}

// The callbacks below are called once, whatever happens. What they hold is small, so that nothing
// is allocated for them.

std::uint64_t Client::begin_query(const Shared& session, Address address, const Query& query,
                                  const PathStatus* path, std::size_t frame_size,
                                  std::chrono::nanoseconds limit,
                                  std::unique_ptr<Operation<QueryAnswer>> operation) {
  QueryRequest request{.device = address,
                       .query = query,
                       .limit = std::min(limit, for_ever),
                       .frame_size = frame_size};
  if (path != nullptr) {
    const auto port = session->port_on(path->interface);
    if (!port) {
      operation->complete_later(make_error_code({.error = IoError::invalid}), {});
      return 0;
    }
    request.route = QueryRoute{*port, path->mac};
  }
  const auto done = [&session = *session,
                     released = operation.release()](const QueryResult& result) {
    complete(session, released, make_error_code(result.completion), result.answer);
  };
  return session->call(&Session::ask, request, done);
}

std::uint64_t Client::begin_request(const Shared& session, IoRequest request, std::uint64_t offset,
                                    std::uint64_t length, std::unique_ptr<Operation<>> operation) {
  const bool is_whole = offset % sector_size == 0 && length % sector_size == 0;
  if (!is_whole || (length == 0 && request.kind != IoKind::flush)) {
    operation->complete_later(
        make_error_code({.error = is_whole ? IoError::none : IoError::invalid}));
    return 0;
  }
  const auto done = [&session = *session,
                     released = operation.release()](const Completion& result) {
    complete(session, released, make_error_code(result));
  };
  return session->call(&Session::submit, request, done);
}

std::optional<Disk> Client::open_disk(Address address) {
  if (!session_->open(address)) return std::nullopt;
  return Disk(session_, address);
}

std::uint32_t Client::discover(Address whom) {
  return session_->call(&Engine::discover, whom);
}

std::vector<DeviceStatus> Client::devices() const {
  std::vector<DeviceStatus> all;
  for (const auto& [address, device] : session_->engine().devices()) {
    all.push_back(session_->status(*device));
  }
  return all;
}

std::optional<DeviceStatus> Client::device(Address address) const {
  const Device* device = session_->engine().find(address);
  if (device == nullptr) return std::nullopt;
  return session_->status(*device);
}

std::string Client::why_not_up(Address address) const {
  const Device* device = session_->engine().find(address);
  if (device != nullptr && device->state() == DeviceState::up) {
    return fmt::format("{}: is up", address);
  }
  if (device != nullptr && device->state() == DeviceState::closewait) {
    const DeviceStatus status = session_->status(*device);
    if (!status.others().empty()) {
      return fmt::format("{}: went down, and another disk answers at its address, at {}", address,
                         status.others().front().mac);
    }
    return fmt::format("{}: went down, and stays so until all who hold it open close it", address);
  }
  if (device != nullptr && device->identify_failure()) {
    std::array<char, description_size_max> room;
    const Event& event = *device->identify_failure();
    return fmt::format("{}: IDENTIFY failed: {}", address,
                       event.result.error == IoError::none
                           ? std::string(describe(event.reject, room))
                           : make_error_code(event.result).message());
  }
  return fmt::format("{}: no answer{} on {}", address, device != nullptr ? " to IDENTIFY" : "",
                     interface_names());
}

bool Client::revalidate(Address address) {
  return session_->call(&Engine::revalidate, address);
}

bool Client::forget(Address address) {
  return session_->call(&Engine::forget, address);
}

std::size_t Client::forget_down() {
  return session_->call(&Engine::forget_down);
}

std::size_t Client::forget_unopened() {
  return session_->call(&Engine::forget_unopened);
}

const Parameters& Client::parameters() const {
  return session_->engine().parameters();
}

void Client::set_parameters(const Parameters& parameters) {
  session_->call(&Engine::set_parameters, parameters);
}

std::vector<InterfaceStatus> Client::interfaces() const {
  return session_->interfaces();
}

std::string Client::interface_names() const {
  std::string names;
  for (const InterfaceStatus& interface : interfaces()) {
    names += (names.empty() ? "" : ", ") + interface.name + (interface.up ? "" : " (down)");
  }
  return names;
}

void Client::change_interfaces(const std::vector<std::string>& interfaces) {
  session_->change_interfaces(interfaces);
}

const std::string& Client::interface_name(PortId port) const {
  return session_->interface_name(port);
}

void Client::listen(Listener listener) {
  session_->listen(std::move(listener));
}

void Client::listen_for_trouble(TroubleListener listener) {
  session_->listen_for_trouble(std::move(listener));
}

// Disk.

Disk::Disk(std::shared_ptr<LiveSession> session, Address address)
    : session_(std::move(session)), address_(address) {}

Disk& Disk::operator=(Disk&& other) noexcept {
  Disk old(std::move(other));
  std::swap(session_, old.session_);
  std::swap(address_, old.address_);
  return *this;
}

Disk::~Disk() {
  if (session_ != nullptr) session_->call(&Engine::close, address_);
}

DeviceStatus Disk::status() const {
  if (!is_open()) return {.address = address_, .state = "down"};
  const Device* device = session_->engine().find(address_);
  AOE_CHECK(device != nullptr);  // who is open is not forgotten
  return session_->status(*device);
}

std::uint64_t Disk::size() const {
  if (!is_open()) return 0;
  const Device* device = session_->engine().find(address_);
  AOE_CHECK(device != nullptr);
  return device->identity()->sectors * sector_size;
}

}  // namespace aoe::initiator
