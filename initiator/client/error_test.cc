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
    EXPECT_EQ(error.message(), describe(completion));
    EXPECT_EQ(completion_of(error), completion);
    EXPECT_TRUE(error == errc::io_error);
  }
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
