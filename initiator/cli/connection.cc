#include "initiator/cli/connection.h"

#include <cstdio>

#include <fmt/format.h>

namespace aoe::initiator {
namespace {

/// How long answers to a discovery are gathered, and how often it is repeated in that time.
constexpr std::chrono::milliseconds gather_time{500};
constexpr int gather_rounds = 3;

}  // namespace

void tell(const std::string& text) {
  std::fputs(text.c_str(), stderr);
}

void complain(std::string_view line) {
  tell(fmt::format("aoe-initiator: {}\n", line));
}

std::unique_ptr<Connection> Connection::open(const CommandOptions& options) {
  std::unique_ptr<Connection> connection(new Connection(options));
  auto client = Client::open(connection->loop_,
                             {.interfaces = options.interfaces, .parameters = options.parameters});
  if (!client) {
    complain(client.error());
    return nullptr;
  }
  connection->client_ = *std::move(client);
  connection->client_->listen([self = connection.get()](const Event& event) {
    if (self->options_.verbose) complain(describe(event));
    if (self->listener_) self->listener_(event);
  });
  if (options.verbose) {
    connection->client_->listen_for_trouble([](const std::string& what) { complain(what); });
  }
  return connection;
}

void Connection::gather() {
  for (int round = 0; round < gather_rounds; ++round) {
    if (round > 0) client_->discover();
    wait([] { return false; }, gather_time / gather_rounds);
  }
}

std::optional<Disk> Connection::open_disk(Address device) {
  std::optional<Disk> opened;
  bool done = false;
  client_->async_open(device, options_.wait, [&](boost::system::error_code error, Disk disk) {
    if (!error) opened = std::move(disk);
    done = true;
  });
  wait([&] { return done; });
  if (!opened) {
    const bool silent = !client_->device(device);
    complain(client_->why_not_up(device) +
             (silent ? fmt::format(" within {} s", options_.wait.count()) : ""));
  }
  return opened;
}

std::optional<QueryAnswer> Connection::ask(Address device, const Query& query,
                                           std::string_view silence) {
  std::optional<boost::system::error_code> result;
  QueryAnswer answered;
  client_->async_query(device, query, options_.wait,
                       [&](boost::system::error_code error, QueryAnswer answer) {
                         result = error;
                         answered = std::move(answer);
                       });
  wait([&] { return result.has_value(); });
  if (!*result) return answered;
  if (*result != boost::system::errc::timed_out) {
    complain(fmt::format("{}: {}", device, result->message()));
  } else if (!silence.empty()) {
    complain(fmt::format("{}: {}", device, silence));
  } else {
    complain(fmt::format("{}: no answer on {} within {} s", device, interface_names(),
                         options_.wait.count()));
  }
  return std::nullopt;
}

std::string Connection::interface_names() {
  std::string names;
  for (const InterfaceStatus& interface : client_->interfaces()) {
    names += (names.empty() ? "" : ", ") + interface.name + (interface.up ? "" : " (down)");
  }
  return names;
}

}  // namespace aoe::initiator
