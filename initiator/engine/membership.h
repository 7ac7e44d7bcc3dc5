// Decides which MAC addresses are a device.
//
// Anyone may answer at a device's address: the device itself at several MACs, another disk that was
// given the same address by mistake, a forger. So each remote target is asked IDENTIFY itself, by
// each path, and commands go only to members:
//
//   it says                                       it becomes
//   the same serial and size, and serial is proof  member (likeness.h)
//   the same, and serial is no proof               member, if its content is the same
//                                                  (content_sample.h) or it was a member already;
//                                                  foreign, if not; unproven, if that can't be told
//   the same, no proof, and no member answers      unproven: there is nothing to compare it with
//   another serial or size, a member confirms its  foreign
//   the same, and no member answers                the device, if that is not open or, of one that
//                                                  was a member, only the size changed; else foreign
//
// Until then nothing waits for it: I/O goes on by the members. A member that says that it came up
// (an announcement) is asked before more commands go to it, for as long as it does not answer; at most
// every ten seconds, so that a forger can't hold it. What else a config answer says of a member, new
// limits or that a silent path is back, is a claim: the target is asked by that path, with a tag that
// nobody can guess.
//
// Questions are repeated as commands are; a candidate that does not answer five of them is dropped.
// Owned by its device, and called by it alone. Does no I/O and reads no clock.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/content_comparison.h"
#include "initiator/engine/counters.h"
#include "initiator/engine/device_trace.h"
#include "initiator/engine/likeness.h"
#include "initiator/engine/paths.h"
#include "initiator/engine/questions.h"
#include "initiator/engine/shared.h"

namespace aoe::initiator {

class Membership {
 public:
  static constexpr unsigned attempts_max = 5;  // of a question that the device can do without
  static constexpr Duration suspension_distance = std::chrono::seconds(10);
  static constexpr Duration identify_distance = std::chrono::seconds(1);

  /// The device, as its users see it.
  struct View {
    const Identity* identity = nullptr;  // null while it is not up
    bool open = false;
    bool revived = false;  // it is looked for at its user's wish: serial and size are enough
  };
  /// `device`: whose transmissions these are, and who knows what it is writing.
  Membership(Device& device, const Shared& shared, const DeviceTrace& trace, Paths& paths,
             DeviceCounters& counters)
      : device_(device),
        shared_(shared),
        trace_(trace),
        paths_(paths),
        questions_(device, shared, trace, paths, counters) {}

  /// A config answer came by this path. `announced`: nobody had asked for it.
  void heard(const Paths::Way& way, bool announced, bool open, Instant now);
  /// Asks a member what it offers.
  void ask_offer(Path& path, Instant now);
  /// Asks each member who it is.
  void identify_members(Instant now);
  bool is_asking() const { return questions_.is_asking(); }

  /// Sends the questions that are due, as far as there is room.
  void send(Instant now, Actions& out) { questions_.send(now, out); }

  /// An answer to a question, as far as the device has to know.
  struct Answer {
    enum class Kind : std::uint8_t { nothing, identified, useless };
    Kind kind = Kind::nothing;
    std::optional<Paths::Way> way{};
    Identity identity{};  // identified
    Completion result{};  // useless: why
    Reject reject{};
  };
  /// Which command an outstanding transmission was, and how many bytes of data its reply has to have.
  Command command_of(const Transmission& transmission) {
    return questions_.command_of(transmission);
  }
  std::size_t size_of(const Transmission& transmission) { return questions_.size_of(transmission); }
  /// Takes the reply to an outstanding transmission that asked a question.
  /// Precondition: it is of that command, and a good one has that much data.
  Answer on_answer(Transmission& transmission, const Frame& frame, const View& view, Instant now,
                   Actions& out);

  enum class Judgement : std::uint8_t {
    unchanged,  // the device is what it was
    adopted,    // the device is what this target says from now on
    left,       // this target was a member, and is none: nothing may go to it
  };
  /// This target says that it is this disk.
  Judgement judge(const Paths::Way& way, const Identity& identity, const View& view, Instant now,
                  Actions& out);

  /// A write or trim goes out; one has ended well.
  void note_write(std::uint64_t lba, std::uint64_t sectors) {
    if (comparison_ != nullptr) comparison_->note_write(lba, sectors);
  }
  void written(std::uint64_t lba, const View& view, Instant now) {
    if (unproven_ > 0) try_written(lba, view, now);
  }

  /// Ends all questions; those by one local port.
  void drop_all();
  void drop_port(PortId port);
  /// Ends the questions to a target that can be forgotten then.
  void drop(const Paths::Way& way);
  /// The device went down: who was a member has to prove it again.
  void forget_members() { known_.clear(); }

  Instant deadline() const { return questions_.deadline(); }
  /// Returns whether the device is silent: it has not answered for `deadsecs` (zero: for ever) who
  /// it is.
  bool expire(const View& view, Instant now, Actions& out);

 private:
  /// A disk whose size can be read in two ways.
  struct Doubt {
    std::uint64_t path;  // by serial number
    UsableIdentity usable;
  };

  bool is_linux() const { return shared_.parameters.profile == Profile::linux_driver; }
  /// Until it was asked, it gets no more commands than it claims to take; at most once in a while,
  /// for who claims that may have forged it.
  static void heed_claim(RemoteTarget& remote, Instant now);
  /// This path's question is over.
  void ended(const Paths::Way& way);
  /// What is in the sectors that were asked for; no data: they can't be read.
  void take_sample(const Paths::Way& way, const Question& question, Bytes data, const View& view,
                   Instant now, Actions& out);
  /// Makes what IDENTIFY says the answer; where it contradicts itself, once its last sector was read.
  void take_identity(const Paths::Way& way, const UsableIdentity& usable, Instant now,
                     Answer& answer);
  /// Whether the last sector of the larger size is there.
  void take_last_sector(const Paths::Way& way, bool is_there, Instant now, Answer& answer,
                        Actions& out);
  /// Asks a target who it is by each of its paths.
  void identify_by_all_paths(RemoteTarget& remote, Instant now);
  void lose_reference(const Paths::Way& way, const Identity& identity, Instant now, Actions& out);
  bool is_dead(const Paths::Way& way, const View& view, Instant now) const;
  /// Returns whether a member has answered since then.
  bool has_answered(Instant since) const;
  void repeat_or_drop(const Paths::Way& way, const View& view, Instant now);

  void join(RemoteTarget& remote);
  bool is_known(const Mac& mac) const { return std::ranges::find(known_, mac) != known_.end(); }
  /// The same serial and size as the device.
  void try_to_join(const Paths::Way& way, const Identity& identity, Instant now, Actions& out);
  /// A member has confirmed that the device is this disk: judges all others that have spoken.
  void settle(const Identity& identity, Instant now, Actions& out);
  void become(RemoteTarget& remote, Standing standing, Event::Kind kind, std::uint64_t sectors,
              Instant now, Actions& out);

  void try_written(std::uint64_t lba, const View& view, Instant now);
  void compare(const Paths::Way& way, std::optional<std::uint64_t> written,
               const Identity& identity, Instant now);
  void go_on_comparing(Instant now);
  bool is_comparing(const Path& path) const;

  Device& device_;
  const Shared& shared_;
  const DeviceTrace& trace_;
  Paths& paths_;
  Questions questions_;
  std::vector<Mac> known_;  // members since the device was up, remotes_max at most
  std::unique_ptr<ContentComparison> comparison_;
  std::unique_ptr<Doubt> doubt_;
  unsigned unproven_ = 0;  // remote targets that are, at most
};

}  // namespace aoe::initiator
