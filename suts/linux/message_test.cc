#include "suts/linux/message.h"

#include <gtest/gtest.h>

namespace aoe::guest {
namespace {

const Message write{.id = 7,
                    .code = static_cast<std::uint32_t>(Operation::write),
                    .handle = 3,
                    .offset = 0x0102030405060708,
                    .length = 0,
                    .bytes = std::string("a\0b", 3)};

TEST(Message, IsLittleEndianWithItsBytesBehind) {
  EXPECT_EQ(encode(write), std::string("\3\0\0\0"               // size
                                       "\7\0\0\0"               // id
                                       "\7\0\0\0"               // write
                                       "\3\0\0\0"               // handle
                                       "\10\7\6\5\4\3\2\1"      // offset
                                       "\0\0\0\0\0\0\0\0a\0b",  // length, bytes
                                       35));
}

TEST(Message, IsReadWhenAllOfItIsThere) {
  const std::string first = encode(write);
  const std::string stream = first + encode({.id = 8});
  MessageReader reader;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    reader.add({&stream[i], 1});
    const auto message = reader.next();
    if (i + 1 == first.size()) {
      EXPECT_EQ(message, write);
    } else if (i + 1 == stream.size()) {
      EXPECT_EQ(message, Message{.id = 8});
    } else {
      EXPECT_EQ(message, std::nullopt) << i;
    }
  }
}

TEST(Message, ThatIsTooLargeEndsTheStream) {
  MessageReader reader;
  std::string header = encode({});
  header.replace(0, 4, "\1\0\x10\0", 4);  // 1 MiB and 1
  reader.add(header);
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_TRUE(reader.is_broken());
}

TEST(Message, MayBeAsLargeAsFuseMovesAtOnce) {
  const Message large{.bytes = std::string(message_bytes_max, 'x')};
  MessageReader reader;
  reader.add(encode(large));
  EXPECT_EQ(reader.next(), large);
  EXPECT_FALSE(reader.is_broken());
}

}  // namespace
}  // namespace aoe::guest
