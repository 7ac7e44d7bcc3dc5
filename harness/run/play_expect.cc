#include "harness/run/play_expect.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/answer_rules.h"
#include "harness/judge/outstanding.h"
#include "harness/judge/pattern.h"
#include "harness/judge/reply_comparison.h"
#include "initiator/engine/actions.h"
#include "proto/frame.h"
#include "proto/layout.h"

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

/// Is a second copy answered as the first one, if that was carried out and its answer lost? Not what
/// sets a config string (error 4 then, AoEr11 §3.2) or a reservation (error 6, §3.4).
bool may_be_repeated(Bytes request) {
  const Decoded decoded = decode(request);
  if (!decoded || !decoded->body) return true;
  const auto* config = std::get_if<ConfigRequest>(&*decoded->body);
  const auto* reserve = std::get_if<ReserveRequest>(&*decoded->body);
  return (config == nullptr || config->command != ConfigCommand::set) &&
         (reserve == nullptr || reserve->command != ReserveCommand::set);
}

/// In order.
std::vector<Address> addresses_of(const std::vector<RawExchanges::Answer>& answers) {
  std::vector<Address> addresses;
  addresses.reserve(answers.size());
  for (const RawExchanges::Answer& answer : answers) {
    addresses.push_back(
        {layout::get<Field::shelf>(answer.bytes), layout::get<Field::slot>(answer.bytes)});
  }
  std::ranges::sort(addresses);
  return addresses;
}

StepResult expect(RunState& run, const ExpectDevice& device) {
  run.rule = "device";
  const Instant base = device.up ? run.last_heal : run.last_io;
  const Address address = run.scenario.network.lun(device.to).address;
  const RunState::Standing& standing = run.standing(device.by, address);
  const auto seen = [&] { return standing.up == device.up; };
  // The slack may grow while we wait.
  const auto deadline = [&] { return base + device.within.most.value(run.symbols(device.by)); };
  while (!run.wait(seen, deadline()) && run.world.now() < deadline() && !run.is_over()) {
  }
  // What began it may have been seen late.
  const Duration least =
      std::max(device.within.least.value(run.symbols(device.by)) - run.world.slack(), Duration{});
  const Duration most = device.within.most.value(run.symbols(device.by));
  const std::string_view state = device.up ? "up" : "down";
  const std::string expected = fmt::format("{} {} in {}", address, state, describe(least, most));
  run.keep_due(fmt::format("{} {}", address, state), base, least, most,
               seen() ? std::optional(std::max(standing.changed, base)) : std::nullopt);
  if (!seen())
    return run.fail(expected,
                    fmt::format("not {} after {}", state, describe(run.world.now() - base)));
  const Duration at = std::max(standing.changed, base) - base;
  if (at < least || at > most) {
    return run.fail(expected, fmt::format("{} at +{}, {} {}", state, describe(at),
                                          describe(at > most ? at - most : least - at),
                                          at > most ? "late" : "early"));
  }
  run.notes.push_back(fmt::format("{} +{} in {}", state, describe(at), describe(least, most)));
  return Passed{};
}

/// Expects that each ATA request since then is answered, however late, and notes how long that took.
StepResult expect_each_answered(RunState& run, Instant since) {
  constexpr Duration late = std::chrono::seconds(1);
  FrameId next = run.ledger.size();
  while (next > 0 && run.ledger[next - 1].sent >= since) --next;
  std::set<FrameId> open;
  std::uint64_t asked = 0;
  std::uint64_t answered_late = 0;
  Duration slowest{};
  const auto all = [&] {
    for (; next < run.ledger.size(); ++next) {
      const LedgerEntry& entry = run.ledger[next];
      if (entry.kind == FrameKind::ata_request) {
        open.insert(next);
        ++asked;
      }
      if (!entry.answers || open.erase(*entry.answers) == 0) continue;
      const Duration took = entry.sent - run.ledger[*entry.answers].sent;
      slowest = std::max(slowest, took);
      if (took > late) ++answered_late;
    }
    return open.empty();
  };
  run.wait(all, run.world.now() + RtoModel::most);
  run.notes.push_back(fmt::format("{} of {} requests answered, {} after more than {}, the last {}",
                                  asked - open.size(), asked, answered_late, describe(late),
                                  describe(slowest)));
  if (open.empty()) return Passed{};
  run.rule = "answered";
  constexpr std::size_t shown_max = 10;
  std::vector<FrameId> shown(open.begin(), open.end());
  shown.resize(std::min(shown_max, shown.size()));
  Finding finding = run.fail(fmt::format("each of {} requests is answered", asked),
                             fmt::format("{} are not, the first #{} ({})", open.size(),
                                         *open.begin(), run.ledger.summary(*open.begin())),
                             std::move(shown));
  finding.clause = "2/14";
  finding.certain = run.world.frames_lost() == 0;  // else this machine may have lost the answers
  return finding;
}

StepResult expect(RunState& run, const ExpectIo& io) {
  run.rule = "io";
  Load& load = *std::ranges::find(run.loads, io.id, &Load::id);
  run.wait([&] { return load.done(); }, io.within ? load.started() + *io.within : run.patience());
  const bool must_succeed = io.result == IoResult::ok;
  const bool must_fail = io.result == IoResult::error;
  const std::string expected = fmt::format("io {} {}{}", io.id,
                                           must_succeed ? "completes"
                                           : must_fail  ? "fails"
                                                        : "ends",
                                           io.within ? " within " + describe(*io.within) : "");
  if (load.wrong_data())
    return run.fail_data(expected + " with right data", load.device(), *load.wrong_data());
  if (!load.done()) {
    return run.fail(
        expected, fmt::format("{} of {} requests done after {}", load.completed(), load.requests(),
                              describe(run.world.now() - load.started())));
  }
  if (must_succeed && load.failed() > 0) {
    return run.fail(
        expected,
        fmt::format("{} of {} requests failed, the first: {}", load.failed(), load.requests(),
                    run.world.initiator(load.by()).why(load.first_failure())));
  }
  if (must_fail && load.failed() == 0) return run.fail(expected, "it succeeded");
  if (const Duration took = load.finished() - load.started(); io.within && took > *io.within) {
    return run.fail(expected, fmt::format("it took {}", describe(took)));
  }
  if (io.each_answered) return expect_each_answered(run, load.started());
  return Passed{};
}

/// Returns the requests that a fault has dropped, and those whose answers it has.
std::vector<FrameId> requests_hit_by(const RunState& run, const std::string& fault) {
  std::vector<FrameId> requests;
  for (const FrameId frame : run.world.stage().account(fault).dropped) {
    const bool is_request = run.ledger[frame].direction == Direction::to_target;
    const auto request = is_request ? std::optional(frame) : run.ledger[frame].answers;
    if (request && run.ledger.due(*request)) requests.push_back(*request);  // else a query, say
  }
  return requests;
}

StepResult judge_retransmission(RunState& run, FrameId request, const TimeWindow& within) {
  const LedgerEntry& entry = run.ledger[request];
  const Duration rto = *run.ledger.due(request) - entry.sent;  // as it was when this frame was sent
  const auto bound = [&](const TimeExpression& expression) {
    Symbols symbols = run.symbols(entry.client);
    symbols["rto"] = rto;
    return expression.value(symbols);
  };
  // Seen late is not sent late: wait a little longer than allowed, to tell by how much.
  // Of one whose timeouts nobody knows, to tell what they are.
  const Duration longer = run.world.has_known_timeouts() ? Duration{} : longest_timeout;
  run.wait([&] { return entry.repeated_by.has_value(); },
           entry.sent + std::max<Duration>(2 * bound(within.most), longer));
  // The first frame may have been seen late, too.
  const Duration least = std::max(bound(within.least) - run.world.slack(), Duration{});
  const Duration most = bound(within.most);
  const std::string expected = fmt::format("retransmission of #{} ({}) in {}", request,
                                           run.ledger.summary(request), describe(least, most));
  run.keep_due(
      fmt::format("retransmission of #{}", request), entry.sent, least, most,
      entry.repeated_by ? std::optional(run.ledger[*entry.repeated_by].sent) : std::nullopt);
  if (!entry.repeated_by) {
    return run.fail(expected, fmt::format("none after {}", describe(run.world.now() - entry.sent)),
                    {request});
  }
  const FrameId repetition = *entry.repeated_by;
  const Duration at = run.ledger[repetition].sent - entry.sent;
  if (at < least || at > most) {
    return run.fail(expected,
                    fmt::format("at +{}, {} {} (#{})", describe(at),
                                describe(at > most ? at - most : least - at),
                                at > most ? "late" : "early", repetition),
                    {request, repetition});
  }
  run.notes.push_back(fmt::format("retransmit +{} in {}", describe(at), describe(least, most)));
  return Passed{};
}

StepResult expect(RunState& run, const ExpectRetransmit& retransmit) {
  run.rule = "retransmit";
  const auto is_own_affair = [&](const TimeExpression& bound) {
    return bound.uses({"rto", "srtt", "tick"});
  };
  if (!run.world.has_known_timeouts() &&
      (is_own_affair(retransmit.within.least) || is_own_affair(retransmit.within.most))) {
    return Unsupported{"when this initiator repeats a request is its own affair"};
  }
  const auto& dropped = run.world.stage().account(retransmit.fault).dropped;
  run.wait([&] { return !dropped.empty(); }, run.patience());
  if (dropped.empty()) {
    return run.fail(fmt::format("a frame dropped by {}", retransmit.fault), "it has dropped none");
  }
  const std::vector<FrameId> requests = requests_hit_by(run, retransmit.fault);
  if (requests.empty()) {
    return run.fail(fmt::format("a frame of an ATA exchange dropped by {}", retransmit.fault),
                    fmt::format("it has dropped others only, such as #{} ({})", dropped.front(),
                                run.ledger.summary(dropped.front())),
                    {dropped.front()});
  }
  for (const FrameId request : requests) {
    auto result = judge_retransmission(run, request, retransmit.within);
    if (!passed(result)) return result;
  }
  return Passed{};
}

/// Returns when an I/O began or ended, or a fault's request was sent again or answered; nothing
/// where that has not happened.
std::optional<Instant> when(const RunState& run, const Happening& happening, bool at_its_end) {
  if (happening.kind == Happening::Kind::io) {
    const Load& load = *std::ranges::find(run.loads, happening.of, &Load::id);
    if (at_its_end && !load.done()) return std::nullopt;
    return at_its_end ? load.finished() : load.started();
  }
  std::optional<FrameId> repetition;
  for (const FrameId request : requests_hit_by(run, happening.of)) {
    const auto again = run.ledger[request].repeated_by;
    if (again && (!repetition || *again < *repetition)) repetition = again;
  }
  if (!repetition || happening.kind == Happening::Kind::retransmit) {
    return repetition ? std::optional(run.ledger[*repetition].sent) : std::nullopt;
  }
  for (; repetition; repetition = run.ledger[*repetition].repeated_by) {
    if (const Instant answered = run.ledger[*repetition].answered; answered != never)
      return answered;
  }
  return std::nullopt;
}

StepResult expect(RunState& run, const ExpectOutstanding& outstanding) {
  run.rule = "outstanding";
  const std::string expected = describe(outstanding);
  const Instant asked = run.world.now();
  std::array<std::optional<Instant>, 2> span{Instant::min(), never};
  const std::array happenings{&outstanding.from, &outstanding.until};
  for (std::size_t i = 0; i < span.size(); ++i) {
    const auto& happening = *happenings[i];
    if (!happening) continue;
    run.wait([&] { return (span[i] = when(run, *happening, i == 1)).has_value(); }, run.patience());
    if (span[i]) continue;
    return run.fail(expected, fmt::format("{} has not come after {}", describe(*happening),
                                          describe(run.world.now() - asked)));
  }
  if (span[1] < span[0]) {
    return run.fail(expected,
                    fmt::format("{} came {} before {}", describe(*outstanding.until),
                                describe(*span[0] - *span[1]), describe(*outstanding.from)));
  }
  const auto slack =
      run.world.has_known_timeouts() ? std::optional(run.world.slack()) : std::nullopt;
  const Outstanding seen = most_outstanding(run.ledger, outstanding.by, *span[0], *span[1], slack);
  if (seen.most > outstanding.most) {
    return run.fail(
        expected,
        fmt::format("{}, with #{} ({})", seen.most, seen.frame, run.ledger.summary(seen.frame)),
        {seen.frame});
  }
  run.notes.push_back(fmt::format("outstanding {} in [0, {}]", seen.most, outstanding.most));
  return Passed{};
}

StepResult expect(RunState& run, const ExpectHits& hits) {
  run.rule = "hits";
  const FaultStage& stage = run.world.stage();
  const auto enough = [&] { return stage.account(hits.fault).hits >= hits.least; };
  if (hits.within) run.wait(enough, run.world.now() + *hits.within);
  const std::uint64_t seen = stage.account(hits.fault).hits;
  if (seen > hits.most) {
    const std::vector<FrameId>& struck = stage.account(hits.fault).struck;
    std::vector<FrameId> frames;
    if (hits.most < struck.size()) frames = {struck[hits.most]};  // the first that is too many
    const std::string shown = frames.empty()
                                  ? ""
                                  : fmt::format(", #{} ({}) the first too many", frames.front(),
                                                run.ledger.summary(frames.front()));
    return run.fail(fmt::format("fault {} strikes {} frames at most", hits.fault, hits.most),
                    fmt::format("it struck {}{}", seen, shown), std::move(frames));
  }
  if (seen >= hits.least) return Passed{};
  return run.fail(fmt::format("fault {} strikes {} frames or more", hits.fault, hits.least),
                  fmt::format("it struck {}", seen));
}

/// How an answer differs from all that are allowed; empty: it is one of them.
std::string mismatch(const std::vector<ReplySpec>& allowed, const RawExchanges::Request& request,
                     const RawExchanges::Answer& answer) {
  std::string wrong;
  for (const ReplySpec& spec : allowed) {
    const auto differences =
        compare(spec, request.bytes, answer.bytes, request.defaults.disk_has_pattern);
    if (differences.empty()) return {};
    wrong += (wrong.empty() ? "" : "; ") + describe(differences.front());
  }
  return wrong;
}

/// Expects each answer that has come to be one of these.
StepResult expect_each(RunState& run, const RawExchanges::Request& request,
                       const std::vector<ReplySpec>& allowed) {
  for (const RawExchanges::Answer& answer : request.answers) {
    const std::string wrong = mismatch(allowed, request, answer);
    if (wrong.empty()) continue;
    return run.fail_for_certain(
        fmt::format("each answer to #{} ({}): {}", request.first, run.ledger.summary(request.first),
                    describe(ExpectReply{.any = allowed})),
        fmt::format("{} (#{}: {}, to {})", wrong, answer.id, run.ledger.summary(answer.id),
                    layout::mac(layout::get(Field::destination, answer.bytes))),
        {request.first, answer.id});
  }
  return Passed{};
}

StepResult expect(RunState& run, const ExpectReplies& replies) {
  run.rule = "replies";
  const RawExchanges::Request& request = run.raw.find(replies.of);
  const std::size_t count =
      replies.buffers ? run.raw.counts().value_or(RawExchanges::Counts{}).buffers : replies.count;
  const auto enough = [&] { return request.answers.size() >= count; };
  run.wait(enough, request.sent + RtoModel::most);
  run.wait([] { return false; }, run.world.now() + run.silence());  // whether there are more
  const std::vector<Address> from = addresses_of(request.answers);
  std::vector<Address> expected = replies.from;
  std::ranges::sort(expected);
  const bool as_told = expected.empty() || from == expected;
  if (request.answers.size() == count && as_told && (count == 0 || request.all_answered()))
    return expect_each(run, request, replies.each);
  std::vector<FrameId> frames{request.frame};
  for (const RawExchanges::Answer& answer : request.answers) {
    if (frames.size() < 10) frames.push_back(answer.id);
  }
  return run.fail(
      fmt::format("{} answer{} to #{} ({}){}", count, count == 1 ? "" : "s", request.frame,
                  run.ledger.summary(request.frame),
                  expected.empty() ? "" : fmt::format(" from {}", fmt::join(expected, ", "))),
      fmt::format("{}{}{}", request.answers.size(),
                  as_told ? "" : fmt::format(" from {}", fmt::join(from, ", ")),
                  request.all_answered() ? "" : ", not one to each tag"),
      std::move(frames));
}

StepResult expect(RunState& run, const ExpectAnnouncement& expected) {
  run.rule = "announcement";
  const auto is_meant = [&](const RawExchanges::Answer& answer) {
    return (!expected.to || layout::get<Field::destination>(answer.bytes) == *expected.to) &&
           (!expected.from || layout::get<Field::source>(answer.bytes) == *expected.from);
  };
  std::vector<RawExchanges::Answer> heard;
  const auto found = [&] {
    heard = run.raw.announcements(run.last_change);
    return std::ranges::any_of(heard, is_meant);
  };
  const Duration patience =
      expected.within ? expected.within->value(run.symbols()) : RtoModel::most;
  run.wait(found, run.last_change + patience);
  const auto announcement = std::ranges::find_if(heard, is_meant);
  if (announcement == heard.end()) {
    std::vector<FrameId> frames;
    frames.reserve(heard.size());
    for (const RawExchanges::Answer& answer : heard) frames.push_back(answer.id);
    return run.fail(describe(expected),
                    heard.empty()
                        ? fmt::format("none in {}", describe(run.world.now() - run.last_change))
                        : fmt::format("another one (#{}: {})", frames.front(),
                                      run.ledger.summary(frames.front())),
                    frames);
  }
  const auto wrong = compare(expected.fields, config_query, announcement->bytes, true);
  if (wrong.empty()) return Passed{};
  Finding finding = run.fail(describe(expected),
                             fmt::format("{} (#{}: {})", describe(wrong.front()), announcement->id,
                                         run.ledger.summary(announcement->id)),
                             {announcement->id});
  finding.field = wrong.front().field;
  return finding;
}

StepResult expect(RunState& run, const ExpectStore& store) {
  run.rule = "store";
  if (store.data.kind == Content::Kind::pattern && !run.world.has_own_disk()) {
    return Unsupported{"what its disk holds is not known"};
  }
  std::vector<std::uint8_t> want(store.count * sector_size);
  const Lun& lun = run.scenario.network.lun(store.of);
  fill(store.data, store.lba, run.scenario.network.disks[lun.disk].fill_pattern, want);
  std::vector<std::uint8_t> got(want.size());
  if (auto read =
          run.world.target(store.of.node).read_store(store.of.lun, store.lba * sector_size, got);
      !read) {
    return read.error();
  }
  for (std::uint32_t i = 0; i < store.count; ++i) {
    const auto begin = want.begin() + static_cast<std::ptrdiff_t>(i * sector_size);
    run.stated[lun.disk][store.lba + i] = {begin, begin + sector_size};
  }
  const auto [expected, actual] = std::ranges::mismatch(want, got);
  if (expected == want.end()) return Passed{};
  const auto at = static_cast<std::size_t>(expected - want.begin());
  run.wrong_data_seen = true;
  const std::uint64_t lba = store.lba + at / sector_size;
  Finding finding = run.fail_for_certain(fmt::format("the store holds {}", describe(store)),
                                         fmt::format("byte {} of lba {} is 0x{:02x}, not 0x{:02x}",
                                                     at % sector_size, lba, *actual, *expected),
                                         frames_about(run.ledger, lun.address, lba));
  const auto sector = [&](Bytes bytes) {
    return to_hex(bytes.subspan(at / sector_size * sector_size, sector_size));
  };
  finding.sectors = {{lba, sector(want), sector(got)}};
  return finding;
}

}  // namespace

StepResult expect(RunState& run, const ExpectReply& reply) {
  run.rule = "reply";
  const RawExchanges::Request& request = run.raw.find(reply.of);
  const bool only_silence = reply.any.empty();
  const Duration patience = reply.within    ? reply.within->value(run.symbols())
                            : reply.silence ? run.silence()
                                            : RtoModel::most;
  const auto answered = [&] { return !request.answers.empty(); };
  const LedgerEntry& sent = run.ledger[request.frame];
  if (!run.wait(answered, request.sent + patience) && !reply.silence && !run.is_over() &&
      run.raw.is_first(request) && may_be_repeated(request.bytes) && sent.dropped_by == 0 &&
      sent.struck_by == 0) {
    run.raw.send_again();
    if (run.wait(answered, run.world.now() + patience)) {
      run.flaky = fmt::format(
          "the first frame, #{}, was met by silence, and answered when sent again", request.first);
    }
  }
  const std::string expected = fmt::format("answer to #{} ({}): {}", request.frame,
                                           run.ledger.summary(request.frame), describe(reply));
  if (request.answers.empty()) {
    if (reply.silence) return Passed{};
    Finding finding =
        run.fail(expected, fmt::format("none after {}", describe(run.world.now() - request.sent)),
                 {request.frame});
    finding.unanswered = kind_of(request.bytes);
    return finding;
  }
  const RawExchanges::Answer& answer = request.answers.front();
  std::string wrong = only_silence ? "an answer" : "";
  std::string field;  // of the only reply that is allowed
  std::vector<SectorRecord> sectors;
  std::string clause;
  for (const ReplySpec& spec : reply.any) {
    if (spec.data && spec.data->kind == Content::Kind::pattern && !run.world.has_own_disk()) {
      return Unsupported{"what its disk holds is not known"};
    }
    const auto differences =
        compare(spec, request.bytes, answer.bytes, request.defaults.disk_has_pattern);
    if (differences.empty()) {
      wrong.clear();
      break;
    }
    if (reply.any.size() == 1) {
      field = differences.front().field;
      sectors = differences.front().sectors;
    }
    wrong += (wrong.empty() ? "" : "; ") + describe(differences.front());
  }
  if (wrong.empty()) {
    const auto broken = broken_answer_rule(run.scenario.clauses, request.bytes, answer.bytes,
                                           request.defaults.target);
    if (!broken) return Passed{};
    wrong = describe(*broken);
    field = broken->field;
    clause = broken->clause;
  }
  Finding finding = run.fail_for_certain(
      expected, fmt::format("{} (#{}: {})", wrong, answer.id, run.ledger.summary(answer.id)),
      {request.frame, answer.id});
  finding.field = std::move(field);
  finding.sectors = std::move(sectors);
  finding.clause = std::move(clause);
  return finding;
}

StepResult play(RunState& run, const ExpectStep& step) {
  StepResult result;
  const auto judge = [&](const auto& wanted) {
    if (!wanted || std::holds_alternative<Finding>(result)) return;
    StepResult next = expect(run, *wanted);
    if (passed(result) || std::holds_alternative<Finding>(next)) result = std::move(next);
  };
  // A retransmission and a device going down happen while the request waits: they are watched for
  // first.
  judge(step.retransmit);
  judge(step.outstanding);
  judge(step.device);
  judge(step.io);
  judge(step.hits);
  judge(step.reply);
  judge(step.replies);
  judge(step.announcement);
  judge(step.store);
  return result;
}

}  // namespace aoe::harness
