// Puts questions (question.h) to a device's remote targets: sends them, and waits for their answers.
//
// Questions share the target's buffers with I/O, and take no room in its window: one that is lost on a
// silent path must not stop the others. A path has one question at a time; what comes of an answer,
// or of none, is up to the caller.
//
// Owned by the device's Membership, and called by it and its ContentComparison alone. Does no I/O and
// reads no clock.
#pragma once

#include <cstdint>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/counters.h"
#include "initiator/engine/device_trace.h"
#include "initiator/engine/paths.h"
#include "initiator/engine/shared.h"

namespace aoe::initiator {

class Questions {
 public:
  /// `device`: whose transmissions these are.
  Questions(Device& device, const Shared& shared, const DeviceTrace& trace, Paths& paths,
            DeviceCounters& counters)
      : device_(device), shared_(shared), trace_(trace), paths_(paths), counters_(counters) {}

  /// Asks this by a path, at `question.due` or later. Does nothing while the path has a question.
  void ask(Path& path, const Question& question);
  /// A path that was silent may be back: its question is not awaited for longer than a first timeout.
  void hasten(const Paths::Way& way, Instant now);
  /// Asks again at `due` what is not awaited any more.
  void repeat(Path& path, Instant due);
  bool is_asking() const;

  /// Sends the questions that are due, as far as there is room.
  void send(Instant now, Actions& out);

  /// Returns which command an outstanding transmission was; how many bytes of data its reply has to
  /// have.
  Command command_of(const Transmission& transmission);
  std::size_t size_of(const Transmission& transmission);
  /// Takes the answer to an outstanding transmission by this path. Returns the question, which is over.
  Question answered(const Paths::Way& way, Transmission& transmission, Instant now);

  /// Returns the paths, by serial number, whose answers are overdue.
  std::vector<std::uint64_t> overdue(Instant now) const;
  /// The answer to this path's question has not come in time, and is not awaited any more.
  void expired(const Paths::Way& way, Instant now);
  /// Does not await the answer any more, if there is one to await.
  void withdraw(const Paths::Way& way);
  /// All have been withdrawn, and are over.
  void clear();

  /// When a question is to be sent, or is overdue, at the earliest.
  Instant deadline() const { return deadline_; }
  void reckon_deadline(Instant now);

 private:
  bool is_linux() const { return shared_.parameters.profile == Profile::linux_driver; }
  void transmit(const Paths::Way& way, Instant now, Actions& out);

  Device& device_;
  const Shared& shared_;
  const DeviceTrace& trace_;
  Paths& paths_;
  DeviceCounters& counters_;
  bool unsent_ = false;
  Instant deadline_ = never;
};

}  // namespace aoe::initiator
