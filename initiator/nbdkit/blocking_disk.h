// A disk with blocking calls: each returns when it is done, and many threads may call at the same
// time.
//
// A disk that went down and comes up again is opened again; calls fail in between. They continue to
// fail if another disk answers, by its serial number or its size, because the users are in the
// midst of working with the first. A size that changes while the disk is up is taken over.
//
// Owns the client, its loop and, from start() on, the thread that runs the loop. Between open() and
// start() the process may fork: then the disk belongs to the child, and the parent must end without
// destroying it.
#pragma once

#include <functional>
#include <memory>
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

  /// Returns as soon as the disk is up, within `limit`. The error says why it is not. `complain` is
  /// called later, on the loop's thread: "e0.2: another disk answers: ...".
  static tl::expected<std::unique_ptr<BlockingDisk>, std::string> open(
      const Client::Options& options, Address address, std::chrono::seconds limit,
      Complain complain);
  BlockingDisk(const BlockingDisk&) = delete;
  BlockingDisk& operator=(const BlockingDisk&) = delete;
  /// Fails what is outstanding.
  ~BlockingDisk();

  /// Starts the thread: the calls below work from now on.
  void start();

  /// Calls `begin` in the loop with the disk and a handler, and waits until the handler is called.
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
  /// Returns the status of when it last came up, or changed its size.
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
