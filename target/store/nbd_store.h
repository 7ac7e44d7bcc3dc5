// A store on an NBD server, such as nbdkit, qemu-nbd, qemu-storage-daemon or rbd-nbd.
//
// Owns the connections, and an epoll descriptor that the event loop watches: it is readable when a
// connection or a timer has something to do. No operation is immediate. Only open() and wait()
// block, and both have a limit; looking up names, connecting and TLS are done on a thread of their
// own (nbd_attempt.h). Where the server allows it, several connections share the operations; they
// are lost together, when the first of them is.
//
//   state     | event                          | then
//   ----------|--------------------------------|--------------------------------------------------
//   connected | a connection dies, or the      | waiting; operations in flight wait; connecting
//             | server says that it shuts down |
//   connected | wait() had no reply for        | gone; operations in flight fail (ETIMEDOUT);
//             | `silence_max`                  | connecting
//   waiting   | an operation arrives           | it waits
//   waiting   | the server is back, as before  | connected; what waits is sent, in its order
//   waiting   | `hold` has passed              | gone; what waits fails, is_gone()
//   gone      | an operation arrives           | it fails at once, is_gone()
//   gone      | the server is back, as before  | connected
//
// While it is waiting or gone, the store tries to connect, whether there are operations or not: at
// once, then after `retry_min`, then after twice the last interval, up to `retry_max`. A server
// whose disk has another size, or can't be served for another reason, is not back. Where a server
// is lost again before it has answered anything, neither `hold` nor the interval starts over. How many
// operations wait is limited by the starter: Service admits four times the LUN's Buffer Count. A
// client's retransmission of a write that waits is a second operation; of those that say the same,
// one is sent, so that no late copy can overwrite what the client writes after the first reply.
//
// Flushes: writes that the server acknowledged before its connections were lost, and that were not
// flushed, may be lost with them. All later flushes then fail. For a server that cannot flush, the
// protocol says that what it acknowledges is as stable as it will become: flushes then succeed at
// once. With several connections, a flush on one covers what was acknowledged on all.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "base/instant.h"
#include "target/store/file.h"
#include "target/store/nbd_attempt.h"
#include "target/store/store.h"

namespace aoe::target {

class NbdStore final : public Store {
 public:
  struct Options {
    bool read_only = false;
    bool sync = false;  // writes with FUA: each is stable before it is done
    /// How long open() waits for the server, the look-up of its name included.
    Duration timeout = std::chrono::seconds(5);
    /// How long operations wait for a server that is lost.
    Duration hold = std::chrono::seconds(5);
    /// Interval between tries to connect: the first one, and the upper bound on the later ones.
    Duration retry_min = std::chrono::milliseconds(100);
    Duration retry_max = std::chrono::seconds(2);
    /// How long wait() waits for a server that is connected and says nothing. A large flush may
    /// take its time.
    Duration silence_max = std::chrono::seconds(30);
    NbdAttempt::Options attempt = {};
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
  void submit() override;
  void wait() override;
  int descriptor() const override { return epoll_.get(); }
  void reap() override;
  std::string trouble() const override;

  /// The size of the export, bytes.
  std::uint64_t export_size() const { return export_size_; }
  /// Limits the store to a part, whole sectors within the export. Called before the first
  /// operation.
  void narrow(ByteRange range) { range_ = range; }
  bool can_flush() const { return can_flush_; }
  /// Connections to the server; 0 while there is none.
  std::size_t connections() const { return connections_.size(); }

 private:
  enum class State : std::uint8_t { connected, waiting, gone };
  class Command;

  struct Connection {
    NbdHandle handle;
    int descriptor = -1;            // in epoll_
    std::uint32_t watched_for = 0;  // events of epoll
    bool is_touched = false;        // it may wait for something else, or be dead
  };

  NbdStore(const std::string& uri, const Options& options);

  bool has_descriptors() const {
    return epoll_.get() >= 0 && event_.get() >= 0 && timer_.get() >= 0;
  }
  void watch(int descriptor) const;
  tl::expected<void, std::string> begin_attempt();
  /// Takes over what an attempt came to. Returns why there is no server; empty where there is one.
  std::string end_attempt();
  void try_now();
  void try_later();
  /// Returns why the export cannot be served (any more); empty if it can.
  std::string examine(nbd_handle* server);
  /// Notices which connections that were touched have died, and watches what each one waits for.
  void follow_connections();
  void watch_connection(Connection& connection);
  void lose_connections();
  /// Fails everything that is under way, and what arrives until the server is back.
  void give_up(std::error_code error);
  void set_timer();
  void look_at_timer();

  /// Has a command go the way of the state: it is sent, waits, or fails.
  void begin(Command& command);
  /// Sends a command, or the next part of one; finishes it where nothing is to be sent. It waits
  /// where the connection turns out to be dead.
  void issue(Command& command);
  std::error_code issue_to(nbd_handle* server, Command& command);
  void send_what_waited();
  void finish(Command& command, std::error_code error);
  /// Calls done() for finished commands.
  void deliver();

  const std::string uri_;
  const Options options_;
  Descriptor epoll_;
  Descriptor event_;  // an eventfd: commands are finished although no connection is readable
  Descriptor timer_;  // a timerfd: when to try again, or to hold operations no longer
  std::vector<Connection> connections_;
  std::vector<pollfd> polls_;      // scratch: one for each connection
  std::size_t turn_ = 0;           // of the connections: each batch goes out by one of them
  bool is_shutting_down_ = false;  // the server says so
  std::unique_ptr<NbdAttempt> attempt_;
  State state_ = State::gone;
  std::error_code gone_error_;
  Instant connected_at_;
  bool has_answered_ = false;         // the server has done so since it was connected
  Instant hold_until_;                // while waiting
  std::optional<Instant> try_again_;  // while not connected, between two tries
  Duration retry_interval_{};         // before the last try
  std::uint64_t export_size_ = 0;
  ByteRange range_;  // of the export
  StoreTraits traits_;
  bool can_flush_ = false;

  std::vector<std::unique_ptr<Command>> commands_;  // as many as were ever in flight at once
  std::vector<Command*> idle_;                      // of these
  std::vector<Command*> finished_;                  // done() is due
  std::vector<Command*> delivered_;                 // done() is being called
  std::uint64_t operations_started_ = 0;
  std::uint64_t operations_finished_ = 0;
  std::uint64_t writes_ = 0;  // acknowledged by the server
  std::uint64_t stable_ = 0;  // of these, flushed since
  bool has_lost_writes_ = false;
};

}  // namespace aoe::target
