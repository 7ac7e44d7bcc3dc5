#include "target/admin/control.h"

#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::target {
namespace {

constexpr Address lun{0, 2};
constexpr Mac client{{2, 0, 0, 0, 0, 1}};
constexpr Mac other{{2, 0, 0, 0, 0, 2}};

/// What a line is refused for.
std::string complaint(std::string_view line) {
  const auto request = parse_request(line);
  return request ? "none" : request.error();
}

TEST(ControlRequest, EachIsOneLineAndReadBackTheSame) {
  const auto same = [](const ControlRequest& request, const char* line) {
    EXPECT_EQ(request_line(request), line);
    EXPECT_EQ(parse_request(line), request) << line;
  };
  using enum ControlCommand;
  same({status}, R"({"command":"status"})");
  same({stats}, R"({"command":"stats"})");
  same({metrics}, R"({"command":"metrics"})");
  same({reload}, R"({"command":"reload"})");
  same({clients}, R"({"command":"clients"})");
  same({clear_stats}, R"({"command":"clear-stats"})");
  same({trace, lun}, R"({"command":"trace","lun":"e0.2"})");
  same({.command = trace, .lun = lun, .from = 7}, R"({"command":"trace","lun":"e0.2","from":7})");
  same({mask, lun}, R"({"command":"mask","lun":"e0.2"})");
  same({.command = mask, .lun = lun, .add = {client}, .remove = {other}},
       R"({"command":"mask","lun":"e0.2","add":["02:00:00:00:00:01"],)"
       R"("remove":["02:00:00:00:00:02"]})");
  same({reserve, lun}, R"({"command":"reserve","lun":"e0.2"})");
  same({.command = reserve, .lun = lun, .macs = std::vector<Mac>{}},
       R"({"command":"reserve","lun":"e0.2","macs":[]})");
  same({.command = reserve, .lun = lun, .macs = std::vector{client}},
       R"({"command":"reserve","lun":"e0.2","macs":["02:00:00:00:00:01"]})");
  same({config, lun}, R"({"command":"config","lun":"e0.2"})");
  same({.command = config, .lun = lun, .set = ""}, R"({"command":"config","lun":"e0.2","set":""})");
  same({.command = config, .lun = lun, .set = "a\nb"},
       R"({"command":"config","lun":"e0.2","set":"a\nb"})");
  same({resize, lun}, R"({"command":"resize","lun":"e0.2"})");
  same({reopen, lun}, R"({"command":"reopen","lun":"e0.2"})");
  same({role, lun}, R"({"command":"role","lun":"e0.2"})");
  same({promote, lun}, R"({"command":"promote","lun":"e0.2"})");
  same({demote, lun}, R"({"command":"demote","lun":"e0.2"})");
}

TEST(ControlRequest, ALunIsChangedInTheWordsOfTheConfiguration) {
  const auto same = [](const ControlRequest& request, const char* line) {
    EXPECT_EQ(request_line(request), line);
    EXPECT_EQ(parse_request(line), request) << line;
  };
  using enum ControlCommand;
  same({.command = add, .lun = lun, .values = {{"path", "/a"}, {"sync", "true"}}, .save = true},
       R"({"command":"add","lun":"e0.2","values":{"path":"/a","sync":"true"},"save":true})");
  same({.command = set, .lun = lun, .values = {{"model", ""}}},
       R"({"command":"set","lun":"e0.2","values":{"model":""}})");
  same({remove, lun}, R"({"command":"remove","lun":"e0.2"})");
  EXPECT_EQ(complaint(R"({"command":"set","lun":"e0.2","values":{"sync":true}})"),
            "values: expected an object of texts");
  EXPECT_EQ(complaint(R"({"command":"set","lun":"e0.2","values":["sync"]})"),
            "values: expected an object of texts");
  EXPECT_EQ(complaint(R"({"command":"remove","lun":"e0.2","save":1})"),
            "save: expected true or false");
  EXPECT_EQ(complaint(R"({"command":"remove","lun":"e0.2","values":{}})"), "values: unknown here");
}

TEST(ControlRequest, AnEditChangesWhatItNamesOnly) {
  LunState state{"text", {client}, {client}};
  const auto edited = [&state](const ControlRequest& request) {
    EXPECT_TRUE(request.edits());
    request.edit(state);
    return state;
  };
  EXPECT_FALSE(ControlRequest{}.edits());
  EXPECT_EQ(edited({.add = {other, client}}), (LunState{"text", {client, other}, {client}}));
  EXPECT_EQ(edited({.add = {client}, .remove = {client}}),
            (LunState{"text", {other, client}, {client}}));
  EXPECT_EQ(edited({.macs = std::vector<Mac>{}}), (LunState{"text", {other, client}, {}}));
  state.is_default_string = true;
  EXPECT_EQ(edited({.set = ""}), (LunState{"", {other, client}, {}}));
}

TEST(ControlRequest, WhatIsNoJsonObjectIsRefused) {
  const std::string no_object = "expected a JSON object, in one line";
  for (const char* line : {"", "status", "{", "{\"command\":\"status\"", "{}{}", "\xff",
                           "{\"command\":\"\xff\"}", "{\"command\":1e999}", "{,}"}) {
    EXPECT_EQ(complaint(line), no_object) << line;
  }
  for (const char* line : {"[]", "null", "1", "\"status\""}) {
    EXPECT_EQ(complaint(line), "expected a JSON object") << line;
  }
}

TEST(ControlRequest, ACommandIsKnownAndHasNothingBesideIt) {
  EXPECT_EQ(complaint("{}"), "command: is missing");
  EXPECT_EQ(complaint(R"({"command":null})"), "command: expected a text");
  EXPECT_EQ(complaint(R"({"command":"format"})"),
            "command: expected one of status, stats, metrics, reload, clients, clear-stats, mask, "
            "reserve, "
            "config, resize, reopen, role, promote, demote, trace, add, set, remove");
  EXPECT_EQ(complaint(R"({"command":"trace","lun":"e0.2","from":-1})"), "from: expected a number");
  EXPECT_EQ(complaint(R"({"command":"config","lun":"e0.2","from":1})"), "from: unknown here");
  EXPECT_EQ(complaint(R"({"command":"status","lun":"e0.2"})"), "lun: unknown here");
  EXPECT_EQ(complaint(R"({"command":"mask","lun":"e0.2","a\nb":1})"), "a\\x0ab: unknown here");
}

TEST(ControlRequest, ALunIsExact) {
  for (const char* of : {"", R"(,"lun":"e*.2")", R"(,"lun":"e65535.2")", R"(,"lun":"0.2")"}) {
    EXPECT_EQ(complaint(fmt::format(R"({{"command":"config"{}}})", of)),
              "lun: expected a LUN such as e0.2");
  }
  EXPECT_EQ(complaint(R"({"command":"config","lun":2})"), "lun: expected a text");
}

TEST(ControlRequest, AddressesAreThoseOfStationsAndNoMoreThanAListHolds) {
  const auto reserve = [](const std::string& macs) {
    return complaint(R"({"command":"reserve","lun":"e0.2","macs":)" + macs + "}");
  };
  EXPECT_EQ(reserve("\"02:00:00:00:00:01\""), "macs: expected a list of addresses");
  for (const char* macs : {"[1]", "[\"x\"]", "[\"ff:ff:ff:ff:ff:ff\"]", "[[]]"}) {
    EXPECT_EQ(reserve(macs), "macs: expected the address of a station, such as 02:00:00:0a:0b:0c");
  }
  const auto list = [](int size) {
    std::string macs;
    for (int i = 0; i < size; ++i) macs += "\"02:00:00:00:00:01\",";
    macs.back() = ']';
    return "[" + macs;
  };
  EXPECT_EQ(reserve(list(255)), "none");
  EXPECT_EQ(reserve(list(256)), "macs: 256 addresses, and a list has 255 at most");
}

TEST(ControlRequest, AConfigStringFitsItsFrame) {
  const auto config = [](std::size_t size) {
    return complaint(
        fmt::format(R"({{"command":"config","lun":"e0.2","set":"{}"}})", std::string(size, 'x')));
  };
  EXPECT_EQ(config(1024), "none");
  EXPECT_EQ(config(1025), "set: 1025 bytes, and a config string has 1024 at most");
  EXPECT_EQ(complaint(R"({"command":"config","lun":"e0.2","set":7})"), "set: expected a text");
}

TEST(ControlRequest, SizeAndDepthAreBounded) {
  std::string line = R"({"command":"status"})";
  line.resize(control_line_size_max, ' ');
  EXPECT_EQ(complaint(line), "none");
  EXPECT_EQ(complaint(line + ' '), "a request has 65536 bytes at most");
  const std::string open(30'000, '[');
  const std::string close(30'000, ']');
  EXPECT_EQ(complaint(open), "expected a JSON object, in one line");
  EXPECT_EQ(complaint(open + close), "expected a JSON object");
  EXPECT_EQ(complaint("{\"command\":" + open + close + "}"), "command: expected a text");
}

TEST(ControlRequest, WhateverALineHoldsItIsReadOrRefused) {
  std::mt19937_64 random(1);
  const std::string good =
      R"({"command":"mask","lun":"e0.2","add":["02:00:00:00:00:01"],"remove":[]})";
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string line = good;
    for (std::uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % line.size();
      if (random() % 2 == 0)
        line[at] = static_cast<char>(random());
      else
        line.erase(at, 1);
    }
    const auto request = parse_request(line);
    if (request) continue;
    ++refused;
    EXPECT_EQ(request.error().find('\n'), std::string::npos);
    EXPECT_EQ(parse_reply(error_reply(request.error())).error(), request.error());
  }
  EXPECT_GT(refused, 4000);
}

TEST(ControlReply, AnErrorIsReadBack) {
  EXPECT_EQ(error_reply("e0.2: no such LUN"), R"({"ok":false,"error":"e0.2: no such LUN"})");
  EXPECT_EQ(parse_reply(error_reply("a\n\"b\"")).error(), "a\n\"b\"");
}

TEST(ControlReply, ListsAndTextsAreShownToPeopleAndPrograms) {
  const auto reply = [](ControlCommand command, const LunState& state) {
    return state_reply({command, lun}, state);
  };
  EXPECT_EQ(reply(ControlCommand::mask, {"", {client, other}, {}}),
            R"({"ok":true,"text":"02:00:00:00:00:01\n02:00:00:00:00:02\n","lun":"e0.2",)"
            R"("mask":["02:00:00:00:00:01","02:00:00:00:00:02"]})");
  EXPECT_EQ(reply(ControlCommand::reserve, {}),
            R"({"ok":true,"text":"","lun":"e0.2","reservation":[]})");
  const auto config = [&](std::string text) {
    return reply(ControlCommand::config, {std::move(text), {}, {}});
  };
  EXPECT_EQ(config("my disk"),
            R"({"ok":true,"text":"my disk\n","lun":"e0.2","config_string":"my disk"})");
  EXPECT_EQ(parse_reply(config(std::string("a\0\xff", 3))), "a\\x00\\xff\n");
  EXPECT_EQ(parse_reply(config("")), "");
  EXPECT_EQ(reload_reply({"e0.2: added", "e0.3: removed"}),
            R"({"ok":true,"text":"e0.2: added\ne0.3: removed\n",)"
            R"("changes":["e0.2: added","e0.3: removed"]})");
  EXPECT_EQ(parse_reply(reload_reply({})), "nothing has changed\n");
  EXPECT_EQ(size_reply(lun, "grown from 8 to 16 sectors", 8, 16),
            R"({"ok":true,"text":"e0.2: grown from 8 to 16 sectors\n","lun":"e0.2",)"
            R"("sectors_before":8,"sectors":16})");
  EXPECT_EQ(role_reply(lun, "missing"),
            R"({"ok":true,"text":"missing\n","lun":"e0.2","role":"missing"})");
  EXPECT_EQ(role_reply(lun, "stands by already", true, false),
            R"({"ok":true,"text":"e0.2: stands by already\n","lun":"e0.2","role":"standby",)"
            R"("changed":false})");
}

TEST(ControlReply, ClientsAreShownLatestFirst) {
  ClientsReport report;
  ClientReport& late = report.clients.emplace_back();
  late.mac = client;
  late.lun = lun;
  late.requests = 3;
  late.last_seen_ago = std::chrono::seconds(90);
  report.clients.push_back(late);
  report.clients.back().mac = other;
  report.clients.back().interface = "eth0";
  report.clients.back().bytes_read = 2'000'000;
  report.clients.back().last_seen_ago = std::chrono::milliseconds(1500);
  report.others.requests = 12;
  EXPECT_EQ(
      parse_reply(clients_reply(report)),
      "client             lun   interface  requests  MB-read  MB-written  errors  unanswered  "
      "     seen\n"
      "02:00:00:00:00:02  e0.2  eth0              3      2.0         0.0       0           0  "
      " 1.5s ago\n"
      "02:00:00:00:00:01  e0.2  -                 3      0.0         0.0       0           0  "
      "90.0s ago\n"
      "others             -     -                12      0.0         0.0       0           0  "
      "        -\n");
  EXPECT_NE(clients_reply(report).find(
                R"("clients":[{"client":"02:00:00:00:00:01","lun":"e0.2","interface":"",)"
                R"("last_seen_s":90.0,"requests":3,"bytes_read":0,"bytes_written":0,"errors":0,)"
                R"("unanswered":0},)"),
            std::string::npos);
}

TEST(ControlReply, ATraceHasTheTimeOfDayAndSaysWhatIsMissing) {
  using namespace std::chrono_literals;
  const RequestLog::Lines lines{{{Instant(10s), "02:… > e0.2"}}, 9, 3};
  const std::string reply =
      trace_reply(lines, Instant(12s), std::chrono::system_clock::time_point(3602s + 250us));
  EXPECT_EQ(parse_reply(reply),
            "(3 lines are missing here)\n01:00:00.000250 02:\\xe2\\x80\\xa6 > e0.2\n");
  EXPECT_EQ(trace_next(reply), 9U);
  EXPECT_NE(reply.find(R"("missed":3,"lines":[{"time_us":3600000250,)"), std::string::npos);
  EXPECT_EQ(trace_next(error_reply("e0.2: no such LUN")), std::nullopt);
}

TEST(ControlReply, AReportIsAllThereAndOnOneLine) {
  TargetReport report;
  report.version = "1.0";
  report.uptime = std::chrono::milliseconds(1500);
  report.luns.emplace_back();
  report.ports.emplace_back();
  LunReport& disk = report.luns.front();
  disk.definition.address = lun;
  disk.definition.store.path = "disk\xff.img";
  disk.definition.interfaces = {"eth0"};
  disk.state.mask = {client};
  disk.writes = 5;
  disk.silences[static_cast<std::size_t>(Silence::source_masked)] = 3;
  disk.latency.add(std::chrono::microseconds(2));
  report.ports.front().interface = "eth0";
  report.ports.front().rejects[0] = 9;
  const std::string reply = report_reply(status_table(report), report);
  EXPECT_EQ(reply.find('\n'), std::string::npos);
  for (
      const char* part :
      {R"("version":"1.0","uptime_s":1.5,"luns":[{"lun":"e0.2",)",
       R"("mask":["02:00:00:00:00:01"])", R"("writes":5)", R"("interfaces":["eth0"])",
       R"("silences":{"multicast source":0,"denied source":0,"masked source":3,"config mismatch":0})",
       R"("latency":{"counts":[0,1,0,)", R"(],"sum_ns":2000})",
       R"("ports":[{"interface":"eth0","mac":"00:00:00:00:00:00","mtu":0,"up":false)",
       R"("rejects":{"frame too short":9,)"}) {
    EXPECT_NE(reply.find(part), std::string::npos) << part << "\n" << reply;
  }
  EXPECT_EQ(parse_reply(reply), status_table(report));
  EXPECT_TRUE(parse_reply(metrics_reply(report))->starts_with("# HELP aoe_target_info "));
}

TEST(ControlReply, WhatNoTargetSaysIsRefused) {
  for (const char* line : {"", "{", "[]", "{}", R"({"ok":1})", R"({"ok":true})", R"({"ok":false})",
                           R"({"ok":true,"text":1})", R"({"ok":false,"text":"a"})"}) {
    EXPECT_EQ(parse_reply(line).error(), "the reply is not a target's") << line;
  }
}

}  // namespace
}  // namespace aoe::target
