#include "initiator/client/error.h"

#include <string>

#include <fmt/format.h>
#include <boost/asio/error.hpp>

#include "proto/ata.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;
using boost::system::error_condition;
namespace errc = boost::system::errc;

constexpr int pack(const Completion& c) {
  return static_cast<int>(c.error) << 24 | static_cast<int>(c.aoe_error) << 16 | c.ata_error << 8 |
         c.ata_status;
}

constexpr Completion unpack(int value) {
  return {.error = static_cast<IoError>(value >> 24 & 0x7f),
          .ata_status = static_cast<std::uint8_t>(value & 0xff),
          .ata_error = static_cast<std::uint8_t>(value >> 8 & 0xff),
          .aoe_error = static_cast<ErrorCode>(value >> 16 & 0xff)};
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "aoe"; }
  std::string message(int value) const override {
    const Completion completion = unpack(value);
    const bool is_of_disk = completion.error == IoError::ata_error;
    return describe(completion) +
           (is_of_disk ? fmt::format(": {}",
                                     ata::failure_text(completion.ata_status, completion.ata_error))
                       : "");
  }
  error_condition default_error_condition(int value) const noexcept override {
    switch (unpack(value).error) {
      case IoError::none: return {};
      case IoError::no_such_device: return errc::make_error_condition(errc::no_such_device);
      case IoError::invalid:
      case IoError::out_of_range: return errc::make_error_condition(errc::invalid_argument);
      case IoError::unsupported: return errc::make_error_condition(errc::operation_not_supported);
      case IoError::cancelled: return errc::make_error_condition(errc::operation_canceled);
      case IoError::timeout: return errc::make_error_condition(errc::timed_out);
      case IoError::device_down:
      case IoError::ata_error:
      case IoError::aoe_error: return errc::make_error_condition(errc::io_error);
    }
    AOE_CHECK(false && "an error without a condition");
  }
};

}  // namespace

const boost::system::error_category& error_category() {
  static const Category category;
  return category;
}

error_code make_error_code(const Completion& completion) {
  switch (completion.error) {
    case IoError::none: return {};
    case IoError::cancelled: return boost::asio::error::operation_aborted;
    default: return {pack(completion), error_category()};
  }
}

Completion completion_of(const error_code& error) {
  if (error == boost::asio::error::operation_aborted) return {.error = IoError::cancelled};
  AOE_CHECK(!error || error.category() == error_category());
  return unpack(error.value());
}

}  // namespace aoe::initiator
