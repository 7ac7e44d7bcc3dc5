#include "harness/judge/dialogue.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "harness/judge/frame_rules.h"
#include "harness/report/text.h"
#include "proto/describe.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

constexpr auto ata_command = static_cast<std::uint8_t>(Command::ata);
constexpr auto config_command = static_cast<std::uint8_t>(Command::config);
constexpr auto mask_command = static_cast<std::uint8_t>(Command::mask);
constexpr auto reserve_command = static_cast<std::uint8_t>(Command::reserve);

std::uint64_t tag_key(StationId source, std::uint32_t tag) {
  return std::uint64_t{source} << 32 | tag;
}

std::uint64_t hashed(std::uint64_t seed, Bytes bytes) {
  for (const std::uint8_t byte : bytes) seed = (seed ^ byte) * 0x100'0000'01b3;
  return seed;
}

/// The command's own command, and what of its Arg says what it asks for.
struct Asked {
  std::uint8_t kind = 0;
  Bytes argument{};
};

struct Ask {
  Asked operator()(const ConfigRequest& request) const {
    return {static_cast<std::uint8_t>(request.command), request.string};
  }
  Asked operator()(const MaskRequest& request) const {
    return {static_cast<std::uint8_t>(request.command), request.directives.packed()};
  }
  Asked operator()(const ReserveRequest& request) const {
    return {static_cast<std::uint8_t>(request.command), request.macs.packed()};
  }
  Asked operator()(const VendorRequest& request) const { return {0, request.arg}; }
  template <class Other>
  Asked operator()(const Other&) const {
    return {};
  }
};

std::string text_of(Bytes string) {
  return {string.begin(), string.end()};
}

bool is_success(const AtaReply& reply) {
  return (reply.status & ata::status_failed) == 0;
}

/// Did the server refuse, in whatever way?
bool is_refusal(const Body& body) {
  if (std::holds_alternative<ErrorReply>(body)) return true;
  if (const auto* ata = std::get_if<AtaReply>(&body)) return !is_success(*ata);
  if (const auto* mask = std::get_if<MaskReply>(&body)) return mask->error != MaskError::none;
  return false;
}

/// Where silence does as well as an error.
bool may_ignore(const Reject& reject) {
  return reject.rule == Rule::arg_too_short || reject.rule == Rule::config_string_too_long ||
         reject.rule == Rule::config_string_beyond_frame;
}

bool knows(const std::vector<Mac>& list, const Mac& mac) {
  return std::ranges::find(list, mac) != list.end();
}

}  // namespace

void Dialogue::tell(RuleName rule, std::string text, std::vector<FrameId> frames,
                    std::string_view clause) {
  tell_(make_finding(rule, std::move(text), std::move(frames), clause));
}

void Dialogue::see(const Seen& seen) {
  if (seen.frame.response) {
    reply(seen);
  } else {
    request(seen);
  }
}

// Devices.

Dialogue::DeviceId Dialogue::device(Address address, std::optional<StationId> station) {
  const auto found = std::ranges::find_if(devices_, [&](const DeviceAccount& device) {
    return device.address == address && device.station == station;
  });
  if (found == devices_.end()) {
    devices_.push_back({.address = address, .station = station});
    knowledge_.emplace_back();
    return static_cast<DeviceId>(devices_.size() - 1);
  }
  return static_cast<DeviceId>(found - devices_.begin());
}

Dialogue::DeviceId Dialogue::device_of(const Request& request) {
  if (!request.address.is_exact()) return no_device;
  if (!is_group(request.destination)) return device(request.address, request.destination);
  const auto vlan = stations_[request.source].vlan;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const DeviceAccount& known = devices_[i];
    if (known.address == request.address && known.station && stations_[*known.station].vlan == vlan)
      return static_cast<DeviceId>(i);
  }
  return no_device;
}

// Requests.

Dialogue::Request Dialogue::describe_request(const Seen& seen) {
  const Frame& frame = seen.frame;
  Request request{.id = seen.entry.id,
                  .sent = seen.entry.sent,
                  .source = seen.source,
                  .destination = seen.destination,
                  .address = frame.header.address,
                  .command = frame.command};
  Asked asked;
  if (!frame.body) {
    request.reject = frame.body.error();
    asked.argument = seen.bytes.subspan(header_size);
  } else if (const auto* ata = std::get_if<AtaRequest>(&*frame.body)) {
    request.opcode = ata->opcode;
    request.sectors = ata->sectors;
    request.lba = ata->lba;
  } else {
    asked = std::visit(Ask{}, *frame.body);
    request.kind = asked.kind;
    if (request.command == config_command) strings_[request.id] = text_of(asked.argument);
  }
  const Address address = request.address;
  std::uint64_t question =
      mixed(std::uint64_t{seen.source} << 32 | std::uint64_t{address.shelf} << 16 |
            std::uint64_t{address.slot} << 8 | request.command);
  question = mixed(question ^ request.lba << 16 ^ std::uint64_t{request.sectors} << 8 ^
                   static_cast<std::uint64_t>(request.opcode));
  request.question = mixed(hashed(question ^ std::uint64_t{request.kind} << 56, asked.argument));
  request.device = device_of(request);
  const bool tests = request.command == config_command && !request.reject &&
                     (request.kind == static_cast<std::uint8_t>(ConfigCommand::test) ||
                      request.kind == static_cast<std::uint8_t>(ConfigCommand::prefix));
  request.may_be_silent =
      tests || !address.is_exact() || (request.reject && may_ignore(*request.reject));
  if (request.device != no_device) {
    const auto& mask = knowledge_[request.device].mask;
    if (mask && !mask->empty() && !knows(*mask, frame.header.source)) request.may_be_silent = true;
  }
  return request;
}

void Dialogue::request(const Seen& seen) {
  Request request = describe_request(seen);
  const auto place = static_cast<Place>(requests_.size());
  const std::uint64_t key = tag_key(seen.source, seen.entry.tag);
  const Place* const same_tag = by_tag_.find(key);
  const Place* const same_question = open_.find(request.question);
  // Some have one tag for all queries: what is asked again once it was answered is asked anew.
  if (same_tag != nullptr && requests_[*same_tag].question == request.question) {
    const Request& before = requests_[*same_tag];
    if (!before.answer) {
      request.copies = before.copies + 1;
      repeat(request, *same_tag, seen);
    }
  } else {
    if (same_tag != nullptr) {
      const Request& other = requests_[*same_tag];
      const Place* const still = open_.find(other.question);
      if (still != nullptr && *still == *same_tag && request.sent - other.sent < patience) {
        tell("tag-in-use",
             fmt::format("{} has the tag of {}, which is still unanswered", name(request.id),
                         name(other.id)),
             {other.id, request.id});
      }
    }
    if (same_question != nullptr && request.address.is_exact() &&
        request.sent - requests_[*same_question].sent < patience) {
      repeat(request, *same_question, seen);
    }
  }
  set_may_change(request);
  if (request.device != no_device && request.command == ata_command && !request.reject) {
    const auto advertised = devices_[request.device].sectors;
    const unsigned most = advertised ? (*advertised == 0 ? 2U : *advertised) : 255U;
    if (moves_sectors(request.opcode) && request.sectors > most) {
      tell(
          "sectors-exceeded",
          fmt::format("{} asks for {} sectors, {} may be", name(request.id), request.sectors, most),
          {request.id});
    }
  }
  requests_.push_back(request);
  by_tag_.put(key, place);
  by_any_tag_.put(seen.entry.tag, place);
  by_frame_.put(request.id, place);
  open(requests_.back(), place);
}

void Dialogue::repeat(Request& request, Place before_place, const Seen& seen) {
  Request& before = requests_[before_place];
  before.repeated = true;
  request.may_be_silent = request.may_be_silent || before.may_be_silent;
  seen.entry.repeats = before.id;
  ledger_[before.id].repeated_by = request.id;
  const bool same_tag = ledger_[before.id].tag == seen.entry.tag;
  tell("retransmitted",
       fmt::format("{} again after {}, {}", name(request.id), brief(request.sent - before.sent),
                   same_tag ? "with the same tag" : "with a new tag"),
       {before.id, request.id});
}

void Dialogue::open(Request& request, Place place) {
  if (const Place* const before = open_.find(request.question))
    close(requests_[*before], request.sent);
  open_.put(request.question, place);
  if (request.command != ata_command || request.reject) return;
  request.waits = true;
  outstanding_.push_back({request.sent, ++open_count_});
  if (request.device == no_device) return;
  windows_[{request.source, request.device}].push_back(place);
  check_window(request);
}

void Dialogue::close(Request& request, Instant now) {
  open_.erase(request.question);
  if (!request.waits) return;
  request.waits = false;
  outstanding_.push_back({now, --open_count_});
  if (request.device == no_device) return;
  std::erase_if(windows_[{request.source, request.device}],
                [&](Place place) { return requests_[place].id == request.id; });
}

void Dialogue::check_window(const Request& request) {
  const std::vector<Place>& window = windows_[{request.source, request.device}];
  while (request.sent - requests_[window.front()].sent > patience)
    close(requests_[window.front()], request.sent);
  DeviceAccount& device = devices_[request.device];
  device.outstanding = std::max(device.outstanding, static_cast<std::uint32_t>(window.size()));
  if (!device.buffers || *device.buffers == 0 || window.size() <= *device.buffers) return;
  tell("buffers-exceeded",
       fmt::format("{} makes {} unanswered requests, {} has {}", name(request.id), window.size(),
                   device.address, quantity(*device.buffers, "buffer")),
       {request.id});
}

/// What a request may change is not known any more until its answer tells.
void Dialogue::set_may_change(const Request& request) {
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (!request.address.covers(devices_[i].address)) continue;
    Knowledge& known = knowledge_[i];
    if (request.command == config_command &&
        request.kind >= static_cast<std::uint8_t>(ConfigCommand::set))
      known.config_may_change = true;
    if (request.command == mask_command && request.kind != 0) known.mask.reset();
    if (request.command == reserve_command && request.kind != 0) known.reserved.reset();
    if (request.reject && request.command == config_command) known.config_may_change = true;
  }
}

// Replies.

Dialogue::Request* Dialogue::request_of(const Seen& seen) {
  if (const Place* const place = by_tag_.find(tag_key(seen.destination, seen.entry.tag)))
    return &requests_[*place];
  const Place* const other = by_any_tag_.find(seen.entry.tag);
  const bool is_config = seen.frame.command == config_command;
  if (other != nullptr) {
    const Request& meant = requests_[*other];
    const bool fits = meant.command == seen.frame.command &&
                      meant.address.covers(seen.frame.header.address) &&
                      seen.entry.sent - meant.sent < patience;
    if (fits && !(is_config && seen.entry.tag == 0)) {
      tell("wrong-destination",
           fmt::format("{} goes to {}, and its request came from {}", name(seen.entry.id),
                       stations_[seen.destination].mac, stations_[meant.source].mac),
           {meant.id, seen.entry.id});
      return nullptr;
    }
  }
  const bool announces = is_config && (seen.bytes[14] & flag_error) == 0;
  if (announces) {
    ++devices_[device(seen.frame.header.address, seen.source)].announcements;
    return nullptr;
  }
  tell("unasked-reply",
       fmt::format("{} has a tag that no request of {} has", name(seen.entry.id),
                   stations_[seen.destination].mac),
       {seen.entry.id});
  return nullptr;
}

void Dialogue::reply(const Seen& seen) {
  const FrameId id = seen.entry.id;
  Request* const request = request_of(seen);
  if (request == nullptr) {
    learn(seen, nullptr);
    return;
  }
  if (seen.frame.command != request->command) {
    tell("wrong-command",
         fmt::format("{} has the tag of {}, and command {}", name(id), name(request->id),
                     seen.frame.command),
         {request->id, id});
    return;
  }
  if (!request->address.covers(seen.frame.header.address)) {
    tell("wrong-address", fmt::format("{} answers {}", name(id), name(request->id)),
         {request->id, id});
    return;
  }
  if (!is_group(request->destination) && request->destination != seen.source) {
    tell("wrong-source",
         fmt::format("{} comes from {}, {} was asked", name(id), stations_[seen.source].mac,
                     stations_[request->destination].mac),
         {request->id, id});
  }
  if (!seen.frame.body) {  // no client takes it for an answer
    judge_unread(seen, *request);
    return;
  }
  seen.entry.answers = request->id;
  const DeviceId device = this->device(seen.frame.header.address, seen.source);
  const auto place = *by_frame_.find(request->id);
  const bool is_first = !request->answer;
  const bool is_more = !is_first &&
                       (!request->address.is_exact() || is_group(request->destination)) &&
                       request->device != device;
  std::uint32_t& answers = is_more ? more_answers_[{place, device}] : request->answers;
  if (++answers > request->copies) {
    ++devices_[device].duplicates;
    tell("duplicate-answer",
         fmt::format("{} is answer {} to what was asked {}", name(id), answers,
                     request->copies == 1 ? "once" : fmt::format("{} times", request->copies)),
         {request->id, id});
    return;
  }
  if (is_first) {
    request->answer = id;
    const Duration round_trip = seen.entry.sent - request->sent;
    if (request->copies == 1) devices_[device].round_trips.push_back(round_trip);
    round_trip_max_ = std::max(round_trip_max_, round_trip);
    if (const Place* const latest = open_.find(request->question)) {
      Request& waiting = requests_[*latest];
      close(waiting, seen.entry.sent);
    }
    if (request->device != device) request->device = device;
  }
  judge_answer(seen, *request, device);
  learn(seen, request);
}

/// A server that takes any version answers in that version.
void Dialogue::judge_unread(const Seen& seen, Request& request) {
  constexpr auto version = Rule::unsupported_version;
  const bool has_error = (seen.bytes[14] & flag_error) != 0;
  if (has_error || !request.reject || request.reject->rule != version ||
      seen.frame.body.error().rule != version)
    return;
  request.answer = seen.entry.id;
  tell(
      "accepted",
      fmt::format("an answer of version {} to a request of version {}, to be refused with error {}",
                  seen.bytes[14] >> 4, request.reject->have,
                  harness::name(ErrorCode::unsupported_version)),
      {request.id, seen.entry.id}, refusing_clause(version));
}

void Dialogue::judge_answer(const Seen& seen, const Request& request, DeviceId device) {
  const Mac& client = stations_[request.source].mac;
  if (const auto& mask = knowledge_[device].mask; mask && !mask->empty() && !knows(*mask, client)) {
    tell("masked-answer",
         fmt::format("{} answers {}, who is not on its mask list", name(seen.entry.id), client),
         {request.id, seen.entry.id});
  }
  if (!seen.frame.body) return;
  const Body& body = *seen.frame.body;
  if (request.reject) {
    const auto wanted = aoe::answer_to(request.reject->rule);
    if (!wanted) return;
    std::array<char, description_size_max> room;
    if (!is_refusal(body)) {
      tell("accepted",
           fmt::format("{} to what is to be refused with error {}: {}", name(seen.entry.id),
                       harness::name(*wanted), describe(*request.reject, room)),
           {request.id, seen.entry.id}, refusing_clause(request.reject->rule));
      return;
    }
    const auto* error = std::get_if<ErrorReply>(&body);
    if (error != nullptr && error->code != *wanted) {
      tell("wrong-error",
           fmt::format("{}: expected error {}, for {}", name(seen.entry.id), harness::name(*wanted),
                       describe(*request.reject, room)),
           {request.id, seen.entry.id}, refusing_clause(request.reject->rule));
    }
    return;
  }
  if (const auto* error = std::get_if<ErrorReply>(&body)) {
    judge_error(seen, request, error->code);
  } else if (const auto* ata = std::get_if<AtaReply>(&body)) {
    judge_ata(seen, request, *ata, device);
  } else if (const auto* config = std::get_if<ConfigReply>(&body)) {
    judge_config(seen, request, *config);
  }
}

void Dialogue::judge_error(const Seen& seen, const Request& request, ErrorCode code) {
  const bool is_ata = request.command == ata_command;
  const auto wrong = [&](const std::string& why, std::string_view clause) {
    tell("wrong-error", fmt::format("{}: {}", name(seen.entry.id), why),
         {request.id, seen.entry.id}, clause);
  };
  switch (code) {
    case ErrorCode::unrecognized_command:
      if (request.command <= config_command) wrong("every server knows this command", "2.4/1");
      break;
    case ErrorCode::bad_argument:
    case ErrorCode::device_unavailable: break;
    case ErrorCode::config_string_present:
      if (request.command != config_command ||
          request.kind != static_cast<std::uint8_t>(ConfigCommand::set))
        wrong("the request sets no config string", "3.2/6");
      break;
    case ErrorCode::unsupported_version: wrong("the request has version 1", "2.4/2"); break;
    case ErrorCode::target_reserved:
      if (request.command == config_command) wrong("queries are for everyone", "3.4/8");
      if (request.command == mask_command) wrong("a reservation is for ATA commands", "3.4/6");
      if (is_ata && request.opcode == ata::Opcode::identify_device)
        wrong("IDENTIFY is for everyone", "3.4/7");
      break;
  }
}

void Dialogue::judge_ata(const Seen& seen, const Request& request, const AtaReply& reply,
                         DeviceId device) {
  if (!is_success(reply)) return;
  const std::vector<FrameId> frames{request.id, seen.entry.id};
  const auto& reserved = knowledge_[device].reserved;
  const Mac& client = stations_[request.source].mac;
  if (reserved && !reserved->empty() && !knows(*reserved, client) &&
      request.opcode != ata::Opcode::identify_device) {
    tell("reservation-ignored",
         fmt::format("{} serves {}, and others hold it", name(seen.entry.id), client), frames);
  }
  const bool moves = moves_sectors(request.opcode);
  const DeviceAccount& known = devices_[device];
  const auto accept = [&](const std::string& what, std::string_view clause) {
    tell("accepted", fmt::format("{} to {}", name(seen.entry.id), what), frames, clause);
  };
  if (moves && request.sectors == 0) {
    accept("a count of 0 sectors", "3.1/6");
  } else if (const unsigned most =
                 known.sectors.value_or(255) == 0 ? 2U : known.sectors.value_or(255);
             moves && request.sectors > most) {
    accept(fmt::format("a count of {} sectors, {} are advertised", request.sectors, most), "3.1/5");
  }
  if (moves && known.capacity && request.lba + request.sectors > *known.capacity) {
    accept(fmt::format("lba {}+{}, beyond the {} there are", request.lba, request.sectors,
                       quantity(*known.capacity, "sector")),
           "3.1/9");
  }
  if (moves && reply.sectors_left != 0) {
    tell("sectors-left", fmt::format("{} is success", name(seen.entry.id)), frames);
  }
  const ata::Kind kind = ata::kind(request.opcode);
  const std::size_t due = kind == ata::Kind::read       ? request.sectors * sector_size
                          : kind == ata::Kind::identify ? identify_size
                                                        : 0;
  if (reply.data.size() < due) {
    tell("short-data",
         fmt::format("{} brings {} bytes of {}", name(seen.entry.id), reply.data.size(), due),
         frames);
  }
}

void Dialogue::judge_config(const Seen& seen, const Request& request, const ConfigReply& reply) {
  if (seen.is_cut) return;
  const std::string& asked = strings_[request.id];
  const std::string told = text_of(reply.string);
  std::string what;
  switch (ConfigCommand{request.kind}) {
    case ConfigCommand::read: return;
    case ConfigCommand::test:
      if (told != asked) what = "a test for another string";
      break;
    case ConfigCommand::prefix:
      if (!told.starts_with(asked)) what = "a test for another prefix";
      break;
    case ConfigCommand::set:
    case ConfigCommand::force_set:
      if (told != asked) what = "a set of another string";
      break;
  }
  if (what.empty()) return;
  tell("config-answer",
       fmt::format("{} answers {}: {}", name(seen.entry.id), what, name(request.id)),
       {request.id, seen.entry.id},
       request.kind >= static_cast<std::uint8_t>(ConfigCommand::set) ? "3.2/9" : "3.2/4");
}

/// Takes over what a reply says of its device. `request`: the one it answers, or null.
void Dialogue::learn(const Seen& seen, const Request* request) {
  if (!seen.frame.body || !seen.frame.header.address.is_exact()) return;
  const DeviceId id = device(seen.frame.header.address, seen.source);
  DeviceAccount& account = devices_[id];
  Knowledge& known = knowledge_[id];
  if (const auto* error = std::get_if<ErrorReply>(&*seen.frame.body)) {
    ++account.errors["error " + harness::name(error->code)];
  } else if (const auto* ata = std::get_if<AtaReply>(&*seen.frame.body)) {
    if (!is_success(*ata)) {
      ++account.errors[fmt::format("ATA status {:02x} error {:02x}", ata->status, ata->error)];
    } else if (request != nullptr && request->opcode == ata::Opcode::identify_device &&
               !request->reject && !seen.is_cut && ata->data.size() >= identify_size) {
      const auto identity = parse_identify(ata->data);
      std::array<char, description_size_max> room;
      if (!identity) {
        tell("malformed", std::string(describe(identity.error(), room)),
             {request->id, seen.entry.id}, refusing_clause(identity.error().rule));
      } else {
        account.capacity = identity->sectors;
        if (identity->checksum_wrong)
          tell("malformed", "IDENTIFY with a wrong checksum in word 255",
               {request->id, seen.entry.id}, "3.1/14");
      }
    }
  } else if (const auto* config = std::get_if<ConfigReply>(&*seen.frame.body)) {
    account.buffers = config->buffer_count;
    account.sectors = config->sector_count;
    if (seen.is_cut) return;
    std::string string = text_of(config->string);
    if (known.config && *known.config != string && !known.config_may_change) {
      tell("config-changed",
           fmt::format("{}: it had {} bytes, and nobody set it anew", name(seen.entry.id),
                       known.config->size()),
           {seen.entry.id});
    }
    known.config = std::move(string);
    if (request != nullptr && request->kind >= static_cast<std::uint8_t>(ConfigCommand::set))
      known.config_may_change = false;
  } else if (const auto* mask = std::get_if<MaskReply>(&*seen.frame.body)) {
    if (mask->error != MaskError::none || seen.is_cut) return;
    known.mask.emplace();
    for (std::size_t i = 0; i < mask->list.size(); ++i) known.mask->push_back(mask->list[i].mac);
  } else if (const auto* reserve = std::get_if<ReserveReply>(&*seen.frame.body)) {
    if (seen.is_cut) return;
    known.reserved.emplace();
    for (std::size_t i = 0; i < reserve->macs.size(); ++i)
      known.reserved->push_back(reserve->macs[i]);
  }
}

// The end.

void Dialogue::finish(Instant end) {
  for (Request& request : requests_) {
    if (request.device == no_device) request.device = device_of(request);
    if (request.device == no_device) {
      if (!request.address.is_exact()) continue;
      request.device = device(request.address, std::nullopt);
    }
    DeviceAccount& account = devices_[request.device];
    ++account.requests;
    if (ledger_[request.id].repeats) ++account.retransmitted;
    if (request.answer) {
      ++account.answered;
      continue;
    }
    if (request.repeated || request.may_be_silent) continue;
    if (round_trip_max_ > Duration{} && request.sent + round_trip_max_ >= end) {
      ++account.pending;
      continue;
    }
    ++account.unanswered;
    tell("unanswered", name(request.id), {request.id});
  }
}

std::optional<FrameId> Dialogue::answer_to(FrameId request) const {
  const Place* const place = by_frame_.find(request);
  return place == nullptr ? std::nullopt : requests_[*place].answer;
}

}  // namespace aoe::harness
