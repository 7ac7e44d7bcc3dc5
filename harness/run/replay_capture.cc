#include "harness/run/replay_capture.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "config/yaml_file.h"
#include "harness/capture/capture_reader.h"
#include "harness/judge/reply_comparison.h"
#include "harness/run/exit_status.h"
#include "harness/run/raw_exchange.h"
#include "harness/run/replay_plan.h"
#include "harness/run/scratch_folder.h"
#include "harness/world/sim_world.h"
#include "harness/world/wire_guard.h"
#include "initiator/client/live_session.h"
#include "proto/describe.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using Failed = tl::unexpected<std::string>;

constexpr std::uint32_t first_replayed_tag = 0x52504c00;
/// For an answer that the capture has, and for one that it has not.
constexpr Duration patience = std::chrono::seconds(2);
constexpr Duration silence = std::chrono::milliseconds(200);
/// That fit in a frame of any MTU.
constexpr std::uint64_t sectors_at_once = 2;
constexpr std::uint64_t sim_sectors_max = (std::uint64_t{1} << 30) / sector_size;

std::string described(Bytes bytes) {
  std::array<char, description_size_max> room;
  return std::string(aoe::describe(bytes, room));
}

/// Asks the target of a world, one frame after the other.
class Asking {
 public:
  Asking(const Scenario& scenario, World& world, Address device)
      : world_(world), device_(device), at_(scenario.lun().address), raw_(scenario, world) {}

  /// The answer; none within the time. The frame goes to the world's target, with a tag of its own.
  std::optional<std::vector<std::uint8_t>> ask(std::vector<std::uint8_t> frame, Duration within,
                                               bool from_here) {
    using layout::get;
    using layout::set;
    if (!get<Field::destination>(frame).is_multicast()) {
      set<Field::destination>(frame, world_.link(target_port).mac);
    }
    if (from_here) set<Field::source>(frame, world_.link(initiator_port).mac);
    if (get<Field::shelf>(frame) == device_.shelf) set<Field::shelf>(frame, at_.shelf);
    if (get<Field::slot>(frame) == device_.slot) set<Field::slot>(frame, at_.slot);
    set<Field::tag>(frame, ++tag_);
    FrameSpec spec;
    spec.bytes = std::move(frame);
    spec.pad = 0;
    const auto& answers = raw_.send(spec).answers;
    const auto answer = [&] {
      return std::ranges::find_if(answers, [](const RawExchanges::Answer& each) {
        const auto decoded = decode(each.bytes);
        return decoded && decoded->response;
      });
    };
    world_.run_until(
        [&] {
          return answer() != answers.end() || !world_.broken().empty() ||
                 !world_.unsupported().empty();
        },
        world_.now() + within);
    if (answer() == answers.end()) return std::nullopt;
    return answer()->bytes;
  }

 private:
  World& world_;
  const Address device_;
  const Address at_;
  RawExchanges raw_;
  std::uint32_t tag_ = first_replayed_tag;
};

class Replay {
 public:
  Replay(const CaptureReplayOptions& options, const ReplayPlan& plan)
      : options_(options), plan_(plan), ignored_(options.ignored) {
    if (!options.exact) ignored_.merge(free_reply_fields());
    scenario_.file = scenario_.id = scenario_.name = options.capture;
    scenario_.lun().address = at();
    scenario_.lun().buffers = plan.buffers;
    scenario_.disk().sectors = plan.sectors;
    scenario_.disk().fill_pattern = false;
    scenario_.given.mtu = plan.mtu;
  }

  int run() {
    const bool is_sim = options_.cases.world == WorldKind::sim;
    if (is_sim && plan_.sectors > sim_sectors_max) {
      complain(fmt::format("{}: its disk has {} sectors, in the sim world there are {} at most",
                           options_.capture, plan_.sectors, sim_sectors_max));
      return exit_usage;
    }
    if (folder_.path().empty()) {
      complain("no folder for temporary files can be made");
      return exit_environment;
    }
    Ledger ledger(is_sim ? SimWorld::origin : initiator::monotonic_now());
    Parties parties(ledger, scenario_);
    FaultStage stage(ledger, parties, {}, 0, scenario_.network);
    const auto world = make_world(scenario_, options_.cases, folder_.path(), 0, stage, parties);
    if (!world) {
      complain(world.error());
      return exit_environment;
    }
    return ask_all(**world);
  }

 private:
  Address at() const { return options_.at.value_or(plan_.device); }
  bool is_wire() const { return options_.cases.world == WorldKind::interface; }

  int ask_all(World& world) {
    Asking asking(scenario_, world, plan_.device);
    if (is_wire()) {
      if (const std::string refused = first_refused(); !refused.empty()) {
        complain(refused);
        return exit_usage;
      }
    }
    if (is_wire() && !options_.cases.write_ok) {
      ignored_.insert({"ata.data", "config.string"});  // what it holds is its own
    } else if (!prepare(asking)) {
      return unfit(world);
    }
    for (const ReplayRequest& request : plan_.requests) {
      const bool expects = !request.answer.empty();
      const auto got = asking.ask(request.bytes, expects ? patience : silence, is_wire());
      if (!world.broken().empty() || !world.unsupported().empty()) return unfit(world);
      judge(request, got);
    }
    const std::string what =
        fmt::format("{}: {} replayed to {}: {} requests, {} answers compared, ", options_.capture,
                    plan_.device, options_.cases.tested(), plan_.requests.size(), compared_);
    if (!options_.quiet) {
      fmt::print("{}{}", what,
                 differing_ == 0
                     ? "all alike"
                     : fmt::format("{} differ{}", differing_, differing_ == 1 ? "s" : ""));
      if (unanswered_ > 0) fmt::print("; {} unanswered in the capture", unanswered_);
      if (unsure_ > 0)
        fmt::print("; data of {} not compared, for a write before got no answer",
                   quantity(unsure_, "read"));
      if (plan_.beyond > 0)
        fmt::print("; {} beyond its IDENTIFY left out", quantity(plan_.beyond, "sector"));
      if (!plan_.not_restored.empty())
        fmt::print("; not restored: its {}", fmt::join(plan_.not_restored, ", its "));
      if (plan_.cut > 0) fmt::print("; {} frames cut short by the capture", plan_.cut);
      if (!plan_.cut_off.empty()) fmt::print("; the capture is cut off: {}", plan_.cut_off);
      fmt::print("\n");
    }
    return differing_ == 0 ? exit_passed : exit_failed;
  }

  /// The request that may not be sent to what answers on a wire; empty: all may.
  std::string first_refused() const {
    for (const ReplayRequest& request : plan_.requests) {
      const std::string refusal =
          refusal_on_wire(request.bytes, options_.cases.interface, options_.cases.write_ok);
      if (refusal.empty()) continue;
      return fmt::format("{}: frame {} {}", options_.capture, request.number, refusal);
    }
    return {};
  }

  int unfit(World& world) const {
    const std::string why = !world.broken().empty()        ? world.broken()
                            : !world.unsupported().empty() ? world.unsupported()
                                                           : trouble_;
    complain(fmt::format("{}: {}", options_.cases.tested(), why));
    return exit_environment;
  }

  /// The disk and the config string as they were.
  bool prepare(Asking& asking) {
    if (!plan_.config.empty() &&
        !succeeds(asking, ConfigRequest{ConfigCommand::force_set, plan_.config},
                  "the config string"))
      return false;
    for (std::size_t i = 0; i < plan_.disk.size();) {
      std::vector<std::uint8_t> data;
      const std::uint64_t lba = plan_.disk[i].lba;
      for (; i < plan_.disk.size() && plan_.disk[i].lba == lba + data.size() / sector_size &&
             data.size() < sectors_at_once * sector_size;
           ++i)
        data.insert(data.end(), plan_.disk[i].bytes.begin(), plan_.disk[i].bytes.end());
      AtaRequest write{.flags = {.extended = true, .write = true},
                       .sectors = static_cast<std::uint8_t>(data.size() / sector_size),
                       .opcode = ata::Opcode::write_sectors_ext,
                       .lba = lba,
                       .data = data};
      if (lba + sectors_at_once <= ata::lba28_sectors_max) {
        write.flags.extended = false;
        write.opcode = ata::Opcode::write_sectors;
      }
      if (!succeeds(asking, write, fmt::format("sector {}", lba))) return false;
    }
    return true;
  }
  bool succeeds(Asking& asking, const Body& body, const std::string& what) {
    std::vector<std::uint8_t> frame(ata_header_size + config_string_size_max +
                                    sectors_at_once * sector_size);
    const Mac source = layout::get<Field::source>(plan_.requests.front().bytes);
    frame.resize(encode({plan_.target, source, plan_.device, 0}, body, frame));
    const auto answer = asking.ask(frame, patience, is_wire());
    const auto decoded = answer ? decode(*answer) : tl::unexpected(Reject{});
    const auto* ata = decoded && decoded->body ? std::get_if<AtaReply>(&*decoded->body) : nullptr;
    const bool done = decoded && decoded->body &&
                      (ata != nullptr ? (ata->status & ata::status_failed) == 0
                                      : std::holds_alternative<ConfigReply>(*decoded->body));
    if (!done) {
      trouble_ = fmt::format("{} can't be made what it was: {}", what,
                             answer ? described(*answer) : "no answer");
    }
    return done;
  }

  void judge(const ReplayRequest& request, const std::optional<std::vector<std::uint8_t>>& got) {
    const bool has_answer = !request.answer.empty();
    if (!has_answer && !request.may_be_silent) {
      ++unanswered_;  // it may have been lost: what it would have been is unknown
      return;
    }
    ++compared_;
    std::vector<Mismatch> found;
    if (has_answer && got) {
      std::set<std::string> ignored = ignored_;
      if (request.is_unsure) {
        ++unsure_;
        ignored.insert("ata.data");
      }
      found = compare_captured(request.bytes, request.answer, *got, at(), ignored);
    } else if (has_answer != got.has_value() && !ignored_.contains("answer")) {
      found.push_back({"answer", has_answer ? "one" : "silence", got ? "one" : "silence"});
    }
    if (found.empty()) return;
    ++differing_;
    const std::string where =
        has_answer ? fmt::format("frame {} (answers {})", request.answer_number, request.number)
                   : fmt::format("frame {}", request.number);
    for (const Mismatch& mismatch : found) {
      fmt::print("{}: {}: {}\n", options_.capture, where, describe(mismatch));
    }
    fmt::print("    asked     {}\n    capture   {}\n    replayed  {}\n", without_tag(request.bytes),
               has_answer ? without_tag(request.answer) : "silence",
               got ? without_tag(*got) : "silence");
  }
  /// Tags are never compared, and those of a replay say nothing.
  static std::string without_tag(Bytes frame) {
    const std::string line = described(frame);
    return line.substr(0, line.rfind(" tag "));
  }

  const CaptureReplayOptions& options_;
  const ReplayPlan& plan_;
  std::set<std::string> ignored_;
  ScratchFolder folder_{"aoe-replay"};
  Scenario scenario_;
  std::size_t compared_ = 0;
  std::size_t differing_ = 0;
  std::size_t unanswered_ = 0;
  std::size_t unsure_ = 0;  // reads whose data says nothing
  std::string trouble_;
};

}  // namespace

bool is_capture(const std::string& path) {
  if (path == "-") return false;  // a capture is read more than once
  const auto source = FileSource::open(path);
  if (!source) return false;
  const auto start = (*source)->take(4);
  return start && CaptureParser::begins(*start);
}

int replay_capture(const CaptureReplayOptions& options) {
  for (const std::string& field : options.ignored) {
    if (reply_fields().contains(field)) continue;
    const std::string meant = nearest(field, reply_fields());
    complain(fmt::format("--ignore: {}: no such field{}", field,
                         meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
    return exit_usage;
  }
  std::string conflict = options.cases.conflict();
  if (options.cases.sut.role != Implementation::Role::target)
    conflict =
        fmt::format("{} is an initiator: a capture is replayed to targets", options.cases.sut.name);
  if (options.at && options.cases.world != WorldKind::interface)
    conflict = "--at is for --world interface";
  if (options.cases.world == WorldKind::remote)
    conflict =
        "--world remote is for scenarios: a capture is replayed to what is here or on a wire";
  if (!conflict.empty()) {
    complain(conflict);
    return exit_usage;
  }
  if (const auto reader = CaptureReader::open(options.capture); !reader) {
    complain(reader.error());
    return exit_environment;
  }
  const auto plan = read_replay_plan(options.capture, options.device);
  if (!plan) {
    complain(plan.error());
    return exit_usage;
  }
  return Replay(options, *plan).run();
}

}  // namespace aoe::harness
