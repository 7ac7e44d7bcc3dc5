#include "harness/judge/dialogue.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/judge/frame_rules.h"
#include "proto/describe.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

/// So many requests, no reply, and nothing sent again: answers were not captured.
constexpr std::uint64_t one_direction_min = 8;
/// Requests in excess of a device's buffers whose judgement waits for their answers.
constexpr std::size_t crowds_max = 1024;
/// Where more wait in excess, their answers were not captured; and a lower number was seen before.
constexpr std::uint32_t crowd_excess_max = 256;
/// So many are found in a capture, at most: each takes a search.
constexpr std::uint64_t crowds_found_max = 100'000;

/// Initiators at devices whose requests that wait are counted.
constexpr std::size_t windows_max = std::size_t{1} << 18;
/// Answers of other devices, of which it is known whether they came before.
constexpr std::size_t more_answers_max = std::size_t{1} << 18;
/// Errors of a device that are counted each for itself.
constexpr std::size_t errors_max = 64;

constexpr auto ata_command = static_cast<std::uint8_t>(Command::ata);
constexpr auto config_command = static_cast<std::uint8_t>(Command::config);
constexpr auto mask_command = static_cast<std::uint8_t>(Command::mask);
constexpr auto reserve_command = static_cast<std::uint8_t>(Command::reserve);

std::uint64_t key_of(StationId source, std::uint32_t tag) {
  return std::uint64_t{source} << 32 | tag;
}

std::uint64_t window_key(StationId source, std::uint32_t device) {
  return std::uint64_t{source} << 32 | device;
}

std::uint64_t hashed(std::uint64_t seed, Bytes bytes) {
  for (const std::uint8_t byte : bytes) seed = (seed ^ byte) * 0x100'0000'01b3;
  return seed;
}

/// The command's own command, and what of its Arg says what it asks for.
struct Argument {
  std::uint8_t kind = 0;
  Bytes bytes{};
};

struct ArgumentOf {
  Argument operator()(const ConfigRequest& request) const {
    return {static_cast<std::uint8_t>(request.command), request.string};
  }
  Argument operator()(const MaskRequest& request) const {
    return {static_cast<std::uint8_t>(request.command), request.directives.packed()};
  }
  Argument operator()(const ReserveRequest& request) const {
    return {static_cast<std::uint8_t>(request.command), request.macs.packed()};
  }
  Argument operator()(const VendorRequest& request) const { return {0, request.arg}; }
  template <class Other>
  Argument operator()(const Other&) const {
    return {};
  }
};

std::string text_of(Bytes string) {
  return {string.begin(), string.end()};
}

bool sets_config(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(ConfigCommand::set);
}

/// A request that is refused for this may also be ignored.
bool may_ignore(const Reject& reject) {
  return reject.rule == Rule::arg_too_short || reject.rule == Rule::config_string_too_long ||
         reject.rule == Rule::config_string_beyond_frame;
}

template <class List>
std::vector<Mac> macs_of(const List& list, auto mac_of) {
  std::vector<Mac> macs;
  for (std::size_t i = 0; i < list.size(); ++i) macs.push_back(mac_of(list[i]));
  return macs;
}

}  // namespace

// Devices.

Dialogue::DeviceId Dialogue::device(Address address, std::optional<StationId> station) {
  const DeviceId id = devices_.find(address, station);
  if (devices_.is_shared(id)) ++notes_.of_more_devices;
  return id;
}

Dialogue::DeviceId Dialogue::device_of(Address address, const Asked& asked) {
  if (!address.is_exact()) return no_device;
  if (!is_group(asked.destination)) return device(address, asked.destination);
  return devices_.find_in_vlan(address, stations_[asked.source].vlan);
}

Tracker::Remote Dialogue::window_of(StationId source, DeviceId device) {
  if (device == no_device || devices_.is_shared(device)) return Tracker::no_remote;
  const auto known = windows_.find(window_key(source, device));
  if (known != windows_.end()) return known->second;
  if (windows_.size() == windows_max) return Tracker::no_remote;
  const auto next = static_cast<Tracker::Remote>(windows_.size());
  windows_.emplace(window_key(source, device), next);
  answers_.push_back(0);
  return next;
}

std::uint32_t& Dialogue::more_answers(Tracker::Index index, DeviceId device) {
  const auto known = more_answers_.find({index, device});
  if (known != more_answers_.end()) return known->second;
  if (more_answers_.size() < more_answers_max) return more_answers_[{index, device}];
  return uncounted_answers_ = 0;
}

void Dialogue::note_outstanding(Instant now, std::size_t count) {
  const std::size_t size = outstanding_.size();
  if (size == 0 ? count > 0 : count != outstanding_[size - 1].count)
    outstanding_.add({now, static_cast<std::uint32_t>(count)});
}

// Requests.

std::uint64_t Dialogue::describe_request(const Seen& seen, Asked& asked) {
  const LedgerEntry& entry = seen.entry;
  Argument argument;
  if (!seen.frame.body) {
    asked.reject = seen.frame.body.error();
    argument.bytes = seen.bytes.subspan(header_size);
  } else {
    argument = std::visit(ArgumentOf{}, *seen.frame.body);
    asked.kind = argument.kind;
  }
  asked.device = device_of(entry.address, asked);
  const bool tests = entry.command == config_command && !asked.reject &&
                     (asked.kind == static_cast<std::uint8_t>(ConfigCommand::test) ||
                      asked.kind == static_cast<std::uint8_t>(ConfigCommand::prefix));
  asked.may_be_silent =
      tests || !entry.address.is_exact() || (asked.reject && may_ignore(*asked.reject));
  if (asked.device != no_device) {
    asked.sectors_max = devices_[asked.device].sectors_max();
    const auto& mask = devices_[asked.device].mask;
    if (mask && !mask->empty() && !is_listed(*mask, seen.frame.header.source))
      asked.may_be_silent = true;
  }
  const std::uint64_t question =
      Tracker::question_of(entry, seen.source) ^ std::uint64_t{asked.kind} << 56;
  return mixed(hashed(question, argument.bytes));
}

void Dialogue::request(const Seen& seen) {
  LedgerEntry& entry = seen.entry;
  Asked asked{.id = entry.id,
              .sent = entry.sent,
              .address = entry.address,
              .tag = entry.tag,
              .source = seen.source,
              .destination = seen.destination};
  const std::uint64_t question = describe_request(seen, asked);
  const bool is_ata = entry.command == ata_command && !asked.reject;
  const Tracker::Remote window = is_ata ? window_of(seen.source, asked.device) : Tracker::no_remote;
  const std::uint64_t key = key_of(seen.source, entry.tag);
  const Tracker::Sent sent = tracker_.send({.id = entry.id,
                                            .key = key,
                                            .question = question,
                                            .remote = window,
                                            .source = seen.frame.header.source,
                                            .takes_room = is_ata},
                                           entry);
  ++requests_;
  if (sent.is_again) ++asked_again_;
  if (sent.tag_holder) {
    // One that has waited for longer than any other may have been answered unseen.
    const Duration age = entry.sent - ledger_[*sent.tag_holder].sent;
    if (round_trip_max_ == Duration{} || age <= 2 * round_trip_max_) {
      report_unless_missed("tag-in-use",
                           fmt::format("{} has the tag of {}, which is still unanswered",
                                       name(entry.id), name(*sent.tag_holder)),
                           {*sent.tag_holder, entry.id});
    }
  }
  if (sent.repeats) {
    Asked& before = asked_[*sent.repeats];
    before.repeated_by = entry.id;
    end_set(before);  // the same set waits on
    asked.sectors_max = std::max(asked.sectors_max, before.sectors_max);
    asked.may_be_silent = asked.may_be_silent || before.may_be_silent;
  }
  if (sent.index < asked_.size()) {
    settle(asked_[sent.index], sent.index, entry.sent);
    asked_[sent.index] = asked;
  } else {
    asked_.push_back(asked);
  }
  by_tag_.add(entry.tag, seen.source, sent.index);
  if (entry.command == config_command && !asked.reject)
    strings_[sent.index] = text_of(std::visit(ArgumentOf{}, *seen.frame.body).bytes);
  set_may_change(entry, asked_[sent.index]);
  if (sent.replaces) note_outstanding(entry.sent, tracker_.waiting() - 1);
  note_outstanding(entry.sent, tracker_.waiting());
  if (is_ata && asked.device != no_device) check_window(entry, asked.device, window);
  if (orphans_.claim(key, entry.id)) {
    asked_[sent.index].is_answered_early = true;
    end_set(asked_[sent.index]);
    tracker_.answer(tracker_[sent.index]);
    note_outstanding(entry.sent, tracker_.waiting());
  }
}

void Dialogue::check_window(const LedgerEntry& entry, DeviceId id, Tracker::Remote window) {
  DeviceAccount& device = devices_[id];
  if (moves_sectors(entry.opcode) && entry.sectors > device.sectors_max()) {
    report_unless_missed("sectors-exceeded",
                         fmt::format("{} asks for {} sectors, {} may be", name(entry.id),
                                     entry.sectors, device.sectors_max()),
                         {entry.id});
  }
  const auto waiting = static_cast<std::uint32_t>(tracker_.waiting(window));
  device.outstanding = std::max(device.outstanding, waiting);
  if (!device.buffers || *device.buffers == 0 || waiting <= *device.buffers) return;
  if (crowds_found_ >= crowds_found_max || waiting > *device.buffers + crowd_excess_max) return;
  Crowd& crowd = crowds_.emplace_back(Crowd{entry.id, id, *device.buffers, {}});
  for (const Tracker::Index index : tracker_.waiting_at(window))
    crowd.waiting.push_back(tracker_[index].id);
  if (crowds_.size() <= crowds_max) return;
  judge_crowd(crowds_.front());
  crowds_.pop_front();
}

/// A request that was answered or sent again later did wait then. Of others the capture may have
/// missed the answer.
void Dialogue::judge_crowd(const Crowd& crowd) {
  const auto waited = std::ranges::count_if(crowd.waiting, [&](FrameId id) {
    return ledger_[id].answered != never || ledger_[id].repeated_by;
  });
  if (waited <= crowd.buffers) return;
  ++crowds_found_;
  crowded_.add(make_finding(
      "buffers-exceeded",
      fmt::format("{} makes {} unanswered requests, {} has {}", name(crowd.request), waited,
                  devices_[crowd.device].address, quantity(crowd.buffers, "buffer")),
      {crowd.request}));
}

/// What a request may change is unknown until its answer says it.
void Dialogue::set_may_change(const LedgerEntry& entry, Asked& asked) {
  if (entry.command == ata_command) return;
  // One that is malformed may be met by silence, so it is not waited for.
  const bool is_config = entry.command == config_command;
  asked.sets_config = is_config && !asked.reject && sets_config(asked.kind);
  if (asked.sets_config) devices_.add_config_set(entry.address);
  devices_.may_change(entry.address,
                      {.config = asked.sets_config || (is_config && asked.reject),
                       .mask = entry.command == mask_command && asked.kind != 0,
                       .reserved = entry.command == reserve_command && asked.kind != 0});
}

/// It waits no more.
void Dialogue::end_set(Asked& asked) {
  if (std::exchange(asked.sets_config, false)) devices_.remove_config_set(asked.address);
}

// Replies.

bool Dialogue::fits(const Seen& seen, const Tracker::Request& request) const {
  const LedgerEntry& meant = ledger_[request.id];
  return meant.command == seen.frame.command && meant.address.covers(seen.entry.address) &&
         seen.entry.sent - meant.sent < Tracker::capture.patience;
}

Dialogue::Match Dialogue::request_of_any_client(const Seen& seen) {
  Match match;
  std::size_t open = 0;
  int best = 0;
  for (const Tracker::Index index : by_tag_.all(seen.entry.tag)) {
    Tracker::Request& request = tracker_[index];
    if (!fits(seen, request)) continue;
    const Asked& asked = asked_[index];
    if (!asked.answer || asked.is_doubtful) ++open;
    const int rank = !asked.answer ? 3 : request.answers < request.arrivals ? 2 : 1;
    const bool is_better = rank > best || (rank == best && rank == 1);  // of these, the latest
    if (!is_better) continue;
    best = rank;
    match.request = &request;
  }
  match.is_certain = open <= 1;
  return match;
}

Tracker::Request* Dialogue::request_in_other_vlan(const Seen& seen) {
  Tracker::Request* latest = nullptr;
  for (const Tracker::Index index : by_tag_.all(seen.entry.tag)) {
    Tracker::Request& request = tracker_[index];
    if (request.source != seen.frame.header.destination || !fits(seen, request)) continue;
    if (latest == nullptr || request.awaited || !latest->awaited) latest = &request;
  }
  return latest;
}

Dialogue::Match Dialogue::request_of(const Seen& seen) {
  const LedgerEntry& entry = seen.entry;
  if (Tracker::Request* const request = tracker_.find(key_of(seen.destination, entry.tag)))
    return {request};
  const bool is_config = seen.frame.command == config_command;
  if (seen.destination == no_station) {
    if (const Match match = request_of_any_client(seen); match.request != nullptr) return match;
  } else if (Tracker::Request* const request = request_in_other_vlan(seen)) {
    return {request};
  } else if (const auto other = by_tag_.latest(entry.tag)) {
    const Tracker::Request& request = tracker_[*other];
    if (fits(seen, request) && !(is_config && entry.tag == 0)) {
      add_orphan(seen, "wrong-destination",
                 fmt::format("{} goes to {}, and its request came from {}", name(entry.id),
                             seen.frame.header.destination, request.source),
                 request.id);
      return {};
    }
  }
  if (is_config &&
      (layout::get<Field::flags>(seen.bytes) & flag_error) == 0) {  // it announces itself
    ++devices_[device(entry.address, seen.source)].announcements;
    return {};
  }
  const std::string whose =
      seen.destination == no_station ? "" : fmt::format(" of {}", seen.frame.header.destination);
  add_orphan(seen, "unasked-reply",
             fmt::format("{} has a tag that no request{} has", name(entry.id), whose));
  return {};
}

/// `meant`: the request of which it has the tag; none: those that wait are candidates.
void Dialogue::add_orphan(const Seen& seen, RuleName rule, std::string text,
                          std::optional<FrameId> meant) {
  const LedgerEntry& entry = seen.entry;
  const auto window =
      windows_.find(window_key(seen.destination, device(entry.address, seen.source)));
  const bool is_known = window != windows_.end();
  Orphan orphan{.finding = make_finding(rule, std::move(text), {entry.id}),
                .reply = entry.id,
                .key = key_of(seen.destination, entry.tag),
                .waiting = {}};
  if (is_known) {
    orphan.remote = window->second;
    orphan.answers_before = answers_[window->second];
  }
  if (meant) {
    orphan.waiting.push_back(*meant);
    orphan.finding.frames.insert(orphan.finding.frames.begin(), *meant);
  } else if (is_known && entry.command == ata_command) {
    for (const Tracker::Index index : tracker_.waiting_at(window->second)) {
      if (orphan.waiting.size() == Orphans::waiting_max) break;
      orphan.waiting.push_back(tracker_[index].id);
    }
  }
  for (Finding& finding : orphans_.add(std::move(orphan))) findings_.add(std::move(finding));
}

void Dialogue::reply(const Seen& given) {
  Seen seen = given;
  LedgerEntry& entry = seen.entry;
  ++replies_;
  const auto [request, is_certain] = request_of(seen);
  if (request == nullptr) {
    learn(seen, nullptr);
    return;
  }
  const Tracker::Index index = tracker_.index_of(*request);
  LedgerEntry& question = ledger_[request->id];
  Asked& asked = asked_[index];
  const Mac& source = seen.frame.header.source;
  const bool is_as_asked = is_group(asked.destination) || asked.destination == seen.source ||
                           stations_[asked.destination].mac == source;
  // The one that was asked, though the capture may show it in another VLAN.
  if (is_as_asked && !is_group(asked.destination)) seen.source = asked.destination;
  const std::vector<FrameId> frames{request->id, entry.id};
  if (asked.answer &&
      (entry.command != question.command || !question.address.covers(entry.address))) {
    // Some use a tag again, and the capture missed the request.
    add_orphan(seen, "unasked-reply",
               fmt::format("{} has the tag of {}, which has been answered", name(entry.id),
                           name(request->id)));
    return;
  }
  if (entry.command != question.command) {
    report("wrong-command",
           fmt::format("{} has the tag of {}, and command {}", name(entry.id), name(request->id),
                       entry.command),
           frames);
    return;
  }
  if (!question.address.covers(entry.address)) {
    report("wrong-address", fmt::format("{} answers {}", name(entry.id), name(request->id)),
           frames);
    return;
  }
  if (!is_as_asked && devices_[devices_.find(entry.address, seen.source)].answers_as_asked) {
    ++notes_.other_sources;  // a target with several network cards
  } else if (!is_as_asked) {
    report("wrong-source",
           fmt::format("{} comes from {}, {} was asked", name(entry.id), source,
                       stations_[asked.destination].mac),
           frames);
  }
  if (!seen.frame.body) {  // no client takes it for an answer
    judge_unread(seen, *request);
    return;
  }
  entry.answers = request->id;
  const DeviceId device = this->device(entry.address, seen.source);
  if (is_as_asked) devices_[device].answers_as_asked = true;
  const bool is_first = !asked.answer;
  if (!is_first && devices_.is_shared(device)) return;  // perhaps of another device
  const bool is_more = !is_first && (!question.address.is_exact() || is_group(asked.destination)) &&
                       asked.device != device;
  std::uint32_t& answers = is_more ? more_answers(index, device) : request->answers;
  if (++answers > request->arrivals) {
    ++devices_[device].duplicates;
    report_unless_missed(
        "duplicate-answer",
        fmt::format("{} is answer {} to what was asked {}", name(entry.id), answers,
                    request->arrivals == 1 ? "once" : fmt::format("{} times", request->arrivals)),
        frames);
    return;
  }
  if (is_first) {
    asked.answer = entry.id;
    asked.is_doubtful = !is_certain;
    end_set(asked);
    first_answer_to_ = request->id;
    asked.device = device;
    if (request->remote != Tracker::no_remote) ++answers_[request->remote];
    question.answered = entry.sent;
    // A longer one is a step of the clock, and one below zero two frames in the wrong order.
    const Duration round_trip = std::max(entry.sent - question.sent, Duration{});
    if (round_trip >= Tracker::capture.patience) {
      ++notes_.late_answers;
    } else if (is_certain) {
      if (request->arrivals == 1) devices_[device].round_trips.add(round_trip);
      round_trip_max_ = std::max(round_trip_max_, round_trip);
    }
    tracker_.answer(*request);
    note_outstanding(entry.sent, tracker_.waiting());
  }
  if (!is_certain) {
    ++notes_.unclear_answers;
    learn(seen, nullptr);
    return;
  }
  const auto string = strings_.find(index);
  ReplyFindings found =
      judge_answered({.request = question,
                      .kind = asked.kind,
                      .reject = asked.reject,
                      .string = string == strings_.end() ? std::string_view() : string->second,
                      .sectors_max = std::max(asked.sectors_max, devices_[device].sectors_max()),
                      .client = request->source,
                      .device = devices_[device],
                      .reply = entry,
                      .body = *seen.frame.body,
                      .is_cut = seen.is_cut},
                     ledger_);
  for (Finding& finding : found.certain) findings_.add(std::move(finding));
  for (Finding& finding : found.doubtful) doubtful_.add(std::move(finding));
  learn(seen, &asked);
}

/// A server that takes any version answers in that version.
void Dialogue::judge_unread(const Seen& seen, Tracker::Request& request) {
  constexpr auto version = Rule::unsupported_version;
  const bool has_error = (layout::get<Field::flags>(seen.bytes) & flag_error) != 0;
  Asked& asked = asked_[tracker_.index_of(request)];
  if (has_error || !asked.reject || asked.reject->rule != version ||
      seen.frame.body.error().rule != version)
    return;
  asked.answer = seen.entry.id;
  first_answer_to_ = request.id;
  request.awaited = false;
  report(
      "accepted",
      fmt::format("an answer of version {} to a request of version {}, to be refused with error {}",
                  layout::get<Field::version>(seen.bytes), asked.reject->have,
                  harness::name(ErrorCode::unsupported_version)),
      {request.id, seen.entry.id}, refusing_clause(version));
}

/// Takes over what a reply says of its device. `asked`: the request that it answers, or null.
void Dialogue::learn(const Seen& seen, const Asked* asked) {
  const LedgerEntry& entry = seen.entry;
  if (!seen.frame.body || !entry.address.is_exact()) return;
  const DeviceId id = this->device(entry.address, seen.source);
  if (devices_.is_shared(id)) return;
  DeviceAccount& device = devices_[id];
  const Body& body = *seen.frame.body;
  const auto count = [&device](std::string error) {
    const bool has_room = device.errors.size() < errors_max || device.errors.contains(error);
    ++device.errors[has_room ? std::move(error) : "other errors"];
  };
  if (const auto* error = std::get_if<ErrorReply>(&body)) {
    count("error " + harness::name(error->code));
  } else if (const auto* ata = std::get_if<AtaReply>(&body)) {
    if (!is_success(*ata)) {
      count(fmt::format("ATA status {:02x} error {:02x}", ata->status, ata->error));
    } else if (asked != nullptr && !asked->reject && !seen.is_cut) {
      learn_identity(entry, *ata, device);
    }
  } else if (const auto* config = std::get_if<ConfigReply>(&body)) {
    device.buffers = config->buffer_count;
    device.sectors = config->sector_count;
    if (seen.is_cut) return;
    std::string string = text_of(config->string);
    if (device.config && *device.config != string && !device.config_may_change) {
      report_unless_missed(
          "config-changed",
          fmt::format("{}: it had {} bytes, and nobody has set it since, unless another host has",
                      name(entry.id), device.config->size()),
          {entry.id});
    }
    device.config = std::move(string);
    if (asked != nullptr && sets_config(asked->kind))
      device.config_may_change = devices_.has_config_sets(entry.address);
  } else if (const auto* mask = std::get_if<MaskReply>(&body)) {
    if (mask->error == MaskError::none && !seen.is_cut)
      device.mask = macs_of(mask->list, [](const Directive& directive) { return directive.mac; });
  } else if (const auto* reserve = std::get_if<ReserveReply>(&body)) {
    if (!seen.is_cut) device.reserved = macs_of(reserve->macs, [](const Mac& mac) { return mac; });
  }
}

void Dialogue::learn_identity(const LedgerEntry& entry, const AtaReply& reply,
                              DeviceAccount& device) {
  const LedgerEntry& request = ledger_[*entry.answers];
  if (request.opcode != ata::Opcode::identify_device || reply.data.size() < identify_size) return;
  const std::vector<FrameId> frames{request.id, entry.id};
  const auto identity = parse_identify(reply.data);
  if (!identity) {
    std::array<char, description_size_max> room;
    report("malformed", std::string(describe(identity.error(), room)), frames,
           refusing_clause(identity.error().rule));
    return;
  }
  device.capacity = identity->sectors;
  if (identity->checksum_wrong)
    report("malformed", "IDENTIFY with a wrong checksum in word 255", frames, "3.1/14");
}

// The end.

/// Nothing more comes of the request.
void Dialogue::settle(Asked& asked, Tracker::Index index, Instant end) {
  end_set(asked);
  if (asked.device == no_device) asked.device = device_of(asked.address, asked);
  const bool is_answered = asked.answer || asked.is_answered_early;
  strings_.erase(index);
  more_answers_.erase(more_answers_.lower_bound({index, 0}),
                      more_answers_.upper_bound({index, no_device}));
  by_tag_.remove(asked.tag, index);
  if (asked.repeated_by && is_answered) {  // it was another with the same question
    ledger_[*asked.repeated_by].repeats.reset();
    ledger_[asked.id].repeated_by.reset();
  } else if (asked.repeated_by) {
    const LedgerEntry& again = ledger_[*asked.repeated_by];
    report("retransmitted",
           fmt::format("{} again after {}, {}", name(again.id), brief(again.sent - asked.sent),
                       asked.tag == again.tag ? "with the same tag" : "with a new tag"),
           {asked.id, again.id});
  }
  if (asked.device == no_device) {
    if (!asked.address.is_exact()) return;
    asked.device = device(asked.address, std::nullopt);
  }
  DeviceAccount& account = devices_[asked.device];
  ++account.requests;
  if (is_answered) {
    ++account.answered;
  } else if (asked.repeated_by) {
    ++account.retransmitted;
  } else if (asked.may_be_silent) {
    return;
  } else if (round_trip_max_ > Duration{} && asked.sent + round_trip_max_ >= end) {
    ++account.pending;
  } else {
    ++account.unanswered;
    unanswered_.add(make_finding("unanswered", name(asked.id), {asked.id}));
  }
}

void Dialogue::finish(Instant end) {
  for (Tracker::Index i = 0; i < asked_.size(); ++i) settle(asked_[i], i, end);
  for (const Crowd& crowd : crowds_) judge_crowd(crowd);
  devices_.apply_all();
  notes_.requests_only = replies_ == 0 && unanswered_.size() >= one_direction_min;
  for (Finding& finding : orphans_.finish(answers_)) findings_.add(std::move(finding));
  notes_.replies_only = requests_ == 0 && notes_.before_begin > 0;
  // Captures of both ends, merged, whose clocks differ by much.
  if (asked_again_ * 4 > requests_ && crowded_.size() > 0) {
    notes_.asked_again = asked_again_;
  } else {
    findings_.add(std::move(crowded_));
  }
  if (notes_.misses_frames()) {
    notes_.without_answer = unanswered_.size();
    notes_.left_out = doubtful_.size();
  } else {
    findings_.add(std::move(unanswered_));
    findings_.add(std::move(doubtful_));
  }
}

}  // namespace aoe::harness
