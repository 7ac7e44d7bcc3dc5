// A disk for threads that wait: each call returns when it is done, and many threads may call at the
// same time.
//
// A disk that went down and comes up again is opened again: calls fail in between.
//
// Owns the client, its loop and, from start() on, the thread that runs the loop. Between open() and
// start() the process may fork; the disk is its child's then, and its parent must end without
// destroying it.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "initiator/client.h"

namespace aoe::initiator {

class BlockingDisk {
 public:
  using error_code = boost::system::error_code;

  /// Returns as soon as the disk is up, within `limit`, or says why it is not.
  static tl::expected<std::unique_ptr<BlockingDisk>, std::string> open(
      const Client::Options& options, Address address, std::chrono::seconds limit);
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
  /// As it was when it last came up.
  DeviceStatus status();

 private:
  explicit BlockingDisk(Address address) : address_(address) {}
  /// Follows the disk down and up.
  void happened(const Event& event);
  void take(Disk disk);
  /// Has the loop call `begin` with the disk and a handler, and waits until the handler is called.
  template <class Begin>
  error_code wait_for(Begin begin);

  const Address address_;
  boost::asio::io_context loop_{1};
  std::optional<Client> client_;
  std::optional<Disk> disk_;  // while it is up
  DeviceStatus status_;
  std::thread thread_;
};

}  // namespace aoe::initiator
