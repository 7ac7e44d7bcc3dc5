#include "harness/world/remote_target.h"

#include <chrono>
#include <csignal>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "harness/judge/pattern.h"

namespace aoe::harness {
namespace {

using Json = nlohmann::json;

/// A text among what the far half says; nothing where it says another thing.
std::optional<std::string> text_of(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name) || !json.at(name).is_string()) return std::nullopt;
  return json.at(name).get<std::string>();
}

/// How long an answer may take, or a far half to come or to go.
constexpr auto far_patience = std::chrono::seconds(20);

}  // namespace

tl::expected<std::unique_ptr<RemoteTarget>, std::string> RemoteTarget::connect(
    const std::string& command, const std::string& log_path) {
  auto log = ProgramLog::create(log_path);
  if (!log) return tl::unexpected(log.error());
  std::unique_ptr<RemoteTarget> target(new RemoteTarget(*std::move(log)));
  if (auto started = target->start(command); !started) return tl::unexpected(started.error());
  return target;
}

tl::expected<void, std::string> RemoteTarget::start(const std::string& command) {
  auto words = words_of(command);
  if (!words) return tl::unexpected("--remote: " + words.error());
  if (words->empty()) return tl::unexpected(std::string("--remote: expected a command"));
  words->front() = find_program(words->front());
  std::signal(SIGPIPE, SIG_IGN);  // a far half that has gone is noticed otherwise
  const auto ended = [this](const std::string& how) {
    constexpr std::size_t lines = 3;
    if (lost_.empty()) lost_ = fmt::format("the far half {}; it said: {}", how, said(lines));
  };
  auto started =
      PipedProgram::start(loop_, *words, *log_, {[this](Bytes printed) { take(printed); }, ended});
  if (!started) return tl::unexpected("--remote: " + started.error());
  command_ = *std::move(started);
  const auto line = await_line();
  if (!line) return tl::unexpected(lost_);
  auto greeting = greeting_from(*line);
  if (!greeting) return tl::unexpected("the far half: " + greeting.error());
  greeting_ = *std::move(greeting);
  return {};
}

RemoteTarget::~RemoteTarget() {
  if (command_ == nullptr) return;
  command_->end_input();
  loop_.run_for(far_patience);  // until it has ended
}

void RemoteTarget::take(Bytes printed) {
  printed_.append(reinterpret_cast<const char*>(printed.data()), printed.size());
  for (std::size_t end = printed_.find('\n'); end != std::string::npos; end = printed_.find('\n')) {
    std::string line = printed_.substr(0, end);
    printed_.erase(0, end + 1);
    const Json json = Json::parse(line, nullptr, false);
    if (const auto how = text_of(json, "ended")) {
      ended_ = *how;
      said_ = text_of(json, "said").value_or("");
    } else if (const auto printed = text_of(json, "printed")) {
      log_->append(*printed);
    } else {
      line_ = std::move(line);
    }
  }
}

std::optional<std::string> RemoteTarget::await_line() {
  const auto deadline = std::chrono::steady_clock::now() + far_patience;
  while (!line_ && lost_.empty()) {
    if (loop_.run_one_until(deadline) > 0) continue;
    if (lost_.empty())
      lost_ = fmt::format("the far half gave no answer in {}", describe(Duration(far_patience)));
  }
  return std::exchange(line_, std::nullopt);
}

RemoteTarget::Answer RemoteTarget::ask(const Json& request) {
  if (!lost_.empty()) return tl::unexpected(Unsupported{lost_});
  std::string line = request.dump() + "\n";
  command_->write({line.begin(), line.end()});
  const auto answered = await_line();
  if (!answered) return tl::unexpected(Unsupported{lost_});
  const Json json = Json::parse(*answered, nullptr, false);
  if (json.is_object() && json.contains("done") && json.at("done").is_object())
    return json.at("done");
  if (auto why = text_of(json, "unsupported")) return tl::unexpected(Unsupported{*std::move(why)});
  lost_ = "the far half: " + text_of(json, "error").value_or(*answered);
  return tl::unexpected(Unsupported{lost_});
}

Control RemoteTarget::told(const Json& request) {
  auto answer = ask(request);
  if (!answer) return tl::unexpected(std::move(answer).error());
  return {};
}

tl::expected<void, std::string> RemoteTarget::open(const Scenario& scenario, std::uint64_t seed) {
  network_ = scenario.network;
  auto answer = ask({{"do", "open"}, {"scenario", scenario.yaml}, {"seed", seed}});
  if (!answer) return tl::unexpected(answer.error().reason);
  const auto loses = answer->find("kill-loses-cache");
  kill_loses_cache_ = loses != answer->end() && loses->is_boolean() && loses->get<bool>();
  return {};
}

tl::expected<void, std::string> RemoteTarget::begin() {
  ended_.clear();
  auto answer = ask({{"do", "start"}});
  if (!answer) return tl::unexpected(answer.error().reason);
  return {};
}

std::string RemoteTarget::end() {
  if (lost_.empty()) loop_.poll();
  return ended_;
}

std::string RemoteTarget::said(std::size_t lines) const {
  return ended_.empty() ? log_->last_lines(lines) : said_;
}

Control RemoteTarget::pause(bool paused) {
  return told({{"do", "pause"}, {"paused", paused}});
}

Control RemoteTarget::kill() {
  return told({{"do", "kill"}});
}

Control RemoteTarget::stop() {
  return told({{"do", "stop"}});
}

Control RemoteTarget::set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) {
  return told({{"do", "set-disk-faults"}, {"lun", lun}, {"faults", to_json(faults)}});
}

Control RemoteTarget::read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) {
  const Disk& disk = network_.disk({target_node, static_cast<std::uint16_t>(lun)});
  fill({.kind = Content::Kind::pattern}, offset / sector_size, disk.fill_pattern, into);
  auto answer =
      ask({{"do", "read-store"}, {"lun", lun}, {"offset", offset}, {"size", into.size()}});
  if (!answer) return tl::unexpected(std::move(answer).error());
  try {
    apply_changes(answer->at("changes"), into);
  } catch (const std::exception& error) {
    lost_ = fmt::format("the far half: read-store: {}", error.what());
    return tl::unexpected(Unsupported{lost_});
  }
  return {};
}

}  // namespace aoe::harness
