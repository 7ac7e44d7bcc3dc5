#include "harness/run/replay_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/capture/capture_reader.h"
#include "harness/judge/capture_check.h"
#include "harness/judge/frame_rules.h"
#include "proto/identify.h"
#include "proto/trim.h"

namespace aoe::harness {
namespace {

using Failed = tl::unexpected<std::string>;

constexpr std::uint64_t sectors_least = 1024;

/// A capture in memory: its frames of AoE, without VLAN tags, by FrameId.
struct Capture {
  CaptureCheck check;
  std::vector<std::vector<std::uint8_t>> frames;
  std::set<FrameId> cut;
  std::string cut_off;  // why it could not be read to its end; empty: it was
};

tl::expected<void, std::string> read(const std::string& path, Capture& capture) {
  const auto reader = CaptureReader::open(path);
  if (!reader) return Failed(reader.error());
  std::vector<std::uint8_t> room;
  while (true) {
    const auto record = (*reader)->next();
    if (!record) capture.cut_off = record.error();
    if (!record || !*record) break;
    const auto& frame = (*record)->frame;
    if (!frame) {
      capture.check.add_unreadable();
      continue;
    }
    const CapturedFrame captured{(*record)->time, frame->bytes, frame->original_size,
                                 frame->has_destination};
    capture.check.add(captured);
    if (capture.check.ledger().size() == capture.frames.size()) continue;
    const Untagged untagged = untag(captured, room);
    if (untagged.bytes.size() < untagged.original_size) capture.cut.insert(capture.frames.size());
    capture.frames.emplace_back(untagged.bytes.begin(), untagged.bytes.end());
  }
  capture.check.finish();
  return {};
}

/// A device that answered; the one named, if one is.
tl::expected<const DeviceAccount*, std::string> choose(const std::string& path,
                                                       const CaptureCheck& check,
                                                       const std::optional<Address>& wanted) {
  std::vector<const DeviceAccount*> answering;
  for (const DeviceAccount& device : check.devices()) {
    if (device.station && device.answered > 0) answering.push_back(&device);
  }
  const auto names = [&] {
    std::vector<std::string> list;
    list.reserve(answering.size());
    for (const DeviceAccount* device : answering)
      list.push_back(fmt::format("{} at {}", device->address, check.station(*device->station).mac));
    return fmt::format("{}", fmt::join(list, ", "));
  };
  if (answering.empty()) return Failed(fmt::format("{}: no device answers in it", path));
  const Address address = wanted.value_or(answering.front()->address);
  const auto is_other = [&](const DeviceAccount* one) { return one->address != address; };
  if (wanted && std::ranges::all_of(answering, is_other))
    return Failed(fmt::format("{}: no {} answers in it; there are {}", path, *wanted, names()));
  if (!wanted && std::ranges::any_of(answering, is_other)) {
    return Failed(
        fmt::format("{}: several devices answer in it, --device says which: {}", path, names()));
  }
  std::erase_if(answering, is_other);
  return *std::ranges::max_element(answering, {}, &DeviceAccount::answered);
}

/// Sectors, as ranges that neither overlap nor touch.
class Sectors {
 public:
  void add(const SectorRange& range) {
    std::uint64_t first = range.lba;
    std::uint64_t end = first + range.sectors;
    auto next = ends_.upper_bound(first);
    if (next != ends_.begin() && std::prev(next)->second >= first) first = (--next)->first;
    for (; next != ends_.end() && next->first <= end; next = ends_.erase(next))
      end = std::max(end, next->second);
    ends_[first] = end;
  }
  bool contains(std::uint64_t lba) const {
    const auto next = ends_.upper_bound(lba);
    return next != ends_.begin() && std::prev(next)->second > lba;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  // by the first sector
};

/// The sectors that a write or a TRIM changes; none: it is neither.
std::vector<SectorRange> changed_by(const AtaRequest& ata) {
  if (ata.opcode != ata::Opcode::data_set_management) {
    if (ata::kind(ata.opcode) != ata::Kind::write || ata.sectors == 0) return {};
    return {{ata.lba, ata.sectors}};
  }
  std::vector<SectorRange> ranges;
  const TrimList list(ata.data.first(ata.data.size() - ata.data.size() % TrimList::entry_size));
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].sectors > 0) ranges.push_back(list[i]);
  }
  return ranges;
}

class Planner {
 public:
  Planner(const Capture& capture, const DeviceAccount& device)
      : capture_(capture), device_(device) {
    plan_.device = device.address;
    plan_.target = capture.check.station(*device.station).mac;
    plan_.buffers = std::max<std::uint16_t>(device.buffers.value_or(16), 1);
  }

  ReplayPlan plan() {
    const Ledger& ledger = capture_.check.ledger();
    for (FrameId id = 0; id < ledger.size(); ++id) {
      const Decoded frame = decode(capture_.frames[id]);
      if (!frame) continue;
      plan_.mtu =
          std::max(plan_.mtu, static_cast<std::uint16_t>(std::min<std::size_t>(
                                  capture_.frames[id].size() - ethernet_header_size, 65535)));
      if (frame->response) {
        answer(id, *frame);
      } else {
        request(id, *frame);
      }
    }
    // An IDENTIFY of no sectors says nothing; what it says is compared, like all others.
    plan_.sectors = std::max(capacity_, device_.capacity.value_or(0));
    if (plan_.sectors == 0)
      plan_.sectors = std::max({used_, std::min(sectors_least, refused_last_), std::uint64_t{1}});
    for (auto& [lba, bytes] : disk_) {
      if (lba >= plan_.sectors) {
        ++plan_.beyond;
      } else {
        plan_.disk.push_back({lba, std::move(bytes)});
      }
    }
    return std::move(plan_);
  }

 private:
  using Decoded = tl::expected<Frame, Reject>;

  void request(FrameId id, const Frame& frame) {
    const auto [source, destination] = capture_.check.ends(id);
    const bool is_elsewhere = destination != no_station && destination != *device_.station &&
                              !capture_.check.station(destination).mac.is_multicast();
    if (!frame.header.address.covers(device_.address) || is_elsewhere) return;
    if (capture_.cut.contains(id)) {
      ++plan_.cut;
      return;
    }
    const std::size_t here = plan_.requests.size();
    places_[id] = here;
    if (const auto first = capture_.check.answer_to(id)) by_answer_[*first] = id;
    ReplayRequest& request = plan_.requests.emplace_back();
    request.number = capture_.check.number(id);
    request.bytes = capture_.frames[id];
    if (!frame.body) return;
    if (const auto* ata = std::get_if<AtaRequest>(&*frame.body)) {
      request.is_unsure =
          ata::kind(ata->opcode) == ata::Kind::read && is_changing({ata->lba, ata->sectors});
      for (const SectorRange& range : changed_by(*ata))
        changing_.emplace(range.lba, Change{range.lba + range.sectors, here});
    } else if (const auto* config = std::get_if<ConfigRequest>(&*frame.body)) {
      request.may_be_silent =
          config->command == ConfigCommand::test || config->command == ConfigCommand::prefix;
    }
  }

  void answer(FrameId id, const Frame& frame) {
    if (frame.header.address != device_.address) return;
    if (capture_.check.ends(id).first != *device_.station) return;
    if (frame.body) learn_config(id, *frame.body);
    auto asked = capture_.check.ledger()[id].answers;
    // One in a version that there is not answers nothing, and yet it was the answer.
    if (const auto first = by_answer_.find(id); !asked && first != by_answer_.end())
      asked = first->second;
    const auto place = asked ? places_.find(*asked) : places_.end();
    if (place == places_.end()) return;
    ReplayRequest& request = plan_.requests[place->second];
    if (!request.answer.empty()) return;
    if (frame.body) learn(place->second, *frame.body, capture_.cut.contains(id));
    if (capture_.cut.contains(id)) {
      ++plan_.cut;
      return;
    }
    request.answer = capture_.frames[id];
    request.answer_number = capture_.check.number(id);
  }

  /// What the config string was before anybody set it.
  void learn_config(FrameId id, const Body& body) {
    const auto* config = std::get_if<ConfigReply>(&body);
    if (config == nullptr || config_known_ || capture_.cut.contains(id)) return;
    config_known_ = true;
    if (config->command >= ConfigCommand::set) return;  // it has been set now
    plan_.config.assign(config->string.begin(), config->string.end());
  }

  /// What an answer tells of the device as it was at the start.
  void learn(std::size_t place, const Body& body, bool is_cut) {
    ReplayRequest& request = plan_.requests[place];
    const Decoded asked = decode(request.bytes);
    if (!asked->body) return;
    const auto* ata = std::get_if<AtaRequest>(&*asked->body);
    const auto* reply = std::get_if<AtaReply>(&body);
    const bool succeeded = reply != nullptr && (reply->status & ata::status_failed) == 0;
    if (ata != nullptr) settle(place, *ata, succeeded);
    if (ata != nullptr && reply != nullptr) learn_size(*ata, *reply, succeeded);
    if (ata != nullptr && succeeded && !is_cut) learn_data(request, *ata, reply->data);
    learn_guards(*asked->body, body);
  }

  /// A write or TRIM has its answer: only a success has changed anything, and it also settles what
  /// an unanswered one before it may have left there.
  void settle(std::size_t place, const AtaRequest& ata, bool succeeded) {
    for (const SectorRange& range : changed_by(ata)) {
      const std::uint64_t end = range.lba + range.sectors;
      if (succeeded) written_.add(range);
      auto each = changing_.lower_bound(range.lba);
      while (each != changing_.end() && each->first < end) {
        const Change& change = each->second;
        const bool is_settled =
            change.place == place || (succeeded && change.end <= end &&
                                      (change.place < place || asks_the_same(change.place, place)));
        each = is_settled ? changing_.erase(each) : std::next(each);
      }
    }
  }
  /// Is one the other, sent again?
  bool asks_the_same(std::size_t one, std::size_t other) const {
    const auto without_tag = [&](std::size_t place) {
      return Bytes(plan_.requests[place].bytes).subspan(header_size);
    };
    return std::ranges::equal(without_tag(one), without_tag(other));
  }
  bool is_changing(const SectorRange& range) const {
    constexpr std::uint64_t longest = 65535;  // of what one range changes
    const std::uint64_t first = range.lba - std::min(range.lba, longest);
    for (auto each = changing_.lower_bound(first);
         each != changing_.end() && each->first < range.lba + range.sectors; ++each) {
      if (each->second.end > range.lba) return true;
    }
    return false;
  }

  void learn_size(const AtaRequest& ata, const AtaReply& reply, bool succeeded) {
    if (succeeded && ata.opcode == ata::Opcode::identify_device) {
      if (const auto identity = parse_identify(reply.data))
        capacity_ = std::max(capacity_, identity->sectors);
    }
    if (!moves_sectors(ata.opcode) || ata.sectors == 0) return;
    const std::uint64_t end = ata.lba + ata.sectors;
    if (succeeded) used_ = std::max(used_, end);
    if (!succeeded && (reply.error & ata::error_idnf) != 0)
      refused_last_ = std::min(refused_last_, end - 1);
  }

  /// A sector that is read before it is written has held that before.
  void learn_data(ReplayRequest& request, const AtaRequest& ata, Bytes data) {
    if (ata::kind(ata.opcode) != ata::Kind::read) return;
    for (std::uint64_t i = 0; i < ata.sectors && (i + 1) * sector_size <= data.size(); ++i) {
      const std::uint64_t lba = ata.lba + i;
      if (is_changing({lba, 1})) {
        request.is_unsure = true;
        continue;
      }
      if (written_.contains(lba)) continue;
      const Bytes sector = data.subspan(i * sector_size, sector_size);
      disk_.try_emplace(lba, sector.begin(), sector.end());
    }
  }

  /// The mask list and the reservation: what was there before anybody set it is not restored.
  void learn_guards(const Body& asked, const Body& body) {
    if (const auto* mask = std::get_if<MaskReply>(&body); mask != nullptr && !mask_known_) {
      mask_known_ = mask->error == MaskError::none;
      const auto* request = std::get_if<MaskRequest>(&asked);
      const bool is_read = request != nullptr && request->command == MaskCommand::read;
      if (is_read && mask->list.size() > 0) plan_.not_restored.emplace_back("mask list");
    }
    if (reserve_known_) return;
    const auto* reserve = std::get_if<ReserveReply>(&body);
    const auto* error = std::get_if<ErrorReply>(&body);
    const auto* request = std::get_if<ReserveRequest>(&asked);
    const bool is_read = request != nullptr && request->command == ReserveCommand::read;
    const bool is_refused = error != nullptr && error->code == ErrorCode::target_reserved;
    reserve_known_ = reserve != nullptr || is_refused;
    if (is_refused || (reserve != nullptr && is_read && reserve->macs.size() > 0))
      plan_.not_restored.emplace_back("reservation");
  }

  /// Of sectors, by a request of which it is not known whether it was carried out.
  struct Change {
    std::uint64_t end;  // past the last sector
    std::size_t place;  // of the request, in the plan
  };

  const Capture& capture_;
  const DeviceAccount& device_;
  ReplayPlan plan_;
  std::map<FrameId, std::size_t> places_;  // of requests, in the plan
  std::map<FrameId, FrameId> by_answer_;   // requests, by their first answer
  Sectors written_;
  std::multimap<std::uint64_t, Change> changing_;  // by their first sector
  std::map<std::uint64_t, std::vector<std::uint8_t>> disk_;
  bool config_known_ = false;
  bool mask_known_ = false;
  bool reserve_known_ = false;
  std::uint64_t capacity_ = 0;               // the largest of the IDENTIFYs
  std::uint64_t used_ = 0;                   // past the last sector that was there
  std::uint64_t refused_last_ = UINT64_MAX;  // the first that was not, at the latest
};

}  // namespace

tl::expected<ReplayPlan, std::string> read_replay_plan(const std::string& path,
                                                       const std::optional<Address>& wanted) {
  Capture capture;
  if (auto done = read(path, capture); !done) return Failed(done.error());
  const auto device = choose(path, capture.check, wanted);
  if (!device) return Failed(device.error());
  ReplayPlan plan = Planner(capture, **device).plan();
  plan.cut_off = capture.cut_off;
  if (plan.requests.empty())
    return Failed(fmt::format("{}: no request in it is whole: the capture cut them short", path));
  return plan;
}

}  // namespace aoe::harness
