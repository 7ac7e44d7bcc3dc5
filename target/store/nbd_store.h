// A store on an NBD server, such as nbdkit, qemu-nbd, qemu-storage-daemon or rbd-nbd.
//
// Owns the connection, and an epoll descriptor that the event loop watches: it is readable when the
// connection has something to do. No operation is immediate. Only open() and wait() block, and a
// reconnect that must look up a host name.
//
//   state      | event                              | then
//   -----------|------------------------------------|------------------------------------------
//   connected  | the connection dies                | gone; operations in flight fail, is_gone()
//   gone       | an operation arrives               | it fails, is_gone(); connecting, if the last
//              |                                    | try began a second ago or more
//   connecting | an operation arrives               | it fails, is_gone(); gone, if the try began
//              |                                    | five seconds ago or more
//   connecting | the server is there, and as before | connected
//   connecting | no server, or of another size      | gone
//
// Flushes: writes that the server acknowledged before its connection was lost, and that were not
// flushed, may be lost with it. All later flushes then fail. For a server that cannot flush, the
// protocol says that what it acknowledges is as stable as it will become: flushes then succeed at
// once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "base/instant.h"
#include "target/store/file.h"
#include "target/store/store.h"

struct nbd_handle;

namespace aoe::target {

class NbdStore final : public Store {
 public:
  struct Options {
    bool read_only = false;
    bool sync = false;  // writes with FUA: each is stable before it is done
    /// How long open() waits for the server.
    Duration timeout = std::chrono::seconds(5);
    /// Tests set a clock of their own.
    Instant (*now)() = monotonic_now;
  };

  /// Connects to the server. Errors name the URI: "nbd://server/disk: Connection refused",
  /// "nbd://…: the server does not answer", "nbd://…: read-only there", "nbd://…: needs blocks of
  /// 4096 bytes".
  static tl::expected<std::unique_ptr<NbdStore>, std::string> open(const std::string& uri,
                                                                   const Options& options);
  ~NbdStore() override;

  std::uint64_t size() const override { return range_.length; }
  StoreTraits traits() const override;
  void start(Operation& operation) override;
  void wait() override;
  int descriptor() const override { return epoll_.get(); }
  void reap() override;

  /// The size of the export, bytes.
  std::uint64_t export_size() const { return export_size_; }
  /// Limits the store to a part, whole sectors within the export. Called before the first
  /// operation.
  void narrow(ByteRange range) { range_ = range; }
  bool can_flush() const { return can_flush_; }

 private:
  enum class State : std::uint8_t { connected, gone, connecting };
  class Command;

  struct CloseHandle {
    void operator()(nbd_handle* handle) const;
  };

  NbdStore(const std::string& uri, const Options& options);
  /// Begins to connect.
  void connect();
  /// Notices whether the connection has died or become ready, and watches what it waits for.
  void follow_connection();
  void watch_connection();
  void lose_connection(const std::string& why);
  /// Connects again if the last try was long enough ago.
  void try_again();
  /// Returns why the export cannot be served (any more); empty if it can.
  std::string examine();

  /// Sends a command, or the next part of one. Returns why it could not be sent.
  std::error_code issue(Command& command);
  void finish(Command& command, std::error_code error);
  /// Calls done() for finished commands.
  void deliver();

  const std::string uri_;
  const Options options_;
  Descriptor epoll_;
  Descriptor event_;  // an eventfd: commands are finished although the connection is not readable
  std::unique_ptr<nbd_handle, CloseHandle> connection_;
  int watched_ = -1;               // the connection's descriptor, in epoll_
  std::uint32_t watched_for_ = 0;  // events of epoll
  State state_ = State::gone;
  std::string trouble_;  // why it is gone
  Instant tried_at_;
  std::uint64_t export_size_ = 0;
  ByteRange range_;  // of the export
  StoreTraits traits_;
  bool can_flush_ = false;

  std::vector<std::unique_ptr<Command>> commands_;  // as many as were ever in flight at once
  std::vector<Command*> idle_;                      // of these
  std::vector<Command*> finished_;                  // done() is due
  std::vector<Command*> delivered_;                 // done() is being called
  std::uint64_t operations_finished_ = 0;
  std::uint64_t writes_ = 0;  // acknowledged by the server
  std::uint64_t stable_ = 0;  // of these, flushed since
  bool has_lost_writes_ = false;
};

}  // namespace aoe::target
