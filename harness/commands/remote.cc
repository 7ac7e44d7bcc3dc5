// `aoe-harness remote`: the far half of a remote world, which has the target's end of its scenarios.
// Another machine's harness starts it for each case, and tells it what to do by lines.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include "harness/commands/commands.h"
#include "harness/language/implementation.h"
#include "harness/run/exit_status.h"
#include "harness/run/scratch_folder.h"
#include "harness/world/faulty_file.h"
#include "harness/world/remote_half.h"

namespace aoe::harness {
namespace {

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// Gives the half each line that comes, until there are no more.
class Lines {
 public:
  Lines(boost::asio::io_context& loop, RemoteHalf& half)
      : loop_(loop), input_(loop, ::dup(STDIN_FILENO)), half_(half) {
    listen();
  }

 private:
  /// A longer line is no request.
  static constexpr std::size_t line_max = std::size_t{16} << 20;

  void listen() {
    boost::asio::async_read_until(input_, boost::asio::dynamic_buffer(read_, line_max), '\n',
                                  [this](const boost::system::error_code& error, std::size_t size) {
                                    if (error) return loop_.stop();
                                    const std::string line = read_.substr(0, size - 1);
                                    read_.erase(0, size);
                                    half_.take(line);
                                    listen();
                                  });
  }

  boost::asio::io_context& loop_;
  boost::asio::posix::stream_descriptor input_;
  RemoteHalf& half_;
  std::string read_;
};

int serve(const std::string& interface, const std::optional<Implementation>& target) {
  const ScratchFolder folder("aoe-remote");
  if (folder.path().empty())
    throw Failed{exit_environment, "no folder for temporary files can be made"};
  std::signal(SIGPIPE, SIG_IGN);  // who reads no more has ended its input, too
  // For disks that fail (disk_image.h). Without the right to it they can't, and say so.
  (void)enter_mount_namespace();
  boost::asio::io_context loop;
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT, SIGHUP);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  auto half = RemoteHalf::create(loop, {interface, target, folder.path()}, say);
  if (!half) {
    say(nlohmann::json{{"error", half.error()}}.dump());
    throw Failed{exit_environment, half.error()};
  }
  {
    const Lines lines(loop, **half);
    loop.run();
  }
  (*half)->end();
  return exit_passed;
}

}  // namespace

void add_remote_command(CLI::App& app, Action& action) {
  struct Given {
    std::string interface {};
    std::optional<Implementation> target{};
  };
  const auto given = std::make_shared<Given>();
  CLI::App* command =
      app.add_subcommand("remote", "Be the target's end of what another machine plays");
  command
      ->add_option("--interface", given->interface,
                   "Serve here: it has to be up, and have no IP address")
      ->required()
      ->option_text("IF");
  command
      ->add_option_function<std::string>(
          "--sut",
          [given](const std::string& text) {
            auto found = find_implementation(text);
            if (!found) throw CLI::ValidationError("--sut: " + found.error());
            if (found->role != Implementation::Role::target)
              throw CLI::ValidationError("--sut: " + text + " is no target");
            given->target = *std::move(found);
          },
          "The target: see suts/README.md (default: our engine)")
      ->option_text("NAME|COMMAND");
  command->footer(
      "Reads requests from standard input, and ends with that. Example, on the other machine:\n"
      "aoe-harness run reads.yaml --interface eth1 --world remote \\\n"
      "    --remote 'ssh lab2 aoe-harness remote --interface eth1 --sut vblade'");
  command->callback(
      [given, &action] { action = [given] { return serve(given->interface, given->target); }; });
}

}  // namespace aoe::harness
