// Daemon: LUNs that are promoted and demoted while it runs, as a cluster manager has one target take over
// from another.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "target/admin/daemon.h"

namespace aoe::target {

void Daemon::keep_ports_open() {
  std::map<Worker*, LivePorts::Wanted> wanted;
  for (const auto& worker : workers_) wanted[worker.get()];
  for (const LunDefinition& lun : roles_.standby()) {
    LivePorts::Wanted& of_worker = wanted[&worker_of(lun.address)];
    of_worker.defaults |= lun.interfaces.empty();
    of_worker.patterns.insert(of_worker.patterns.end(), lun.interfaces.begin(),
                              lun.interfaces.end());
  }
  for (const auto& entry : wanted) {
    entry.first->ask([&entry] { entry.first->keep_open(entry.second); });
  }
}

std::string Daemon::why_not_served(Address lun) const {
  if (roles_.stands_by(lun)) {
    return fmt::format("{0}: stands by; aoe-target ctl promote {0} serves it", lun);
  }
  const auto missing = missing_.all().find(lun);
  if (missing == missing_.all().end()) return fmt::format("{}: no such LUN", lun);
  return fmt::format("{}: not served, and tried again: {}", lun, missing->second.why);
}

std::string Daemon::show_role(Address lun) const {
  if (roles_.find(lun) == nullptr) return error_reply(why_not_served(lun));
  // The image of a LUN that is being demoted is still open.
  if (roles_.stands_by(lun) && !demoting_.contains(lun)) return role_reply(lun, "standby");
  return role_reply(lun, missing_.all().contains(lun) ? "missing" : "active");
}

std::string Daemon::promote(Address lun) {
  const LunDefinition* const wanted = roles_.find(lun);
  if (wanted == nullptr) return error_reply(why_not_served(lun));
  if (demoting_.contains(lun)) {
    return error_reply(fmt::format("{}: its demotion is not over yet", lun));
  }
  const auto present = served();
  if (present.contains(lun)) return role_reply(lun, "is active already", false, false);
  const bool stands_by = roles_.stands_by(lun);
  const char* const instead = stands_by ? "it stands by" : "it is tried again";
  if (!settle_state()) {  // which may be this LUN's, if a reload has demoted it
    return error_reply(
        fmt::format("{}: {}: does not answer; {}", lun, definition_.state_folder, instead));
  }
  std::vector<LunDefinition> luns{*wanted};
  for (const auto& [address, served] : present) luns.push_back(served.definition);
  auto prepared = prepare(luns, present, {});
  if (!prepared) return error_reply(fmt::format("{}; {}", prepared.error(), instead));
  if (!prepared->failures.empty()) {
    return error_reply(fmt::format("{}: {}; {}", lun, prepared->failures.front().why, instead));
  }
  for (LunChange& change : prepared->changes) change.changes_role = stands_by;
  roles_.promote(lun);
  keep_ports_open();
  for (const std::string& line : carry_out(std::move(prepared->changes))) {
    options_.log(LogLevel::info, line);
  }
  return role_reply(lun, stands_by ? "promoted" : "served now", false, true);
}

/// First the wire, then what clients set, then the disk: what was acknowledged is stable when the image is
/// closed.
void Daemon::demote(Address lun, const ControlServer::Reply& reply) {
  if (roles_.find(lun) == nullptr) return reply(error_reply(why_not_served(lun)));
  if (const auto others = demoting_.find(lun); others != demoting_.end()) {
    return others->second.push_back(reply);
  }
  if (roles_.stands_by(lun)) return reply(role_reply(lun, "stands by already", true, false));
  const auto present = served();
  const auto found = present.find(lun);
  if (found == present.end()) {
    roles_.demote(lun);
    missing_.forget(lun);
    keep_ports_open();
    options_.log(LogLevel::info, fmt::format("{}: demoted; it was not served", lun));
    return reply(role_reply(lun, "demoted; it was not served", true, true));
  }
  Worker& worker = worker_of(lun);
  worker.ask([&] { worker.service().silence(lun); });
  // Twice: what was set while the first save was under way is saved after it.
  if (!settle_state() || !settle_state()) {
    worker.ask([&] { worker.service().admit_again(); });
    return reply(error_reply(
        fmt::format("{}: {}: does not answer; it is active", lun, definition_.state_folder)));
  }
  roles_.demote(lun);
  keep_ports_open();
  demoting_[lun].push_back(reply);
  const std::string path = found->second.definition.store.written_path();
  worker.ask([&] {
    worker.remove(lun, [this, lun, path](std::error_code error) {
      boost::asio::post(loop_, [this, lun, path, error] { demoted(lun, path, error); });
    });
    worker.follow({});
  });
}

void Daemon::demoted(Address lun, const std::string& path, std::error_code error) {
  const std::vector<ControlServer::Reply> replies = std::move(demoting_.extract(lun).mapped());
  if (!error) options_.log(LogLevel::info, fmt::format("{}: demoted", lun));
  const std::string line =
      error ? error_reply(fmt::format("{}: demoted, but what was written last may be lost: {}: "
                                      "flushing: {}",
                                      lun, path, error.message()))
            : role_reply(lun, "demoted", true, true);
  for (const ControlServer::Reply& reply : replies) reply(line);
}

}  // namespace aoe::target
