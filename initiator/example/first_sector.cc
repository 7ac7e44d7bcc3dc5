// Prints the first sector of an AoE disk: a program that uses the installed client library.
//
//   first_sector e0.2 eth0
#include <array>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <aoe/client.h>

using aoe::initiator::Client;
using aoe::initiator::Disk;
using boost::asio::use_awaitable;

boost::asio::awaitable<void> print_first_sector(Client& client, const char* name) {
  Disk disk = co_await client.async_open(name, std::chrono::seconds(3), use_awaitable);
  std::array<std::uint8_t, aoe::sector_size> sector;
  co_await disk.async_read(0, sector, use_awaitable);
  fmt::print("{}: {} bytes, beginning with {:02x}\n", name, disk.size(), fmt::join(sector, ""));
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: first_sector eSHELF.SLOT INTERFACE\n");
    return 2;
  }
  boost::asio::io_context loop;
  auto client = Client::open(loop, {.interfaces = {argv[2]}});
  if (!client) {
    fmt::print(stderr, "first_sector: {}\n", client.error().text);
    return 1;
  }
  int status = 1;
  const auto done = [&](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
      status = 0;
    } catch (const boost::system::system_error& failure) {
      fmt::print(stderr, "first_sector: {}: {}\n", argv[1], failure.code().message());
    }
    loop.stop();
  };
  boost::asio::co_spawn(loop, print_first_sector(*client, argv[1]), done);
  loop.run();
  return status;
}
