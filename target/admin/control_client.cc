#include "target/admin/control_client.h"

#include <unistd.h>

#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "target/admin/control_top.h"
#include "target/service/request_log.h"

namespace aoe::target {

tl::expected<std::string, AskError> ask_target(const std::string& socket, const std::string& line,
                                               Duration timeout) {
  // Far more than the report of a large target: limits what another program may send.
  constexpr std::size_t reply_size_max = 64 << 20;
  const auto fail = [&](const std::string& why, bool nobody_listens = false) {
    return tl::unexpected(AskError{socket + ": " + why, nobody_listens});
  };
  const auto endpoint = control_endpoint(socket);
  if (!endpoint) return tl::unexpected(AskError{endpoint.error()});
  boost::asio::local::stream_protocol::iostream stream;
  stream.expires_after(timeout);
  stream.connect(*endpoint);
  if (stream.error() == boost::asio::error::connection_refused ||
      stream.error() == boost::system::errc::no_such_file_or_directory) {
    return fail(stream.error().message(), true);
  }
  stream << line << '\n' << std::flush;
  // A target that refuses a line before it has read it all has sent its reply.
  if (stream.error() == boost::asio::error::broken_pipe) stream.clear();

  std::string reply;
  for (char c = 0; stream.get(c); reply += c) {
    if (c == '\n') return reply;
    if (reply.size() == reply_size_max) return fail("the reply has no end");
  }
  if (stream.error() == boost::asio::error::eof) {
    return fail("the connection ended before the reply");
  }
  if (stream.error() == boost::asio::error::timed_out) return fail("no reply in time");
  return fail(stream.error().message());
}

namespace {

/// Says why there is no reply. Returns the exit status.
int complain(const AskError& error, std::FILE* errors) {
  std::fputs(fmt::format("aoe-target: {}\n", escaped(error.text)).c_str(), errors);
  return error.nobody_listens ? exit_not_running : 1;
}

/// Prints at once; returns whether that was possible.
bool print(const std::string& text, std::FILE* out) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
}

tl::expected<TopSample, AskError> sample(const ControlArguments& arguments) {
  const auto ask = [&](ControlCommand command) {
    return ask_target(arguments.socket, request_line({command}), arguments.timeout);
  };
  const auto stats = ask(ControlCommand::stats);
  if (!stats) return tl::unexpected(stats.error());
  const auto clients = ask(ControlCommand::clients);
  if (!clients) return tl::unexpected(clients.error());
  return TopSample{monotonic_now(), *stats, *clients};
}

int show_top(const ControlArguments& arguments, std::FILE* out, std::FILE* errors) {
  constexpr const char* clear_screen = "\x1b[H\x1b[2J";
  const bool goes_on = !arguments.json && ::isatty(::fileno(out)) != 0;
  auto before = sample(arguments);
  while (before) {
    std::this_thread::sleep_for(arguments.interval);
    auto now = sample(arguments);
    if (!now) return complain(now.error(), errors);
    const auto text = top_text(*before, *now, arguments.json);
    if (!text) return complain({text.error()}, errors);
    if (!print(goes_on ? clear_screen + *text : *text, out)) return 1;
    if (!goes_on) return 0;
    before = std::move(now);
  }
  return complain(before.error(), errors);
}

/// Shows the lines of a trace as they come.
int show_trace(const ControlArguments& arguments, std::FILE* out, std::FILE* errors) {
  ControlRequest request = arguments.request;
  while (true) {
    const auto line = ask_target(arguments.socket, request_line(request), arguments.timeout);
    if (!line) return complain(line.error(), errors);
    const auto text = parse_reply(*line);
    if (!text) return complain({text.error()}, errors);
    request.from = trace_next(*line);
    if (!request.from) return complain({"the reply is not a target's"}, errors);
    if (!text->empty() && !print(arguments.json ? *line + '\n' : *text, out)) return 1;
    std::this_thread::sleep_for(RequestLog::interval);
  }
}

}  // namespace

int run_control(const ControlArguments& arguments, std::FILE* out, std::FILE* errors) {
  if (arguments.top) return show_top(arguments, out, errors);
  if (arguments.request.command == ControlCommand::trace) {
    return show_trace(arguments, out, errors);
  }
  const auto line =
      ask_target(arguments.socket, request_line(arguments.request), arguments.timeout);
  if (!line) return complain(line.error(), errors);
  const auto text = parse_reply(*line);
  if (text || arguments.json) print(arguments.json ? *line + '\n' : *text, out);
  return text ? 0 : complain({text.error()}, errors);  // programs read errors as JSON, too
}

}  // namespace aoe::target
