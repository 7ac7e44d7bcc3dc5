#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "initiator/cli/commands.h"
#include "proto/ata.h"

namespace aoe::initiator {
namespace {

/// Writes bytes to standard output as they are, or on a terminal in hexadecimal.
void print_raw(Bytes bytes) {
  if (::isatty(STDOUT_FILENO) != 1) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    return;
  }
  constexpr std::size_t columns = 16;
  for (std::size_t at = 0; at < bytes.size(); at += columns) {
    const Bytes row = bytes.subspan(at, std::min(columns, bytes.size() - at));
    fmt::print("{:03x}: {:02x}\n", at, fmt::join(row, " "));
  }
}

/// The sector that goes to a log. Throws Failed when standard input is not just that.
std::vector<std::uint8_t> read_sector() {
  std::vector<std::uint8_t> data(sector_size + 1);
  data.resize(std::fread(data.data(), 1, data.size(), stdin));
  if (std::ferror(stdin) != 0) throw Failed(system_message("reading standard input"));
  if (data.size() != sector_size) {
    throw Failed("standard input: not the 512 bytes of a sector of the log");
  }
  return data;
}

/// What RETURN STATUS says, in the LBA mid and high registers.
enum class Health { good, failing, unknown };
Health health_of(std::uint64_t lba) {
  const std::uint64_t registers = lba >> 8 & 0xffff;
  if (registers == ata::smart_key) return Health::good;
  return registers == ata::smart_failing ? Health::failing : Health::unknown;
}

}  // namespace

void identify_raw_command(const CommandOptions& options, Address device) {
  Connection connection(options);
  const AtaQuery identify{.opcode = ata::Opcode::identify_device, .sectors = 1, .reads = true};
  print_raw(connection.ask(device, identify).data);
  connection.check_alone(device, Connection::Reached::all);
}

void smart_command(const CommandOptions& options, Address device, const SmartCommand& command) {
  AtaQuery query{.opcode = ata::Opcode::smart,
                 .feature = command.feature,
                 .lba = ata::smart_key << 8 | command.number,
                 .reads = command.reads};
  if (command.writes) query.data = read_sector();
  if (command.reads || command.writes) query.sectors = 1;
  Connection connection(options);
  const QueryAnswer answer = connection.ask(device, query);
  const bool is_status = command.feature == static_cast<std::uint8_t>(ata::Smart::return_status);
  const Health health = is_status ? health_of(answer.lba) : Health::good;
  if (options.json) {
    nlohmann::ordered_json facts = {{"device", fmt::format("{}", device)},
                                    {"mac", fmt::format("{}", answer.mac)},
                                    {"command", command.name}};
    if (is_status) facts["threshold-exceeded"] = health == Health::failing;
    if (command.reads) facts["data-hex"] = fmt::format("{:02x}", fmt::join(answer.data, ""));
    print(facts);
  } else if (command.reads) {
    print_raw(answer.data);
  } else if (is_status && health == Health::good) {
    fmt::print("{}: SMART: no threshold is exceeded\n", device);
  }
  if (health == Health::failing) {
    throw Failed(fmt::format("{}: SMART: a threshold is exceeded", device));
  }
  if (health == Health::unknown) {
    throw Failed(
        fmt::format("{}: SMART: the status is neither good nor bad: LBA mid {:02x}, high {:02x}",
                    device, answer.lba >> 8 & 0xff, answer.lba >> 16 & 0xff));
  }
  connection.check_alone(device, Connection::Reached::all);
}

}  // namespace aoe::initiator
