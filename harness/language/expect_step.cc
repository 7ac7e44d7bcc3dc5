#include "harness/language/expect_step.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "config/yaml_map.h"
#include "harness/language/step_ladder.h"

namespace aoe::harness {
namespace {

const std::vector<std::string> happening_words{"retransmit", "reply", "io"};  // by Happening::Kind
constexpr std::array<std::string_view, 3> result_verbs{"fails", "succeeds", "ends"};  // by IoResult

std::string_view verb(IoResult result) {
  return result_verbs[static_cast<std::size_t>(result)];
}

TimeWindow window(YamlMap& map, const std::string& key) {
  const YAML::Node node = map.require(key);
  return TimeWindow::parse(node, map.mark_of(node));
}

ExpectIo read_io(YamlMap map, const StepNames& names) {
  ExpectIo io;
  io.id = map.text("id");
  names.ios.check(map, map.require("id"), io.id);
  if (map.has("result"))
    io.result = static_cast<IoResult>(map.choice("result", {"error", "ok", "any"}));
  if (map.has("within")) io.within = map.duration("within", {});
  if (map.has("answered")) io.each_answered = map.choice("answered", {"any", "each"}) == 1;
  map.finish();
  return io;
}

ExpectRetransmit read_retransmit(YamlMap map, const StepNames& names) {
  ExpectRetransmit retransmit{map.text("of"), window(map, "within")};
  names.faults.check(map, map.require("of"), retransmit.fault);
  map.finish();
  return retransmit;
}

std::optional<Happening> read_happening(YamlMap& map, const std::string& key,
                                        const StepNames& names) {
  if (!map.has(key)) return std::nullopt;
  const std::string text = map.text(key);
  const YAML::Node node = map.require(key);
  const std::size_t parenthesis = text.find('(');
  const std::string word = text.substr(0, parenthesis);
  const auto kind = std::ranges::find(happening_words, word);
  const bool is_known = kind != happening_words.end();
  if (parenthesis == std::string::npos || !text.ends_with(')') || !is_known) {
    map.fail(
        node,
        fmt::format(
            "{}: expected retransmit(FAULT), reply(FAULT) or io(ID), got '{}'{}", key, text,
            is_known ? "" : did_you_mean(word, {happening_words.begin(), happening_words.end()})));
  }
  Happening happening{static_cast<Happening::Kind>(kind - happening_words.begin()),
                      text.substr(parenthesis + 1)};
  happening.of.pop_back();
  (happening.kind == Happening::Kind::io ? names.ios : names.faults).check(map, node, happening.of);
  return happening;
}

ExpectOutstanding read_outstanding(YamlMap map, const StepNames& names) {
  map.require("max");
  ExpectOutstanding outstanding{
      map.number("max", 0, 0, 65535), parse_node(map, "by", names.network, Node::Role::initiator),
      read_happening(map, "from", names), read_happening(map, "until", names)};
  map.finish();
  return outstanding;
}

ExpectHits read_hits(YamlMap map, const StepNames& names) {
  ExpectHits hits;
  hits.fault = map.text("of");
  const bool has_most = map.has("max");
  hits.most = map.number("max", UINT64_MAX, 0, UINT64_MAX);
  hits.least = map.number("min", has_most ? 0 : 1, has_most ? 0 : 1, UINT64_MAX);
  if (hits.least > hits.most) map.fail(map.require("max"), "max: expected no less than min");
  if (map.has("within")) hits.within = map.duration("within", {});
  names.faults.check(map, map.require("of"), hits.fault);
  map.finish();
  return hits;
}

}  // namespace

static std::string describe(const ExpectHits& hits) {
  std::vector<std::string> bounds;
  if (hits.least > 0) bounds.push_back(fmt::format("{} or more", quantity(hits.least, "frame")));
  if (hits.most < UINT64_MAX)
    bounds.push_back(fmt::format("{} at most", quantity(hits.most, "frame")));
  return fmt::format("{} has struck {}", hits.fault, fmt::join(bounds, ", "));
}

static std::string describe(const ExpectReplies& replies) {
  std::string text =
      replies.buffers ? "as many answers as there are buffers" : quantity(replies.count, "answer");
  if (!replies.from.empty()) text += fmt::format(" from {}", fmt::join(replies.from, ", "));
  return text;
}

std::string describe(const Happening& happening) {
  return fmt::format("{}({})", happening_words[static_cast<std::size_t>(happening.kind)],
                     happening.of);
}

std::string describe(const ExpectOutstanding& outstanding) {
  std::string text = fmt::format("at most {}", quantity(outstanding.most, "outstanding request"));
  if (outstanding.from) text += " from " + describe(*outstanding.from);
  if (outstanding.until) text += " until " + describe(*outstanding.until);
  return text;
}

void draw_answer(StepLadder& ladder, const ExpectReply& reply) {
  if (reply.any.empty()) {
    ladder.note("silence");
  } else {
    ladder.left(describe(reply));
  }
}

ExpectStep ExpectStep::read(YamlMap& map, const StepNames& names) {
  ExpectStep expect;
  if (map.has("io")) expect.io = read_io(map.map("io"), names);
  if (map.has("device")) {
    const bool up = map.choice("device", {"down", "up"}) == 1;
    expect.device = {up, parse_node(map, "by", names.network, Node::Role::initiator),
                     parse_device(map, "to", names.network), window(map, "within")};
  }
  if (map.has("retransmit")) expect.retransmit = read_retransmit(map.map("retransmit"), names);
  if (map.has("outstanding")) expect.outstanding = read_outstanding(map.map("outstanding"), names);
  if (map.has("hits")) expect.hits = read_hits(map.map("hits"), names);
  if (const auto reply = map.find("reply")) {
    expect.reply = parse_reply(*reply, names.file);
    names.check_frame(map, *reply, expect.reply->of);
  }
  if (map.has("replies")) {
    expect.replies = parse_replies(map.map("replies"));
    names.check_frame(map, map.require("replies"), expect.replies->of);
  }
  if (map.has("announcement")) expect.announcement = parse_announcement(map.map("announcement"));
  if (map.has("store")) expect.store = parse_store(map.map("store"), names.network);
  if (map.keys().empty()) {
    fail_at(map.mark(),
            "expect: expected something: io, device, retransmit, outstanding, hits, reply, "
            "replies, announcement or store");
  }
  return expect;
}

std::string ExpectStep::words() const {
  std::vector<std::string> parts;
  if (io) {
    parts.push_back(
        fmt::format("io {} {}{}", io->id, verb(io->result),
                    io->within ? fmt::format(" within {}", describe(*io->within)) : ""));
  }
  if (device) parts.push_back(fmt::format("the device is {} in time", device->up ? "up" : "down"));
  if (retransmit)
    parts.push_back(fmt::format("what {} dropped is sent again in time", retransmit->fault));
  if (outstanding) parts.push_back(describe(*outstanding));
  if (hits) parts.push_back(describe(*hits));
  if (reply) {
    parts.push_back(
        fmt::format("{}{}{}", reply->of, reply->of.empty() ? "" : ": ", describe(*reply)));
  }
  if (replies) parts.push_back(describe(*replies));
  if (announcement) parts.push_back(describe(*announcement));
  if (store) parts.push_back(fmt::format("the store holds {}", describe(*store)));
  return fmt::format("expect {}", fmt::join(parts, ", and "));
}

void ExpectStep::draw(StepLadder& ladder) const {
  if (retransmit) ladder.right(fmt::format("again, after {}", retransmit->fault));
  if (outstanding) ladder.note(describe(*outstanding));
  if (io && io->result == IoResult::ok) ladder.left(fmt::format("{} done", io->id));
  if (io && io->result != IoResult::ok) ladder.note(fmt::format("{} {}", io->id, verb(io->result)));
  if (device) ladder.note(device->up ? "up" : "down");
  if (reply) draw_answer(ladder, *reply);
  if (replies) ladder.left(describe(*replies));
  if (announcement) ladder.left(describe(*announcement));
}

bool ExpectStep::plays_initiator() const {
  const bool of_frames = reply || replies || announcement || store;
  return !of_frames || io || device || retransmit || outstanding;
}

}  // namespace aoe::harness
