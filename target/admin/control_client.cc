#include "target/admin/control_client.h"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>

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

int run_control(const ControlArguments& arguments, std::FILE* out, std::FILE* errors) {
  const auto line =
      ask_target(arguments.socket, request_line(arguments.request), arguments.timeout);
  const auto text = line ? parse_reply(*line) : tl::unexpected(line.error().text);
  const bool is_shown = line && (text || arguments.json);  // programs read errors as JSON, too
  if (is_shown) {
    const std::string shown = arguments.json ? *line + '\n' : *text;
    std::fwrite(shown.data(), 1, shown.size(), out);
  }
  if (!text) std::fputs(fmt::format("aoe-target: {}\n", escaped(text.error())).c_str(), errors);
  if (!line && line.error().nobody_listens) return exit_not_running;
  return text ? 0 : 1;
}

}  // namespace aoe::target
