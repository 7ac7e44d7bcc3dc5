// Serves the sectors of an AoE disk by TCP: who connects and sends "LBA\n" gets 512 bytes.
//
//   sector_server e0.2 eth0 127.0.0.1 8000
#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <aoe/client.h>

using aoe::initiator::Client;
using aoe::initiator::Disk;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;

awaitable<void> serve(tcp::socket peer, Disk& disk) {
  std::array<std::uint8_t, aoe::sector_size> sector;
  for (std::string line;;) {
    const std::size_t size = co_await boost::asio::async_read_until(
        peer, boost::asio::dynamic_buffer(line, 32), '\n', use_awaitable);
    co_await disk.async_read(std::stoull(line) * aoe::sector_size, sector, use_awaitable);
    co_await boost::asio::async_write(peer, boost::asio::buffer(sector), use_awaitable);
    line.erase(0, size);
  }
}

awaitable<void> run(Client& client, char** arguments) {
  Disk disk = co_await client.async_open(arguments[1], std::chrono::seconds(3), use_awaitable);
  const auto here = boost::asio::ip::make_address(arguments[3]);
  const auto port = static_cast<std::uint16_t>(std::stoul(arguments[4]));
  tcp::acceptor acceptor(co_await boost::asio::this_coro::executor, {here, port});
  fmt::print("serving {} at {}:{}\n", arguments[1], arguments[3], acceptor.local_endpoint().port());
  std::fflush(stdout);
  while (true) {  // what is wrong with a client ends its connection
    boost::asio::co_spawn(acceptor.get_executor(),
                          serve(co_await acceptor.async_accept(use_awaitable), disk),
                          boost::asio::detached);
  }
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: sector_server eSHELF.SLOT INTERFACE ADDRESS PORT\n");
    return 2;
  }
  boost::asio::io_context loop;
  auto client = Client::open(loop, {.interfaces = {argv[2]}});
  if (!client) {
    fmt::print(stderr, "sector_server: {}\n", client.error().text);
    return 1;
  }
  boost::asio::co_spawn(loop, run(*client, argv), [&](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& failure) {
      fmt::print(stderr, "sector_server: {}\n", failure.what());
    }
    loop.stop();
  });
  loop.run();
  return 1;
}
