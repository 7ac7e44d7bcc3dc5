#include "initiator/client/error.h"

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

namespace aoe::initiator {
namespace {

namespace errc = boost::system::errc;

TEST(Error, SuccessIsClear) {
  EXPECT_FALSE(make_error_code({.id = 7}));
}

TEST(Error, SaysAllThatTheCompletionSays) {
  for (const Completion& completion :
       {Completion{.error = IoError::device_down},
        Completion{.error = IoError::ata_error, .ata_status = 0xc1, .ata_error = 0x84},
        Completion{.error = IoError::aoe_error, .aoe_error = ErrorCode::target_reserved},
        Completion{.error = IoError::aoe_error, .aoe_error = ErrorCode{0xff}}}) {
    const auto error = make_error_code(completion);
    EXPECT_TRUE(error.message().starts_with(describe(completion))) << error.message();
    EXPECT_EQ(completion_of(error), completion);
    EXPECT_TRUE(error == errc::io_error);
  }
}

TEST(Error, OfTheDiskHasTheRegistersInWords) {
  const auto message = [](std::uint8_t status, std::uint8_t error) {
    return make_error_code({.error = IoError::ata_error, .ata_status = status, .ata_error = error})
        .message();
  };
  EXPECT_EQ(message(0x41, ata::error_abrt),
            "ATA error: status 41, error 04: a command that the disk does not know, or refuses");
  EXPECT_EQ(message(0x51, ata::error_idnf | ata::error_abrt),
            "ATA error: status 51, error 14: no such sector");
  EXPECT_EQ(message(0x41, ata::error_unc),
            "ATA error: status 41, error 40: data that can't be read, or write protection");
  EXPECT_EQ(message(0x41, ata::error_icrc | ata::error_abrt),
            "ATA error: status 41, error 84: data damaged on the way to the disk");
  EXPECT_EQ(message(0x60, 0), "ATA error: status 60, error 00: a fault of the disk");
  EXPECT_EQ(message(0xd0, 0), "ATA error: status d0, error 00: the disk is busy");
  EXPECT_EQ(message(0x41, 0), "ATA error: status 41, error 00: no reason given");
}

TEST(Error, HasTheConditionThatAProgramKnows) {
  EXPECT_TRUE(make_error_code({.error = IoError::no_such_device}) == errc::no_such_device);
  EXPECT_TRUE(make_error_code({.error = IoError::invalid}) == errc::invalid_argument);
  EXPECT_TRUE(make_error_code({.error = IoError::out_of_range}) == errc::invalid_argument);
  EXPECT_TRUE(make_error_code({.error = IoError::unsupported}) == errc::operation_not_supported);
  EXPECT_TRUE(make_error_code({.error = IoError::cancelled}) == errc::operation_canceled);
}

TEST(Error, CancelledIsWhatAsioCallsIt) {
  const auto error = make_error_code({.error = IoError::cancelled});
  EXPECT_EQ(error, boost::asio::error::operation_aborted);
  EXPECT_EQ(completion_of(error).error, IoError::cancelled);
}

}  // namespace
}  // namespace aoe::initiator
