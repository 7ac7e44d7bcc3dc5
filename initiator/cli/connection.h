// What every command of aoe-initiator has: its options, a client in a loop of its own, and how it
// reports a failure.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json_fwd.hpp>

#include "initiator/client/client.h"

namespace aoe::initiator {

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_another_disk = 3;

/// Ends a command that failed: what() is the line for standard error. The program exits with
/// exit_failure.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Ends a command that was carried out, where another disk answers at the device's address: what()
/// is the line for standard error. The program exits with exit_another_disk.
struct AnotherDisk : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Ends a command whose arguments are wrong. The program exits with exit_usage.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Returns the value of `result`. Throws Failed with its error.
template <class Value>
Value or_fail(tl::expected<Value, std::string> result) {
  if (!result) throw Failed(result.error());
  return *std::move(result);
}
template <class Value>
Value or_fail(tl::expected<Value, OpenError> result) {
  if (!result) throw Failed(result.error().text);
  return *std::move(result);
}

/// Returns "NAME: …", with the present errno's message.
std::string system_message(std::string_view name);

/// What all commands are given.
struct CommandOptions {
  std::vector<std::string> interfaces;
  Parameters parameters;
  Duration wait = std::chrono::seconds(3);  // for a device to come up, or a target to answer
  bool json = false;
  bool verbose = false;  // events on standard error
  bool trace = false;    // the engine's decisions on standard error
};

/// Writes the line "aoe-initiator: …" to standard error.
void complain(std::string_view line);
/// Complains of each interface or pattern that nothing on this machine matches yet.
void complain_of_unmatched(const std::vector<std::string>& interfaces);
/// Writes JSON and a newline to standard output.
void print(const nlohmann::ordered_json& json);

/// Returns what writes each line to standard error, or the trace that is off.
Trace trace_of(const CommandOptions& options);

/// The client of one command. Made and used by the command's function, on its thread.
class Connection {
 public:
  /// Throws Failed when an interface can't be used.
  explicit Connection(const CommandOptions& options);
  /// No more answers to a discovery come after so long without one, or twice as long as the first
  /// one took.
  static constexpr std::chrono::milliseconds quiet_min{250};
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::asio::io_context& loop() { return loop_; }
  Client& client() { return *client_; }

  /// Sets the function that is called for each event.
  void listen(Client::Listener listener) { listener_ = std::move(listener); }

  /// Runs the loop until `until()` holds, for what is certain to come.
  template <class Condition>
  void wait(Condition until) {
    while (!until()) loop_.run_one();
  }
  /// Runs it for `limit` at most. Returns whether the condition holds.
  template <class Condition>
  bool wait(Condition until, std::chrono::nanoseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!until()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      loop_.run_one_until(end);
    }
    return true;
  }
  /// Calls `begin` with a handler, and runs the loop until the handler is called. Returns its
  /// error; its other arguments are assigned to `results`.
  template <class Begin, class... Results>
  boost::system::error_code result_of(Begin begin, Results&... results) {
    std::optional<boost::system::error_code> result;
    begin([&](boost::system::error_code error, Results... got) {
      result = error;
      ((results = std::move(got)), ...);
    });
    wait([&] { return result.has_value(); });
    return *result;
  }
  /// Discovers all targets, and again until that brings nothing new. Each round lasts as long as
  /// answers come, and a little longer; until the first answer, and while a device that `identify`
  /// waits for has not answered IDENTIFY, up to the option --wait.
  enum class Gather { answers, identify };
  void gather(Gather what);
  /// After gather(identify): throws Failed when some devices did not answer IDENTIFY, and so are
  /// not listed as they are.
  void check_complete() const;

  /// Opens a disk. Throws Failed when it does not come up in time.
  Disk open_disk(Address device);
  /// Waits until all that answer at a disk's address have said which disk they are, for the option
  /// --wait at most. The disk that is used may be the first to answer of several, so it is asked once
  /// more who is there, when the disk is opened or else now, and the answers are awaited. Complains of
  /// a target that has not said it in the end.
  void wait_for_others(Address device);
  enum class Reached { one, all };
  /// Throws AnotherDisk if another disk is known to answer at the address. `reached`: whether the
  /// command was carried out on one target, or on all that answer.
  void check_no_other(Address device, Reached reached = Reached::one);
  /// Called when a command has done its work on a disk: waits for others, then checks.
  void check_alone(Address device, Reached reached = Reached::one) {
    wait_for_others(device);
    check_no_other(device, reached);
  }
  /// The same for all devices that a discovery has found.
  void check_all_alone(Reached reached);
  /// Returns the answer to a query. Throws Failed when there is none, or an error; `silence` says
  /// what it means that nothing answers, if it means more than that.
  QueryAnswer ask(Address device, const Query& query, std::string_view silence = {});
  /// Waits for others at the address, and asks each what it has: of every MAC address but `known`.
  /// Complains of one that does not say.
  std::vector<QueryAnswer> ask_others(Address device, const Query& query, std::optional<Mac> known);
  /// Returns the failure of a command that looked for any target.
  Failed nothing_found() const;

 private:
  using Clock = std::chrono::steady_clock;
  /// A discovery of one device, repeated until it is answered, and when it was.
  struct Look {
    Address device{};
    std::vector<std::uint32_t> tags{};
    Clock::time_point begun{};
    Clock::time_point repeated{};
    std::optional<Clock::time_point> first{};
    Clock::time_point last{};
  };

  bool all_identified() const;
  void look_again(Address device);
  void repeat_look();
  /// Returns how long the answers to a discovery are awaited still: zero when no more are to come.
  Clock::duration remaining(const Look& look) const;

  const CommandOptions options_;
  std::optional<Look> look_;  // the last one of look_again()
  boost::asio::io_context loop_;
  std::optional<Client> client_;
  Client::Listener listener_;
};

}  // namespace aoe::initiator
