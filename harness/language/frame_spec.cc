#include "harness/language/frame_spec.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

using layout::Message;
using layout::Word;

/// What an `ask` step asks, each in the plainest way.
constexpr std::array questions{Word{"config", 1}, Word{"flush", 0},          Word{"identify", 0},
                               Word{"mask", 2},   Word{"read", 0},           Word{"reserve", 3},
                               Word{"write", 0},  Word{"unknown-command", 9}};

/// In the order of Feature.
const std::vector<std::string> feature_words{
    "dma", "flush", "flush-ext", "lba48", "power-management", "smart", "trim", "trim-zero"};

std::uint8_t natural_flags(ata::Opcode opcode) {
  constexpr std::uint8_t extended = 0x40;
  constexpr std::uint8_t write = 0x01;
  const bool is_trim = opcode == ata::Opcode::data_set_management;
  const bool is_extended =
      ata::lba_bits(opcode) == 48 || opcode == ata::Opcode::flush_cache_ext || is_trim;
  const bool is_write = ata::kind(opcode) == ata::Kind::write || is_trim;
  return (is_extended ? extended : 0) | (is_write ? write : 0);
}

void assign_fields(YamlMap& map, Message message, unsigned use, FrameSpec& frame,
                   std::optional<Field> other = std::nullopt) {
  const auto assign = [&frame](Field field, std::uint64_t value) { frame.assign(field, value); };
  read_fields(map, message, use, assign, other);
}

FrameSpec parse_ata(YamlMap& map) {
  map.require("op");
  const ata::Opcode opcode{static_cast<std::uint8_t>(*read_field(map, Field::ata_op))};
  const auto kind = ata::kind(opcode);
  const bool has_sectors =
      kind == ata::Kind::read || kind == ata::Kind::write || kind == ata::Kind::identify;
  FrameSpec frame = ata_request(opcode, has_sectors ? 1 : 0);
  frame.most_sectors = is_word(map, "count", "most");
  assign_fields(map, Message::ata, layout::use::send, frame,
                frame.most_sectors ? std::optional(Field::ata_count) : std::nullopt);
  if (map.has("data")) frame.data = read_content(map, "data");
  return frame;
}

void parse_config(YamlMap& map, FrameSpec& frame) {
  const std::string string = read_config_string(map);
  frame.rest = {string.begin(), string.end()};
  frame.assign(Field::config_length, string.size());
}

void parse_mask(YamlMap& map, FrameSpec& frame) {
  std::size_t count = 0;
  if (const auto list = map.find("directives")) {
    if (!list->IsSequence()) map.fail(*list, "directives: expected a list, of 255 at most");
    for (const YAML::Node& item : *list) {
      YamlMap directive(item, map.mark().file, "directives");
      const YAML::Node op = directive.require("op");
      const auto command = read_code(directive, "op", op, layout::directive_ops, 0xff);
      for (const Mac& mac : read_macs(directive, "mac", directive.require("mac"))) {
        frame.assign(Field::mask_directive_op, command, count);
        frame.assign(Field::mask_directive_address, layout::number(mac), count++);
      }
      directive.finish();
    }
    if (count > 255) map.fail(*list, "directives: expected a list, of 255 at most");
  }
  frame.assign(Field::mask_count, count);
}

void parse_reserve(YamlMap& map, FrameSpec& frame) {
  const std::vector<Mac> macs = read_mac_list(map, "macs");
  for (std::size_t i = 0; i < macs.size(); ++i) {
    frame.assign(Field::reserve_address, layout::number(macs[i]), i);
  }
  frame.assign(Field::reserve_count, macs.size());
}

/// What follows the header, by the mapping of that command.
FrameSpec parse_arg(std::string_view word, YamlMap& map) {
  if (word == "ata") return parse_ata(map);
  const auto command = std::ranges::find(layout::commands, word, &Word::text)->value;
  FrameSpec frame = plain_request(Command{static_cast<std::uint8_t>(command)});
  if (word == "config") parse_config(map, frame);
  if (word == "mask") parse_mask(map, frame);
  if (word == "reserve") parse_reserve(map, frame);
  assign_fields(map, *frame.message, layout::use::send, frame);
  return frame;
}

/// The plainest request of a kind.
FrameSpec parse_question(YamlMap& map) {
  const YAML::Node kind = map.require("kind");
  const auto command = static_cast<std::uint8_t>(read_code(map, "kind", kind, questions, 255));
  const std::string& word = kind.Scalar();
  if (word == "identify") return ata_request(ata::Opcode::identify_device, 1);
  if (word == "flush") return ata_request(ata::Opcode::flush_cache, 0);
  if (word == "read") return ata_request(ata::Opcode::read_sectors_ext, 1);
  if (word == "write") return ata_request(ata::Opcode::write_sectors_ext, 1);
  if (word == "config" || word == "mask" || word == "reserve") {
    return plain_request(Command{command});
  }
  FrameSpec frame;
  frame.assign(Field::command, command);
  return frame;
}

/// By the one of the keys that say what follows the header; a frame that assigns nothing without.
FrameSpec parse_what_follows(YamlMap& map) {
  std::vector<std::string> given;
  for (const char* key : {"ata", "config", "mask", "reserve", "arg", "kind"}) {
    if (map.has(key)) given.emplace_back(key);
  }
  if (given.empty()) return {};
  if (given.size() > 1) {
    map.fail(map.require(given[1]),
             fmt::format("'{}' and '{}': expected one of them", given[0], given[1]));
  }
  if (given[0] == "kind") return parse_question(map);
  FrameSpec frame;
  if (given[0] == "arg") {
    frame.rest = read_hex(map, "arg", map.require("arg"));
    return frame;
  }
  YamlMap fields = map.map(given[0]);
  frame = parse_arg(given[0], fields);
  fields.finish();
  return frame;
}

/// `by` and `to`: an initiator and a target's LUN, or a target's LUN and an initiator; and `on`.
void parse_parties(YamlMap& map, const Network& network, FrameSpec& frame) {
  const std::optional<NodeIndex> to = network.find(map.has("to") ? map.text("to") : "");
  const bool to_initiator = to && network.nodes[to.value_or(0)].role == Node::Role::initiator;
  frame.direction = to_initiator ? Direction::to_initiator : Direction::to_target;
  frame.initiator =
      to_initiator ? to.value_or(0) : parse_node(map, "by", network, Node::Role::initiator);
  frame.target = parse_device(map, to_initiator ? "by" : "to", network);
  if (map.has("on")) frame.on = parse_segment(map, "on", network);
  const bool they_meet = frame.on
                             ? network.port_on(frame.initiator, *frame.on) &&
                                   network.port_on(frame.target.node, *frame.on)
                             : network.port_towards(frame.initiator, frame.target.node).has_value();
  if (they_meet) return;
  fail_at(map.mark(),
          fmt::format("{} and {} have no segment in common{}", network.nodes[frame.initiator].name,
                      network.nodes[frame.target.node].name, frame.on ? " of that name" : ""));
}

void parse_header(YamlMap& map, unsigned use, FrameSpec& frame) {
  const auto source = map.find("source");
  if (source && use == layout::use::send && source->IsScalar() &&
      source->Scalar().find("..") != std::string::npos) {
    frame.sources = read_macs(map, "source", *source);
    return assign_fields(map, Message::header, use, frame, Field::source);
  }
  frame.tag_each = is_word(map, "tag", "each");
  assign_fields(map, Message::header, use, frame,
                frame.tag_each ? std::optional(Field::tag) : std::nullopt);
}

/// Returns the values of a field in a list, in the list's order.
std::vector<std::uint64_t> values_of(const FrameSpec& frame, Field field) {
  std::vector<std::uint64_t> values;
  while (const auto value = frame.value(field, values.size())) values.push_back(*value);
  return values;
}

std::string ata_words(const FrameSpec& frame) {
  const auto op = static_cast<std::uint8_t>(frame.value(Field::ata_op).value_or(0));
  std::string name(ata::name(ata::Opcode{op}));
  if (name == "ATA") name = fmt::format("ATA {:02x}", op);
  const std::string count =
      frame.most_sectors ? "most" : std::to_string(frame.value(Field::ata_count).value_or(0));
  return fmt::format("{} lba {}+{}", name, frame.value(Field::ata_lba).value_or(0), count);
}

std::string config_words(const FrameSpec& frame) {
  const std::uint64_t op = frame.value(Field::config_op).value_or(0);
  const bool known = op <= static_cast<std::uint64_t>(ConfigCommand::force_set);
  const std::string command =
      known ? std::string(text(static_cast<ConfigCommand>(op))) : fmt::format("command {}", op);
  if (frame.rest.empty()) return fmt::format("config {}", command);
  if (frame.rest.size() > 40) {
    return fmt::format("config {}, a string of {}", command, frame.rest.size());
  }
  return fmt::format("config {} \"{}\"", command,
                     escaped(std::string(frame.rest.begin(), frame.rest.end())));
}

std::string mask_words(const FrameSpec& frame) {
  const std::uint64_t op = frame.value(Field::mask_op).value_or(0);
  if (op == 0) return "mask read";
  const std::size_t directives = values_of(frame, Field::mask_directive_address).size();
  return fmt::format("mask command {}, {}", op, quantity(directives, "directive"));
}

std::string reserve_words(const FrameSpec& frame) {
  const std::uint64_t op = frame.value(Field::reserve_op).value_or(0);
  if (op == 0) return "reserve read";
  std::vector<Mac> macs;
  for (const std::uint64_t value : values_of(frame, Field::reserve_address))
    macs.push_back(layout::mac(value));
  return fmt::format("reserve command {}, addresses [{}]", op, fmt::join(macs, " "));
}

std::string message_words(const FrameSpec& frame) {
  switch (frame.message.value_or(Message::header)) {
    case Message::ata: return ata_words(frame);
    case Message::config: return config_words(frame);
    case Message::mask: return mask_words(frame);
    case Message::reserve: return reserve_words(frame);
    case Message::header: break;
  }
  return fmt::format("command {}", frame.value(Field::command).value_or(0));
}

}  // namespace

std::optional<std::uint64_t> FrameSpec::value(Field field, std::size_t entry) const {
  const auto last = std::find_if(fields.rbegin(), fields.rend(), [&](const Assignment& each) {
    return each.field == field && each.entry == entry;
  });
  return last == fields.rend() ? std::nullopt : std::optional(last->value);
}

FrameSpec plain_request(Command command) {
  FrameSpec frame{.message = Message{static_cast<std::uint8_t>(command)}};
  frame.assign(Field::command, static_cast<std::uint8_t>(command));
  return frame;
}

FrameSpec ata_request(ata::Opcode opcode, std::uint8_t sectors) {
  FrameSpec frame = plain_request(Command::ata);
  frame.assign(Field::ata_op, static_cast<std::uint8_t>(opcode));
  frame.assign(Field::ata_flags, natural_flags(opcode));
  frame.assign(Field::ata_count, sectors);
  if (ata::kind(opcode) == ata::Kind::write) frame.data.kind = Content::Kind::pattern;
  return frame;
}

FrameSpec parse_send(YamlMap& map, const Network& network) {
  FrameSpec frame = parse_what_follows(map);
  if (map.has("id")) frame.id = map.name("id");
  parse_parties(map, network, frame);
  parse_header(map, layout::use::send, frame);
  const auto bytes = map.find("bytes");
  if (bytes) frame.bytes = read_hex(map, "bytes", *bytes);
  if (!frame.value(Field::command) && !bytes) {
    fail_at(map.mark(), "send: expected ata, config, mask, reserve, a kind, a command, or bytes");
  }
  const auto size = [&map](const char* key) {
    const auto number = read_number(map, key, frame_spec_size_max);
    return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
  };
  frame.truncate = size("truncate");
  frame.pad = size("pad").value_or(frame.truncate || frame.bytes ? 0 : frame_size_min);
  frame.repeat_buffers = is_word(map, "repeat", "buffers");
  if (!frame.repeat_buffers) {
    frame.repeat = static_cast<std::uint32_t>(map.number("repeat", 1, 1, 10'000));
  }
  map.finish();
  return frame;
}

Query parse_query(const std::string& word, YamlMap& map, const Network& network) {
  Query query{.request = word == "ask"        ? parse_question(map)
                         : word == "identify" ? ata_request(ata::Opcode::identify_device, 1)
                                              : parse_arg(word, map),
              .reply = {}};
  parse_parties(map, network, query.request);
  if (query.request.direction == Direction::to_initiator)
    map.fail(map.require("to"), "to: expected a target");
  parse_header(map, layout::use::query, query.request);
  if (const auto reply = map.find("expect")) {
    query.reply = parse_reply(*reply, map.mark().file);
  } else {
    query.reply.any.emplace_back().success = word != "ask";
  }
  map.finish();
  return query;
}

std::string name_of(const FrameSpec& frame) {
  if (frame.bytes) return quantity(frame.bytes->size(), "raw byte");
  std::string name = message_words(frame);
  const auto version = frame.value(Field::version);
  if (version && *version != protocol_version) name += fmt::format(", version {}", *version);
  if (const auto flags = frame.value(Field::flags)) name += fmt::format(", flags {:x}", *flags);
  const auto shelf = frame.value(Field::shelf);
  const auto slot = frame.value(Field::slot);
  if (shelf || slot) {
    const auto part = [](const std::optional<std::uint64_t>& value, std::uint64_t wildcard) {
      return !value ? "own" : *value == wildcard ? "any" : std::to_string(*value);
    };
    name += fmt::format(", to shelf {} slot {}", part(shelf, Address::any_shelf),
                        part(slot, Address::any_slot));
  }
  if (const auto source = frame.value(Field::source))
    name += fmt::format(", from {}", layout::mac(*source));
  if (const auto tag = frame.value(Field::tag)) name += fmt::format(", tag {:08x}", *tag);
  if (!frame.sources.empty()) {
    name += fmt::format(", from each of {} to {}", frame.sources.front(), frame.sources.back());
  }
  if (frame.truncate) name += fmt::format(", cut to {} bytes", *frame.truncate);
  if (frame.repeat_buffers) name += ", as often as there are buffers";
  if (frame.repeat > 1) name += fmt::format(", {} times", frame.repeat);
  if (frame.tag_each) name += ", each with a tag of its own";
  return name;
}

std::string_view text(Feature feature) {
  return feature_words[static_cast<std::size_t>(feature)];
}

std::vector<Feature> parse_features(YamlMap& map, const std::string& key) {
  std::vector<Feature> features;
  if (map.require(key).IsScalar()) return {static_cast<Feature>(map.choice(key, feature_words))};
  for (const std::size_t choice : map.choices(key, feature_words)) {
    features.push_back(static_cast<Feature>(choice));
  }
  return features;
}

}  // namespace aoe::harness
