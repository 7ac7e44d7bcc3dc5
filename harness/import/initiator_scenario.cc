#include "harness/import/initiator_scenario.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "harness/import/captured_end.h"
#include "harness/import/frame_words.h"
#include "harness/judge/frame_rules.h"
#include "harness/language/frame_spec.h"
#include "harness/language/steps.h"
#include "harness/run/exact_time.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::get;
using Places = std::vector<std::size_t>;
using Refused = tl::unexpected<std::string>;

/// Where the disk begins, if only what lies there is used.
constexpr std::uint64_t base_step = 2048;
/// Reads and writes of one scenario, beside those that the finding is about.
constexpr std::size_t loads_max = 64;

/// A read or write that the initiator was asked for, as far as its request shows it.
struct LoadSeen {
  bool is_write = false;
  std::uint64_t lba = 0;
  std::uint32_t count = 0;
  bool operator==(const LoadSeen&) const = default;
};

std::optional<LoadSeen> load_of(Bytes request) {
  if (!layout::has(Field::ata_lba, request)) return std::nullopt;
  if (get<Field::command>(request) != static_cast<std::uint8_t>(Command::ata)) return std::nullopt;
  const ata::Opcode opcode{get<Field::ata_op>(request)};
  if (!moves_sectors(opcode)) return std::nullopt;
  const bool is_extended = (get<Field::ata_flags>(request) & 0x40) != 0;
  const std::uint64_t lba = get<Field::ata_lba>(request);
  // A count of 0 is no load: the initiator wanted a sector at least.
  return LoadSeen{.is_write = ata::kind(opcode) == ata::Kind::write,
                  .lba = is_extended ? lba : lba & 0x0fff'ffff,
                  .count = std::max<std::uint32_t>(get<Field::ata_count>(request), 1)};
}

/// "read", "config"
std::string traffic_of(Bytes request) {
  if (!layout::has(Field::command, request)) return "other";
  switch (Command{get<Field::command>(request)}) {
    case Command::config: return "config";
    case Command::mask: return "mask";
    case Command::reserve: return "reserve";
    case Command::ata: break;
    default: return "other";
  }
  if (!layout::has(Field::ata_op, request)) return "ata";
  switch (ata::kind(ata::Opcode{get<Field::ata_op>(request)})) {
    case ata::Kind::read: return "read";
    case ata::Kind::write: return "write";
    case ata::Kind::flush: return "flush";
    case ata::Kind::identify: return "identify";
    case ata::Kind::other: break;
  }
  return "ata";
}

/// The keys of a fault `count` that counts frames which break the rule as this one does; empty: a
/// rule of `always` finds them. The error says that no words do.
tl::expected<std::string, std::string> counting_words(const Finding& finding, Bytes frame,
                                                      const CapturedCase& shown) {
  const std::string& rule = finding.rule;
  const auto of_kind = [&](const std::string& keys) {
    return fmt::format("match: {{direction: to-target, command: {}}}, {}", traffic_of(frame), keys);
  };
  const auto of_all = [](const std::string& keys) {
    return "match: {direction: to-target}, " + keys;
  };
  if (rule == "tag-in-use" || rule == "buffers-exceeded") return "";
  if (rule == "short-frame") return of_all(fmt::format("shorter: {}", frame_size_min));
  if (rule == "unsupported-version") return of_all("lacks: {version: 1}");
  if (rule == "request-with-error") return of_all("lacks: {flags: 0}");
  if (rule == "error-byte") return of_all("lacks: {error: 0}");
  if (rule == "group-source")
    return of_all(fmt::format("has: {{source: 0x{:012x}}}", layout::get(Field::source, frame)));
  if (rule == "sectors-exceeded") {
    DeviceAccount device;
    device.sectors = shown.sectors_max;
    return of_kind(fmt::format("above: {{count: {}}}", device.sectors_max()));
  }
  if (rule == "zero-count") return of_kind("has: {count: 0}");
  if (rule == "ata-flags") {
    const std::uint8_t opcode = get<Field::ata_op>(frame);
    return of_kind(fmt::format("has: {{status: 0x{:02x}}}, lacks: {{ata-flags: 0x{:02x}}}", opcode,
                               *ata_request(ata::Opcode{opcode}, 0).value(Field::ata_flags)));
  }
  if (rule == "reserved-field") {
    if ((get<Field::flags>(frame) & 3) != 0) return of_all("lacks: {flags: 0}");
    const std::string kind = traffic_of(frame);
    if (get<Field::command>(frame) == 0) return of_kind("lacks: {ata-reserved: 0}");
    if (kind == "config") {
      for (const Field field :
           {Field::config_buffers, Field::config_firmware, Field::config_sectors}) {
        if (layout::get(field, frame) == 0) continue;
        return of_kind(fmt::format("lacks: {{{}: 0}}", layout::row(field).fault));
      }
    }
  }
  const bool is_short_write = rule == "malformed" && traffic_of(frame) == "write";
  if (is_short_write && layout::has(Field::ata_count, frame)) {
    const unsigned count = get<Field::ata_count>(frame);
    // A fault knows it for no write, because it can't be decoded.
    return fmt::format(
        "match: {{direction: to-target, command: ata}}, has: {{status: 0x{:02x}, count: {}}}, "
        "shorter: "
        "{}",
        get<Field::ata_op>(frame), count, ata_header_size + count * sector_size);
  }
  return tl::unexpected(fmt::format("no words of a scenario count what breaks {} so", rule));
}

class InitiatorMaker {
 public:
  InitiatorMaker(const CapturedCase& shown, const ImportOptions& options)
      : shown_(shown),
        options_(options),
        ends_{shown.initiator, shown.target, shown.device},
        guilty_(shown.requests.size() - 1) {}

  tl::expected<ScenarioDraft, std::string> make() {
    auto words = counting_words(shown_.finding, bytes(guilty_), shown_);
    if (!words) return tl::unexpected(words.error());
    counting_ = *std::move(words);
    Places places = shown_.together;
    if (options_.keeps_all) {
      places.resize(guilty_);
      std::iota(places.begin(), places.end(), std::size_t{0});
      if (places.size() > loads_max)
        places.erase(places.begin(), places.end() - static_cast<std::ptrdiff_t>(loads_max));
    }
    places.push_back(guilty_);
    if (const std::string why = place_disk(places); !why.empty()) return tl::unexpected(why);
    ScenarioDraft made = draft(places);
    made.tries = 2;
    if (!play_draft(made.yaml, options_.seed, false, {}).passed)
      return Refused("our own initiator does not pass in virtual time what it would ask for");
    if (!is_found(made)) return Refused("what the initiator did does not show in virtual time");
    return made;
  }

 private:
  Bytes bytes(std::size_t place) const { return shown_.requests[place].bytes; }

  /// Is the first frame of an initiator's kind enough, before there are reads and writes?
  bool is_early() const { return !load_of(bytes(guilty_)); }

  /// Fails the scenario by its last step, or by its rule of `always`, an initiator that sends the
  /// captured frames?
  bool is_found(const ScenarioDraft& made) const {
    FrameBytesList frames;
    for (const std::size_t place : shown_.together) frames.push_back(as_sent(bytes(place), ends_));
    frames.push_back(as_sent(bytes(guilty_), ends_));
    // Short ones stay short: that may be what is wrong.
    if (shown_.finding.rule == "short-frame") frames.back().resize(bytes(guilty_).size());
    const Ending ending = play_draft(made.yaml, options_.seed, false, [&](Mutant::Sides& sides) {
      return std::make_unique<CapturedInitiator>(sides, frames, is_early());
    });
    if (!ending.failed) return false;
    if (!counting_.empty()) return ending.line == made.last_line;
    const std::string_view rule = shown_.finding.rule == "tag-in-use"
                                      ? text(Check::tag_unique_in_flight)
                                      : text(Check::window_respected);
    return std::ranges::find(ending.rules, rule) != ending.rules.end();
  }

  /// A disk that has what is read and written; the error says that none can.
  std::string place_disk(const Places& places) {
    std::uint64_t first = UINT64_MAX;
    std::uint64_t end = 0;
    for (const std::size_t place : places) {
      const auto load = load_of(bytes(place));
      if (!load) continue;
      first = std::min(first, load->lba);
      end = std::max(end, load->lba + load->count);
    }
    const std::uint64_t sectors =
        std::max({shown_.capacity.value_or(0), shown_.used, disk_sectors_min});
    sectors_ = std::max(sectors, end);
    if (sectors_ <= judged_sectors_max) return {};
    base_ = end <= judged_sectors_max ? 0 : first / base_step * base_step;
    if (end > base_ + judged_sectors_max)
      return fmt::format("sectors {} to {} are asked for, and a scenario's disk has 1 GiB", first,
                         end - 1);
    sectors_ = std::max(end - base_, std::min(judged_sectors_max, sectors_ - base_));
    return {};
  }

  std::string target_words() const {
    std::string words;
    std::string says;
    const std::uint16_t buffers = shown_.buffers.value_or(16);
    if (buffers >= 2) words += fmt::format(", buffers: {}", buffers);
    if (base_ > 0) words += fmt::format(", base: {}", base_);
    const auto add = [&says](const std::string& one) { says += (says.empty() ? "" : ", ") + one; };
    if (buffers < 2) add(fmt::format("buffers: {}", buffers));
    if (shown_.sectors_max) add(fmt::format("sectors: {}", *shown_.sectors_max));
    if (!shown_.lba48) add("lba48: false");
    if (!says.empty()) words += fmt::format(", says: {{{}}}", says);
    return words;
  }

  /// What the captured target did with the request, as a fault; and whether the load may fail.
  std::string fault_of(std::size_t place, const LoadSeen& load, bool& may_fail) const {
    const CapturedRequest& request = shown_.requests[place];
    const std::string kind = load.is_write ? "write" : "read";
    const std::uint64_t lba = load.lba - base_;
    if (request.replies.empty() && is_sent_again(place)) {
      return fmt::format(
          "  - arm: {{fault: drop, id: lost-{}, match: {{direction: to-target, command: {}, lba: "
          "{}, "
          "count: {}}}, nth: 1}}\n",
          request.number, kind, load.lba, load.count);
    }
    const auto reply =
        request.replies.empty() ? tl::unexpected(Reject{}) : decode(request.replies.front().bytes);
    if (!reply || !reply->body) return {};
    const auto* ata = std::get_if<AtaReply>(&*reply->body);
    may_fail =
        std::holds_alternative<ErrorReply>(*reply->body) || (ata != nullptr && !is_success(*ata));
    if (!may_fail || ata == nullptr) return {};
    return fmt::format(
        "  - arm: {{fault: disk-error, id: bad-{}, op: [{}], lba: [{}, {}], count: 1}}\n",
        request.number, kind, lba, lba + load.count - 1);
  }
  bool is_sent_again(std::size_t place) const {
    for (std::size_t later = place + 1; later < shown_.requests.size(); ++later) {
      if (load_of(bytes(later)) == load_of(bytes(place))) return true;
    }
    return false;
  }

  ScenarioDraft draft(const Places& places) const {
    std::size_t longest = 0;
    for (const CapturedRequest& request : shown_.requests)
      longest = std::max(longest, request.bytes.size());
    ScenarioDraft made{.yaml = head_of(shown_, options_, target_words(), sectors_, mtu_of(longest)),
                       .kept = places};
    std::string& yaml = made.yaml;
    yaml += "steps:\n";
    if (!counting_.empty())
      yaml += fmt::format("  - arm: {{fault: count, id: wrong, {}}}\n", counting_);
    if (is_early()) {
      yaml += fmt::format(
          "  - arm: {{fault: count, id: asked, match: {{direction: to-target, command: {}}}}}\n",
          traffic_of(bytes(guilty_)));
      if (traffic_of(bytes(guilty_)) == "flush") {
        yaml += "  - discover: {within: 3s}\n  - io: {id: flush, op: flush}\n";
      }
      yaml += "  - expect: {hits: {of: asked, min: 1, within: 3s}}\n";
    } else {
      yaml += "  - discover: {within: 3s}\n";
      add_loads(places, yaml);
    }
    made.last_line = static_cast<unsigned>(std::ranges::count(yaml, '\n')) + 1;
    if (!counting_.empty()) yaml += "  - expect: {hits: {of: wrong, max: 0}}\n";
    return made;
  }

  /// Those that waited at once begin at once.
  void add_loads(const Places& places, std::string& yaml) const {
    std::string loads;
    std::string ends;
    std::vector<LoadSeen> seen;
    std::optional<Duration> before;
    for (const std::size_t place : places) {
      const auto load = load_of(bytes(place));
      const CapturedRequest& request = shown_.requests[place];
      if (!load || std::ranges::find(seen, *load) != seen.end()) continue;
      seen.push_back(*load);
      bool may_fail = false;
      yaml += fault_of(place, *load, may_fail);
      if (options_.keeps_timing && before && request.at > *before)
        loads += fmt::format("  - wait: {}\n", exact_time(request.at - *before));
      before = request.at;
      loads += fmt::format("  - io: {{id: f{}, op: {}, lba: {}, count: {}}}  # frame {}\n",
                           request.number, load->is_write ? "write" : "read", load->lba - base_,
                           load->count, request.number);
      ends += fmt::format("  - expect: {{io: {{id: f{}{}}}}}\n", request.number,
                          may_fail ? ", result: any" : "");
    }
    yaml += loads + ends;
  }

  const CapturedCase& shown_;
  const ImportOptions& options_;
  const CapturedEnds ends_;
  const std::size_t guilty_;
  std::string counting_;  // empty: a rule of `always` finds it
  std::uint64_t sectors_ = 0;
  std::uint64_t base_ = 0;
};

}  // namespace

tl::expected<ScenarioDraft, std::string> make_initiator_scenario(const CapturedCase& shown,
                                                                 const ImportOptions& options) {
  return InitiatorMaker(shown, options).make();
}

}  // namespace aoe::harness
