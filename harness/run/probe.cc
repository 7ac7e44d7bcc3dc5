#include "harness/run/probe.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <variant>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/language/abilities.h"
#include "harness/run/child_pool.h"
#include "proto/ata.h"
#include "proto/describe.h"
#include "proto/frame.h"
#include "wire/pcap_file.h"

namespace aoe::harness {
namespace {

using Role = Implementation::Role;
using Frames = std::vector<std::vector<std::uint8_t>>;

/// One question for a target. Answers are known by the tag.
struct Question {
  std::string_view ability;
  std::uint32_t tag;
  std::string_view frame;  // of a `send` step, but for the tag
};
constexpr std::array<Question, 9> questions{{
    {"discovery", 0x70b00001, "destination: broadcast, shelf: any, slot: any, config: {op: read}"},
    {"identify", 0x70b00002, "ata: {op: identify}"},
    {"lba28", 0x70b00003, "ata: {op: read, lba: 0, count: 1}"},
    {"lba48", 0x70b00004, "ata: {op: read-ext, lba: 0, count: 1}"},
    {"flush", 0x70b00005, "ata: {op: flush}"},
    {"flush-ext", 0x70b00006, "ata: {op: flush-ext}"},
    {"config-string", 0x70b00007, "config: {op: prefix}"},
    {"mask", 0x70b00008, "mask: {op: read}"},
    {"reserve", 0x70b00009, "reserve: {op: read}"},
}};

Scenario parsed(const std::string& text) {
  auto scenario = parse_scenario(text, "probe.yaml");
  AOE_CHECK(scenario.has_value());
  return *std::move(scenario);
}

constexpr std::string_view beginning =
    "scenario: probe\ntitle: What it has\nroles: {target: {size: 64KiB}}\nsteps:\n";

Scenario probe_of_target() {
  std::string text(beginning);
  for (const Question& question : questions)
    text += fmt::format("- send: {{tag: {:#x}, {}}}\n", question.tag, question.frame);
  return parsed(text + "- wait: 1s\n");
}

/// It is told to do what its description says that it takes.
Scenario probe_of_initiator(const Implementation& implementation) {
  const auto lacking = abilities_lacking(implementation);
  std::string text(beginning);
  text += "- discover: {expect: e1.1, within: 10s}\n";
  for (const std::string_view step :
       {"- io: {id: r, op: read, lba: 0, count: 2}\n- expect: {io: {id: r, result: any}}\n",
        "- io: {id: w, op: write, lba: 8, count: 2}\n- expect: {io: {id: w, result: any}}\n",
        "- io: {id: f, op: flush}\n- expect: {io: {id: f, result: any}}\n"}) {
    const auto needed = abilities_needed(parsed(text + std::string(step)));
    const bool takes = std::ranges::none_of(
        needed, [&](const std::string& word) { return lacking.contains(word); });
    if (takes) text += step;
  }
  return parsed(text);
}

/// "e1.1 mask read"
std::string words_of(const std::vector<std::uint8_t>& frame) {
  std::array<char, description_size_max> room{};
  const std::string_view line = aoe::describe(Bytes(frame), room);
  return std::string(line.substr(0, line.find(" tag ")));
}

bool is_lacking(const Frame& answer) {
  if (!answer.body) return false;
  if (const auto* error = std::get_if<ErrorReply>(&*answer.body))
    return error->code == ErrorCode::unrecognized_command;
  const auto* ata = std::get_if<AtaReply>(&*answer.body);
  return ata != nullptr && (ata->status & ata::status_err) != 0 &&
         (ata->error & ata::error_abrt) != 0;
}

std::vector<ProbeRecord> probes_of_target(const Frames& frames) {
  std::vector<ProbeRecord> probes;
  for (const Question& question : questions) {
    ProbeRecord probe{.ability = std::string(question.ability), .answered = "nothing"};
    for (const auto& bytes : frames) {
      const auto frame = decode(Bytes(bytes));
      if (!frame || frame->header.tag != question.tag) continue;
      if (!frame->response) {
        probe.asked = words_of(bytes);
      } else if (probe.answered == "nothing") {
        probe.answered = words_of(bytes);
        probe.has = !is_lacking(*frame);
      }
    }
    if (!probe.asked.empty()) probes.push_back(std::move(probe));
  }
  return probes;
}

/// What an initiator is asked to do, and the frame by which it does that.
struct Task {
  std::string_view ability;
  std::string_view request;
  bool (*is_done_by)(const Frame&);
};

bool has_opcode(const Frame& frame, std::initializer_list<ata::Opcode> opcodes) {
  const auto* request = frame.body ? std::get_if<AtaRequest>(&*frame.body) : nullptr;
  return request != nullptr && std::ranges::count(opcodes, request->opcode) > 0;
}

constexpr std::array<Task, 6> tasks{{
    {"discovery", "to find disks",
     [](const Frame& frame) {
       return frame.body && std::holds_alternative<ConfigRequest>(*frame.body) &&
              frame.header.destination == Mac::broadcast();
     }},
    {"identify", "to find disks",
     [](const Frame& frame) { return has_opcode(frame, {ata::Opcode::identify_device}); }},
    {"read", "to read 2 sectors",
     [](const Frame& frame) {
       return has_opcode(frame, {ata::Opcode::read_sectors, ata::Opcode::read_sectors_ext});
     }},
    {"write", "to write 2 sectors",
     [](const Frame& frame) {
       return has_opcode(frame, {ata::Opcode::write_sectors, ata::Opcode::write_sectors_ext});
     }},
    {"lba48", "to read 2 sectors",
     [](const Frame& frame) { return has_opcode(frame, {ata::Opcode::read_sectors_ext}); }},
    {"flush", "to flush",
     [](const Frame& frame) {
       return has_opcode(frame, {ata::Opcode::flush_cache, ata::Opcode::flush_cache_ext});
     }},
}};

std::vector<ProbeRecord> probes_of_initiator(const Frames& frames) {
  std::vector<ProbeRecord> probes;
  for (const Task& task : tasks) {
    ProbeRecord probe{.ability = std::string(task.ability),
                      .asked = std::string(task.request),
                      .answered = "no such frame"};
    for (const auto& bytes : frames) {
      const auto frame = decode(Bytes(bytes));
      if (!frame || frame->response || !task.is_done_by(*frame)) continue;
      probe.answered = words_of(bytes);
      probe.has = true;
      break;
    }
    probes.push_back(std::move(probe));
  }
  return probes;
}

tl::expected<Frames, std::string> read_frames(const std::filesystem::path& path) {
  auto reader = PcapReader::open(path.string());
  if (!reader) return tl::unexpected(reader.error());
  Frames frames;
  while (true) {
    auto record = (*reader)->next();
    if (!record) return tl::unexpected(record.error());
    if (!*record) return frames;
    frames.emplace_back((*record)->bytes.begin(), (*record)->bytes.end());
  }
}

}  // namespace

Scenario probing_scenario(const Implementation& implementation) {
  return implementation.role == Role::target ? probe_of_target()
                                             : probe_of_initiator(implementation);
}

std::vector<ProbeRecord> probes_in(Role role, const Frames& frames) {
  return role == Role::target ? probes_of_target(frames) : probes_of_initiator(frames);
}

tl::expected<std::vector<ProbeRecord>, std::string> probe(const CaseOptions& options,
                                                          std::uint64_t seed,
                                                          const std::filesystem::path& folder) {
  Scenario scenario = probing_scenario(options.sut);
  if (options.world == WorldKind::interface) scenario.disk().sectors = 1;  // it goes no further
  tl::expected<CaseRecord, std::string> record = tl::unexpected<std::string>("was not asked");
  ChildPool pool;
  pool.work = [&](std::size_t) { return to_json(run_case(scenario, options, seed, folder)); };
  pool.ended = [&](const ChildEnd& end) {
    if (end.death.empty()) {
      record = case_from_json(end.output);
    } else {
      record = tl::unexpected("the harness " + end.death);
    }
  };
  pool.run(1);
  if (!record) return tl::unexpected(fmt::format("{}: {}", options.tested(), record.error()));
  if (record->outcome == Outcome::broken)
    return tl::unexpected(fmt::format("{}: {}", options.tested(), record->reason));
  const auto frames = read_frames(folder / "initiator-side.pcap");
  if (!frames) return tl::unexpected(frames.error());
  auto probes = probes_in(options.sut.role, *frames);
  const auto discovery = std::ranges::find(probes, "discovery", &ProbeRecord::ability);
  if (discovery != probes.end() && discovery->has) return probes;
  const bool is_target = options.sut.role == Role::target;
  return tl::unexpected(fmt::format(
      "{} {}", options.tested(),
      is_target ? "answers no discovery: nothing else can be asked" : "asks for no disks"));
}

}  // namespace aoe::harness
