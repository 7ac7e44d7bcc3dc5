// A store on an NBD server: whatever nbdkit, qemu-nbd, qemu-storage-daemon or rbd-nbd serves.
//
// Owns the connection, and an epoll descriptor that the event loop watches: it is readable when the
// connection has something to do. Nothing is immediate, and nothing blocks but open() and wait()
// (and, where a reconnect must look a host name up, that look-up).
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
// Flushes: what the server acknowledged before its connection was lost, and was not flushed, may be
// lost with it. All later flushes then fail. A server that cannot flush says by this, as the
// protocol has it, that what it acknowledges is as stable as it will get: flushes then succeed
// without asking it.
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
    bool sync = false;  // each write with FUA: stable before it is done
    /// How long open() waits for the server.
    Duration timeout = std::chrono::seconds(5);
    /// The monotonic clock; tests put their own here.
    Instant (*now)() = nullptr;
  };

  /// Errors name the URI: "nbd://server/disk: Connection refused", "nbd://…: the server does not
  /// answer", "nbd://…: read-only there", "nbd://…: needs blocks of 4096 bytes".
  static tl::expected<std::unique_ptr<NbdStore>, std::string> open(const std::string& uri,
                                                                   const Options& options);
  ~NbdStore() override;

  std::uint64_t size() const override { return range_.length; }
  StoreTraits traits() const override;
  bool is_immediate(Operation::Kind) const override { return false; }
  void start(Operation& operation) override;
  void wait() override;
  int descriptor() const override { return epoll_.get(); }
  void reap() override;

  /// The export's bytes.
  std::uint64_t export_size() const { return export_size_; }
  /// Serves this part, whole sectors within the export, in place of all whole sectors. Before the
  /// first operation.
  void narrow(ByteRange range) { range_ = range; }
  bool can_flush() const { return can_flush_; }

 private:
  enum class State : std::uint8_t { connected, gone, connecting };
  class Command;

  struct CloseHandle {
    void operator()(nbd_handle* handle) const;
  };

  NbdStore(const std::string& uri, const Options& options);
  Instant now() const;
  /// Begins to connect.
  void connect();
  /// Sees whether the connection has died or become ready, and watches what it waits for.
  void follow_connection();
  void watch_connection();
  void lose_connection(const std::string& why);
  /// Gone: tries to connect, now and then.
  void try_again();
  /// Why what the server offers cannot be served (any more); empty where it can.
  std::string examine();

  /// Sends a command; or the next part of one. An error where that could not be.
  std::error_code issue(Command& command);
  void finish(Command& command, std::error_code error);
  /// Calls done() for what is finished.
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
