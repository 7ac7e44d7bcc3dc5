// What every command of aoe-initiator has: its options, a client in a loop of its own, and the way
// to complain.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "initiator/client/client.h"

namespace aoe::initiator {

inline constexpr int exit_failure = 1;

/// What all commands are given.
struct CommandOptions {
  std::vector<std::string> interfaces;
  Parameters parameters;
  std::chrono::seconds wait{3};  // for a device to come up, or a target to answer
  bool json = false;
  bool verbose = false;  // events on standard error
};

/// On standard error. Where that takes nothing, nothing can be said, and nothing else suffers.
void tell(const std::string& text);
/// "aoe-initiator: …", a line of it.
void complain(std::string_view line);

/// The client of one command. Made and used by the command's function, on its thread.
class Connection {
 public:
  /// Null when it could not be made, and the complaint has been.
  static std::unique_ptr<Connection> open(const CommandOptions& options);

  boost::asio::io_context& loop() { return loop_; }
  Client& client() { return *client_; }
  const CommandOptions& options() const { return options_; }

  /// Hears of everything that happens.
  void listen(Client::Listener listener) { listener_ = std::move(listener); }

  /// Runs the loop until `until()` holds, for what is certain to come.
  template <class Condition>
  void wait(Condition until) {
    while (!until()) loop_.run_one();
  }
  /// For `limit` at most. Returns whether it holds.
  template <class Condition>
  bool wait(Condition until, std::chrono::nanoseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!until()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      loop_.run_one_until(end);
    }
    return true;
  }
  /// Lets targets answer a discovery, which is repeated meanwhile.
  void gather();

  /// A disk that is up; nothing when it did not come up in time, and the complaint has been made.
  std::optional<Disk> open_disk(Address device);
  /// The answer; nothing when there was none, or an error, and the complaint has been made.
  /// `silence` is what silence means, where it means more than that.
  std::optional<QueryAnswer> ask(Address device, const Query& query, std::string_view silence = {});

  /// "eth0, eth1 (down)": all that this client works on.
  std::string interface_names();

 private:
  explicit Connection(CommandOptions options) : options_(std::move(options)) {}

  const CommandOptions options_;
  boost::asio::io_context loop_;
  std::optional<Client> client_;
  Client::Listener listener_;
};

}  // namespace aoe::initiator
