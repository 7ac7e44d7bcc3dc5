// Replies that a scenario expects: conditions on the fields of the wire.
//
// Plain data: judge/reply_comparison.h judges replies by it. A field without a condition may have
// any value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/language/field_reader.h"
#include "harness/language/network.h"
#include "harness/language/time_window.h"
#include "proto/layout.h"

namespace aoe::harness {

/// What a field of a reply must be.
struct Condition {
  enum class Kind : std::uint8_t {
    equal,       // to the value, in the bits of the mask
    at_least,    // the value
    any_bit,     // of the mask
    error_code,  // of field `error`: the code where flag E is set; 0: flag E is clear
  };
  Field field;
  std::uint64_t value = 0;
  Kind kind = Kind::equal;
  std::uint64_t mask = UINT64_MAX;
};

/// Words of IDENTIFY, the first the least, of which some bits matter.
struct IdentifyWords {
  std::uint8_t word = 0;
  std::uint8_t count = 1;
  std::uint64_t mask = UINT64_MAX;
  std::uint64_t value = 0;
};

/// What a reply holds.
struct ReplySpec {
  bool success = false;  // no AoE error, and no failure of the command
  std::vector<Condition> fields{};
  std::optional<std::uint32_t> size{};  // bytes at least
  std::optional<Content> data{};        // of all sectors that the request asks for
  bool data_checksum = false;           // the bytes of its first sector add up to 0, modulo 256
  std::vector<IdentifyWords> identify_words{};
  bool identify_texts = false;     // serial, firmware and model are printable, padded with blanks
  bool identify_checksum = false;  // word 255 has its signature, and a right checksum
  std::optional<std::string> string{};     // of a config reply
  std::optional<std::vector<Mac>> macs{};  // of a mask or reserve list, in any order
  bool macs_ordered = false;               // but in this one
  bool list_whole = false;                 // all that the list counts is in the frame
};

/// One of several replies, or silence.
struct ExpectReply {
  std::string of{};  // empty: to the frame sent last
  bool silence = false;
  std::vector<ReplySpec> any{};
  std::optional<TimeExpression> within{};  // nullopt: the longest timeout there is
};

/// Exactly so many replies. Where each copy of the request had a tag of its own, one to each.
struct ExpectReplies {
  std::string of{};
  std::uint32_t count = 1;
  bool buffers = false;           // as many as the target's Buffer Count, in place of `count`
  std::vector<Address> from{};    // one from each of these; empty: from any
  std::vector<ReplySpec> each{};  // each is one of these; empty: any answer
};

/// A config reply that no request asked for, since a fault was last armed or healed.
struct ExpectAnnouncement {
  std::optional<Mac> to{};    // nullopt: to any address
  std::optional<Mac> from{};  // nullopt: from any
  std::optional<TimeExpression> within{};
  ReplySpec fields{};
};

/// What the target's disk holds, read past the target. The disk rightly holds it from then on.
struct ExpectStore {
  Device of{};
  std::uint64_t lba = 0;
  std::uint32_t count = 1;
  Content data{};
};

/// "error bad-argument", "ata.status ok, data pattern", "ok".
std::string describe(const ReplySpec& reply);
/// Returns a config string for a person: bytes that are not letters as "\xff".
std::string escaped(std::string_view string);
/// "error bad-argument; or silence".
std::string describe(const ExpectReply& reply);
/// "announcement to ff:ff:ff:ff:ff:ff: version 1".
std::string describe(const ExpectAnnouncement& announcement);
/// "lba 7, 2 sectors: a5".
std::string describe(const ExpectStore& store);

/// Reads what `reply:` is in an expectation: a word, a list of alternatives, or a mapping.
ExpectReply parse_reply(const YAML::Node& node, const std::string& file);
ExpectReplies parse_replies(YamlMap map);
ExpectAnnouncement parse_announcement(YamlMap map);
/// Of a disk of so many sectors.
ExpectStore parse_store(YamlMap map, const Network& network);

}  // namespace aoe::harness
