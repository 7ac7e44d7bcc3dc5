#include "initiator/client/client.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <boost/asio/steady_timer.hpp>

#include "initiator/client/live_session.h"
#include "proto/describe.h"

namespace aoe::initiator {
namespace {

using boost::asio::steady_timer;
using boost::system::error_code;

constexpr auto discovery_repeat = std::chrono::milliseconds(250);
constexpr std::chrono::nanoseconds for_ever = std::chrono::hours(24 * 365);
constexpr std::uint64_t opening_bit = std::uint64_t{1} << 63;  // in the number of an async_open()
constexpr std::uint64_t query_bit = std::uint64_t{1} << 62;    // of an async_query()

}  // namespace

// What a Client and its Disks share. Owns the session; lives as long as any of them, and through
// the callbacks in which the last of them goes.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  static tl::expected<std::shared_ptr<ClientCore>, std::string> make(
      boost::asio::io_context& loop, const Client::Options& options) {
    std::shared_ptr<ClientCore> core(new ClientCore(loop), [](ClientCore* gone) {
      std::unique_ptr<ClientCore> owned(gone);
      if (owned->session_ != nullptr && owned->session_->is_reporting()) {
        boost::asio::io_context& loop = owned->loop_;
        boost::asio::post(loop, [owned = std::move(owned)] {});
      }
    });
    auto session = LiveSession::open(loop, options.parameters, options.interfaces);
    if (!session) return tl::unexpected(session.error());
    core->session_ = *std::move(session);
    core->session_->listen([self = core.get()](const Event& event) { self->happened(event); });
    core->session_->listen_for_trouble([self = core.get()](const std::string& what) {
      const auto alive = self->weak_from_this().lock();
      const auto hears = self->trouble_listener;
      if (alive != nullptr && hears != nullptr) (*hears)(what);
    });
    return core;
  }

  ~ClientCore() {
    for (auto& [number, opening] : openings_) {
      opening.operation->complete_later(boost::asio::error::operation_aborted, Disk());
    }
    session_.reset();
  }

  boost::asio::io_context& loop() const { return loop_; }
  LiveSession& session() const { return *session_; }
  const Engine& engine() const { return session_->engine(); }

  std::uint64_t submit(const IoRequest& request, std::unique_ptr<Operation<>> operation) {
    // Called once, whatever happens; what it holds is small, so that nothing is allocated for it.
    const auto done = [this, released = operation.release()](const Completion& result) {
      complete(std::unique_ptr<Operation<>>(released), make_error_code(result));
    };
    return session_->submit(request, done);
  }

  std::uint64_t open(Address address, std::chrono::nanoseconds limit,
                     std::unique_ptr<Operation<Disk>> operation) {
    const std::uint64_t number = opening_bit | next_opening_++;
    if (!address.is_exact()) {
      operation->complete_later(make_error_code({.error = IoError::invalid}), Disk());
    } else if (is_up(address)) {
      operation->complete_later({}, Disk(shared_from_this(), address));
    } else {
      const auto deadline = steady_timer::clock_type::now() + std::min(limit, for_ever);
      const auto [opening, _] = openings_.try_emplace(number, address, deadline, loop_);
      opening->second.operation = std::move(operation);
      ask_again(number);
    }
    return number;
  }

  std::uint64_t ask(Address address, const Query& query, const PathStatus* path,
                    std::size_t frame_size, std::chrono::nanoseconds limit,
                    std::unique_ptr<Operation<QueryAnswer>> operation) {
    const auto done = [this, released = operation.release()](const QueryResult& result) {
      complete(std::unique_ptr<Operation<QueryAnswer>>(released),
               make_error_code(result.completion), result.answer);
    };
    limit = std::min(limit, for_ever);
    const std::uint64_t number =
        path == nullptr ? session_->ask(address, query, limit, done)
                        : session_->probe(address, query, *path, frame_size, limit, done);
    return query_bit | number;
  }

  void cancel(std::uint64_t number) {
    if ((number & query_bit) != 0) {
      session_->cancel_query(number & ~query_bit);
    } else if ((number & opening_bit) == 0) {
      session_->cancel(number);
    } else if (const auto found = openings_.find(number); found != openings_.end()) {
      found->second.operation->complete_later(boost::asio::error::operation_aborted, Disk());
      openings_.erase(found);
    }
  }

  std::string why_not_up(Address address) const {
    const Device* device = engine().find(address);
    if (device != nullptr && device->state() == DeviceState::up) {
      return fmt::format("{}: is up", address);
    }
    if (device != nullptr && device->state() == DeviceState::closewait) {
      return fmt::format("{}: went down, and stays so until all who hold it open close it",
                         address);
    }
    const auto failure = identify_failures_.find(address);
    if (failure != identify_failures_.end()) {
      std::array<char, description_size_max> room;
      const Event& event = failure->second;
      return fmt::format("{}: IDENTIFY failed: {}", address,
                         event.result.error == IoError::none
                             ? std::string(describe(event.reject, room))
                             : describe(event.result));
    }
    return fmt::format("{}: no answer{} on {}", address, device != nullptr ? " to IDENTIFY" : "",
                       interface_names());
  }

  // Shared, for one may be replaced while it is called.
  std::shared_ptr<const Client::Listener> listener;
  std::shared_ptr<const Client::TroubleListener> trouble_listener;

 private:
  /// An async_open() that waits for its device.
  struct Opening {
    Opening(Address whose, steady_timer::time_point until, boost::asio::io_context& loop)
        : address(whose), deadline(until), timer(loop) {}

    Address address;
    steady_timer::time_point deadline;
    steady_timer timer;
    std::unique_ptr<Operation<Disk>> operation;
  };

  explicit ClientCore(boost::asio::io_context& loop) : loop_(loop) {}

  bool is_up(Address address) const {
    const Device* device = engine().find(address);
    return device != nullptr && device->state() == DeviceState::up;
  }

  void ask_again(std::uint64_t number) {
    Opening& opening = openings_.at(number);
    if (steady_timer::clock_type::now() >= opening.deadline) {
      opening.operation->complete_later(make_error_code({.error = IoError::no_such_device}),
                                        Disk());
      openings_.erase(number);
      return;
    }
    session_->discover(opening.address);
    opening.timer.expires_after(
        std::min<Duration>(discovery_repeat, opening.deadline - steady_timer::clock_type::now()));
    opening.timer.async_wait([core = weak_from_this(), number](const error_code& error) {
      // A timer that has run out can't be called back, though its opening has gone.
      const auto self = core.lock();
      if (!error && self != nullptr && self->openings_.contains(number)) self->ask_again(number);
    });
  }

  void happened(const Event& event) {
    const auto self = weak_from_this().lock();
    if (self == nullptr) return;  // nobody is left to hear of it
    if (event.kind == Event::Kind::device_forgotten) {
      identify_failures_.erase(event.device);
    } else if (event.kind == Event::Kind::identify_failed) {
      Event& failure = identify_failures_[event.device] = event;
      failure.config.string = {};
    } else if (event.kind == Event::Kind::device_up) {
      identify_failures_.erase(event.device);
      std::erase_if(openings_, [&](const auto& entry) {
        const Opening& opening = entry.second;
        if (opening.address != event.device || !is_up(event.device)) return false;
        opening.operation->complete_later({}, Disk(self, event.device));
        return true;
      });
    }
    if (const auto hears = listener) (*hears)(event);
  }

  /// A handler is called from within the loop, and from nowhere else.
  template <class... Results>
  void complete(std::unique_ptr<Operation<Results...>> operation, const error_code& error,
                const std::type_identity_t<Results>&... results) noexcept {
    if (session_ != nullptr && session_->is_in_step()) {
      operation->complete(error, results...);
    } else {
      operation->complete_later(error, results...);
    }
  }

  std::string interface_names() const {
    std::string names;
    for (const InterfaceStatus& interface : session_->interfaces()) {
      names += (names.empty() ? "" : ", ") + interface.name + (interface.up ? "" : " (down)");
    }
    return names;
  }

  boost::asio::io_context& loop_;
  std::unique_ptr<LiveSession> session_;
  std::map<std::uint64_t, Opening> openings_;
  std::uint64_t next_opening_ = 0;
  std::map<Address, Event> identify_failures_;  // the last of each device that is not up
};

void cancel(const std::weak_ptr<ClientCore>& core, std::uint64_t number) {
  if (const auto locked = core.lock()) locked->cancel(number);
}

boost::asio::io_context::executor_type executor(const ClientCore& core) {
  return core.loop().get_executor();
}

// Client.

tl::expected<Client, std::string> Client::open(boost::asio::io_context& loop,
                                               const Options& options) {
  auto core = ClientCore::make(loop, options);
  if (!core) return tl::unexpected(core.error());
  return Client(*std::move(core));
}

std::uint64_t Client::start_opening(const std::shared_ptr<ClientCore>& core, Address address,
                                    std::chrono::nanoseconds limit,
                                    std::unique_ptr<Operation<Disk>> operation) {
  return core->open(address, limit, std::move(operation));
}

std::uint64_t Client::ask(const std::shared_ptr<ClientCore>& core, Address address,
                          const Query& query, const PathStatus* path, std::size_t frame_size,
                          std::chrono::nanoseconds limit,
                          std::unique_ptr<Operation<QueryAnswer>> operation) {
  return core->ask(address, query, path, frame_size, limit, std::move(operation));
}

std::optional<Disk> Client::open_disk(Address address) {
  const Device* device = core_->engine().find(address);
  if (device == nullptr || device->state() != DeviceState::up) return std::nullopt;
  return Disk(core_, address);
}

std::uint32_t Client::discover(Address whom) {
  return core_->session().discover(whom);
}

std::vector<DeviceStatus> Client::devices() const {
  std::vector<DeviceStatus> all;
  for (const auto& [address, device] : core_->engine().devices()) {
    all.push_back(core_->session().status(*device));
  }
  return all;
}

std::optional<DeviceStatus> Client::device(Address address) const {
  const Device* device = core_->engine().find(address);
  if (device == nullptr) return std::nullopt;
  return core_->session().status(*device);
}

std::string Client::why_not_up(Address address) const {
  return core_->why_not_up(address);
}

bool Client::revalidate(Address address) {
  return core_->session().revalidate(address);
}

bool Client::forget(Address address) {
  return core_->session().forget(address);
}

std::size_t Client::forget_down() {
  return core_->session().forget_down();
}

std::size_t Client::forget_unopened() {
  return core_->session().forget_unopened();
}

const Parameters& Client::parameters() const {
  return core_->engine().parameters();
}

void Client::set_parameters(const Parameters& parameters) {
  core_->session().set_parameters(parameters);
}

std::vector<InterfaceStatus> Client::interfaces() const {
  return core_->session().interfaces();
}

void Client::change_interfaces(const std::vector<std::string>& interfaces) {
  core_->session().change_interfaces(interfaces);
}

const std::string& Client::interface_name(PortId port) const {
  return core_->session().interface_name(port);
}

void Client::listen(Listener listener) {
  core_->listener = listener ? std::make_shared<const Listener>(std::move(listener)) : nullptr;
}

void Client::listen_for_trouble(TroubleListener listener) {
  core_->trouble_listener =
      listener ? std::make_shared<const TroubleListener>(std::move(listener)) : nullptr;
}

// Disk.

Disk::Disk(std::shared_ptr<ClientCore> core, Address address)
    : core_(std::move(core)), address_(address) {
  const bool opened = core_->session().open(address_);
  AOE_CHECK(opened);
}

Disk& Disk::operator=(Disk&& other) noexcept {
  Disk old(std::move(other));
  std::swap(core_, old.core_);
  std::swap(address_, old.address_);
  return *this;
}

Disk::~Disk() {
  if (core_ != nullptr) core_->session().close(address_);
}

DeviceStatus Disk::status() const {
  const Device* device = core_->engine().find(address_);
  AOE_CHECK(device != nullptr);  // who is open is not forgotten
  return core_->session().status(*device);
}

std::uint64_t Disk::size() const {
  const Device* device = core_->engine().find(address_);
  AOE_CHECK(device != nullptr);
  return device->identity()->sectors * sector_size;
}

std::uint64_t Disk::submit(const std::shared_ptr<ClientCore>& core, Address address,
                           IoRequest request, std::uint64_t offset,
                           std::unique_ptr<Operation<>> operation) {
  request.device = address;
  if (offset % sector_size != 0) {
    operation->complete_later(make_error_code({.error = IoError::invalid}));
    return 0;
  }
  return core->submit(request, std::move(operation));
}

}  // namespace aoe::initiator
