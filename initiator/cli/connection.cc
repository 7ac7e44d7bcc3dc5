#include "initiator/cli/connection.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "base/standard_streams.h"
#include "wire/interfaces.h"

namespace aoe::initiator {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_interval{50};
/// Until its first answer: how often it is asked again who is at an address.
constexpr milliseconds look_repetition{500};
/// Until the first answer: how often the query is repeated.
constexpr milliseconds ask_interval{1000};
constexpr int gather_rounds_max = 100;
/// Of a query to one target, whose frames may be lost.
constexpr int ask_attempts = 3;
constexpr std::size_t missing_shown_max = 8;

/// Returns "3", "1.5".
std::string in_seconds(Duration duration) {
  return fmt::format("{:g}", std::chrono::duration<double>(duration).count());
}

/// Returns a target that has not said yet which disk it is, where several answer at the address.
std::optional<Mac> unknown_of(const DeviceStatus& device) {
  const auto& paths = device.paths;
  const auto found = std::ranges::find(paths, "candidate", &PathStatus::standing);
  const bool are_several = std::ranges::any_of(
      paths, [&](const PathStatus& path) { return path.mac != paths.front().mac; });
  return are_several && found != paths.end() ? std::optional(found->mac) : std::nullopt;
}

}  // namespace

std::string system_message(std::string_view name) {
  return fmt::format("{}: {}", name, last_error().message());
}

void complain(std::string_view line) {
  tell(fmt::format("aoe-initiator: {}\n", line));
}

void complain_of_unmatched(const std::vector<std::string>& interfaces) {
  for (const std::string& pattern : find_unmatched(or_fail(list_interfaces()), interfaces)) {
    complain(unmatched_text(pattern));
  }
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
    const bool matters =
        event.kind == Event::Kind::foreign_disk || event.kind == Event::Kind::foreign_content ||
        event.kind == Event::Kind::disk_replaced || event.kind == Event::Kind::write_refused ||
        event.kind == Event::Kind::payload_shrunk;
    if (options_.verbose || matters) complain(describe(event));
    if (event.kind == Event::Kind::config_answer && look_ &&
        std::ranges::find(look_->tags, event.tag) != look_->tags.end()) {
      look_->last = Clock::now();
      if (!look_->first) look_->first = look_->last;
    }
    if (listener_) listener_(event);
  });
  if (options.verbose || !options.interfaces.empty()) {
    client_->listen_for_trouble([](const std::string& what) { complain(what); });
  }
}

void Connection::gather(Gather what) {
  using Answer = std::tuple<Address, PortId, Mac>;
  std::set<Answer> known;
  Clock::time_point last{};
  std::optional<Clock::duration> first_took;
  const Client::Listener listener = std::exchange(listener_, {});
  Clock::time_point asked{};
  listener_ = [&](const Event& event) {
    if (event.kind == Event::Kind::config_answer || event.kind == Event::Kind::device_up) {
      last = Clock::now();
      if (!first_took) first_took = last - asked;
    }
    if (event.kind == Event::Kind::config_answer) {
      known.emplace(event.device, event.port, event.mac);
    }
    if (listener) listener(event);
  };
  for (int round = 0; round < gather_rounds_max; ++round) {
    const std::size_t before = known.size();
    asked = last = Clock::now();
    client_->discover();
    while (true) {
      wait([] { return false; }, look_interval);
      if (!first_took && Clock::now() - asked >= ask_interval) {
        client_->discover();
        asked = Clock::now();
      }
      const auto quiet = Clock::now() - last;
      if (quiet >= options_.wait) break;
      if (!first_took || quiet < std::max<Clock::duration>(quiet_min, 2 * *first_took)) continue;
      if (what == Gather::answers || all_identified()) break;
    }
    if (known.size() == before) break;
  }
  listener_ = listener;
  const auto are_known = [this] {
    return std::ranges::none_of(client_->devices(), &DeviceStatus::is_in_doubt);
  };
  if (what == Gather::identify) wait(are_known, options_.wait);
}

bool Connection::all_identified() const {
  return std::ranges::all_of(client_->devices(), &DeviceStatus::is_up);
}

void Connection::check_complete() const {
  std::vector<std::string> missing;
  const auto devices = client_->devices();
  for (const DeviceStatus& device : devices) {
    if (!device.is_up()) missing.push_back(fmt::format("{}", device.address));
  }
  if (missing.empty()) return;
  const std::size_t count = missing.size();
  missing.resize(std::min(count, missing_shown_max));
  throw Failed(
      fmt::format("{} of {} devices did not answer IDENTIFY within {} s of the last "
                  "answer: {}{}; a larger --wait may find them",
                  count, devices.size(), in_seconds(options_.wait), fmt::join(missing, " "),
                  count > missing.size() ? " ..." : ""));
}

Disk Connection::open_disk(Address device) {
  Disk disk;
  const auto error =
      result_of([&](auto done) { client_->async_open(device, options_.wait, done); }, disk);
  if (!error) {
    look_again(device);
    return disk;
  }
  const bool silent = !client_->device(device);
  throw Failed(client_->why_not_up(device) +
               (silent ? fmt::format(" within {} s", in_seconds(options_.wait)) : ""));
}

void Connection::look_again(Address device) {
  look_ = {.device = device, .begun = Clock::now()};
  repeat_look();
}

void Connection::repeat_look() {
  look_->repeated = Clock::now();
  look_->tags.push_back(client_->discover(look_->device));
}

Connection::Clock::duration Connection::remaining(const Look& look) const {
  const auto now = Clock::now();
  const auto limit = look.begun + std::max<Clock::duration>(quiet_min, options_.wait);
  // A busy machine is slow to answer, and the one that is used says how slow.
  const auto quiet =
      look.first ? look.last + std::max<Clock::duration>(quiet_min, 2 * (*look.first - look.begun))
                 : limit;
  return std::max(std::min(quiet, limit) - now, Clock::duration::zero());
}

void Connection::wait_for_others(Address device) {
  if (!look_ || look_->device != device) look_again(device);
  while (remaining(*look_) > Clock::duration::zero()) {
    wait([] { return false; }, std::min<Clock::duration>(remaining(*look_), look_interval));
    const bool may_be_lost = !look_->first && Clock::now() >= look_->repeated + look_repetition;
    if (may_be_lost) repeat_look();
  }
  std::optional<Mac> unknown;
  const auto are_known = [&] {
    const auto status = client_->device(device);
    unknown = status ? unknown_of(*status) : std::nullopt;
    return !unknown;
  };
  if (wait(are_known, options_.wait)) return;
  complain(fmt::format("{}: {} answers at this address as well, and has not said which disk it is",
                       device, *unknown));
}

void Connection::check_no_other(Address device, Reached reached) {
  const auto status = client_->device(device);
  if (!status || status->others().empty()) return;
  const auto used = std::ranges::find_if(status->paths, &PathStatus::is_used);
  std::string text =
      fmt::format("{}: another disk has this address, at {}", device, status->others().front().mac);
  if (reached == Reached::all) {
    text += "; all that answer there were asked";
  } else if (used != status->paths.end())
    text += fmt::format("; only the one at {} was used", used->mac);
  throw AnotherDisk(text);
}

void Connection::check_all_alone(Reached reached) {
  const auto are_known = [this] {
    return std::ranges::none_of(client_->devices(), [](const DeviceStatus& device) {
      return unknown_of(device).has_value();
    });
  };
  wait(are_known, options_.wait);
  for (const DeviceStatus& device : client_->devices()) check_no_other(device.address, reached);
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
                           in_seconds(options_.wait)));
}

std::vector<QueryAnswer> Connection::ask_others(Address device, const Query& query,
                                                std::optional<Mac> known) {
  wait_for_others(device);
  std::vector<QueryAnswer> answers;
  const auto status = client_->device(device);
  if (!status) return answers;
  std::set<Mac> asked;
  for (const PathStatus& path : status->paths) {
    if (path.mac == known || !asked.insert(path.mac).second) continue;
    QueryAnswer answer;
    boost::system::error_code error =
        boost::system::errc::make_error_code(boost::system::errc::timed_out);
    for (int attempt = 0; attempt < ask_attempts && error == boost::system::errc::timed_out;
         ++attempt) {
      error = result_of(
          [&](auto done) {
            client_->async_probe(device, path, query, 0, options_.wait / ask_attempts, done);
          },
          answer);
    }
    if (error) {
      complain(fmt::format("{} at {}: {}", device, path.mac, error.message()));
    } else {
      answers.push_back(std::move(answer));
    }
  }
  return answers;
}

Failed Connection::nothing_found() const {
  return Failed("no target answers on " + client_->interface_names());
}

}  // namespace aoe::initiator
