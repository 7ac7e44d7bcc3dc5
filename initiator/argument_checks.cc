#include "initiator/argument_checks.h"

#include "base/size.h"
#include "initiator/cli/smart.h"
#include "proto/address.h"
#include "proto/frame.h"

namespace aoe::initiator {

std::string check_device(const std::string& text) {
  return parse_address(text) ? "" : text + ": not a device name such as e0.2";
}

std::string check_device_or_all(const std::string& text) {
  return text == "all" ? "" : check_device(text);
}

std::string check_mac(const std::string& text) {
  return parse_mac(text) ? "" : text + ": not a MAC address such as 02:00:00:0a:0b:0c";
}

std::string check_size(const std::string& text) {
  return parse_size(text) ? "" : text + ": not a size in bytes such as 512, 64K or 1.5MiB";
}

std::string check_smart(const std::string& text) {
  return parse_smart(text) ? ""
                           : text +
                                 ": not a SMART command such as return-status, read-data or "
                                 "read-log:0";
}

std::string check_sectors(const std::string& text) {
  const auto bytes = parse_size(text);
  return bytes && *bytes > 0 && *bytes <= gigabyte && *bytes % sector_size == 0
             ? ""
             : text + ": not a multiple of 512 up to 1GiB";
}

}  // namespace aoe::initiator
