// The far half of a remote world: the target's end of a scenario, on an interface of this machine.
//
// The near half (remote_target.h) is a live world on another machine, with the initiator's end, the
// fault stage and the judge; a wire joins the two interfaces. It gives this half one request a line,
// each of which is answered by a line before the next is sent:
//
//   ← {"aoe-harness": "0.1.0", "target": "vblade", "mac": "02:…", "mtu": 1500, …}    the greeting
//   → {"do": "open", "scenario": "scenario: …", "seed": 7}   its target is made
//   → {"do": "start"}, {"do": "stop"}, {"do": "kill"}, {"do": "pause", "paused": true}
//   → {"do": "set-disk-faults", "lun": 0, "faults": {…}}     null: it is whole again
//   → {"do": "read-store", "lun": 0, "offset": 512, "size": 1024}
//   ← {"done": {…}}, {"unsupported": "why"} or {"error": "why"}
//   ← {"ended": "was killed by signal 9 (Killed)", "said": "…"}      once, unasked: the target has
//   ← {"printed": "…"}       once, last: what the target printed
//
// Owned by `aoe-harness remote`, which reads and writes the lines. Ends what it has started when it is
// destroyed. Works in one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "harness/language/implementation.h"
#include "harness/language/scenario.h"
#include "harness/world/live_ends.h"
#include "harness/world/target_maker.h"
#include "wire/frame_port.h"

namespace aoe::harness {

class RemoteHalf {
 public:
  struct Options {
    std::string interface;
    std::optional<Implementation> target{};  // the program; nothing: an engine of ours
    std::string folder;                      // for disks and what the program prints: sut.log
  };
  /// Takes a line, without its end, to the near half.
  using Say = std::function<void(const std::string& line)>;

  /// Greets the near half. `loop` outlives this. The error says why the interface can't be used.
  static tl::expected<std::unique_ptr<RemoteHalf>, std::string> create(
      boost::asio::io_context& loop, const Options& options, Say say);
  RemoteHalf(const RemoteHalf&) = delete;
  RemoteHalf& operator=(const RemoteHalf&) = delete;
  ~RemoteHalf();

  /// Does what a line asks for, and answers it.
  void take(std::string_view line);
  /// Ends the target, and says what it printed.
  void end();

 private:
  using Json = nlohmann::json;
  using Answer = tl::expected<Json, std::string>;

  RemoteHalf(boost::asio::io_context& loop, const Options& options, const Link& link, Say say);

  /// Returns the answer's only member. The error says what is wrong with the request, or what could not
  /// be had. Throws nlohmann::json::exception where something lacks in it.
  Answer answer(const Json& request);
  Answer open(const Json& request);
  Answer read_store(const Json& request);
  /// Says once that the target has ended by itself, soon after it has.
  void watch_target();
  const Network& network() const { return scenario_->network; }

  boost::asio::io_context& loop_;
  const Options options_;
  const Link link_;
  const Say say_;
  boost::asio::steady_timer timer_;
  std::optional<Scenario> scenario_;    // once it is open
  std::optional<TargetMaker> maker_;    // as well
  std::unique_ptr<LiveTarget> target_;  // as well
  bool has_told_end_ = false;
};

}  // namespace aoe::harness
