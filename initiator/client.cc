#include "initiator/client.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <boost/asio/steady_timer.hpp>

#include "initiator/live_session.h"
#include "proto/describe.h"

namespace aoe::initiator {
namespace {

using boost::asio::steady_timer;
using boost::system::error_code;

constexpr auto discovery_repeat = std::chrono::milliseconds(250);
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
      if (owned->calling_back_) {
        boost::asio::io_context& loop = owned->loop_;
        boost::asio::post(loop, [owned = std::move(owned)] {});
      }
    });
    auto session = LiveSession::open(loop, options.parameters, options.interfaces);
    if (!session) return tl::unexpected(session.error());
    core->session_ = *std::move(session);
    core->session_->listen([self = core.get()](const Event& event) { self->happened(event); });
    core->session_->listen_for_trouble([self = core.get()](const std::string& what) {
      if (self->trouble_listener) self->call_back([&] { self->trouble_listener(what); });
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
    const bool was_submitting = std::exchange(submitting_, true);
    // Called once, whatever happens; what it holds is small, so that nothing is allocated for it.
    const auto done = [this, released = operation.release()](const Completion& result) {
      const std::unique_ptr<Operation<>> owned(released);
      if (submitting_) {
        owned->complete_later(make_error_code(result));
      } else {
        call_back([&] { owned->complete(make_error_code(result)); });
      }
    };
    const std::uint64_t number = session_->submit(request, done);
    submitting_ = was_submitting;
    return number;
  }

  std::uint64_t open(Address address, std::chrono::nanoseconds limit,
                     std::unique_ptr<Operation<Disk>> operation) {
    const std::uint64_t number = opening_bit | next_opening_++;
    if (!address.is_exact()) {
      operation->complete_later(make_error_code({.error = IoError::invalid}), Disk());
    } else if (is_up(address)) {
      operation->complete_later({}, Disk(shared_from_this(), address));
    } else {
      const auto deadline = steady_timer::clock_type::now() + limit;
      const auto [opening, _] = openings_.try_emplace(number, address, deadline, loop_);
      opening->second.operation = std::move(operation);
      ask_again(number);
    }
    return number;
  }

  std::uint64_t ask(Address address, const Query& query, const PathStatus* path,
                    std::size_t frame_size, std::chrono::nanoseconds limit,
                    std::unique_ptr<Operation<QueryAnswer>> operation) {
    const bool was_submitting = std::exchange(submitting_, true);
    auto done = [this, shared = std::shared_ptr(std::move(operation))](const QueryResult& result) {
      if (submitting_) {
        shared->complete_later(make_error_code(result.completion), result.answer);
      } else {
        call_back([&] { shared->complete(make_error_code(result.completion), result.answer); });
      }
    };
    const std::uint64_t number =
        path == nullptr
            ? session_->ask(address, query, limit, std::move(done))
            : session_->probe(address, query, *path, frame_size, limit, std::move(done));
    submitting_ = was_submitting;
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
    const auto failure = identify_failures_.find(address);
    if (failure != identify_failures_.end()) {
      std::array<char, description_size_max> room;
      const Event& event = failure->second;
      return fmt::format("{}: IDENTIFY failed: {}", address,
                         event.result.error == IoError::none
                             ? std::string(describe(event.reject, room))
                             : describe(event.result));
    }
    const Device* device = engine().find(address);
    if (device != nullptr && device->state() == DeviceState::up) {
      return fmt::format("{}: is up", address);
    }
    return fmt::format("{}: no answer{} on {}", address, device != nullptr ? " to IDENTIFY" : "",
                       interface_names());
  }

  Client::Listener listener;
  Client::TroubleListener trouble_listener;

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
    opening.timer.async_wait([this, number](const error_code& error) {
      if (!error && openings_.contains(number)) ask_again(number);
    });
  }

  void happened(const Event& event) {
    if (event.kind == Event::Kind::identify_failed) {
      Event& failure = identify_failures_[event.device] = event;
      failure.config.string = {};
    } else if (event.kind == Event::Kind::device_up) {
      identify_failures_.erase(event.device);
      std::erase_if(openings_, [&](const auto& entry) {
        const Opening& opening = entry.second;
        if (opening.address != event.device) return false;
        opening.operation->complete_later({}, Disk(shared_from_this(), event.device));
        return true;
      });
    }
    if (listener) call_back([&] { listener(event); });
  }

  /// Whatever a callback destroys, this is still there when it returns.
  template <class Callback>
  void call_back(Callback callback) {
    ++calling_back_;
    callback();
    --calling_back_;
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
  int calling_back_ = 0;
  bool submitting_ = false;
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
  core_->listener = std::move(listener);
}

void Client::listen_for_trouble(TroubleListener listener) {
  core_->trouble_listener = std::move(listener);
}

// Disk.

Disk::Disk(std::shared_ptr<ClientCore> core, Address address)
    : core_(std::move(core)), address_(address) {
  core_->session().open(address_);
}

Disk& Disk::operator=(Disk&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(address_, other.address_);
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
