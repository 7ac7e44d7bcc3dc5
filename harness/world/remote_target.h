// A target on another machine: what the far half of this world (remote_half.h) starts there, told by
// lines through a command such as ssh.
//
// Owned by a LiveWorld. Waits for each answer, in this thread. Once the far half is gone or gives no
// answer, lost() says so, and nothing more is done.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "harness/language/scenario.h"
#include "harness/world/live_ends.h"
#include "harness/world/piped_program.h"
#include "harness/world/program_log.h"
#include "harness/world/remote_words.h"

namespace aoe::harness {

class RemoteTarget final : public LiveTarget {
 public:
  /// Starts the command, as words_of() takes it apart, in the network namespace that this is called in,
  /// and waits for the far half's greeting. What it prints on standard error goes to the file `log`,
  /// and at the end what the target printed.
  /// The error names the far half and says why it can't be used.
  static tl::expected<std::unique_ptr<RemoteTarget>, std::string> connect(
      const std::string& command, const std::string& log);
  /// Ends the far half, and waits until it has ended what it started.
  ~RemoteTarget() override;

  const Greeting& greeting() const { return *greeting_; }
  /// Has the far half make the target of the scenario; begin() starts it.
  tl::expected<void, std::string> open(const Scenario& scenario, std::uint64_t seed);
  /// Returns why the far half does nothing more: "the far half ended with status 255; it said: …".
  /// Empty while it does.
  const std::string& lost() const { return lost_; }

  tl::expected<void, std::string> begin() override;
  std::string end() override;
  std::string said(std::size_t lines) const override;
  Control pause(bool paused) override;
  Control kill() override;
  Control stop() override;
  bool kill_loses_cache() const override { return kill_loses_cache_; }
  Control set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) override;
  Control read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) override;

 private:
  using Json = nlohmann::json;
  /// What was done; why it can't be.
  using Answer = tl::expected<Json, Unsupported>;

  explicit RemoteTarget(std::unique_ptr<ProgramLog> log) : log_(std::move(log)) {}
  tl::expected<void, std::string> start(const std::string& command);
  void take(Bytes printed);
  /// Waits for the next line that answers; nothing: there is none, and lost() says why.
  std::optional<std::string> await_line();
  Answer ask(const Json& request);
  Control told(const Json& request);

  const std::unique_ptr<ProgramLog> log_;
  boost::asio::io_context loop_;  // of the command alone
  std::unique_ptr<PipedProgram> command_;
  std::string printed_;  // and is no whole line yet
  std::optional<std::string> line_;
  std::optional<Greeting> greeting_;
  Network network_;  // of the scenario
  bool kill_loses_cache_ = false;
  // How the target has ended by itself, and what it said last, as the far half says. Empty: it has not.
  std::string ended_;
  std::string said_;
  std::string lost_;
};

}  // namespace aoe::harness
