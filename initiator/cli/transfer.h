// Copies between AoE disks and file descriptors: what `aoe-initiator read`, `write` and `copy` do.
//
// Bytes move in order, in chunks, of which several are outstanding at a disk. Nothing is
// outstanding while a descriptor blocks, so a slow program at the other end of a pipe causes no
// retransmission.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// "e0.2: reading at sector 1024: device is down".
using Outcome = tl::expected<void, std::string>;

/// A piece of a copy, in whole sectors of the disk: `data` has the same place in `buffer` as in the
/// disk's sectors. The buffer stays in place from begin to end.
struct Chunk {
  enum class Stage : std::uint8_t { filling, filled, storing, stored };

  std::uint64_t position = 0;  // of `data`, from the start of the copy
  std::vector<std::uint8_t> buffer{};
  MutableBytes data{};              // shortened by a source that ends here
  std::vector<std::uint8_t> old{};  // for the sink's use
  Stage stage = Stage::filling;
  bool cut = false;  // the sink was interrupted: `data` is what it had stored
  Outcome outcome{};

  void end(Stage reached, Outcome how) {
    stage = reached;
    outcome = std::move(how);
  }
};

/// Called repeatedly while a descriptor blocks. Returns whether to wait on.
using BeforeWaiting = std::function<bool()>;

/// One end of a copy.
class End {
 public:
  End() = default;
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  virtual ~End() = default;

  /// Fails what a disk has not answered yet, and what is begun from now on.
  virtual void give_up() {}
};

/// Gives bytes, in order.
class Source : public End {
 public:
  /// Fills `data` and ends the stage, at once or from within the loop.
  virtual void fill(Chunk& chunk, const BeforeWaiting& before_waiting) = 0;
};

/// Takes bytes, in order.
class Sink : public End {
 public:
  /// Stores `data` and ends the stage, at once or from within the loop.
  virtual void store(Chunk& chunk, const BeforeWaiting& before_waiting) = 0;
  /// Makes stable what was stored.
  virtual Outcome finish() = 0;
  /// Reads from where the chunk was stored.
  virtual Outcome read_back(Chunk& chunk) = 0;
};

/// Reads a disk from byte `offset` on.
std::unique_ptr<Source> disk_source(Connection& connection, Disk& disk, std::uint64_t offset);
/// Writes a disk from byte `offset` on. With `compare`, only chunks that differ from the disk's
/// content are written. Sectors that are written in part keep their other bytes.
std::unique_ptr<Sink> disk_sink(Connection& connection, Disk& disk, std::uint64_t offset,
                                bool compare);

/// Reads a file descriptor, from its position on. `name` is for errors: "reading NAME: …".
std::unique_ptr<Source> descriptor_source(int descriptor, std::string name);
/// How a descriptor is written: `stable`, made stable at the end; `sparse`, with holes for blocks
/// of zeros. `start` is its position.
struct FileOptions {
  std::uint64_t start = 0;
  bool sparse = false;
  bool stable = false;
};
std::unique_ptr<Sink> descriptor_sink(int descriptor, std::string name, const FileOptions& options);

struct TransferOptions {
  std::uint64_t offset = 0;               // on the disk, for chunks of whole sectors
  std::optional<std::uint64_t> length{};  // most bytes to move; nothing: until the source ends
  /// Called a few times a second with the bytes moved so far, or verified.
  std::function<void(std::uint64_t)> progress{};
  /// Called when so many bytes are to be verified: `progress` counts from 0 again.
  std::function<void(std::uint64_t)> verifying{};
  /// Reads back what was stored and compares it, in the end.
  bool verify = false;
};

struct Transferred {
  std::uint64_t moved = 0;  // bytes that were stored
  int signal = 0;           // SIGINT or SIGTERM that came before all was moved and verified; or 0
  bool stable = true;       // false: a silent disk did not make them stable
};

/// Copies until the source ends or a signal comes, in the loop of the disks. After a signal, disks
/// have half a second to answer what is outstanding. Everything that it began has ended when it
/// returns. A second signal ends the program.
tl::expected<Transferred, std::string> transfer(boost::asio::io_context& loop, Source& source,
                                                Sink& sink, const TransferOptions& options);

}  // namespace aoe::initiator
