#include "initiator/engine/query_table.h"

#include <algorithm>
#include <utility>

namespace aoe::initiator {
namespace {

constexpr Duration first_distance = std::chrono::milliseconds(100);
constexpr Duration distance_max = std::chrono::seconds(1);
constexpr std::size_t list_size_max = 255;
/// The longest query's frame: a full mask list.
constexpr std::size_t frame_room = 28 + list_size_max * DirectiveList::entry_size;

/// A query as AoEr11 has it.
struct Form {
  Command command;
  std::string_view name;
  Body body;
};

/// Nothing: it does not fit its fields. The body points into `query` and `room`.
std::optional<Form> form_of(const Query& query, std::vector<std::uint8_t>& room) {
  if (const auto* config = std::get_if<ConfigQuery>(&query)) {
    const Bytes string(reinterpret_cast<const std::uint8_t*>(config->string.data()),
                       config->string.size());
    if (string.size() > config_string_size_max) return std::nullopt;
    return Form{Command::config, "config", ConfigRequest{config->command, string}};
  }
  if (const auto* mask = std::get_if<MaskQuery>(&query)) {
    const auto& directives = mask->directives;
    if (directives.size() > list_size_max) return std::nullopt;
    room.resize(directives.size() * DirectiveList::entry_size);
    const auto command = directives.empty() ? MaskCommand::read : MaskCommand::edit;
    return Form{Command::mask, "mask", MaskRequest{command, pack(directives, room)}};
  }
  if (const auto* reserve = std::get_if<ReserveQuery>(&query)) {
    if (reserve->macs.size() > list_size_max) return std::nullopt;
    room.resize(reserve->macs.size() * MacList::entry_size);
    return Form{Command::reserve, "reserve",
                ReserveRequest{reserve->command, pack(reserve->macs, room)}};
  }
  if (const auto* read = std::get_if<ReadQuery>(&query)) {
    if (read->sectors == 0) return std::nullopt;
    return Form{Command::ata, "read",
                AtaRequest{.sectors = read->sectors, .opcode = ata::Opcode::read_sectors}};
  }
  if (const auto* ata = std::get_if<AtaQuery>(&query)) {
    const bool has_data = !ata->data.empty();
    if (ata->lba > ata::lba28_sectors_max || (has_data && ata->data.size() != sector_size)) {
      return std::nullopt;
    }
    return Form{Command::ata, "ATA",
                AtaRequest{.flags = {.write = has_data},
                           .feature = ata->feature,
                           .sectors = ata->sectors,
                           .opcode = ata->opcode,
                           .lba = ata->lba,
                           .data = ata->data}};
  }
  return Form{Command::ata, "identify",
              AtaRequest{.sectors = 1, .opcode = ata::Opcode::identify_device}};
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
  const auto* other = std::get_if<AtaQuery>(&query);
  const bool identify = std::holds_alternative<IdentifyQuery>(query);
  if (ata == nullptr || (read == nullptr && other == nullptr && !identify)) return false;
  if ((ata->status & ata::status_failed) != 0) {
    completion = {.error = IoError::ata_error, .ata_status = ata->status, .ata_error = ata->error};
    return true;
  }
  if (read != nullptr) return ata->data.size() >= read->sectors * sector_size;
  if (other != nullptr) {
    const std::size_t size = other->reads ? sector_size : 0;
    if (ata->data.size() < size) return false;
    answer.lba = ata->lba;
    answer.data.assign(ata->data.begin(), ata->data.begin() + static_cast<std::ptrdiff_t>(size));
    return true;
  }
  const auto identity = parse_identify(ata->data);
  if (identity) answer.identity = *identity;
  return identity.has_value();
}

}  // namespace

void QueryTable::ask(const QueryRequest& request, Instant now, Actions& out) {
  const auto place = pending_.insert(pending_.end(), {.serial = next_serial_++,
                                                      .request = request,
                                                      .distance = first_distance,
                                                      .end = now + request.limit});
  std::vector<std::uint8_t> room;
  if (!request.device.is_exact() || !form_of(request.query, room)) {
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
  transmission.path = query.serial;
  transmission.asked = query.request.route ? query.request.route->mac : Mac::broadcast();
  transmission.sent = now;
  query.tags.push_back(transmission.tag);
  query.repeat = query.request.route ? never : now + query.distance;
  query.distance = std::min(2 * query.distance, distance_max);

  const Query asked =
      query.doubt ? *doubt_of(query.request.query, query.doubt->aoe_error) : query.request.query;
  std::vector<std::uint8_t> room;
  const Form form = *form_of(asked, room);
  if (trace_) {
    trace_(now, "query {} tag {:08x}: {}, attempt {}{}", query.request.device, transmission.tag,
           form.name, query.tags.size(), query.doubt ? ", whether an earlier copy has set it" : "");
  }
  if (query.request.route)
    return send(query, form.body, *query.request.route, transmission.tag, out);
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    send(query, form.body, {static_cast<PortId>(port), Mac::broadcast()}, transmission.tag, out);
  }
}

void QueryTable::send(Pending& query, const Body& body, const QueryRoute& route, std::uint32_t tag,
                      Actions& out) {
  const Link& link = ports_[route.port];
  if (!link.up) return;
  query.frame.resize(std::max(frame_room, query.request.frame_size));
  const std::size_t encoded =
      encode({route.mac, link.mac, query.request.device, tag}, body, query.frame);
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
  if (!transmission.asked.is_multicast() && frame.header.source != transmission.asked) return false;
  const Query& query = found->request.query;
  if (const auto* error = std::get_if<ErrorReply>(&*frame.body)) {
    std::vector<std::uint8_t> room;
    if (error->command != static_cast<std::uint8_t>(form_of(query, room)->command)) return false;
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
