#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

/// A service on one port, its client, and the stores that the tests of the service need.

namespace aoe::target {

using ata::Opcode;
using Lines = std::vector<std::string>;

inline constexpr std::size_t disk_size = 1000 * sector_size;

inline LunOptions options_at(Address address) {
  LunOptions options;
  options.address = address;
  options.sectors = disk_size / sector_size;
  options.buffer_count = 2;
  options.disk.can_trim = true;
  return options;
}

/// A store that keeps operations until the test says that they are done.
class SlowStore final : public Store {
 public:
  explicit SlowStore(std::uint32_t copied = 512) : copied_(copied) {}

  std::uint64_t size() const override { return disk_size; }
  void start(Operation& operation) override { waiting.push_back(&operation); }

  /// Ends the operation that has waited longest; a read gives bytes of `fill`.
  void finish_one(std::error_code error = {}, std::uint8_t fill = 0x77) {
    Operation& operation = *waiting.front();
    waiting.pop_front();
    if (!error) std::ranges::fill(operation.into, fill);
    operation.done(error);
  }

  void wait() override { finish_one(); }
  std::optional<std::error_code> try_now(const Operation&) override {
    return is_quick ? std::optional(std::error_code{}) : std::nullopt;
  }

  std::uint32_t copied_size() const override { return copied_; }

  std::deque<Operation*> waiting;
  bool is_quick = false;

 private:
  const std::uint32_t copied_;
};

/// A slow store in which the serving thread waits first, until another takes over.
class StuckStore final : public Store {
 public:
  struct Superseded {};

  std::uint64_t size() const override { return disk_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override {
    if (!on_stuck) return std::nullopt;
    stuck_data = operation.from;
    on_stuck();
    throw Superseded();
  }
  void start(Operation& operation) override { waiting.push_back(&operation); }
  void finish_one(std::error_code error = {}) {
    Operation& operation = *waiting.front();
    waiting.pop_front();
    std::ranges::fill(operation.into, std::uint8_t{0x77});
    operation.done(error);
  }

  std::function<void()> on_stuck;
  Bytes stuck_data;  // that the first thread reads from
  std::deque<Operation*> waiting;
};

/// A store of which every operation fails.
class BrokenStore final : public Store {
 public:
  std::uint64_t size() const override { return disk_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override {
    std::ranges::fill(operation.into, std::uint8_t{0xee});
    return std::make_error_code(std::errc::io_error);
  }
};

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    std::tie(port, client) = MemoryPort::pair({target_mac, 9000, true}, {client_mac, 9000, true});
  }

  template <class S, class... Arguments>
  S& add(Address address, Arguments... arguments) {
    auto store = std::make_unique<S>(arguments...);
    S& added = *store;
    service.add(options_at(address), std::move(store));
    return added;
  }

  void send(Bytes frame) {
    const Outgoing outgoing{frame, {}};
    client->send({&outgoing, 1});
  }
  void send(const Body& body, Address address = own_address) {
    send(frame_of({target_mac, client_mac, address, tag}, body));
  }
  /// What has come back, as lines that begin with the address.
  Lines replies() {
    Lines lines;
    std::array<Bytes, batch_size> frames;
    while (const std::size_t count = client->receive(frames)) {
      for (const Bytes bytes : std::span(frames).first(count)) {
        EXPECT_TRUE(holds_nothing_else(bytes));
        lines.push_back(fmt::format("{} {}", decode(bytes)->header.address, line(bytes)));
      }
    }
    return lines;
  }
  Lines ask(const Body& body, Address address = own_address) {
    send(body, address);
    service.serve(*port);
    return replies();
  }
  /// Ends the operation that has waited longest, and says what comes back.
  template <class S>
  Lines finish(S& store, std::error_code error = {}) {
    store.finish_one(error);
    service.settle();
    return replies();
  }

  /// Removes a LUN. Returns the place where it will be.
  const std::unique_ptr<ServedLun>& take_out(Address address) {
    service.remove(address, [this](auto served) { taken_out = std::move(served); });
    return taken_out;
  }

  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
  std::unique_ptr<ServedLun> taken_out;
  Service service;
};

}  // namespace aoe::target
