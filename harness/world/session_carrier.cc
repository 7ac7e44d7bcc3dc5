#include "harness/world/session_carrier.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/printable.h"
#include "harness/language/time_window.h"

namespace aoe::harness {
namespace {

constexpr std::size_t line_max = 1000;

std::string line_for(const CarriedRequest& request) {
  switch (request.kind) {
    case CarriedRequest::Kind::discover: return "discover";
    case CarriedRequest::Kind::read: return fmt::format("read {} {}", request.lba, request.sectors);
    case CarriedRequest::Kind::write:
      return fmt::format("write {} {}", request.lba, request.sectors);
    case CarriedRequest::Kind::flush: return "flush";
  }
  AOE_CHECK(false && "a request without a line");
}

}  // namespace

tl::expected<std::unique_ptr<SessionCarrier>, std::string> SessionCarrier::start(
    boost::asio::io_context& loop, const std::vector<std::string>& command, ProgramLog& log,
    Duration within) {
  std::unique_ptr<SessionCarrier> carrier(new SessionCarrier(loop, within));
  auto* const self = carrier.get();
  auto program =
      PipedProgram::start(loop, command, log,
                          {.printed = [self](Bytes bytes) { self->took(bytes); },
                           .ended = [self](const std::string& how) { self->ended(how); }});
  if (!program) return tl::unexpected(program.error());
  carrier->program_ = *std::move(program);
  return carrier;
}

SessionCarrier::SessionCarrier(boost::asio::io_context& loop, Duration within)
    : within_(within), timer_(loop) {}

void SessionCarrier::carry_out(CarriedRequest request, Ended ended) {
  if (!end_.empty()) {
    boost::asio::post(timer_.get_executor(),
                      [ended = std::move(ended), why = end_] { ended({.trouble = why}); });
    return;
  }
  const bool reads = request.kind == CarriedRequest::Kind::read;
  std::string line = line_for(request);
  asked_.push_back({.line = line,
                    .bytes = reads ? request.sectors * sector_size : 0,
                    .ended = std::move(ended),
                    .due = std::chrono::steady_clock::now() + within_});
  line += '\n';
  program_->write({line.begin(), line.end()});
  if (!request.data.empty()) program_->write(std::move(request.data));
  if (asked_.size() == 1) watch();
}

void SessionCarrier::watch() {
  timer_.cancel();
  if (asked_.empty()) return;
  timer_.expires_at(asked_.front().due);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || asked_.empty() || std::chrono::steady_clock::now() < asked_.front().due) return;
    give_up(fmt::format("did not answer '{}' within {} and was killed", asked_.front().line,
                        describe(within_)));
  });
}

void SessionCarrier::took(Bytes printed) {
  printed_.insert(printed_.end(), printed.begin(), printed.end());
  while (why_.empty() && take_one()) {
  }
}

bool SessionCarrier::take_one() {
  if (is_data_due_) {
    const auto size = static_cast<std::ptrdiff_t>(asked_.front().bytes);
    if (std::ssize(printed_) < size) return false;
    std::vector<std::uint8_t> data(printed_.begin(), printed_.begin() + size);
    printed_.erase(printed_.begin(), printed_.begin() + size);
    is_data_due_ = false;
    answer({.data = std::move(data)});
    return true;
  }
  const auto end = std::ranges::find(printed_, '\n');
  if (end == printed_.end()) {
    if (printed_.size() > line_max) give_up("printed a line without an end and was killed");
    return false;
  }
  const std::string line(printed_.begin(), end);
  printed_.erase(printed_.begin(), end + 1);
  take_line(line);
  return true;
}

void SessionCarrier::take_line(const std::string& line) {
  if (!is_ready_ && line == "ready") {
    is_ready_ = true;
  } else if (!is_ready_) {
    give_up(fmt::format("said '{}' where 'ready' was due and was killed", one_line(line)));
  } else if (asked_.empty()) {
    give_up(fmt::format("said '{}' though nothing was asked and was killed", one_line(line)));
  } else if (line == "ok" && asked_.front().bytes > 0) {
    is_data_due_ = true;
  } else if (line == "ok") {
    answer({});
  } else if (line == "error" || line.starts_with("error ")) {
    answer({.trouble = "said: " + one_line(line)});
  } else {
    give_up(fmt::format("answered '{}' with '{}', neither ok nor error, and was killed",
                        asked_.front().line, one_line(line)));
  }
}

void SessionCarrier::answer(CarriedResult result) {
  const Ended ended = std::move(asked_.front().ended);
  asked_.pop_front();
  watch();
  ended(std::move(result));
}

void SessionCarrier::give_up(std::string why) {
  why_ = std::move(why);
  program_->kill();
}

void SessionCarrier::ended(const std::string& how) {
  end_ = why_.empty() ? how : why_;
  if (is_data_due_)
    end_ +=
        fmt::format(", with {} of {} bytes of an answer", printed_.size(), asked_.front().bytes);
  is_data_due_ = false;
  while (!asked_.empty()) answer({.trouble = end_});
}

}  // namespace aoe::harness
