#include "harness/run/replay_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/capture/capture_reader.h"
#include "harness/judge/capture_check.h"
#include "harness/judge/frame_rules.h"

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
    plan_.sectors = device_.capacity.value_or(std::max(used_, sectors_least));
    for (auto& [lba, bytes] : disk_) plan_.disk.push_back({lba, std::move(bytes)});
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
    places_[id] = plan_.requests.size();
    if (const auto first = capture_.check.answer_to(id)) by_answer_[*first] = id;
    ReplayRequest& request = plan_.requests.emplace_back();
    request.number = capture_.check.number(id);
    request.bytes = capture_.frames[id];
    if (!frame.body) return;
    if (const auto* ata = std::get_if<AtaRequest>(&*frame.body)) {
      if (moves_sectors(ata->opcode)) used_ = std::max(used_, ata->lba + ata->sectors);
      if (ata::kind(ata->opcode) != ata::Kind::write &&
          ata->opcode != ata::Opcode::data_set_management)
        return;
      if (ata->opcode == ata::Opcode::data_set_management) all_written_ = true;
      for (std::uint64_t i = 0; i < ata->sectors; ++i) written_.insert(ata->lba + i);
    } else if (const auto* config = std::get_if<ConfigRequest>(&*frame.body)) {
      request.may_be_silent =
          config->command == ConfigCommand::test || config->command == ConfigCommand::prefix;
      if (config->command >= ConfigCommand::set) config_known_ = true;
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
    if (capture_.cut.contains(id)) {
      ++plan_.cut;
      return;
    }
    request.answer = capture_.frames[id];
    request.answer_number = capture_.check.number(id);
    if (frame.body) learn_data(request, *frame.body);
  }

  /// What the config string was before anybody set it.
  void learn_config(FrameId id, const Body& body) {
    const auto* config = std::get_if<ConfigReply>(&body);
    if (config == nullptr || config_known_ || capture_.cut.contains(id)) return;
    config_known_ = true;
    plan_.config.assign(config->string.begin(), config->string.end());
  }

  /// A sector that is read before it is written has held that before.
  void learn_data(const ReplayRequest& request, const Body& body) {
    const auto* reply = std::get_if<AtaReply>(&body);
    const Decoded asked = decode(request.bytes);
    if (reply == nullptr || (reply->status & ata::status_failed) != 0 || !asked->body) return;
    const auto* ata = std::get_if<AtaRequest>(&*asked->body);
    if (ata == nullptr || ata::kind(ata->opcode) != ata::Kind::read || all_written_) return;
    for (std::uint64_t i = 0; i < ata->sectors && (i + 1) * sector_size <= reply->data.size();
         ++i) {
      const Bytes sector = reply->data.subspan(i * sector_size, sector_size);
      if (written_.contains(ata->lba + i)) continue;
      disk_.try_emplace(ata->lba + i, sector.begin(), sector.end());
    }
  }

  const Capture& capture_;
  const DeviceAccount& device_;
  ReplayPlan plan_;
  std::map<FrameId, std::size_t> places_;  // of requests, in the plan
  std::map<FrameId, FrameId> by_answer_;   // requests, by their first answer
  std::set<std::uint64_t> written_;
  bool all_written_ = false;
  std::map<std::uint64_t, std::vector<std::uint8_t>> disk_;
  bool config_known_ = false;
  std::uint64_t used_ = 0;
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
