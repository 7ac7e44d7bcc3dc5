#include "harness/run/raw_exchange.h"

#include <algorithm>

#include "base/check.h"
#include "harness/judge/pattern.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::get;
using layout::set;

constexpr std::uint64_t extended_flag = 0x40;
constexpr std::uint64_t lba_mode = 0xe000'0000;  // of LBA28, in the LBA's fourth byte
constexpr auto config_code = static_cast<std::uint8_t>(Command::config);

std::optional<std::uint32_t> tag_of(Bytes frame) {
  if (frame.size() < header_size) return std::nullopt;
  return get<Field::tag>(frame);
}

/// The frame as it is assigned, over what a well-behaved peer would send.
std::vector<std::uint8_t> fields_of(const FrameSpec& spec, const RawDefaults& defaults) {
  std::vector<std::uint8_t> frame(spec.message ? layout::fixed_size(*spec.message) : header_size);
  const bool to_target = spec.direction == Direction::to_target;
  const auto& [target, address, luns] = defaults.target;
  set<Field::destination>(frame, to_target ? target : defaults.initiator);
  set<Field::source>(frame, to_target ? defaults.initiator : target);
  set<Field::ethertype>(frame, ethertype);
  set<Field::version>(frame, protocol_version);
  set<Field::flags>(frame, to_target ? std::uint8_t{0} : flag_response);
  set<Field::shelf>(frame, address.shelf);
  set<Field::slot>(frame, address.slot);
  set<Field::tag>(frame, defaults.tag);
  for (const auto& [field, value, entry] : spec.fields) {
    const std::size_t end = layout::row(field).end(entry);
    frame.resize(std::max(frame.size(), end));
    layout::set(field, frame, value, entry);
  }
  if (spec.message == layout::Message::ata) {
    if (spec.most_sectors) set<Field::ata_count>(frame, defaults.sectors_most);
    const std::uint64_t lba = get<Field::ata_lba>(frame);
    if ((get<Field::ata_flags>(frame) & extended_flag) == 0) {
      set<Field::ata_lba>(frame, lba | lba_mode);
    }
    if (spec.data.kind != Content::Kind::none) {
      frame.resize(ata_header_size + get<Field::ata_count>(frame) * sector_size);
      fill(spec.data, lba, defaults.disk_has_pattern, MutableBytes(frame).subspan(ata_header_size));
    }
  }
  frame.insert(frame.end(), spec.rest.begin(), spec.rest.end());
  return frame;
}

bool awaits_announcements(const Scenario& scenario) {
  return std::ranges::any_of(scenario.steps, [](const Step& step) {
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    return expect != nullptr && expect->announcement.has_value();
  });
}

}  // namespace

std::vector<std::uint8_t> encode(const FrameSpec& spec, const RawDefaults& defaults) {
  std::vector<std::uint8_t> frame = spec.bytes ? *spec.bytes : fields_of(spec, defaults);
  if (spec.truncate && *spec.truncate < frame.size()) frame.resize(*spec.truncate);
  frame.resize(std::max<std::size_t>(frame.size(), spec.pad));
  return frame;
}

RawExchanges::RawExchanges(const Scenario& scenario, World& world, std::uint32_t first_tag)
    : scenario_(scenario),
      world_(world),
      listens_(awaits_announcements(scenario)),
      next_tag_(first_tag) {
  if (listens_) world_.stage().listen(this);
}

RawExchanges::~RawExchanges() {
  if (listens_) world_.stage().listen(nullptr);
}

std::pair<PortIndex, PortIndex> RawExchanges::ports_of(const FrameSpec& spec) const {
  const Network& network = scenario_.network;
  const NodeIndex target = spec.target.node;
  const PortIndex ours = spec.on ? *network.port_on(spec.initiator, *spec.on)
                                 : *network.port_towards(spec.initiator, target);
  return {ours, *network.port_on(target, network.ports[ours].segment)};
}

const RawExchanges::Request& RawExchanges::send(const FrameSpec& spec) {
  listens_ = true;
  world_.stage().listen(this);
  // Looked for only where it is used: a search goes back to the last config answer.
  const bool counts_matter = spec.repeat_buffers || spec.most_sectors;
  const Counts counts = (counts_matter ? this->counts() : std::nullopt).value_or(Counts{});
  const Network& network = scenario_.network;
  const auto [ours, theirs] = ports_of(spec);
  const bool to_target = spec.direction == Direction::to_target;
  RawDefaults defaults{
      .initiator = spec.sources.empty() ? world_.link(ours).mac : spec.sources.front(),
      .target = {world_.link(theirs).mac, network.lun(spec.target).address,
                 network.nodes[spec.target.node].target.luns},
      .tag = next_tag_++,
      .disk_has_pattern = network.disk(spec.target).fill_pattern,
      .sectors_most = counts.sectors};
  Request& request = requests_.emplace_back(Request{.id = spec.id,
                                                    .bytes = encode(spec, defaults),
                                                    .defaults = defaults,
                                                    .direction = spec.direction,
                                                    .from = to_target ? ours : theirs,
                                                    .sent = world_.now()});
  if (!spec.sources.empty()) request.unanswered.insert(defaults.tag);
  if (const auto tag = tag_of(request.bytes)) by_tag_[*tag] = &request;
  const std::uint32_t copies = spec.repeat_buffers ? counts.buffers : spec.repeat;
  for (std::uint32_t i = 0; i < copies; ++i) {
    if (i > 0 && spec.tag_each) {
      defaults.tag = next_tag_++;
      request.bytes = encode(spec, defaults);
      by_tag_[defaults.tag] = &request;
      request.unanswered.insert(defaults.tag);
    }
    sending_ = &request;
    world_.inject(request.from, request.bytes);
    sending_ = nullptr;
    if (i == 0) request.first = request.frame;
  }
  return request;
}

void RawExchanges::send_from(const FrameSpec& spec, const Mac& source) {
  Request& request = requests_.back();
  RawDefaults defaults = request.defaults;
  defaults.initiator = source;
  defaults.tag = next_tag_++;
  const std::vector<std::uint8_t> frame = encode(spec, defaults);
  by_tag_[defaults.tag] = &request;
  request.unanswered.insert(defaults.tag);
  sending_ = &request;
  world_.inject(request.from, frame);
  sending_ = nullptr;
}

void RawExchanges::send_again() {
  sending_ = &requests_.back();
  world_.inject(sending_->from, sending_->bytes);
  sending_ = nullptr;
}

const RawExchanges::Request& RawExchanges::find(const std::string& id) const {
  AOE_CHECK(!requests_.empty());
  if (id.empty()) return requests_.back();
  return *std::ranges::find(requests_, id, &Request::id);
}

std::optional<RawExchanges::Counts> RawExchanges::counts() const {
  for (auto request = requests_.rbegin(); request != requests_.rend(); ++request) {
    for (auto answer = request->answers.rbegin(); answer != request->answers.rend(); ++answer) {
      const Bytes bytes = answer->bytes;
      const bool is_config = bytes.size() >= config_header_size &&
                             get<Field::command>(request->bytes) == config_code &&
                             (get<Field::flags>(bytes) & flag_error) == 0;
      if (!is_config) continue;
      const std::uint8_t sectors = get<Field::config_sectors>(bytes);
      return Counts{get<Field::config_buffers>(bytes), sectors == 0 ? std::uint8_t{2} : sectors};
    }
  }
  return std::nullopt;
}

std::vector<RawExchanges::Answer> RawExchanges::announcements(Instant since) const {
  std::vector<Answer> found;
  std::ranges::copy_if(announcements_, std::back_inserter(found),
                       [since](const Answer& answer) { return answer.at >= since; });
  return found;
}

Duration RawExchanges::silence(Duration otherwise) const {
  return answered_ ? round_trips_.rto(1) : otherwise;
}

RawExchanges::Request* RawExchanges::with_tag_of(Bytes frame) {
  const auto tag = tag_of(frame);
  const auto found = tag ? by_tag_.find(*tag) : by_tag_.end();
  return found == by_tag_.end() ? nullptr : found->second;
}

bool RawExchanges::entered(LedgerEntry& entry, Bytes frame, Instant) {
  if (sending_ != nullptr) {
    sending_->frame = entry.id;
    return true;
  }
  const Request* request = with_tag_of(frame);
  if (request == nullptr || request->direction == entry.direction) return false;
  if (request->direction == Direction::to_target) entry.answers = request->frame;  // as faults ask
  return true;
}

bool RawExchanges::left(const Delivery& delivery, Instant now) {
  const auto& [id, direction, to, delay, frame, altered] = delivery;
  Request* request = with_tag_of(frame);
  if (request == nullptr || id < request->first) {  // it was there before
    const bool is_config =
        layout::has(Field::command, frame) && get<Field::command>(frame) == config_code;
    if (direction == Direction::to_initiator && is_config) {
      announcements_.push_back({id, now, {frame.begin(), frame.end()}});
    }
    return false;
  }
  const bool is_answer = request->direction != direction;
  if (is_answer &&
      scenario_.network.ports[to].node == scenario_.network.ports[request->from].node) {
    if (request->answers.empty()) {
      round_trips_.sample(now - request->sent);
      answered_ = true;
    }
    request->answers.push_back({id, now, {frame.begin(), frame.end()}});
    request->unanswered.erase(get<Field::tag>(frame));
  }
  return true;
}

}  // namespace aoe::harness
