#include "proto/layout.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "proto/frame.h"

namespace aoe::layout {
namespace {

constexpr Mac client{{2, 0, 0, 0, 0, 1}};
constexpr Mac server{{2, 0, 0, 0, 0, 2}};
constexpr Header header{server, client, {258, 3}, 0x0a0b0c0d};

std::vector<std::uint8_t> encoded(const Body& body) {
  std::vector<std::uint8_t> frame(2048);
  frame.resize(encode(header, body, frame));
  return frame;
}

/// A frame of that message, with room for two entries of a list.
std::vector<std::uint8_t> blank(Message message) {
  std::vector<std::uint8_t> frame(64);
  if (message != Message::header) frame[19] = static_cast<std::uint8_t>(message);
  return frame;
}

TEST(Layout, NamesAreUnique) {
  std::set<std::string_view> names, faults;
  for (const Row& row : rows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (row.fault.empty()) continue;
    EXPECT_TRUE(faults.insert(row.fault).second) << row.fault;
  }
}

TEST(Layout, EveryFieldKeepsWhatIsSetAndLeavesTheRest) {
  for (const Row& row : rows) {
    if (row.size == 0) continue;
    for (std::size_t entry = 0; entry <= (row.stride == 0 ? 0 : 1); ++entry) {
      std::vector<std::uint8_t> frame = blank(row.message);
      const auto before = frame;
      set(row.field, frame, row.most(), entry);
      EXPECT_EQ(get(row.field, frame, entry), row.most()) << row.name;
      unsigned bits = 0;
      for (std::size_t i = 0; i < frame.size(); ++i) {
        bits += static_cast<unsigned>(std::popcount(unsigned{frame[i]}));
        EXPECT_TRUE(frame[i] == before[i] || (i >= offset(row.field, entry) && i < row.end(entry)));
      }
      if (row.field != Field::command && row.message <= Message::config) {
        EXPECT_EQ(bits, row.width() + static_cast<unsigned>(row.message)) << row.name;
      }
      set(row.field, frame, 0, entry);
      set(row.field, frame, before == frame ? 0 : get(row.field, before, entry), entry);
      EXPECT_EQ(frame, before) << row.name;
    }
  }
}

TEST(Layout, FieldsOfTheHeaderAreWhereTheCodecPutsThem) {
  const auto frame = encoded(ErrorReply{3, ErrorCode::bad_argument});
  EXPECT_EQ(get<Field::destination>(frame), server);
  EXPECT_EQ(get<Field::source>(frame), client);
  EXPECT_EQ(get(Field::source, frame), 0x0200'0000'0001U);
  EXPECT_EQ(get<Field::ethertype>(frame), 0x88a2);
  EXPECT_EQ(get<Field::version>(frame), 1);
  EXPECT_EQ(get<Field::flags>(frame), flag_response | flag_error);
  EXPECT_EQ(get<Field::error>(frame), 2);
  EXPECT_EQ(get<Field::shelf>(frame), 258);
  EXPECT_EQ(get<Field::slot>(frame), 3);
  EXPECT_EQ(get<Field::command>(frame), 3);
  EXPECT_EQ(get<Field::tag>(frame), 0x0a0b0c0dU);
}

TEST(Layout, FieldsOfAnAtaMessageAreWhereTheCodecPutsThem) {
  const std::vector<std::uint8_t> data(sector_size, 0x5a);
  AtaRequest request{.feature = 7, .sectors = 1, .opcode = ata::Opcode::write_sectors_ext};
  request.flags.extended = request.flags.write = true;
  request.lba = 0x0102'0304'0506;
  request.data = data;
  const auto frame = encoded(request);
  EXPECT_EQ(get<Field::ata_flags>(frame), 0x41);
  EXPECT_EQ(get<Field::ata_feature>(frame), 7);
  EXPECT_EQ(get<Field::ata_count>(frame), 1);
  EXPECT_EQ(get<Field::ata_op>(frame), 0x34);
  EXPECT_EQ(get<Field::ata_lba>(frame), 0x0102'0304'0506U);
  EXPECT_EQ(frame[28], 0x06);
  EXPECT_EQ(get<Field::ata_reserved>(frame), 0);
  EXPECT_TRUE(std::ranges::equal(rest<Field::ata_data>(frame), data));

  const auto reply = encoded(AtaReply{.error = ata::error_abrt, .sectors_left = 3, .status = 0x41});
  EXPECT_EQ(get<Field::ata_error>(reply), ata::error_abrt);
  EXPECT_EQ(get<Field::ata_count>(reply), 3);
  EXPECT_EQ(get<Field::ata_status>(reply), 0x41);
}

TEST(Layout, FieldsOfAConfigMessageAreWhereTheCodecPutsThem) {
  const std::vector<std::uint8_t> string{'a', 'b'};
  const auto frame = encoded(ConfigReply{0x1234, 0x5678, 9, ConfigCommand::set, string});
  EXPECT_EQ(get<Field::config_buffers>(frame), 0x1234);
  EXPECT_EQ(get<Field::config_firmware>(frame), 0x5678);
  EXPECT_EQ(get<Field::config_sectors>(frame), 9);
  EXPECT_EQ(get<Field::config_version>(frame), 1);
  EXPECT_EQ(get<Field::config_op>(frame), 3);
  EXPECT_EQ(get<Field::config_length>(frame), 2);
  EXPECT_TRUE(std::ranges::equal(rest<Field::config_string>(frame).first(2), string));
}

TEST(Layout, FieldsOfListsAreWhereTheCodecPutsThem) {
  std::array<std::uint8_t, 16> room{};
  const std::array directives{Directive{1, client}, Directive{2, server}};
  const auto mask = encoded(MaskRequest{MaskCommand::edit, pack(directives, room)});
  EXPECT_EQ(get<Field::mask_op>(mask), 1);
  EXPECT_EQ(get<Field::mask_error>(mask), 0);
  EXPECT_EQ(get<Field::mask_count>(mask), 2);
  EXPECT_EQ(get<Field::mask_directive_op>(mask), 1);
  EXPECT_EQ(get<Field::mask_directive_op>(mask, 1), 2);
  EXPECT_EQ(get<Field::mask_directive_address>(mask, 1), server);

  const std::array macs{client, server};
  const auto reserve = encoded(ReserveReply{ReserveCommand::set, pack(macs, room)});
  EXPECT_EQ(get<Field::reserve_op>(reserve), 1);
  EXPECT_EQ(get<Field::reserve_count>(reserve), 2);
  EXPECT_EQ(get<Field::reserve_address>(reserve), client);
  EXPECT_EQ(get(Field::reserve_address, reserve, 1), number(server));
  EXPECT_EQ(fixed_size(Message::mask), 28U);
  EXPECT_EQ(fixed_size(Message::reserve), 26U);
}

TEST(Layout, BothWaysToSetWriteTheSame) {
  std::vector<std::uint8_t> one(64, 0xff), other = one;
  const auto both = [&]<Field F>(detail::Value<F> value, std::uint64_t number) {
    set<F>(one, value);
    set(F, other, number);
    EXPECT_EQ(one, other) << row(F).name;
    EXPECT_EQ(get<F>(one), value) << row(F).name;
  };
  both.operator()<Field::destination>(client, number(client));
  both.operator()<Field::version>(1, 1);
  both.operator()<Field::flags>(flag_response, flag_response);
  EXPECT_EQ(one[14], 0x18);
  both.operator()<Field::shelf>(0x0102, 0x0102);
  both.operator()<Field::tag>(0x0102'0304, 0x0102'0304);
  both.operator()<Field::ata_lba>(0x0102'0304'0506, 0x0102'0304'0506);
  both.operator()<Field::config_op>(4, 4);
}

TEST(Layout, AFrameHasAFieldWhereItIsOfThatCommandAndLongEnough) {
  const auto ata = blank(Message::ata);
  const auto mask = blank(Message::mask);
  EXPECT_TRUE(has(Field::tag, ata));
  EXPECT_TRUE(has(Field::ata_status, ata));
  EXPECT_FALSE(has(Field::ata_status, mask));
  EXPECT_FALSE(has(Field::ata_lba, Bytes(ata).first(33)));
  EXPECT_TRUE(has(Field::ata_lba, Bytes(ata).first(34)));
  EXPECT_FALSE(has(Field::tag, Bytes(ata).first(23)));
  EXPECT_FALSE(has(Field::ata_flags, {}));
  EXPECT_TRUE(has(Field::mask_directive_address, mask, 1));
  EXPECT_FALSE(has(Field::mask_directive_address, Bytes(mask).first(43), 1));
}

TEST(Layout, ValuesArePrintedInTheirOwnWay) {
  EXPECT_EQ(format(Field::source, 0x0200'0000'0001), "02:00:00:00:00:01");
  EXPECT_EQ(format(Field::ethertype, ethertype), "0x88a2");
  EXPECT_EQ(format(Field::tag, 0x5c00'0001), "0x5c000001");
  EXPECT_EQ(format(Field::flags, 0xc), "response|error (0xc)");
  EXPECT_EQ(format(Field::error, 2), "bad-argument (2)");
  EXPECT_EQ(format(Field::error, 77), "77");
  EXPECT_EQ(format(Field::ata_status, 0x41), "DRDY|ERR (0x41)");
  EXPECT_EQ(format(Field::ata_status, 0), "none (0x00)");
  EXPECT_EQ(format(Field::ata_lba, 1000), "1000");
  EXPECT_EQ(format(Field::ata_op, 0x24), "read-ext (0x24)");
}

TEST(Layout, ParsesNumbersAsAPersonWritesThem) {
  EXPECT_EQ(parse_number("255"), 255U);
  EXPECT_EQ(parse_number("0xffffffffffffffff"), UINT64_MAX);
  EXPECT_EQ(parse_number("0x10000000000000000"), std::nullopt);
  EXPECT_EQ(parse_number("1k"), std::nullopt);
  EXPECT_EQ(parse_number("-1"), std::nullopt);
  EXPECT_EQ(parse_number("0x"), std::nullopt);
  EXPECT_EQ(parse_number(""), std::nullopt);
}

TEST(Layout, AnAddressIsANumberAndBack) {
  EXPECT_EQ(number(client), 0x0200'0000'0001U);
  EXPECT_EQ(mac(number(server)), server);
}

TEST(Layout, EveryWordFitsItsField) {
  for (const Row& row : rows) {
    for (const Word& word : row.words) {
      EXPECT_LE(word.value, row.most()) << row.name << " " << word.text;
    }
  }
}

}  // namespace
}  // namespace aoe::layout
