#include "harness/world/command_initiator.h"

#include <csignal>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "harness/world/initiator_under_test.h"
#include "harness/world/process_carrier.h"
#include "harness/world/session_carrier.h"

namespace aoe::harness {
namespace {

using initiator::IoError;
using initiator::IoKind;

constexpr std::string_view own_lines = "aoe-harness: ";  // in the program's log

/// Returns how long a request may take: longer than any device is waited for, and shorter than the
/// run waits for a request.
Duration patience(const Implementation& implementation, const Scenario& scenario) {
  constexpr Duration beyond_deadsecs = std::chrono::seconds(15);
  return implementation.request_within.value_or(2 * scenario.given.deadsecs + beyond_deadsecs);
}

std::vector<std::uint8_t> copied(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// "read of 2 sectors at lba 8"
std::string words(const initiator::IoRequest& request) {
  if (request.kind == IoKind::flush) return "flush";
  const bool reads = request.kind == IoKind::read;
  return fmt::format("{} of {} sectors at lba {}", reads ? "read" : "write",
                     (reads ? request.into.size() : request.from.size()) / sector_size,
                     request.lba);
}

tl::expected<std::vector<std::string>, std::string> words_of(const std::string& command,
                                                             const Placeholders& values) {
  auto words = expand(command, values);
  if (words) words->front() = find_program(words->front());
  return words;
}

}  // namespace

CommandInitiator::CommandInitiator(boost::asio::io_context& loop,
                                   const Implementation& implementation, Address address,
                                   std::function<void(Address)> gave_up)
    : loop_(loop),
      implementation_(implementation),
      address_(address),
      gave_up_(std::move(gave_up)) {}

CommandInitiator::~CommandInitiator() {
  carrier_.reset();
  daemon_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

tl::expected<std::unique_ptr<CommandInitiator>, std::string> CommandInitiator::start(
    boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
    NodeIndex node, const InitiatorPlace& place, const NetworkNamespace& where,
    std::function<void(Address)> gave_up) {
  std::signal(SIGPIPE, SIG_IGN);  // one that reads no more is no reason to end
  const Address device = scenario.network.lun(device_of(scenario, node)).address;
  auto directory = make_initiator_folder(place.folder);
  if (!directory) return tl::unexpected(directory.error());
  auto log = ProgramLog::create(fmt::format("{}/{}", place.folder, place.log));
  if (!log) return tl::unexpected(log.error());
  std::unique_ptr<CommandInitiator> initiator(
      new CommandInitiator(loop, implementation, device, std::move(gave_up)));
  initiator->folder_ = *directory;
  initiator->log_ = *std::move(log);
  const Placeholders values = initiator_placeholders(scenario, device, place, *directory);
  const Duration within = patience(implementation, scenario);
  const NetworkNamespace::Visit inside(where);
  if (!implementation.command.empty()) {
    const auto command = words_of(implementation.command, values);
    if (!command) return tl::unexpected(command.error());
    auto started = Process::start(*command, *initiator->log_);
    if (!started) return tl::unexpected(started.error());
    initiator->daemon_ = *std::move(started);
  }
  if (implementation.use() == Implementation::Use::requests) {
    initiator->carrier_ = std::make_unique<ProcessCarrier>(loop, initiator->implementation_, values,
                                                           &where, *initiator->log_, within);
    return initiator;
  }
  const auto command = words_of(implementation.session, values);
  if (!command) return tl::unexpected(command.error());
  auto session = SessionCarrier::start(loop, *command, *initiator->log_, within);
  if (!session) return tl::unexpected(session.error());
  initiator->carrier_ = *std::move(session);
  return initiator;
}

std::string CommandInitiator::end() {
  if (daemon_ != nullptr && !daemon_->is_running()) return daemon_->end();
  return carrier_->end();
}

void CommandInitiator::pump() {
  while (at_work_ < implementation_.at_once && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    ++at_work_;
    carrier_->carry_out(std::move(next.request),
                        [this, ended = std::move(next.ended)](CarriedResult result) {
                          --at_work_;
                          ended(std::move(result));
                          pump();
                        });
  }
}

/// One at a time, and before what else waits.
void CommandInitiator::discover(Address) {
  if (std::exchange(is_discovering_, true)) return;
  waiting_.push_front({{}, [this](const CarriedResult& result) {
                         is_discovering_ = false;
                         state_ = result.trouble.empty() ? "up" : "";
                         if (!result.trouble.empty())
                           log_->append(
                               fmt::format("{}discovery: {}\n", own_lines, result.trouble));
                       }});
  pump();
}

void CommandInitiator::submit(const initiator::IoRequest& request, Done done) {
  CarriedRequest carried{.lba = request.lba};
  switch (request.kind) {
    case IoKind::read:
      carried.kind = CarriedRequest::Kind::read;
      carried.sectors = static_cast<std::uint32_t>(request.into.size() / sector_size);
      break;
    case IoKind::write:
      carried.kind = CarriedRequest::Kind::write;
      carried.sectors = static_cast<std::uint32_t>(request.from.size() / sector_size);
      carried.data = copied(request.from);
      break;
    case IoKind::flush: carried.kind = CarriedRequest::Kind::flush; break;
    case IoKind::trim:
      boost::asio::post(loop_, [id = request.id, done = std::move(done)] {
        done({.id = id, .error = IoError::unsupported});
      });
      return;
  }
  waiting_.push_back(
      {std::move(carried), [this, request, done = std::move(done)](const CarriedResult& result) {
         ended(request, done, result);
       }});
  pump();
}

void CommandInitiator::ended(const initiator::IoRequest& request, const Done& done,
                             const CarriedResult& result) {
  if (result.trouble.empty()) {
    copy(result.data, request.into);
    done({.id = request.id});
    return;
  }
  const std::string failed = fmt::format("{}: {}", words(request), result.trouble);
  const std::string said = log_->last_lines(1);
  const bool said_nothing = said == "nothing" || said.starts_with(own_lines);
  trouble_ = said_nothing ? failed : fmt::format("{}; it said: {}", failed, said);
  log_->append(fmt::format("{}{}\n", own_lines, failed));
  log_->flush();
  state_.clear();
  gave_up_(address_);
  done({.id = request.id, .error = IoError::ata_error});
}

std::string CommandInitiator::why(const initiator::Completion& completion) const {
  if (completion.error != IoError::ata_error || trouble_.empty())
    return LiveInitiator::why(completion);
  return trouble_;
}

}  // namespace aoe::harness
