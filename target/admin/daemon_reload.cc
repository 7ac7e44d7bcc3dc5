// Daemon: what may have changed since the LUNs were opened.

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "target/admin/daemon.h"

namespace aoe::target {

bool Daemon::settle_state() {
  for (const auto& worker : workers_) worker->ask([] {});
  const auto done = std::make_shared<std::promise<void>>();
  background_->post([done] { done->set_value(); });
  return done->get_future().wait_for(patience) == std::future_status::ready;
}

tl::expected<std::vector<std::string>, std::string> Daemon::reload() {
  if (!options_.read_again) {
    return tl::unexpected(std::string("started from a command line: there is no file to read"));
  }
  const auto wanted = options_.read_again();
  if (!wanted) return tl::unexpected(wanted.error());
  // A LUN that is added again loads its state, which must be complete.
  if (!settle_state()) {
    return tl::unexpected(fmt::format("{}: does not answer", definition_.state_folder));
  }
  auto prepared = prepare(wanted->luns, served());
  if (!prepared) return tl::unexpected(prepared.error());
  for (const auto& [lun, why] : prepared->failures) {
    if (!missing_.contains(lun)) return tl::unexpected(why);
  }
  missing_.follow(wanted->luns);
  note_missing(prepared->failures);
  std::vector<std::string> lines = carry_out(std::move(prepared->changes));
  if (wanted->client_limits != definition_.client_limits) {
    definition_.client_limits = wanted->client_limits;
    for (const auto& worker : workers_) {
      worker->ask([&] { worker->service().limit_clients(wanted->client_limits); });
    }
    lines.emplace_back("client-limits: changed");
  }
  const auto note = [&](const char* key, bool differs) {
    if (differs) lines.push_back(fmt::format("{}: takes effect at the next start", key));
  };
  note("state", wanted->state_folder != definition_.state_folder);
  note("control", wanted->control != definition_.control);
  note("workers", wanted->workers != definition_.workers);
  note("busy-poll", wanted->busy_poll != definition_.busy_poll);
  note("wildcards", wanted->wildcards != definition_.wildcards);
  note("request-memory", wanted->request_memory != definition_.request_memory);
  note("capture", wanted->capture != definition_.capture);
  return lines;
}

tl::expected<std::vector<std::string>, std::string> Daemon::reload_and_log() {
  auto changes = reload();
  if (changes) {
    for (const std::string& line : *changes) options_.log(LogLevel::info, line);
    options_.log(LogLevel::info,
                 fmt::format("configuration read again: {} changes", changes->size()));
  } else {
    options_.log(LogLevel::error, fmt::format("{}; nothing was changed", changes.error()));
  }
  return changes;
}

}  // namespace aoe::target
