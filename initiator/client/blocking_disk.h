// An AoE disk for programs without an event loop: each call returns when it is done, and many threads
// may call at the same time.
//
//   auto disk = aoe::initiator::BlockingDisk::open({.interfaces = {"eth0"}}, {0, 2}, 3s);
//   if (!disk) return fail(disk.error().text);  // "e0.2: no answer on eth0"
//   (*disk)->start();
//   std::array<std::uint8_t, 512> sector;
//   if (const auto error = (*disk)->read(0, sector)) return fail(error.message());
//
// A disk that went down and comes up again is opened again; calls fail in between. They continue to
// fail if another disk answers, by its serial number or its size, because the users are in the
// midst of working with the first. A size that changes while the disk is up is taken over.
//
// Threads: what is marked [any] may be called from any thread from start() on, by many at the same
// time, but neither while nor after the disk is destroyed, and not from within `complain`. The rest is
// called by one thread at a time.
//
// Owns the client, its loop and, from start() on, the thread that runs the loop. Between open() and
// start() the process may fork: then the disk belongs to the child, and the parent must end without
// destroying it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <tl/expected.hpp>

#include "initiator/client/client.h"

namespace aoe::initiator {

class BlockingDisk {
 public:
  using error_code = boost::system::error_code;
  using Complain = std::function<void(const std::string&)>;

  /// Returns as soon as the disk is up, within `limit`. The error's code is errc::no_such_device where
  /// no target answered or none was identified, or one of Client::open(); its text says why. `complain`
  /// is called later, on the loop's thread: "e0.2: another disk answers: ...".
  static tl::expected<std::unique_ptr<BlockingDisk>, OpenError> open(const Client::Options& options,
                                                                     Address address,
                                                                     std::chrono::seconds limit,
                                                                     Complain complain = {});
  BlockingDisk(const BlockingDisk&) = delete;
  BlockingDisk& operator=(const BlockingDisk&) = delete;
  /// Fails what is outstanding. Not called from within `complain`.
  ~BlockingDisk();

  /// Starts the thread: the calls below work from now on, from any thread. Called once, in the process
  /// that uses the disk.
  void start();

  // Offsets and lengths are bytes, multiples of 512. Errors are those of Disk.

  /// [any] Reads all of `into`.
  error_code read(std::uint64_t offset, MutableBytes into) {
    return wait_for([=](Disk& disk, auto done) { disk.async_read(offset, into, done); });
  }
  /// [any] Writes all of `from`, which is stable after a flush.
  error_code write(std::uint64_t offset, Bytes from) {
    return wait_for([=](Disk& disk, auto done) { disk.async_write(offset, from, done); });
  }
  /// [any] Makes stable what was written.
  error_code flush() {
    return wait_for([](Disk& disk, auto done) { disk.async_flush(done); });
  }
  /// [any] Tells the disk that a range is unused.
  error_code trim(std::uint64_t offset, std::uint64_t length) {
    return wait_for([=](Disk& disk, auto done) { disk.async_trim(offset, length, done); });
  }

  /// [any] Calls `begin` in the loop with the disk and a handler, and waits until the handler is called.
  template <class Begin>
  error_code wait_for(Begin begin) {
    error_code result;
    std::binary_semaphore done(0);
    const auto finish = [&](error_code error) {
      result = error;
      done.release();
    };
    boost::asio::post(loop_, [&] {
      if (disk_) {
        begin(*disk_, finish);
      } else {
        finish(make_error_code({.error = IoError::device_down}));
      }
    });
    done.acquire();
    return result;
  }
  /// [any] Returns the status of when it last came up, or changed its size.
  DeviceStatus status();

 private:
  BlockingDisk(Address address, Complain complain)
      : address_(address), complain_(std::move(complain)) {}
  /// Closes the disk when it goes down, opens it when it comes up.
  void happened(const Event& event);
  void reopen();
  void take_size();
  /// Stays closed until the disk that it was comes up.
  void refuse(const DeviceStatus& now);

  const Address address_;
  const Complain complain_;
  boost::asio::io_context loop_{1};
  std::optional<Client> client_;
  std::optional<Disk> disk_;  // while it is up
  DeviceStatus status_;
  std::string complaint_;  // the last one, while it is true
  std::thread thread_;
};

}  // namespace aoe::initiator
