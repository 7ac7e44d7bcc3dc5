#include "initiator/cli/connection.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "base/standard_streams.h"

namespace aoe::initiator {
namespace {

/// How long answers to a discovery are gathered, and how often it is repeated in that time.
constexpr std::chrono::milliseconds gather_time{500};
constexpr int gather_rounds = 3;
/// How long a target that claims a disk's address has to say which disk it is.
constexpr std::chrono::seconds verdict_time{1};

}  // namespace

std::string system_message(std::string_view name) {
  return fmt::format("{}: {}", name, last_error().message());
}

void complain(std::string_view line) {
  tell(fmt::format("aoe-initiator: {}\n", line));
}

void print(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

Trace trace_of(const CommandOptions& options) {
  if (!options.trace) return {};
  return Trace([](std::string_view line) { tell(fmt::format("{}\n", line)); },
               Instant(std::chrono::steady_clock::now().time_since_epoch()));
}

Connection::Connection(const CommandOptions& options) : options_(options) {
  client_ = or_fail(Client::open(loop_, {.interfaces = options.interfaces,
                                         .parameters = options.parameters,
                                         .trace = trace_of(options)}));
  client_->listen([this](const Event& event) {
    const bool is_another_disk =
        event.kind == Event::Kind::foreign_disk || event.kind == Event::Kind::foreign_content;
    if (options_.verbose || is_another_disk) complain(describe(event));
    if (listener_) listener_(event);
  });
  if (options.verbose) {
    client_->listen_for_trouble([](const std::string& what) { complain(what); });
  }
}

void Connection::gather() {
  for (int round = 0; round < gather_rounds; ++round) {
    if (round > 0) client_->discover();
    wait([] { return false; }, gather_time / gather_rounds);
  }
  const auto is_known = [this] {
    return std::ranges::none_of(client_->devices(), &DeviceStatus::is_in_doubt);
  };
  wait(is_known, verdict_time);
}

Disk Connection::open_disk(Address device) {
  Disk disk;
  const auto error =
      result_of([&](auto done) { client_->async_open(device, options_.wait, done); }, disk);
  if (!error) return disk;
  const bool silent = !client_->device(device);
  throw Failed(client_->why_not_up(device) +
               (silent ? fmt::format(" within {} s", options_.wait.count()) : ""));
}

void Connection::check_alone(Address device) {
  const auto is_known = [&] {
    const auto status = client_->device(device);
    return !status || !status->is_in_doubt();
  };
  wait(is_known, verdict_time);
  const auto status = client_->device(device);
  if (!status || status->others().empty()) return;
  const auto used = std::ranges::find_if(status->paths, &PathStatus::is_used);
  std::string text =
      fmt::format("{}: another disk has this address, at {}", device, status->others().front().mac);
  if (used != status->paths.end()) text += fmt::format("; only the one at {} was used", used->mac);
  throw AnotherDisk(text);
}

QueryAnswer Connection::ask(Address device, const Query& query, std::string_view silence) {
  QueryAnswer answer;
  const auto error = result_of(
      [&](auto done) { client_->async_query(device, query, options_.wait, done); }, answer);
  if (!error) return answer;
  if (error != boost::system::errc::timed_out) {
    throw Failed(fmt::format("{}: {}", device, error.message()));
  }
  if (!silence.empty()) throw Failed(fmt::format("{}: {}", device, silence));
  throw Failed(fmt::format("{}: no answer on {} within {} s", device, client_->interface_names(),
                           options_.wait.count()));
}

Failed Connection::nothing_found() const {
  return Failed("no target answers on " + client_->interface_names());
}

}  // namespace aoe::initiator
