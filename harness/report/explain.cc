#include "harness/report/explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr std::size_t width = 100;

std::string plural(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Broken between words, each line after `indent`.
std::string wrapped(std::string_view text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out = margin;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + end > width) {
      out += '\n';
      out += margin;
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out += '\n';
}

std::string_view verb(IoOperation operation) {
  switch (operation) {
    case IoOperation::read: return "read";
    case IoOperation::write: return "write";
    case IoOperation::mixed: return "reads and writes";
    case IoOperation::flush: return "flush";
    case IoOperation::trim: return "trim";
  }
  return "";
}

std::string_view verb(IoResult result) {
  switch (result) {
    case IoResult::error: return "fails";
    case IoResult::ok: return "succeeds";
    case IoResult::any: return "ends";
  }
  return "";
}

std::string in_words(const IoStep& io) {
  if (io.operation == IoOperation::flush) return fmt::format("io {}: flush", io.id);
  std::string text = fmt::format("io {}: ", io.id);
  if (io.requests > 1) {
    text +=
        fmt::format("{} requests, {}, {} at a time, ", io.requests, verb(io.operation), io.depth);
  } else {
    text += fmt::format("{} ", verb(io.operation));
  }
  text += plural(io.count, "sector");
  return text += io.lba ? fmt::format(" at lba {}", *io.lba) : " where the seed says";
}

/// "READ EXT lba 7+0", "config set "abc"": what the frame is, as far as it is a frame.
std::string name_of(const FrameSpec& frame) {
  if (frame.bytes) return plural(frame.bytes->size(), "raw byte");
  struct Name {
    std::uint8_t command;
    std::string operator()(std::monostate) const { return fmt::format("command {}", command); }
    std::string operator()(const ArgBytes&) const { return fmt::format("command {}", command); }
    std::string operator()(const AtaFields& ata) const {
      const ata::Opcode opcode{ata.opcode};
      std::string name(ata::name(opcode));
      if (name == "ATA") name = fmt::format("ATA {:02x}", ata.opcode);
      const std::string count = ata.most ? "most" : std::to_string(ata.count);
      return fmt::format("{} lba {}+{}", name, ata.lba, count);
    }
    std::string operator()(const ConfigFields& config) const {
      const bool known = config.command <= static_cast<std::uint8_t>(ConfigCommand::force_set);
      const std::string command = known ? std::string(text(ConfigCommand{config.command}))
                                        : fmt::format("command {}", config.command);
      if (config.string.empty()) return fmt::format("config {}", command);
      if (config.string.size() > 40) {
        return fmt::format("config {}, a string of {}", command, config.string.size());
      }
      return fmt::format("config {} \"{}\"", command, printable(config.string));
    }
    std::string operator()(const MaskFields& mask) const {
      if (mask.command == 0) return "mask read";
      return fmt::format("mask command {}, {}", mask.command,
                         plural(mask.directives.size(), "directive"));
    }
    std::string operator()(const ReserveFields& reserve) const {
      if (reserve.command == 0) return "reserve read";
      return fmt::format("reserve command {}, {}", reserve.command,
                         fmt::format("addresses [{}]", fmt::join(reserve.macs, " ")));
    }
  };
  std::string name = std::visit(Name{frame.command}, frame.arg);
  if (frame.version != protocol_version) name += fmt::format(", version {}", frame.version);
  if (frame.flags) name += fmt::format(", flags {:x}", *frame.flags);
  if (frame.shelf || frame.slot) {
    const auto part = [](auto value, auto wildcard) {
      return !value               ? std::string("own")
             : *value == wildcard ? std::string("any")
                                  : fmt::format("{}", *value);
    };
    name += fmt::format(", to shelf {} slot {}", part(frame.shelf, Address::any_shelf),
                        part(frame.slot, Address::any_slot));
  }
  if (frame.source) name += fmt::format(", from {}", *frame.source);
  if (frame.tag) name += fmt::format(", tag {:08x}", *frame.tag);
  if (frame.truncate) name += fmt::format(", cut to {} bytes", *frame.truncate);
  if (frame.repeat_buffers) name += ", as often as there are buffers";
  if (frame.repeat > 1) name += fmt::format(", {} times", frame.repeat);
  if (frame.tag_each) name += ", each with a tag of its own";
  return name;
}

std::string in_words(const ExpectReplies& replies) {
  std::string text =
      replies.buffers ? "as many answers as there are buffers" : plural(replies.count, "answer");
  if (!replies.from.empty()) text += fmt::format(" from {}", fmt::join(replies.from, ", "));
  return text;
}

std::vector<std::string_view> names_of(const AdvertisedStep& step) {
  std::vector<std::string_view> names;
  for (const Feature feature : step.features) names.push_back(aoe::harness::text(feature));
  return names;
}

std::string in_words(const ExpectStep& step) {
  std::vector<std::string> parts;
  if (step.io) {
    parts.push_back(
        fmt::format("io {} {}{}", step.io->id, verb(step.io->result),
                    step.io->within ? fmt::format(" within {}", describe(*step.io->within)) : ""));
  }
  if (step.device)
    parts.push_back(fmt::format("the device is {} in time", step.device->up ? "up" : "down"));
  if (step.retransmit) {
    parts.push_back(fmt::format("what {} dropped is sent again in time", step.retransmit->fault));
  }
  if (step.outstanding) parts.push_back(describe(*step.outstanding));
  if (step.hits) {
    const ExpectHits& hits = *step.hits;
    std::vector<std::string> bounds;
    if (hits.least > 0) bounds.push_back(fmt::format("{} or more", plural(hits.least, "frame")));
    if (hits.most < UINT64_MAX)
      bounds.push_back(fmt::format("{} at most", plural(hits.most, "frame")));
    parts.push_back(fmt::format("{} has struck {}", hits.fault, fmt::join(bounds, ", ")));
  }
  if (step.reply) {
    parts.push_back(fmt::format("{}{}{}", step.reply->of, step.reply->of.empty() ? "" : ": ",
                                describe(*step.reply)));
  }
  if (step.replies) parts.push_back(in_words(*step.replies));
  if (step.announcement) parts.push_back(describe(*step.announcement));
  if (step.store) parts.push_back(fmt::format("the store holds {}", describe(*step.store)));
  return fmt::format("expect {}", fmt::join(parts, ", and "));
}

/// "buffers 1, sectors 0": what a target says.
std::string in_words(const Says& says) {
  std::vector<std::string> parts;
  if (says.buffers) parts.push_back(fmt::format("buffers {}", *says.buffers));
  if (says.sectors) parts.push_back(fmt::format("sectors {}", *says.sectors));
  if (says.size) parts.push_back(fmt::format("a size of {}", plural(*says.size, "sector")));
  if (says.lba48) parts.push_back(*says.lba48 ? "LBA48" : "no LBA48");
  if (says.checksum) {
    parts.push_back(*says.checksum == Says::Checksum::right   ? "a right checksum"
                    : *says.checksum == Says::Checksum::wrong ? "a wrong checksum"
                                                              : "no checksum");
  }
  for (const auto& [word, value] : says.words)
    parts.push_back(fmt::format("word {} {:04x}", word, value));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string in_words(const SaysStep& step) {
  const std::string what = step.says.is_nothing() ? "what it said before" : in_words(step.says);
  return fmt::format("the target says {}{}", what, step.announce ? ", and shows up" : "");
}

struct InWords {
  std::string operator()(const DiscoverStep& step) const {
    if (!step.found)
      return fmt::format("{} does not come up for {}", step.expect, describe(step.within));
    return fmt::format("discover {}, within {}", step.expect, describe(step.within));
  }
  std::string operator()(const WarmupStep& step) const {
    return fmt::format("warm up: {} reads, {} at a time", step.reads.requests, step.reads.depth);
  }
  std::string operator()(const ArmStep& step) const {
    return fmt::format("arm {}: {}", step.fault.id, step.fault.word());
  }
  std::string operator()(const HealStep& step) const {
    return fmt::format("heal {}", fmt::join(step.ids, ", "));
  }
  std::string operator()(const IoStep& step) const { return in_words(step); }
  std::string operator()(const WaitStep& step) const {
    return fmt::format("wait {}", describe(step.time));
  }
  std::string operator()(const ExpectStep& step) const { return in_words(step); }
  std::string operator()(const SaysStep& step) const { return in_words(step); }
  std::string operator()(const HoldStep& step) const {
    return step.open ? "open the disk" : "close the disk";
  }
  std::string operator()(const SendStep& step) const {
    const bool to_target = step.frame.direction == Direction::to_target;
    return fmt::format("send {}{}", to_target ? "" : "to the initiator ", name_of(step.frame));
  }
  std::string operator()(const QueryStep& step) const {
    return fmt::format("send {}; expect {}", name_of(step.query.request),
                       describe(step.query.reply));
  }
  std::string operator()(const ScapyStep& step) const {
    return fmt::format("run {}, which {}", step.script, step.success ? "succeeds" : "fails");
  }
  std::string operator()(const AliveStep& step) const {
    return fmt::format("ask until the target answers{}",
                       step.within ? ", within " + describe(*step.within) : "");
  }
  std::string operator()(const AdvertisedStep& step) const {
    return fmt::format("go on where IDENTIFY advertises {}", fmt::join(names_of(step), ", "));
  }
};

/// What passes between the two ends, as arrows; nothing for steps of which nothing does.
class Ladder {
 public:
  void operator()(const DiscoverStep& step) {
    right(fmt::format("config read, {}", step.expect));
    left("config reply");
    right("IDENTIFY DEVICE");
    left("its data");
  }
  void operator()(const WarmupStep& step) {
    right(fmt::format("{} reads", step.reads.requests));
    left("their data");
  }
  void operator()(const ArmStep& step) {
    note(fmt::format("{} ({}) strikes", step.fault.id, step.fault.word()));
  }
  void operator()(const HealStep& step) {
    note(fmt::format("{} healed", fmt::join(step.ids, ", ")));
  }
  void operator()(const IoStep& step) { right(in_words(step)); }
  void operator()(const WaitStep& step) { note(fmt::format("{} pass", describe(step.time))); }
  void operator()(const ExpectStep& step) {
    if (step.retransmit) right(fmt::format("again, after {}", step.retransmit->fault));
    if (step.outstanding) note(describe(*step.outstanding));
    if (step.io) {
      if (step.io->result == IoResult::ok) {
        left(fmt::format("{} done", step.io->id));
      } else {
        note(fmt::format("{} {}", step.io->id, verb(step.io->result)));
      }
    }
    if (step.device) note(step.device->up ? "up" : "down");
    if (step.reply) answer(*step.reply);
    if (step.replies) left(in_words(*step.replies));
    if (step.announcement) left(describe(*step.announcement));
  }
  void operator()(const HoldStep& step) { note(step.open ? "opened" : "closed"); }
  void operator()(const SaysStep& step) {
    if (step.announce) {
      left(in_words(step));
    } else {
      note(in_words(step));
    }
  }
  void operator()(const SendStep& step) {
    if (step.frame.direction == Direction::to_target) {
      right(name_of(step.frame));
    } else {
      left(name_of(step.frame));
    }
  }
  void operator()(const QueryStep& step) {
    right(name_of(step.query.request));
    answer(step.query.reply);
  }
  void operator()(const ScapyStep& step) { note(step.script); }
  void operator()(const AliveStep&) {
    right("config read");
    left("any answer");
  }
  void operator()(const AdvertisedStep& step) {
    right("IDENTIFY DEVICE");
    left(fmt::format("has {}", fmt::join(names_of(step), ", ")));
  }

  std::string text() && {
    if (lines_.empty()) return {};
    return fmt::format("    {:<{}}{}\n{}", "initiator", room - 3, "target", lines_);
  }

 private:
  static constexpr std::size_t room = 66;

  void answer(const ExpectReply& reply) {
    if (reply.any.empty()) {
      note("silence");
    } else {
      left(describe(reply));
    }
  }
  static std::string cut(const std::string& text) {
    return text.size() + 8 <= room ? text : fmt::format("{}...", text.substr(0, room - 11));
  }
  void right(const std::string& text) {
    lines_ += fmt::format("      |{:-<{}}>|\n", fmt::format("-- {} ", cut(text)), room - 5);
  }
  void left(const std::string& text) {
    lines_ += fmt::format("      |<{:->{}}|\n", fmt::format(" {} --", cut(text)), room - 5);
  }
  void note(const std::string& text) {
    lines_ += fmt::format("      |{:^{}}|\n", cut(text), room - 4);
  }

  std::string lines_;
};

}  // namespace

std::string describe(const Step& step) {
  return std::visit(InWords{}, step.what);
}

std::string list_text(const std::vector<Scenario>& scenarios) {
  std::size_t id_width = 0;
  for (const Scenario& scenario : scenarios) id_width = std::max(id_width, scenario.id.size());
  id_width = std::min<std::size_t>(id_width, 44);
  std::string lines;
  for (const Scenario& scenario : scenarios) {
    lines += fmt::format("{:<{}}  {:<7}  {:<8}  {}\n", scenario.id, id_width,
                         scenario.level ? text(*scenario.level) : "-",
                         fmt::format("{}", fmt::join(scenario.clauses, " ")), scenario.title);
  }
  return lines;
}

std::string list_json(const std::vector<Scenario>& scenarios) {
  auto list = nlohmann::ordered_json::array();
  for (const Scenario& scenario : scenarios) {
    nlohmann::ordered_json item;
    item["id"] = scenario.id;
    item["scenario"] = scenario.name;
    item["title"] = scenario.title;
    if (scenario.level) item["level"] = text(*scenario.level);
    item["clauses"] = scenario.clauses;
    item["tags"] = scenario.tags;
    item["worlds"] = scenario.worlds;
    item["requires"] = scenario.needs;
    item["file"] = scenario.file;
    item["line"] = scenario.mark.line;
    list.push_back(std::move(item));
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string explain(const Scenario& scenario) {
  std::string out = fmt::format("{}  {}:{}\n", scenario.id, scenario.file, scenario.mark.line);
  out += wrapped(scenario.title, 2);
  if (!scenario.clauses.empty()) out += "\n";
  for (const std::string& clause : scenario.clauses) {
    const Clause& cited = *clause_catalogue().find(clause);
    out += fmt::format("  {} ({}, binds {})\n", clause, text(cited.level),
                       cited.binds == Clause::Binds::both ? "both ends" : text(cited.binds));
    out += wrapped(cited.rule, 4);
    if (!cited.room.empty()) out += wrapped("Room: " + cited.room, 4);
  }
  out += fmt::format("\n  target {}, {} sectors, {} buffers; deadsecs {}, MTU {}\n",
                     scenario.target.address, scenario.target.sectors, scenario.target.buffers,
                     describe(scenario.given.deadsecs), scenario.given.mtu);
  if (!scenario.target.says.is_nothing())
    out += fmt::format("  it says {}\n", in_words(scenario.target.says));
  if (scenario.target.base > 0)
    out += fmt::format("  its sectors begin at lba {}\n", scenario.target.base);
  if (scenario.target.paths > 1)
    out += fmt::format("  it answers at {} addresses\n", scenario.target.paths);
  for (const Step& step : scenario.steps) {
    out += fmt::format("  {:>4}  {}\n", step.mark.line, describe(step));
  }
  out += "\n";
  Ladder ladder;
  for (const Step& step : scenario.steps) std::visit(ladder, step.what);
  out += std::move(ladder).text();
  out += fmt::format("\n  aoe-harness run {}\n", scenario.file);
  return out;
}

}  // namespace aoe::harness
