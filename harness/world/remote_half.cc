#include "harness/world/remote_half.h"

#include <chrono>
#include <fstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/judge/pattern.h"
#include "harness/world/process.h"
#include "harness/world/remote_words.h"
#include "harness/world/wire_discovery.h"

namespace aoe::harness {
namespace {

using Json = nlohmann::json;

constexpr auto glance = std::chrono::milliseconds(20);
/// No request reads more of a disk: 8 MiB.
constexpr std::size_t read_max = 8 << 20;

/// What is no UTF-8 in it is replaced.
std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json answer_of(const Control& control) {
  if (control) return {{"done", Json::object()}};
  return {{"unsupported", control.error().reason}};
}

}  // namespace

tl::expected<std::unique_ptr<RemoteHalf>, std::string> RemoteHalf::create(
    boost::asio::io_context& loop, const Options& options, Say say) {
  const auto link = link_for_tests(options.interface);
  if (!link) return tl::unexpected(link.error());
  say(greeting_line(options.target.value_or(our_target()), *link));
  return std::unique_ptr<RemoteHalf>(new RemoteHalf(loop, options, *link, std::move(say)));
}

RemoteHalf::RemoteHalf(boost::asio::io_context& loop, const Options& options, const Link& link,
                       Say say)
    : loop_(loop), options_(options), link_(link), say_(std::move(say)), timer_(loop) {
  adopt_orphans();
}

RemoteHalf::~RemoteHalf() {
  target_.reset();
  end_orphans();
}

void RemoteHalf::end() {
  target_.reset();
  std::ifstream log(options_.folder + "/sut.log");
  const std::string printed(std::istreambuf_iterator<char>(log), {});
  if (!printed.empty()) say_(to_line({{"printed", printed}}));
}

void RemoteHalf::take(std::string_view line) {
  Answer answered = tl::unexpected(std::string("expected a request as a JSON object"));
  const Json request = Json::parse(line, nullptr, false);
  if (request.is_object()) {
    try {
      answered = answer(request);
    } catch (const Json::exception& missing) {
      answered = tl::unexpected(std::string(missing.what()));
    }
  }
  say_(to_line(answered ? *answered : Json{{"error", answered.error()}}));
}

RemoteHalf::Answer RemoteHalf::answer(const Json& request) {
  const auto what = request.at("do").get<std::string>();
  if (what == "open") return open(request);
  if (target_ == nullptr) return tl::unexpected(what + ": nothing is open");
  if (what == "start") {
    if (auto begun = target_->begin(); !begun) return tl::unexpected(begun.error());
    has_told_end_ = false;
    return answer_of({});
  }
  if (what == "stop") return answer_of(target_->stop());
  if (what == "kill") return answer_of(target_->kill());
  if (what == "pause") return answer_of(target_->pause(request.at("paused")));
  const auto lun = request.at("lun").get<std::size_t>();
  if (lun >= network().nodes[target_node].target.luns.size())
    return tl::unexpected(fmt::format("there is no LUN {}", lun));
  if (what == "set-disk-faults")
    return answer_of(target_->set_disk_faults(lun, faults_from(request.at("faults"))));
  if (what == "read-store") return read_store(request);
  return tl::unexpected(what + ": no such request");
}

RemoteHalf::Answer RemoteHalf::open(const Json& request) {
  if (target_ != nullptr) return tl::unexpected(std::string("a scenario is open already"));
  auto scenario = parse_scenario(request.at("scenario"), "the near half's scenario");
  if (!scenario) return tl::unexpected(scenario.error());
  if (!scenario->network.is_of_two())
    return tl::unexpected(std::string("it has more nodes than a wire has ends"));
  scenario_ = *std::move(scenario);
  if (scenario_->given.clock) {
    if (auto set = set_clock_of_programs(*scenario_->given.clock); !set)
      return tl::unexpected(set.error());
  }
  maker_.emplace(loop_, *scenario_, request.at("seed").get<std::uint64_t>(),
                 [this](NodeIndex) { return options_.target ? &*options_.target : nullptr; });
  auto made =
      maker_->make(target_node, {nullptr, {options_.interface}, link_, options_.folder, "sut.log"});
  if (!made) return tl::unexpected(made.error());
  target_ = *std::move(made);
  watch_target();
  return Json{{"done", {{"kill-loses-cache", target_->kill_loses_cache()}}}};
}

RemoteHalf::Answer RemoteHalf::read_store(const Json& request) {
  const auto lun = request.at("lun").get<std::uint16_t>();
  const auto offset = request.at("offset").get<std::uint64_t>();
  const auto size = request.at("size").get<std::size_t>();
  const Disk& disk = network().disk({target_node, lun});
  const std::uint64_t whole = disk.sectors * sector_size;
  if (offset % sector_size != 0 || size % sector_size != 0 || size > read_max || offset > whole ||
      size > whole - offset)
    return tl::unexpected(fmt::format("there are no such {} bytes at {}", size, offset));
  std::vector<std::uint8_t> now(size);
  const Control read = target_->read_store(lun, offset, now);
  if (!read) return answer_of(read);
  std::vector<std::uint8_t> begun(size);
  fill({.kind = Content::Kind::pattern}, offset / sector_size, disk.fill_pattern, begun);
  return Json{{"done", {{"changes", changes_between(begun, now)}}}};
}

void RemoteHalf::watch_target() {
  timer_.expires_after(glance);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    constexpr std::size_t lines = 3;
    const std::string how = has_told_end_ ? "" : target_->end();
    if (!how.empty()) {
      has_told_end_ = true;
      say_(to_line({{"ended", how}, {"said", target_->said(lines)}}));
    }
    watch_target();
  });
}

}  // namespace aoe::harness
