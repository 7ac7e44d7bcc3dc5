// What a Runner makes of the words of `expect`.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/answer_rules.h"
#include "harness/judge/outstanding.h"
#include "harness/run/runner.h"
#include "initiator/engine/actions.h"

namespace aoe::harness {
namespace {

/// What the Linux driver begins with, and a little more.
constexpr Duration longest_timeout = std::chrono::seconds(20);

/// What an announcement is as though it were an answer to.
constexpr std::array<std::uint8_t, frame_size_min> config_query = [] {
  std::array<std::uint8_t, frame_size_min> frame{};
  frame[layout::offset(Field::command)] = static_cast<std::uint8_t>(Command::config);
  return frame;
}();

/// In order.
std::vector<Address> addresses_of(const std::vector<RawExchanges::Answer>& answers) {
  std::vector<Address> addresses;
  for (const RawExchanges::Answer& answer : answers) {
    addresses.push_back(
        {layout::get<Field::shelf>(answer.bytes), layout::get<Field::slot>(answer.bytes)});
  }
  std::ranges::sort(addresses);
  return addresses;
}

}  // namespace

Runner::Result Runner::expect(const ExpectDevice& device) {
  rule_ = "device";
  const Instant base = device.up ? last_heal_ : last_io_;
  const auto seen = [&] { return up_ == device.up; };
  // The slack may grow while we wait.
  const auto deadline = [&] { return base + device.within.most.value(symbols()); };
  while (!wait(seen, deadline()) && world_.now() < deadline() && !is_over()) {
  }
  // What began it may have been seen late.
  const Duration least =
      std::max(device.within.least.value(symbols()) - world_.slack(), Duration{});
  const Duration most = device.within.most.value(symbols());
  const std::string_view state = device.up ? "up" : "down";
  const std::string expected =
      fmt::format("{} {} in {}", scenario_.target.address, state, describe(least, most));
  keep_due(fmt::format("{} {}", scenario_.target.address, state), base, least, most,
           seen() ? std::optional(std::max(changed_, base)) : std::nullopt);
  if (!seen())
    return fail(expected, fmt::format("not {} after {}", state, describe(world_.now() - base)));
  const Duration at = std::max(changed_, base) - base;
  if (at < least || at > most) {
    return fail(expected, fmt::format("{} at +{}, {} {}", state, describe(at),
                                      describe(at > most ? at - most : least - at),
                                      at > most ? "late" : "early"));
  }
  notes_.push_back(fmt::format("{} +{} in {}", state, describe(at), describe(least, most)));
  return std::nullopt;
}

Runner::Result Runner::expect(const ExpectIo& io) {
  rule_ = "io";
  Load& load = *std::ranges::find(loads_, io.id, &Load::id);
  wait([&] { return load.done(); }, io.within ? load.started() + *io.within : patience());
  const bool must_succeed = io.result == IoResult::ok;
  const bool must_fail = io.result == IoResult::error;
  const std::string expected = fmt::format("io {} {}{}", io.id,
                                           must_succeed ? "completes"
                                           : must_fail  ? "fails"
                                                        : "ends",
                                           io.within ? " within " + describe(*io.within) : "");
  if (load.wrong_data()) return fail_data(expected + " with right data", *load.wrong_data());
  if (!load.done()) {
    return fail(expected, fmt::format("{} of {} requests done after {}", load.completed(),
                                      load.requests(), describe(world_.now() - load.started())));
  }
  if (must_succeed && load.failed() > 0) {
    return fail(expected, fmt::format("{} of {} requests failed, the first: {}", load.failed(),
                                      load.requests(), initiator::describe(load.first_failure())));
  }
  if (must_fail && load.failed() == 0) return fail(expected, "it succeeded");
  if (const Duration took = load.finished() - load.started(); io.within && took > *io.within) {
    return fail(expected, fmt::format("it took {}", describe(took)));
  }
  return std::nullopt;
}

Runner::Result Runner::expect(const ExpectRetransmit& retransmit) {
  rule_ = "retransmit";
  const auto is_own_affair = [&](const TimeExpression& bound) {
    return bound.uses({"rto", "srtt", "tick"});
  };
  if (!world_.has_known_timeouts() &&
      (is_own_affair(retransmit.within.least) || is_own_affair(retransmit.within.most))) {
    unsupported_ = "when this initiator repeats a request is its own affair";
    return std::nullopt;
  }
  const auto& dropped = world_.stage().dropped_by(retransmit.fault);
  wait([&] { return !dropped.empty(); }, patience());
  if (dropped.empty()) {
    return fail(fmt::format("a frame dropped by {}", retransmit.fault), "it has dropped none");
  }
  const std::vector<FrameId> requests = requests_hit_by(retransmit.fault);
  if (requests.empty()) {
    return fail(fmt::format("a frame of an ATA exchange dropped by {}", retransmit.fault),
                fmt::format("it has dropped others only, such as #{} ({})", dropped.front(),
                            ledger_.summary(dropped.front())),
                {dropped.front()});
  }
  for (const FrameId request : requests) {
    if (Result result = judge_retransmission(request, retransmit.within)) return result;
  }
  return std::nullopt;
}

std::vector<FrameId> Runner::requests_hit_by(const std::string& fault) const {
  std::vector<FrameId> requests;
  for (const FrameId frame : world_.stage().dropped_by(fault)) {
    const bool is_request = ledger_[frame].direction == Direction::to_target;
    const auto request = is_request ? std::optional(frame) : ledger_[frame].answers;
    if (request && ledger_.due(*request)) requests.push_back(*request);  // else a query, say
  }
  return requests;
}

Runner::Result Runner::judge_retransmission(FrameId request, const TimeWindow& within) {
  const LedgerEntry& entry = ledger_[request];
  const Duration rto = *ledger_.due(request) - entry.sent;  // as it was when this frame was sent
  const auto bound = [&](const TimeExpression& expression) {
    Symbols symbols = this->symbols();
    symbols["rto"] = rto;
    return expression.value(symbols);
  };
  // Seen late is not sent late: wait a little longer than allowed, to tell by how much.
  // Of one whose timeouts nobody knows, to tell what they are.
  const Duration longer = world_.has_known_timeouts() ? Duration{} : longest_timeout;
  wait([&] { return entry.repeated_by.has_value(); },
       entry.sent + std::max<Duration>(2 * bound(within.most), longer));
  // The first frame may have been seen late, too.
  const Duration least = std::max(bound(within.least) - world_.slack(), Duration{});
  const Duration most = bound(within.most);
  const std::string expected = fmt::format("retransmission of #{} ({}) in {}", request,
                                           ledger_.summary(request), describe(least, most));
  keep_due(fmt::format("retransmission of #{}", request), entry.sent, least, most,
           entry.repeated_by ? std::optional(ledger_[*entry.repeated_by].sent) : std::nullopt);
  if (!entry.repeated_by) {
    return fail(expected, fmt::format("none after {}", describe(world_.now() - entry.sent)),
                {request});
  }
  const FrameId repetition = *entry.repeated_by;
  const Duration at = ledger_[repetition].sent - entry.sent;
  if (at < least || at > most) {
    return fail(expected,
                fmt::format("at +{}, {} {} (#{})", describe(at),
                            describe(at > most ? at - most : least - at),
                            at > most ? "late" : "early", repetition),
                {request, repetition});
  }
  notes_.push_back(fmt::format("retransmit +{} in {}", describe(at), describe(least, most)));
  return std::nullopt;
}

std::optional<Instant> Runner::when(const Happening& happening, bool at_its_end) {
  if (happening.kind == Happening::Kind::io) {
    const Load& load = *std::ranges::find(loads_, happening.of, &Load::id);
    if (at_its_end && !load.done()) return std::nullopt;
    return at_its_end ? load.finished() : load.started();
  }
  std::optional<FrameId> repetition;
  for (const FrameId request : requests_hit_by(happening.of)) {
    const auto again = ledger_[request].repeated_by;
    if (again && (!repetition || *again < *repetition)) repetition = again;
  }
  if (!repetition || happening.kind == Happening::Kind::retransmit) {
    return repetition ? std::optional(ledger_[*repetition].sent) : std::nullopt;
  }
  for (; repetition; repetition = ledger_[*repetition].repeated_by) {
    if (const Instant answered = ledger_[*repetition].answered; answered != never) return answered;
  }
  return std::nullopt;
}

Runner::Result Runner::expect(const ExpectOutstanding& outstanding) {
  rule_ = "outstanding";
  const std::string expected = describe(outstanding);
  const Instant asked = world_.now();
  std::array<std::optional<Instant>, 2> span{Instant::min(), never};
  const std::array happenings{&outstanding.from, &outstanding.until};
  for (std::size_t i = 0; i < span.size(); ++i) {
    const auto& happening = *happenings[i];
    if (!happening) continue;
    wait([&] { return (span[i] = when(*happening, i == 1)).has_value(); }, patience());
    if (span[i]) continue;
    return fail(expected, fmt::format("{} has not come after {}", describe(*happening),
                                      describe(world_.now() - asked)));
  }
  if (span[1] < span[0]) {
    return fail(expected, fmt::format("{} came {} before {}", describe(*outstanding.until),
                                      describe(*span[0] - *span[1]), describe(*outstanding.from)));
  }
  const auto slack = world_.has_known_timeouts() ? std::optional(world_.slack()) : std::nullopt;
  const Outstanding seen = most_outstanding(ledger_, *span[0], *span[1], slack);
  if (seen.most > outstanding.most) {
    return fail(
        expected,
        fmt::format("{}, with #{} ({})", seen.most, seen.frame, ledger_.summary(seen.frame)),
        {seen.frame});
  }
  notes_.push_back(fmt::format("outstanding {} in [0, {}]", seen.most, outstanding.most));
  return std::nullopt;
}

Runner::Result Runner::expect(const ExpectHits& hits) {
  rule_ = "hits";
  const FaultStage& stage = world_.stage();
  const auto enough = [&] { return stage.hits(hits.fault) >= hits.least; };
  if (hits.within) wait(enough, world_.now() + *hits.within);
  const std::uint64_t seen = stage.hits(hits.fault);
  if (seen > hits.most) {
    const std::vector<FrameId>& struck = stage.struck_by(hits.fault);
    std::vector<FrameId> frames;
    if (hits.most < struck.size()) frames = {struck[hits.most]};  // the first that is too many
    const std::string shown = frames.empty()
                                  ? ""
                                  : fmt::format(", #{} ({}) the first too many", frames.front(),
                                                ledger_.summary(frames.front()));
    return fail(fmt::format("fault {} strikes {} frames at most", hits.fault, hits.most),
                fmt::format("it struck {}{}", seen, shown), std::move(frames));
  }
  if (seen >= hits.least) return std::nullopt;
  return fail(fmt::format("fault {} strikes {} frames or more", hits.fault, hits.least),
              fmt::format("it struck {}", seen));
}

Runner::Result Runner::expect(const ExpectReply& reply) {
  rule_ = "reply";
  const RawExchanges::Request& request = raw_.find(reply.of);
  const bool only_silence = reply.any.empty();
  const Duration patience = reply.within    ? reply.within->value(symbols())
                            : reply.silence ? silence()
                                            : RtoModel::most;
  wait([&] { return !request.answers.empty(); }, request.sent + patience);
  const std::string expected = fmt::format("answer to #{} ({}): {}", request.frame,
                                           ledger_.summary(request.frame), describe(reply));
  if (request.answers.empty()) {
    if (reply.silence) return std::nullopt;
    return fail(expected, fmt::format("none after {}", describe(world_.now() - request.sent)),
                {request.frame});
  }
  const RawExchanges::Answer& answer = request.answers.front();
  std::string wrong = only_silence ? "an answer" : "";
  for (const ReplySpec& spec : reply.any) {
    if (spec.data && spec.data->kind == Content::Kind::pattern && !world_.has_own_disk()) {
      unsupported_ = "what its disk holds is not known";
      return std::nullopt;
    }
    const auto differences =
        compare(spec, request.bytes, answer.bytes, request.defaults.disk_has_pattern);
    if (differences.empty()) {
      wrong.clear();
      break;
    }
    wrong += (wrong.empty() ? "" : "; ") + describe(differences.front());
  }
  if (wrong.empty()) {
    const auto broken =
        broken_answer_rule(scenario_.clauses, request.bytes, answer.bytes, request.defaults.target);
    if (!broken) return std::nullopt;
    wrong = describe(*broken);
  }
  return fail_for_certain(expected,
                          fmt::format("{} (#{}: {})", wrong, answer.id, ledger_.summary(answer.id)),
                          {request.frame, answer.id});
}

Runner::Result Runner::expect(const ExpectReplies& replies) {
  rule_ = "replies";
  const RawExchanges::Request& request = raw_.find(replies.of);
  const std::size_t count =
      replies.buffers ? raw_.counts().value_or(RawExchanges::Counts{}).buffers : replies.count;
  const auto enough = [&] { return request.answers.size() >= count; };
  wait(enough, request.sent + RtoModel::most);
  wait([] { return false; }, world_.now() + silence());  // whether there are more
  const std::vector<Address> from = addresses_of(request.answers);
  std::vector<Address> expected = replies.from;
  std::ranges::sort(expected);
  const bool as_told = expected.empty() || from == expected;
  if (request.answers.size() == count && as_told && request.all_answered()) return std::nullopt;
  std::vector<FrameId> frames{request.frame};
  for (const RawExchanges::Answer& answer : request.answers) {
    if (frames.size() < 10) frames.push_back(answer.id);
  }
  return fail(
      fmt::format("{} answer{} to #{} ({}){}", count, count == 1 ? "" : "s", request.frame,
                  ledger_.summary(request.frame),
                  expected.empty() ? "" : fmt::format(" from {}", fmt::join(expected, ", "))),
      fmt::format("{}{}{}", request.answers.size(),
                  as_told ? "" : fmt::format(" from {}", fmt::join(from, ", ")),
                  request.all_answered() ? "" : ", not one to each tag"),
      std::move(frames));
}

Runner::Result Runner::expect(const ExpectAnnouncement& expected) {
  rule_ = "announcement";
  const auto to_whom = [&](const RawExchanges::Answer& answer) {
    return !expected.to || layout::get<Field::destination>(answer.bytes) == *expected.to;
  };
  std::vector<RawExchanges::Answer> heard;
  const auto found = [&] {
    heard = raw_.announcements(last_heal_);
    return std::ranges::any_of(heard, to_whom);
  };
  const Duration patience = expected.within ? expected.within->value(symbols()) : RtoModel::most;
  wait(found, last_heal_ + patience);
  const auto announcement = std::ranges::find_if(heard, to_whom);
  if (announcement == heard.end()) {
    std::vector<FrameId> frames;
    for (const RawExchanges::Answer& answer : heard) frames.push_back(answer.id);
    return fail(describe(expected),
                heard.empty() ? fmt::format("none in {}", describe(world_.now() - last_heal_))
                              : fmt::format("to somebody else (#{})", frames.front()),
                frames);
  }
  const auto wrong = compare(expected.fields, config_query, announcement->bytes, true);
  if (wrong.empty()) return std::nullopt;
  return fail(describe(expected),
              fmt::format("{} (#{}: {})", describe(wrong.front()), announcement->id,
                          ledger_.summary(announcement->id)),
              {announcement->id});
}

Runner::Result Runner::expect(const ExpectStore& store) {
  rule_ = "store";
  if (store.data.kind == Content::Kind::pattern && !world_.has_own_disk()) {
    unsupported_ = "what its disk holds is not known";
    return std::nullopt;
  }
  std::vector<std::uint8_t> want(store.count * sector_size);
  fill(store.data, store.lba, scenario_.target.fill_pattern, want);
  std::vector<std::uint8_t> got(want.size());
  if (auto read = world_.read_store(store.lba * sector_size, got); !read) {
    unsupported_ = read.error().reason;
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < store.count; ++i) {
    const auto begin = want.begin() + static_cast<std::ptrdiff_t>(i * sector_size);
    stated_[store.lba + i] = {begin, begin + sector_size};
  }
  const auto [expected, actual] = std::ranges::mismatch(want, got);
  if (expected == want.end()) return std::nullopt;
  const auto at = static_cast<std::size_t>(expected - want.begin());
  wrong_data_told_ = true;
  return fail_for_certain(
      fmt::format("the store holds {}", describe(store)),
      fmt::format("byte {} of lba {} is 0x{:02x}, not 0x{:02x}", at % sector_size,
                  store.lba + at / sector_size, *actual, *expected));
}

}  // namespace aoe::harness
