// A disk for threads that wait: each call returns when it is done, and many threads may call at the
// same time.
//
// A disk that went down and comes up again is opened again: calls fail in between. They go on
// failing where what answers is another disk, by its serial number or its size: who reads and
// writes is in the midst of the first. A size that changes while the disk is up is taken over.
//
// Owns the client, its loop and, from start() on, the thread that runs the loop. Between open() and
// start() the process may fork; the disk is its child's then, and its parent must end without
// destroying it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "initiator/client/client.h"

namespace aoe::initiator {

class BlockingDisk {
 public:
  using error_code = boost::system::error_code;
  using Complain = std::function<void(const std::string&)>;

  /// Returns as soon as the disk is up, within `limit`, or says why it is not. `complain` is called
  /// later, on the loop's thread: "e0.2: another disk answers: ...".
  static tl::expected<std::unique_ptr<BlockingDisk>, std::string> open(
      const Client::Options& options, Address address, std::chrono::seconds limit,
      Complain complain);
  BlockingDisk(const BlockingDisk&) = delete;
  BlockingDisk& operator=(const BlockingDisk&) = delete;
  /// What is outstanding fails.
  ~BlockingDisk();

  /// The calls below work from now on.
  void start();

  error_code read(std::uint64_t offset, MutableBytes into);
  error_code write(std::uint64_t offset, Bytes from);
  error_code flush();
  error_code trim(std::uint64_t offset, std::uint64_t length);
  /// As it was when it last came up, or changed its size.
  DeviceStatus status();

 private:
  BlockingDisk(Address address, Complain complain)
      : address_(address), complain_(std::move(complain)) {}
  /// Follows the disk down and up.
  void happened(const Event& event);
  void reopen();
  void take_size();
  /// Stays closed until what shows up is the disk that it was.
  void refuse(const DeviceStatus& now);
  /// Has the loop call `begin` with the disk and a handler, and waits until the handler is called.
  template <class Begin>
  error_code wait_for(Begin begin);

  const Address address_;
  const Complain complain_;
  boost::asio::io_context loop_{1};
  std::optional<Client> client_;
  std::optional<Disk> disk_;  // while it is up
  DeviceStatus status_;
  std::string complaint_;  // the last, while it holds
  std::thread thread_;
};

}  // namespace aoe::initiator
