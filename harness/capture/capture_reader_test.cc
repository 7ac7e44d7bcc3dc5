#include "harness/capture/capture_reader.h"

#include <unistd.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

TEST(FileSource, PassesOnWhatAPipeHasSoFar) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  unsigned idle_calls = 0;
  const auto source = FileSource::open("/proc/self/fd/" + std::to_string(reading.get()), [&] {
    if (++idle_calls == 2) writing = Descriptor();  // nothing more will come
    return true;
  });
  ASSERT_TRUE(source) << source.error();
  const std::string some(24, 'x');
  ASSERT_EQ(::write(writing.get(), some.data(), some.size()), 24);
  const auto first = (*source)->take(20);
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->size(), 20U);
  EXPECT_EQ(idle_calls, 0U);
  const auto rest = (*source)->take(20);
  ASSERT_TRUE(rest) << rest.error();
  EXPECT_EQ(rest->size(), 4U);
  EXPECT_EQ(idle_calls, 2U);
  EXPECT_EQ((*source)->take(1)->size(), 0U) << "the end stays the end";
}

TEST(FileSource, EndsWhereItsCallerHasEnough) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Descriptor reading(ends[0]);
  const Descriptor writing(ends[1]);
  const auto source =
      FileSource::open("/proc/self/fd/" + std::to_string(reading.get()), [] { return false; });
  ASSERT_TRUE(source) << source.error();
  EXPECT_EQ((*source)->take(1)->size(), 0U);
}

TEST(CaptureReader, NamesTheFile) {
  EXPECT_EQ(CaptureReader::open("/nonexistent/x.pcap").error(),
            "/nonexistent/x.pcap: No such file or directory");
  EXPECT_EQ(CaptureReader::open("/dev/null").error(), "/dev/null: empty: neither pcap nor pcapng");
}

}  // namespace
}  // namespace aoe::harness
