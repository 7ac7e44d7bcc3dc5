#include "config/yaml_map.h"

#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/size.h"

namespace aoe {
namespace {

using Read = std::function<void(YamlMap&)>;

/// What reading the text as a mapping called "thing" complains of.
std::string complaint(const std::string& yaml, const Read& read) {
  try {
    YamlMap map(YAML::Load(yaml), "x.yaml", "thing");
    read(map);
    map.finish();
  } catch (const YamlError& error) {
    return error.what();
  }
  return "none";
}

YamlMap map_of(const std::string& yaml) {
  return {YAML::Load(yaml), "x.yaml", "thing"};
}

TEST(YamlMap, AMappingIsReadByAskingForItsKeys) {
  YamlMap map = map_of("{name: a-1, size: 8KiB, time: 5ms, half: 0.5, list: [a, b], in: {n: 7}}");
  EXPECT_EQ(map.name("name"), "a-1");
  EXPECT_EQ(map.size("size", 0), 8192U);
  EXPECT_EQ(map.duration("time", {}), std::chrono::milliseconds(5));
  EXPECT_EQ(map.fraction("half"), 0.5);
  EXPECT_EQ(map.texts("list"), (std::vector<std::string>{"a", "b"}));
  YamlMap inner = map.map("in");
  EXPECT_EQ(inner.number("n", 0, 0, 9), 7U);
  inner.finish();
  map.finish();
}

TEST(YamlMap, AKeyThatIsNotThereHasItsFallback) {
  YamlMap map = map_of("{}");
  EXPECT_EQ(map.number("n", 3, 0, 9), 3U);
  EXPECT_EQ(map.size("size", 4), 4U);
  EXPECT_EQ(map.duration("time", std::chrono::seconds(1)), std::chrono::seconds(1));
  EXPECT_TRUE(map.texts("list").empty());
  EXPECT_FALSE(map.has("n"));
}

TEST(YamlMap, AnythingButAMappingIsRefusedWhereItStands) {
  const Read nothing = [](YamlMap&) {};
  EXPECT_EQ(complaint("", nothing), "x.yaml:1:1: thing: expected a mapping");
  EXPECT_EQ(complaint("[a]", nothing), "x.yaml:1:1: thing: expected a mapping");
  EXPECT_EQ(complaint("\n  word", nothing), "x.yaml:2:3: thing: expected a mapping");
  EXPECT_EQ(complaint("in:\n  - a", [](YamlMap& map) { map.map("in"); }),
            "x.yaml:2:3: in: expected a mapping");
}

TEST(YamlMap, AKeyThatNobodyAskedForIsRefusedWithAHint) {
  const Read read = [](YamlMap& map) {
    map.has("nth");
    map.has("every");
  };
  EXPECT_EQ(complaint("nth: 1\nnht: 2", read),
            "x.yaml:2:1: thing: unknown key 'nht'; did you mean 'nth'?");
  EXPECT_EQ(complaint("{evry: 2}", read),
            "x.yaml:1:2: thing: unknown key 'evry'; did you mean 'every'?");
  EXPECT_EQ(complaint("{probability: 1}", read),
            "x.yaml:1:2: thing: unknown key 'probability'; known are every, nth");
}

TEST(YamlMap, AKeyThatIsThereTwiceIsRefused) {
  EXPECT_EQ(complaint("a: 1\nb: 2\na: 3", [](YamlMap&) {}),
            "x.yaml:3:1: thing: key 'a' is there twice");
}

TEST(YamlMap, AKeyThatIsNoWordIsRefused) {
  EXPECT_EQ(complaint("{[a]: 1}", [](YamlMap&) {}), "x.yaml:1:2: thing: a key must be a word");
}

TEST(YamlMap, WhateverTheFileHoldsAComplaintIsOneLineAndNoLongerThanItNeedBe) {
  const Read read = [](YamlMap& map) { map.has("nth"); };
  EXPECT_EQ(complaint("\"a\\nb\\e[31m\": 1", read),
            "x.yaml:1:1: thing: unknown key 'a?b?[31m'; known are nth");
  const std::string long_complaint = complaint("{? " + std::string(5000, 'k') + " : 1}", read);
  EXPECT_LT(long_complaint.size(), 500U);
  EXPECT_TRUE(long_complaint.ends_with("kkk..."));
}

TEST(YamlMap, AMissingKeyIsNamed) {
  EXPECT_EQ(complaint("a: 1", [](YamlMap& map) { map.text("id"); }),
            "x.yaml:1:1: thing: key 'id' is missing");
}

TEST(YamlMap, AMissingKeyIsLookedForAmongMisspeltOnes) {
  const Read read = [](YamlMap& map) {
    map.text("title");
    map.choice("fault", {"drop", "delay"});
  };
  EXPECT_EQ(complaint("title: t\nfualt: drop", read),
            "x.yaml:2:1: thing: unknown key 'fualt'; did you mean 'fault', which is missing?");
  EXPECT_EQ(complaint("title: t\nkind: drop", read), "x.yaml:1:1: thing: key 'fault' is missing")
      << "that may be another key's";
  EXPECT_EQ(complaint("titl: t\nfault: drop", read),
            "x.yaml:1:1: thing: unknown key 'titl'; did you mean 'title', which is missing?");
}

TEST(YamlMap, ANumberOutOfItsRangeIsToldTheUnit) {
  const Read read = [](YamlMap& map) { map.number("mtu", 1500, 68, 65535, "bytes"); };
  EXPECT_EQ(complaint("mtu: 60", read),
            "x.yaml:1:6: thing: mtu: expected a whole number of bytes from 68 to 65535");
}

TEST(KnownInstead, IsTheNearestOrAllThereAre) {
  EXPECT_EQ(known_instead("lost", {"loss", "twice"}), "; did you mean 'loss'?");
  EXPECT_EQ(known_instead("reordering", {"loss", "twice"}), "; there are loss, twice");
  EXPECT_EQ(known_instead("x", {}), "; there is none");
}

TEST(YamlMap, ATextIsNoList) {
  EXPECT_EQ(complaint("id: [a]", [](YamlMap& map) { map.text("id"); }),
            "x.yaml:1:5: thing: id: expected a text");
  EXPECT_EQ(complaint("id: [a, [b]]", [](YamlMap& map) { map.texts("id"); }),
            "x.yaml:1:9: thing: id: expected a text");
  EXPECT_EQ(complaint("id: {a: b}", [](YamlMap& map) { map.texts("id"); }),
            "x.yaml:1:5: thing: id: expected a text or a list of them");
}

TEST(YamlMap, ANameCanNameAFile) {
  for (const char* name : {"..", ".a", "-a", "a/b", "a b", "\"\"", "\"a\\n\"", "ä"}) {
    EXPECT_EQ(complaint(std::string("id: ") + name, [](YamlMap& map) { map.name("id"); }),
              "x.yaml:1:5: thing: id: expected a name of letters, digits and - _ .")
        << name;
  }
  EXPECT_EQ(map_of("id: Read_2.b-c").name("id"), "Read_2.b-c");
}

TEST(YamlMap, ANumberIsWholeAndInItsRange) {
  const Read read = [](YamlMap& map) { map.number("n", 0, 2, 9); };
  for (const char* number : {"1", "10", "-2", "2.5", "0x2", "two", "2 2", "\"\"", "[2]", "~"}) {
    EXPECT_EQ(complaint(std::string("n: ") + number, read),
              "x.yaml:1:4: thing: n: expected a whole number from 2 to 9")
        << number;
  }
  EXPECT_EQ(complaint("n: 2", read), "none");
  EXPECT_EQ(complaint("n: 9", read), "none");
  EXPECT_EQ(
      complaint("n: 18446744073709551616", [](YamlMap& map) { map.number("n", 1, 1, UINT64_MAX); }),
      "x.yaml:1:4: thing: n: expected a whole number, 1 or more");
}

TEST(YamlMap, ACodeMayBeHexadecimal) {
  const Read read = [](YamlMap& map) { map.code("n", 0xff); };
  for (const char* number : {"", "256", "0x100", "-2", "2.5", "0x", "x1", "1f", "0x1 ", "[2]"}) {
    EXPECT_EQ(complaint(std::string("n: \"") + number + "\"", read),
              "x.yaml:1:4: thing: n: expected a number up to 0xff, such as 31 or 0x1f")
        << number;
  }
  EXPECT_EQ(map_of("n: 31").code("n", 0xff), 31U);
  EXPECT_EQ(map_of("n: 0x1f").code("n", 0xff), 31U);
  EXPECT_EQ(map_of("n: 0xffffffffffffffff").code("n", UINT64_MAX), UINT64_MAX);
}

TEST(YamlMap, AFractionIsFromZeroToOne) {
  const Read read = [](YamlMap& map) { map.fraction("p"); };
  for (const char* number : {"-0.1", "1.1", ".nan", ".inf", "half", "[0.5]"}) {
    EXPECT_EQ(complaint(std::string("p: ") + number, read),
              "x.yaml:1:4: thing: p: expected a number from 0 to 1")
        << number;
  }
  EXPECT_EQ(complaint("p: 0", read), "none");
  EXPECT_EQ(complaint("p: 1", read), "none");
}

TEST(YamlMap, ABooleanIsTrueOrFalse) {
  EXPECT_TRUE(map_of("b: true").boolean("b", false));
  EXPECT_FALSE(map_of("b: false").boolean("b", true));
  EXPECT_TRUE(map_of("{}").boolean("b", true));
  for (const char* text : {"yes", "1", "True", "[true]", "~", "\"\""}) {
    EXPECT_EQ(complaint(std::string("b: ") + text, [](YamlMap& map) { map.boolean("b", false); }),
              "x.yaml:1:4: thing: b: expected true or false")
        << text;
  }
}

TEST(YamlMap, ItsKeysCanBeAskedForWhenTheyAreNotKnownBefore) {
  YamlMap map = map_of("{b: [x], a: y}");
  std::string keys;
  for (const YAML::Node& key : map.keys()) {
    keys += fmt::format("{} at {}, ", key.Scalar(), map.mark_of(key).column);
  }
  EXPECT_EQ(keys, "b at 2, a at 10, ");
  const auto items = map.items("b");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items.front().Scalar(), "x");
  EXPECT_EQ(map.mark_of(items.front()).column, 6);
  EXPECT_THROW(map.finish(), YamlError) << "nobody asked for a";
}

TEST(YamlMap, TimesAndSizesShowAnExampleWhenTheyAreRefused) {
  EXPECT_EQ(
      complaint("t: 5 s", [](YamlMap& map) { map.duration("t", {}); }),
      "x.yaml:1:4: thing: t: expected a time such as 250ms (ns, us, ms, s, min; 24h at most)");
  EXPECT_EQ(complaint("s: 64MB", [](YamlMap& map) { map.size("s", 0); }),
            fmt::format("x.yaml:1:4: thing: s: expected a size such as {}", size_examples));
}

TEST(YamlMap, AChoiceIsOneOfItsWords) {
  const Read read = [](YamlMap& map) { map.choice("op", {"read", "write"}); };
  EXPECT_EQ(complaint("op: raed", read),
            "x.yaml:1:5: thing: op: expected one of read, write, got 'raed'; did you mean 'read'?");
  EXPECT_EQ(complaint("op: trim", read),
            "x.yaml:1:5: thing: op: expected one of read, write, got 'trim'");
  EXPECT_EQ(complaint("op: {}", read),
            "x.yaml:1:5: thing: op: expected one of read, write, got 'something else'");
  EXPECT_EQ(map_of("op: write").choice("op", {"read", "write"}), 1U);
}

TEST(YamlMap, AListOfChoicesIsRefusedAtTheWordThatIsWrong) {
  const Read read = [](YamlMap& map) { map.choices("ops", {"read", "write"}); };
  EXPECT_EQ(complaint("ops: [read, wirte]", read),
            "x.yaml:1:13: thing: ops: expected one of read, write, got 'wirte'; did you mean "
            "'write'?");
  EXPECT_EQ(complaint("ops: read", read), "x.yaml:1:6: thing: ops: expected a list");
  EXPECT_EQ(map_of("ops: [write, read]").choices("ops", {"read", "write"}),
            (std::vector<std::size_t>{1, 0}));
}

TEST(Nearest, OneMistakeInAShortWordAndMoreInALongOneAreForgiven) {
  const std::set<std::string> known{"nth", "every", "probability"};
  EXPECT_EQ(nearest("nth", known), "nth");
  EXPECT_EQ(nearest("nht", known), "nth");
  EXPECT_EQ(nearest("mth", known), "nth");
  EXPECT_EQ(nearest("nths", known), "nth");
  EXPECT_EQ(nearest("probablity", known), "probability");
  EXPECT_EQ(nearest("xyz", known), "");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(nearest("nth", {}), "");
}

TEST(ParseDuration, ItHasAUnitOrCountsSeconds) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("200us"), 200us);
  EXPECT_EQ(parse_duration("10ns"), 10ns);
  EXPECT_EQ(parse_duration("2min"), 120s);
  EXPECT_EQ(parse_duration("5"), 5s);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0"), 0ns);
  EXPECT_EQ(parse_duration("1440min"), 24h);
}

TEST(ParseDuration, WhatIsNoTimeOrBeyondADayIsRefused) {
  for (const char* text :
       {"", "s", "-1s", "5h", "5 s", "1440.1min", "nan", "nans", "inf", "1e300s", "5ss", "0x5s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace aoe
