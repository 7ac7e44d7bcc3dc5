#include "harness/language/frame_words.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

using layout::Message;

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
      return !value               ? std::string("own")
             : *value == wildcard ? std::string("any")
                                  : fmt::format("{}", *value);
    };
    name += fmt::format(", to shelf {} slot {}", part(shelf, Address::any_shelf),
                        part(slot, Address::any_slot));
  }
  if (const auto source = frame.value(Field::source))
    name += fmt::format(", from {}", layout::mac(*source));
  if (const auto tag = frame.value(Field::tag)) name += fmt::format(", tag {:08x}", *tag);
  if (frame.truncate) name += fmt::format(", cut to {} bytes", *frame.truncate);
  if (frame.repeat_buffers) name += ", as often as there are buffers";
  if (frame.repeat > 1) name += fmt::format(", {} times", frame.repeat);
  if (frame.tag_each) name += ", each with a tag of its own";
  return name;
}

}  // namespace aoe::harness
