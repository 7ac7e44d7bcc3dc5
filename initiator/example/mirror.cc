// Copies an AoE disk to another of the same size, and then writes to both and reads from the first that
// answers: a mirror of two disks, in coroutines.
//
//   mirror e0.2 e1.2 eth0
#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <aoe/client.h>

using aoe::Bytes;
using aoe::MutableBytes;
using aoe::initiator::Client;
using aoe::initiator::Disk;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using namespace boost::asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

class Mirror {
 public:
  Mirror(Disk one, Disk other) : one_(std::move(one)), other_(std::move(other)) {}

  /// Makes the second disk equal to the first. Reads a part while the one before is written.
  awaitable<void> copy() {
    if (one_.size() != other_.size()) throw std::runtime_error("the disks differ in size");
    constexpr std::size_t part = 1 << 20;
    std::array<std::vector<std::uint8_t>, 2> rooms{std::vector<std::uint8_t>(part),
                                                   std::vector<std::uint8_t>(part)};
    MutableBytes read;
    for (std::uint64_t at = 0; at < one_.size() || !read.empty(); at += part) {
      const Bytes written = read;
      const std::uint64_t left = at < one_.size() ? one_.size() - at : 0;
      read = MutableBytes(rooms[at / part % 2]).first(std::min<std::uint64_t>(part, left));
      if (written.empty()) {
        co_await one_.async_read(at, read, use_awaitable);
      } else if (read.empty()) {
        co_await other_.async_write(at - part, written, use_awaitable);
      } else {
        co_await (one_.async_read(at, read, use_awaitable) &&
                  other_.async_write(at - part, written, use_awaitable));
      }
    }
    co_await other_.async_flush(use_awaitable);
  }

  awaitable<void> write(std::uint64_t offset, Bytes from) {
    co_await (one_.async_write(offset, from, use_awaitable) &&
              other_.async_write(offset, from, use_awaitable));
    co_await (one_.async_flush(use_awaitable) && other_.async_flush(use_awaitable));
  }

  awaitable<void> read(std::uint64_t offset, MutableBytes into) {
    Disk& disk = one_.status().is_up() ? one_ : other_;
    co_await disk.async_read(offset, into, use_awaitable);
  }

 private:
  Disk one_;
  Disk other_;
};

awaitable<void> run(Client& client, const char* one, const char* other) {
  Mirror mirror(co_await client.async_open(one, 3s, use_awaitable),
                co_await client.async_open(other, 3s, use_awaitable));
  co_await mirror.copy();
  std::vector<std::uint8_t> sector(aoe::sector_size, 'm');
  co_await mirror.write(0, sector);
  co_await mirror.read(0, sector);
  fmt::print("{} and {} are equal, and begin with {}\n", one, other, static_cast<char>(sector[0]));
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: mirror eSHELF.SLOT eSHELF.SLOT INTERFACE\n");
    return 2;
  }
  boost::asio::io_context loop;
  auto client = Client::open(loop, {.interfaces = {argv[3]}});
  if (!client) {
    fmt::print(stderr, "mirror: {}\n", client.error().text);
    return 1;
  }
  int status = 1;
  boost::asio::co_spawn(loop, run(*client, argv[1], argv[2]), [&](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
      status = 0;
    } catch (const std::exception& failure) {
      fmt::print(stderr, "mirror: {}\n", failure.what());
    }
    loop.stop();
  });
  loop.run();
  return status;
}
