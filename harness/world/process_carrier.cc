#include "harness/world/process_carrier.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "harness/language/time_window.h"

namespace aoe::harness {
namespace {

std::size_t bytes_of(const CarriedRequest& request) {
  return request.kind == CarriedRequest::Kind::read ? request.sectors * sector_size : 0;
}

}  // namespace

ProcessCarrier::ProcessCarrier(boost::asio::io_context& loop, const Implementation& implementation,
                               Placeholders values, const NetworkNamespace* where, ProgramLog& log,
                               Duration within)
    : loop_(loop),
      implementation_(implementation),
      values_(std::move(values)),
      where_(where),
      log_(log),
      within_(within) {}

tl::expected<std::vector<std::string>, std::string> ProcessCarrier::command_for(
    const CarriedRequest& request) const {
  Placeholders values = values_;
  values["lba"] = std::to_string(request.lba);
  values["count"] = std::to_string(request.sectors);
  const auto text = [&]() -> const std::string& {
    switch (request.kind) {
      case CarriedRequest::Kind::discover: return implementation_.discover;
      case CarriedRequest::Kind::read: return implementation_.read;
      case CarriedRequest::Kind::write: return implementation_.write;
      case CarriedRequest::Kind::flush: return implementation_.flush;
    }
    AOE_CHECK(false && "a request without a command");
  };
  auto words = expand(text(), values);
  if (!words) return words;
  if (words->empty()) return tl::unexpected(std::string("it has no command for that"));
  words->front() = find_program(words->front());
  return words;
}

void ProcessCarrier::carry_out(CarriedRequest request, Ended ended) {
  if (request.kind == CarriedRequest::Kind::discover && implementation_.discover.empty())
    request = {.kind = CarriedRequest::Kind::read, .sectors = 1};
  const Place place = running_.emplace(running_.end(), loop_);
  place->request = std::move(request);
  place->ended = std::move(ended);
  const auto fail = [&](std::string trouble) {
    boost::asio::post(loop_, [this, place, trouble] { finish(place, trouble); });
  };
  const auto command = command_for(place->request);
  if (!command) return fail(command.error());
  std::optional<NetworkNamespace::Visit> inside;
  if (where_ != nullptr) inside.emplace(*where_);
  auto program = PipedProgram::start(
      loop_, *command, log_,
      {.printed = [this, place](Bytes bytes) { took(*place, bytes); },
       .ended = [this, place](const std::string& how) { finish(place, trouble_of(*place, how)); }});
  if (!program) return fail(program.error());
  place->program = *std::move(program);
  place->program->write(std::move(place->request.data));
  place->program->end_input();
  place->timer.expires_after(within_);
  place->timer.async_wait([place](const boost::system::error_code& error) {
    if (error) return;
    place->is_overdue = true;
    place->program->kill();
  });
}

/// Of a read one byte more than it asked for is kept, to tell that there was more.
void ProcessCarrier::took(Running& running, Bytes printed) {
  const std::size_t wanted = bytes_of(running.request);
  if (wanted == 0) {
    log_.append({reinterpret_cast<const char*>(printed.data()), printed.size()});
    return;
  }
  const std::size_t room = wanted + 1 - running.printed.size();
  const Bytes kept = printed.first(std::min(printed.size(), room));
  running.printed.insert(running.printed.end(), kept.begin(), kept.end());
}

std::string ProcessCarrier::trouble_of(const Running& running, const std::string& how) const {
  if (running.is_overdue)
    return fmt::format("did not end within {} and was killed", describe(within_));
  if (how != "ended with status 0") return how;
  const std::size_t wanted = bytes_of(running.request);
  if (running.printed.size() == wanted) return {};
  return running.printed.size() > wanted
             ? fmt::format("printed more than the {} bytes that were asked for", wanted)
             : fmt::format("printed {} of {} bytes", running.printed.size(), wanted);
}

void ProcessCarrier::finish(Place place, std::string trouble) {
  const Ended ended = std::move(place->ended);
  CarriedResult result{.trouble = std::move(trouble), .data = std::move(place->printed)};
  running_.erase(place);
  ended(std::move(result));
}

}  // namespace aoe::harness
