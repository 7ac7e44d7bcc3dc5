#include "base/printable.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Printable, KeepsWhatIsACharacterAndReplacesEveryOtherByte) {
  EXPECT_EQ(printable("a\n\tb → é 𝛿"), "a\n\tb → é 𝛿");
  EXPECT_EQ(printable(std::string_view("\x1b[31m\0\x7f\r", 8)), "\ufffd[31m\ufffd\ufffd\ufffd");
  EXPECT_EQ(printable("\xff\x80"), "\ufffd\ufffd");
  EXPECT_EQ(printable("\xc2"), "\ufffd") << "cut short";
  EXPECT_EQ(printable("\xe2\x86"), "\ufffd\ufffd") << "cut short";
  EXPECT_EQ(printable("\xc0\xaf"), "\ufffd\ufffd") << "longer than it need be";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "half of a pair";
  EXPECT_EQ(printable("\xef\xbf\xbf"), "\ufffd\ufffd\ufffd") << "XML has no U+FFFF";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd") << "beyond Unicode";
  EXPECT_EQ(printable("\xc2\x9b"), "\ufffd\ufffd") << "a control sequence of one character";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\ufffd\ufffd\ufffd") << "turns the text around";
}

TEST(Printable, OnOneLineAndAsMarkup) {
  EXPECT_EQ(one_line("a\nb\tc"), "a b c");
  EXPECT_EQ(markup("<a href=\"x\">'&'\x01"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\ufffd");
}

TEST(Text, WidthCountsCharacters) {
  EXPECT_EQ(width("→ é"), 3U);
  EXPECT_EQ(padded("→", 3), "→  ");
  EXPECT_EQ(padded("long", 3), "long");
}

TEST(Text, TimesHaveThreeDigits) {
  EXPECT_EQ(brief(nanoseconds(0)), "0ns");
  EXPECT_EQ(brief(nanoseconds(999)), "999ns");
  EXPECT_EQ(brief(nanoseconds(1500)), "1.50us");
  EXPECT_EQ(brief(nanoseconds(999'499)), "999us");
  EXPECT_EQ(brief(nanoseconds(999'500)), "1.00ms");
  EXPECT_EQ(brief(milliseconds(112)), "112ms");
  EXPECT_EQ(brief(nanoseconds(9'995'000)), "10.0ms");
  EXPECT_EQ(brief(nanoseconds(41'230'000)), "41.2ms");
  EXPECT_EQ(brief(milliseconds(3591)), "3.59s");
  EXPECT_EQ(brief(seconds(100)), "1min 40s");
  EXPECT_EQ(brief(-milliseconds(20)), "-20ms");
  EXPECT_EQ(in_milliseconds(nanoseconds(1'203'004'000)), "1203.004");
}

TEST(Text, QuantitiesHaveTheirPlural) {
  EXPECT_EQ(quantity(1, "frame"), "1 frame");
  EXPECT_EQ(quantity(2, "frame"), "2 frames");
}

}  // namespace
}  // namespace aoe
