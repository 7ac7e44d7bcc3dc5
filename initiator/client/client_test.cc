// The client library over a real cable: one end is the client's, at the other a test's target
// answers in the same loop.
#include "initiator/client/client.h"

#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "initiator/testing/test_target.h"
#include "initiator/testing/test_words.h"
#include "wire/asio_watcher.h"
#include "wire/packet_port.h"
#include "wire/testing/test_namespace.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using boost::system::error_code;
using Sectors = std::vector<std::uint8_t>;

class ClientTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    if (IsSkipped()) return;
    make_cable("near", "far");
    port_ = *PacketPort::open("far");
    watcher_.watch(port_->descriptor(), [this] { serve(); });
  }
  void TearDown() override {
    if (port_ != nullptr) watcher_.unwatch(port_->descriptor());
  }

  Client open_client(Parameters parameters = {}) {
    auto client = Client::open(loop, {.interfaces = {"near"}, .parameters = parameters});
    EXPECT_TRUE(client) << client.error().text;
    return *std::move(client);
  }

  Disk open_disk(Client& client) {
    std::optional<Disk> opened;
    client.async_open(disk, patience, [&](error_code error, Disk disk) {
      EXPECT_FALSE(error) << error.message();
      opened = std::move(disk);
    });
    run_until([&] { return opened.has_value(); });
    return *std::move(opened);
  }

  void run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) ASSERT_GT(loop.run_one_until(deadline), 0U) << "it did not happen";
  }

  /// How an operation ended that `begin` begins with this handler.
  template <class Begin>
  error_code result_of(Begin begin) {
    std::optional<error_code> result;
    begin([&](error_code error, auto&&...) {
      EXPECT_FALSE(result) << "called twice";
      result = error;
    });
    EXPECT_FALSE(result) << "called from within the function that began it";
    run_until([&] { return result.has_value(); });
    return result.value_or(error_code());
  }

  asio::io_context loop;
  TestTarget target{disk, 1000};
  bool mute = false;

 private:
  void serve() {
    std::array<Bytes, batch_size> frames;
    while (const std::size_t count = port_->receive(frames)) {
      for (const Bytes frame : std::span(frames).first(count)) {
        const auto answer = target.answer(frame, port_->link().mac);
        if (answer && !mute) port_->send(std::array{Outgoing{*answer, {}}});
      }
    }
  }

  AsioWatcher watcher_{loop};
  std::unique_ptr<PacketPort> port_;
};

TEST_F(ClientTest, ReadsWhatItWrote) {
  Client client = open_client();
  Disk disk = open_disk(client);
  EXPECT_EQ(disk.size(), 1000U * sector_size);
  EXPECT_EQ(disk.status().state, "up");

  const Sectors written = disk_data(17, 40);
  Sectors read(written.size());
  EXPECT_EQ(result_of([&](auto done) { disk.async_write(17 * 512, written, done); }), error_code());
  EXPECT_EQ(result_of([&](auto done) { disk.async_flush(done); }), error_code());
  EXPECT_EQ(result_of([&](auto done) { disk.async_trim(0, 512, done); }), error_code());
  EXPECT_EQ(result_of([&](auto done) { disk.async_read(17 * 512, read, done); }), error_code());
  EXPECT_EQ(read, written);
  EXPECT_EQ(target.sectors(17, 40), written);
  EXPECT_EQ(target.flushes(), 1U);
}

TEST_F(ClientTest, ServesACoroutine) {
  Client client = open_client();
  bool read = false;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        Disk disk = co_await client.async_open("e7.3", patience, asio::use_awaitable);
        Sectors sector(sector_size);
        co_await disk.async_read(0, sector, asio::use_awaitable);
        EXPECT_EQ(sector, target.sectors(0, 1));
        read = true;
        try {
          co_await disk.async_read(disk.size(), sector, asio::use_awaitable);
          ADD_FAILURE() << "read past the end";
        } catch (const boost::system::system_error& error) {
          EXPECT_STREQ(error.what(), "beyond the last sector [aoe:67108864]");
        }
      },
      asio::detached);
  run_until([&] { return client.device(disk) && client.device(disk)->opens == 0 && read; });
}

TEST_F(ClientTest, ServesAFuture) {
  Client client = open_client();
  auto opening = client.async_open(disk, patience, asio::use_future);
  run_until([&] { return opening.wait_for(0s) == std::future_status::ready; });
  EXPECT_EQ(opening.get().address(), disk);
}

TEST_F(ClientTest, CallsAHandlerOnItsOwnExecutor) {
  Client client = open_client();
  Disk disk = open_disk(client);
  asio::thread_pool pool(1);
  bool done = false;
  disk.async_flush(asio::bind_executor(pool.get_executor(), [&](error_code error) {
    EXPECT_FALSE(error);
    EXPECT_TRUE(pool.get_executor().running_in_this_thread());
    asio::post(loop, [&] { done = true; });
  }));
  run_until([&] { return done; });
  pool.join();
}

TEST_F(ClientTest, RefusesWhatCannotBe) {
  Client client = open_client();
  Disk disk = open_disk(client);
  Sectors sector(sector_size);
  Sectors bytes(100);
  const error_code invalid = make_error_code({.error = IoError::invalid});
  EXPECT_EQ(result_of([&](auto done) { disk.async_read(1, sector, done); }), invalid);
  EXPECT_EQ(result_of([&](auto done) { disk.async_read(0, bytes, done); }), invalid);
  EXPECT_EQ(result_of([&](auto done) { disk.async_trim(0, 100, done); }), invalid);
  EXPECT_EQ(result_of([&](auto done) { client.async_open("eth0", 1s, done); }), invalid);
  const auto missing = Client::open(loop, {.interfaces = {"none"}});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().code == boost::system::errc::no_such_device_or_address);
  EXPECT_EQ(missing.error().subject, "none");
  EXPECT_EQ(missing.error().text, "none: no such interface");
}

TEST_F(ClientTest, NamesThePatternsThatMatchNothing) {
  const auto none = Client::open(loop, {.interfaces = {"lan*", "wan?"}});
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().code == boost::system::errc::network_down);
  EXPECT_EQ(none.error().text, "lan*, wan?: matches no Ethernet interface that is up");
}

TEST_F(ClientTest, WhatHasNoLengthSucceeds) {
  Client client = open_client();
  Disk disk = open_disk(client);
  const std::uint64_t commands = disk.status().counters.commands;
  for (const std::uint64_t offset : {std::uint64_t{0}, disk.size(), disk.size() + sector_size}) {
    EXPECT_EQ(result_of([&](auto done) { disk.async_read(offset, {}, done); }), error_code());
    EXPECT_EQ(result_of([&](auto done) { disk.async_write(offset, {}, done); }), error_code());
    EXPECT_EQ(result_of([&](auto done) { disk.async_trim(offset, 0, done); }), error_code());
  }
  EXPECT_EQ(disk.status().counters.commands, commands) << "the disk was asked for nothing";
}

TEST_F(ClientTest, SaysWhyADiskDoesNotComeUp) {
  mute = true;
  Client client = open_client();
  EXPECT_EQ(result_of([&](auto done) { client.async_open(disk, 50ms, done); }),
            make_error_code({.error = IoError::no_such_device}));
  EXPECT_EQ(client.why_not_up(disk), "e7.3: no answer on near");
  EXPECT_FALSE(client.open_disk(disk));
  EXPECT_FALSE(client.revalidate(disk));
}

TEST_F(ClientTest, CancelsARequest) {
  Client client = open_client();
  Disk disk = open_disk(client);
  mute = true;
  Sectors sector(sector_size, 0xee);
  asio::cancellation_signal signal;
  const auto bound = [&](auto done) { return asio::bind_cancellation_slot(signal.slot(), done); };
  EXPECT_EQ(result_of([&](auto done) {
              disk.async_read(0, sector, bound(done));
              asio::post(loop, [&] { signal.emit(asio::cancellation_type::all); });
            }),
            asio::error::operation_aborted);
  mute = false;
  // The device is as good as before, and what comes late goes nowhere.
  Sectors other(sector_size);
  EXPECT_EQ(result_of([&](auto done) { disk.async_read(512, other, done); }), error_code());
  EXPECT_EQ(sector, Sectors(sector_size, 0xee));
  signal.emit(asio::cancellation_type::all);  // too late for anything
}

TEST_F(ClientTest, CancelsAnOpening) {
  mute = true;
  Client client = open_client();
  asio::cancellation_signal signal;
  EXPECT_EQ(result_of([&](auto done) {
              client.async_open(disk, patience, asio::bind_cancellation_slot(signal.slot(), done));
              asio::post(loop, [&] { signal.emit(asio::cancellation_type::all); });
            }),
            asio::error::operation_aborted);
}

TEST_F(ClientTest, WhatIsOutstandingEndsWithTheClient) {
  std::optional<Client> client = open_client();
  std::optional<Disk> disk = open_disk(*client);
  mute = true;
  Sectors sector(sector_size);
  EXPECT_EQ(result_of([&](auto done) {
              disk->async_read(0, sector, done);
              client.reset();
              disk.reset();
            }),
            asio::error::operation_aborted);
}

TEST_F(ClientTest, MayEndWithinItsOwnCallback) {
  std::optional<Client> client = open_client();
  std::optional<Disk> disk = open_disk(*client);
  Sectors sector(sector_size);
  EXPECT_EQ(result_of([&](auto done) {
              disk->async_read(0, sector, [&, done](error_code error) mutable {
                client.reset();
                disk.reset();
                done(error);
              });
            }),
            error_code());
}

TEST_F(ClientTest, WhatEndsWithTheClientIsToldByTheLoopAlone) {
  std::optional<Client> client = open_client();
  std::optional<Disk> disk = open_disk(*client);
  mute = true;
  bool told = false;
  Sectors sector(sector_size);
  disk->async_read(0, sector, [&](error_code) { told = true; });
  client->async_open({9, 9}, patience, [&](error_code, Disk) { told = true; });
  client.reset();
  disk.reset();
  EXPECT_FALSE(told);
  run_until([&] { return told; });
}

TEST_F(ClientTest, MayEndWhileItTells) {
  std::optional<Client> client = open_client();
  std::optional<error_code> opened;
  client->async_open(disk, patience, [&](error_code error, Disk) { opened = error; });
  client->listen([&](const Event&) { client.reset(); });  // the target's answer is the first
  run_until([&] { return opened.has_value(); });
  EXPECT_EQ(*opened, asio::error::operation_aborted);
}

TEST_F(ClientTest, MayEndWithTimersThatHaveRunOut) {
  mute = true;
  std::optional<Client> client = open_client();
  asio::steady_timer giving_up(loop, 1ms);  // runs out first, and so it is called first
  giving_up.async_wait([&](error_code) { client.reset(); });
  std::optional<error_code> opened;
  std::optional<error_code> answered;
  client->async_open(disk, 1ms, [&](error_code error, Disk) { opened = error; });
  client->async_query(disk, ConfigQuery{}, 1ms,
                      [&](error_code error, const QueryAnswer&) { answered = error; });
  // Those of the opening and of the query have run out, too, when the loop next looks.
  std::this_thread::sleep_until(std::chrono::steady_clock::now() + 1ms);
  run_until([&] { return opened && answered; });
  EXPECT_EQ(opened, asio::error::operation_aborted);
  EXPECT_EQ(answered, asio::error::operation_aborted);
}

TEST_F(ClientTest, AListenerMayPutAnotherInItsPlace) {
  Client client = open_client();
  std::vector<int> heard;
  const std::vector<int> captured(1000, 7);
  client.listen([&, captured](const Event&) {
    client.listen([&](const Event&) { heard.push_back(2); });
    heard.push_back(captured.back());
  });
  client.discover();
  client.discover();
  run_until([&] { return heard.size() >= 2; });
  EXPECT_EQ(heard.at(0), 7);
  EXPECT_EQ(heard.at(1), 2);
}

TEST_F(ClientTest, ADiskStaysDownUntilItsLastUserClosesIt) {
  Client client = open_client({.deadsecs = 1s});
  std::vector<std::string> heard;
  std::optional<Disk> disk = open_disk(client);
  const auto state = [&] { return client.device(initiator::disk)->state; };
  client.listen([&](const Event& event) {
    if (event.kind == Event::Kind::device_down || event.kind == Event::Kind::device_up) {
      heard.push_back(describe(event));
    }
  });
  mute = true;
  Sectors sector(sector_size);
  EXPECT_EQ(result_of([&](auto done) { disk->async_read(0, sector, done); }),
            make_error_code({.error = IoError::device_down}));
  EXPECT_EQ(state(), "down,closewait");
  EXPECT_FALSE(client.open_disk(initiator::disk));
  EXPECT_EQ(client.why_not_up(initiator::disk),
            "e7.3: went down, and stays so until all who hold it open close it");
  disk.reset();
  EXPECT_EQ(state(), "down");
  mute = false;
  EXPECT_EQ(result_of([&](auto done) { client.async_open(initiator::disk, patience, done); }),
            error_code());
  EXPECT_EQ(heard, (std::vector<std::string>{"e7.3 is down", "e7.3 is up: 1000 sectors"}));
}

TEST_F(ClientTest, ForgetsWhatNobodyHoldsOpen) {
  Client client = open_client();
  std::optional<Disk> disk = open_disk(client);
  EXPECT_EQ(client.forget(initiator::disk), 0U);
  disk.reset();
  EXPECT_EQ(client.forget_down(), 0U);
  EXPECT_EQ(client.forget(initiator::disk), 1U);
  EXPECT_TRUE(client.devices().empty());
}

TEST_F(ClientTest, ItsInterfacesAndParametersCanChange) {
  Client client = open_client();
  Disk disk = open_disk(client);
  EXPECT_EQ(client.interfaces().size(), 1U);
  EXPECT_GT(client.interfaces().front().received, 0U);
  EXPECT_EQ(disk.status().paths.front().interface, "near");

  Parameters parameters = client.parameters();
  parameters.maxout = 3;
  client.set_parameters(parameters);
  EXPECT_EQ(client.parameters().maxout, 3);
  EXPECT_EQ(disk.status().paths.front().window_max, 3);

  client.change_interfaces({"lo"});
  EXPECT_EQ(client.interfaces().size(), 1U);
  EXPECT_EQ(client.interfaces().front().name, "lo");
  EXPECT_TRUE(disk.status().paths.empty());
}

}  // namespace
}  // namespace aoe::initiator
