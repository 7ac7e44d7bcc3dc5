// One try to connect to an NBD server, on a thread of its own: looking up the host's name blocks
// for as long as its name servers do not answer, and TLS takes time that a thread which serves LUNs
// does not have.
//
// Owned by NbdStore, which makes one for each try and takes the connections over once descriptor()
// is readable. Where the server says that all its clients see the same disk (NBD's multi-conn), the
// result has several connections. The destructor gives the try up without waiting for a name
// server: a thread that is looking up a name then ends by itself, and touches nothing of the owner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <tl/expected.hpp>

#include "base/instant.h"

struct nbd_handle;

namespace aoe::target {

struct CloseNbd {
  void operator()(nbd_handle* handle) const;
};
using NbdHandle = std::unique_ptr<nbd_handle, CloseNbd>;

/// Returns libnbd's text on the call of this thread that failed last, without the name of the call.
std::string last_nbd_trouble();

/// Makes a handle and begins to connect to the server of a URI. Blocks while it looks up the host's
/// name. Error: "connect: No such file or directory".
tl::expected<NbdHandle, std::string> dial_nbd(const std::string& uri);

class NbdAttempt {
 public:
  struct Options {
    /// How long the server may take for each connection, once its name is known.
    Duration timeout = std::chrono::seconds(5);
    /// The most connections to a server that allows several.
    std::size_t connections_max = 4;
    /// Tests put a function of their own in the place of dial_nbd(). Called on the thread.
    std::function<tl::expected<NbdHandle, std::string>(const std::string& uri)> dial = dial_nbd;
  };
  /// One connection or more, ready for commands; or why there is none: "the server does not answer".
  using Result = tl::expected<std::vector<NbdHandle>, std::string>;

  /// Begins to connect. Fails where no descriptor or no thread is left: "Too many open files (the
  /// limit is 1024; …".
  static tl::expected<std::unique_ptr<NbdAttempt>, std::string> begin(const std::string& uri,
                                                                      const Options& options);
  NbdAttempt(const NbdAttempt&) = delete;
  NbdAttempt& operator=(const NbdAttempt&) = delete;
  ~NbdAttempt();

  /// Readable from when the result is there.
  int descriptor() const;
  /// Returns the result. Called once, when it is there.
  Result take();

 private:
  struct Shared;
  explicit NbdAttempt(std::shared_ptr<Shared> shared);

  std::shared_ptr<Shared> shared_;  // with the thread
  std::thread thread_;
};

}  // namespace aoe::target
