// The disks that a mount shows, with their partitions, and those of them that are open.
//
// A disk is shown from when it was identified until it is forgotten. Its partition table is read when
// it comes up, and again on demand. Owned by the file system, on its thread. Borrows the client.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "initiator/client/client.h"
#include "initiator/mount/open_disk.h"
#include "initiator/mount/partition.h"
#include "initiator/mount/tree.h"

namespace aoe::initiator {

class ShownDisks {
 public:
  /// Called with a line for each table that can't be read; and whenever a table was read, or could
  /// not be.
  struct Listener {
    std::function<void(const std::string&)> trouble;
    std::function<void()> loaded;
  };

  ShownDisks(boost::asio::io_context& loop, Client& client, Listener listener)
      : loop_(loop), client_(&client), listener_(std::move(listener)) {}
  ShownDisks(const ShownDisks&) = delete;
  ShownDisks& operator=(const ShownDisks&) = delete;

  const Disks& disks() const { return disks_; }
  /// Shows what the client knows now: some were identified, or forgotten.
  void update();

  /// Opens a disk, or returns it when it is open. Null when it is not up.
  std::shared_ptr<OpenDisk> open(Address address);
  /// Returns the disk if it is open, or null.
  std::shared_ptr<OpenDisk> find_open(Address address) const;

  /// Reads the partition table of a disk that is up.
  void load_partitions(Address address);
  bool is_loading(Address address) const;

  /// Lets go of all disks and of the client, which goes.
  void let_go();

 private:
  struct Loading {
    Address address;
    std::shared_ptr<OpenDisk> disk;
    PartitionReader reader;
    bool again = false;  // to be read again, because something changed
  };
  using Place = std::list<Loading>::iterator;

  void load_more(Place loading);
  void loaded(Place loading);

  boost::asio::io_context& loop_;
  Client* client_;  // null once it has gone
  const Listener listener_;
  Disks disks_;
  std::map<Address, std::weak_ptr<OpenDisk>> open_;
  std::list<Loading> loadings_;
};

}  // namespace aoe::initiator
