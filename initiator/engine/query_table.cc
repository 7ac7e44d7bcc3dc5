#include "initiator/engine/query_table.h"

#include <algorithm>
#include <array>
#include <utility>

namespace aoe::initiator {
namespace {

constexpr Duration first_distance = std::chrono::milliseconds(100);
constexpr Duration distance_max = std::chrono::seconds(1);
constexpr std::size_t list_size_max = 255;
/// The longest query's frame: a full mask list.
constexpr std::size_t frame_room = 28 + list_size_max * DirectiveList::entry_size;

bool fits_its_fields(const Query& query) {
  if (const auto* config = std::get_if<ConfigQuery>(&query)) {
    return config->string.size() <= config_string_size_max;
  }
  if (const auto* mask = std::get_if<MaskQuery>(&query)) {
    return mask->directives.size() <= list_size_max;
  }
  if (const auto* reserve = std::get_if<ReserveQuery>(&query)) {
    return reserve->macs.size() <= list_size_max;
  }
  const auto* read = std::get_if<ReadQuery>(&query);
  return read == nullptr || read->sectors > 0;
}

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The body points into `query` and `room`.
Body body_of(const Query& query, std::vector<std::uint8_t>& room) {
  if (const auto* config = std::get_if<ConfigQuery>(&query)) {
    return ConfigRequest{config->command, bytes_of(config->string)};
  }
  if (const auto* mask = std::get_if<MaskQuery>(&query)) {
    room.resize(mask->directives.size() * DirectiveList::entry_size);
    return MaskRequest{mask->directives.empty() ? MaskCommand::read : MaskCommand::edit,
                       pack(mask->directives, room)};
  }
  if (const auto* reserve = std::get_if<ReserveQuery>(&query)) {
    room.resize(reserve->macs.size() * MacList::entry_size);
    return ReserveRequest{reserve->command, pack(reserve->macs, room)};
  }
  const auto* read = std::get_if<ReadQuery>(&query);
  if (read == nullptr) return AtaRequest{.sectors = 1, .opcode = ata::Opcode::identify_device};
  return AtaRequest{.sectors = read->sectors, .opcode = ata::Opcode::read_sectors};
}

/// What to ask before an error to `query` is believed; nothing where it says all there is to say.
std::optional<Query> doubt_of(const Query& query, ErrorCode error) {
  const auto* config = std::get_if<ConfigQuery>(&query);
  if (config != nullptr && config->command == ConfigCommand::set &&
      error == ErrorCode::config_string_present) {
    return ConfigQuery{};
  }
  const auto* reserve = std::get_if<ReserveQuery>(&query);
  if (reserve != nullptr && reserve->command == ReserveCommand::set &&
      error == ErrorCode::target_reserved) {
    return ReserveQuery{};
  }
  return std::nullopt;
}

bool same_macs(std::vector<Mac> a, std::vector<Mac> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

/// Has the target what `query` was to set?
bool is_set(const Query& query, const QueryAnswer& answer) {
  if (const auto* config = std::get_if<ConfigQuery>(&query)) {
    return config->string == answer.string;
  }
  return same_macs(std::get<ReserveQuery>(query).macs, answer.macs);
}

/// Is it the answer to a question of this kind? If so it is taken over.
bool take(const Query& query, const Body& body, QueryAnswer& answer, Completion& completion) {
  if (const auto* config = std::get_if<ConfigReply>(&body)) {
    answer.buffers = config->buffer_count;
    answer.firmware = config->firmware;
    answer.sectors = config->sector_count;
    answer.string.assign(config->string.begin(), config->string.end());
    return std::holds_alternative<ConfigQuery>(query);
  }
  if (const auto* mask = std::get_if<MaskReply>(&body)) {
    for (std::size_t i = 0; i < mask->list.size(); ++i) answer.macs.push_back(mask->list[i].mac);
    answer.mask_error = mask->error;
    answer.directives_done = mask->directives_done;
    return std::holds_alternative<MaskQuery>(query);
  }
  if (const auto* reserve = std::get_if<ReserveReply>(&body)) {
    for (std::size_t i = 0; i < reserve->macs.size(); ++i) answer.macs.push_back(reserve->macs[i]);
    return std::holds_alternative<ReserveQuery>(query);
  }
  const auto* ata = std::get_if<AtaReply>(&body);
  const auto* read = std::get_if<ReadQuery>(&query);
  const bool identify = std::holds_alternative<IdentifyQuery>(query);
  if (ata == nullptr || (read == nullptr && !identify)) return false;
  if ((ata->status & ata::status_failed) != 0) {
    completion = {.error = IoError::ata_error, .ata_status = ata->status, .ata_error = ata->error};
    return true;
  }
  if (!identify) return ata->data.size() >= read->sectors * sector_size;
  const auto identity = parse_identify(ata->data);
  if (identity) answer.identity = *identity;
  return identity.has_value();
}

Command command_of(const Query& query) {
  constexpr std::array commands{Command::config, Command::mask, Command::reserve, Command::ata,
                                Command::ata};
  return commands[query.index()];
}

std::string_view name_of(const Query& query) {
  constexpr std::array<std::string_view, 5> names{"config", "mask", "reserve", "read", "identify"};
  return names[query.index()];
}

}  // namespace

void QueryTable::ask(const QueryRequest& request, Instant now, Actions& out) {
  const auto place = pending_.insert(pending_.end(), {.serial = next_serial_++,
                                                      .request = request,
                                                      .distance = first_distance,
                                                      .end = now + request.limit});
  if (!request.device.is_exact() || !fits_its_fields(request.query)) {
    return complete(place, {.error = IoError::invalid}, {}, out);
  }
  transmit(*place, now, out);
}

void QueryTable::cancel(std::uint64_t id, Actions& out) {
  const auto found = std::ranges::find(pending_, id, [](const Pending& q) { return q.request.id; });
  if (found != pending_.end()) complete(found, {.error = IoError::cancelled}, {}, out);
}

void QueryTable::transmit(Pending& query, Instant now, Actions& out) {
  Transmission& transmission = tags_.issue();
  transmission.device = nullptr;
  transmission.path = query.serial;
  transmission.sent = now;
  query.tags.push_back(transmission.tag);
  query.repeat = query.request.route ? never : now + query.distance;
  query.distance = std::min(2 * query.distance, distance_max);

  const Query asked =
      query.doubt ? *doubt_of(query.request.query, query.doubt->aoe_error) : query.request.query;
  if (trace_) {
    trace_(now, "query {} tag {:08x}: {}, attempt {}{}", query.request.device, transmission.tag,
           name_of(asked), query.tags.size(),
           query.doubt ? ", whether an earlier copy has set it" : "");
  }
  if (query.request.route) return send(query, asked, *query.request.route, transmission.tag, out);
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    send(query, asked, {static_cast<PortId>(port), Mac::broadcast()}, transmission.tag, out);
  }
}

void QueryTable::send(Pending& query, const Query& asked, const QueryRoute& route,
                      std::uint32_t tag, Actions& out) {
  const Link& link = ports_[route.port];
  if (!link.up) return;
  query.frame.resize(std::max(frame_room, query.request.frame_size));
  std::vector<std::uint8_t> list;
  const std::size_t encoded =
      encode({route.mac, link.mac, query.request.device, tag}, body_of(asked, list), query.frame);
  std::fill(query.frame.begin() + static_cast<std::ptrdiff_t>(encoded), query.frame.end(), 0);
  query.frame.resize(std::max(encoded, query.request.frame_size));
  if (query.frame.size() > link.frame_size_max()) return;

  Transmit& frame = out.frames.emplace_back();
  frame.port = route.port;
  frame.head_size = frame_size_min;
  std::copy_n(query.frame.begin(), frame_size_min, frame.head.begin());
  frame.data = Bytes(query.frame).subspan(frame_size_min);  // the same on every port
}

bool QueryTable::on_answer(const Transmission& transmission, const Frame& frame, Instant now,
                           Actions& out) {
  const auto found = std::ranges::find(pending_, transmission.path, &Pending::serial);
  if (found == pending_.end() || frame.header.address != found->request.device) return false;
  const Query& query = found->request.query;
  if (const auto* error = std::get_if<ErrorReply>(&*frame.body)) {
    if (error->command != static_cast<std::uint8_t>(command_of(query))) return false;
    if (found->doubt) return true;  // of another copy
    const Completion completion{.error = IoError::aoe_error, .aoe_error = error->code};
    if (!doubt_of(query, error->code)) {
      complete(found, completion, {}, out);
    } else {
      found->doubt = completion;
      found->distance = first_distance;
      transmit(*found, now, out);
    }
    return true;
  }
  Completion completion;
  QueryAnswer answer{.mac = frame.header.source, .round_trip = now - transmission.sent};
  if (!take(query, *frame.body, answer, completion)) return false;
  if (found->doubt && !is_set(query, answer)) {
    answer = {};
    completion = *found->doubt;
  }
  complete(found, completion, std::move(answer), out);
  return true;
}

Instant QueryTable::deadline() const {
  Instant earliest = never;
  for (const Pending& query : pending_) {
    earliest = std::min({earliest, query.repeat, query.end});
  }
  return earliest;
}

void QueryTable::tick(Instant now, Actions& out) {
  for (std::size_t i = 0; i < pending_.size();) {
    Pending& query = pending_[i];
    if (now >= query.end) {
      const Completion silence{.error = IoError::timeout};
      complete(pending_.begin() + static_cast<std::ptrdiff_t>(i), query.doubt.value_or(silence), {},
               out);
      continue;
    }
    if (now >= query.repeat) transmit(query, now, out);
    ++i;
  }
}

void QueryTable::complete(Place query, const Completion& completion, QueryAnswer answer,
                          Actions& out) {
  for (const std::uint32_t tag : query->tags) {
    Transmission* transmission = tags_.find(tag);
    if (transmission != nullptr && transmission->state == Transmission::State::outstanding) {
      tags_.retire(*transmission, Transmission::State::answered);
    }
  }
  // What has not been sent yet points into the query.
  std::erase_if(out.frames, [&](const Transmit& frame) {
    const auto begin = query->frame.data() + frame_size_min;
    return !query->frame.empty() && frame.data.data() == begin;
  });
  out.answers.push_back({completion, std::move(answer)});
  QueryResult& result = out.answers.back();
  result.completion.id = query->request.id;
  pending_.erase(query);
}

}  // namespace aoe::initiator
