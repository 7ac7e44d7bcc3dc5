// Faults: what may happen to a frame between the two ends, each a small class in faults/.
//
// A fault is asked about every frame that passes, and says what becomes of it. Which frames it
// strikes is the selector's affair, the same for all faults:
//
//   match: {direction: to-target|to-initiator, command: ata|read|write|flush|identify|config}
//   nth: 2            the second frame that matches, and no other
//   every: 10         every tenth
//   probability: 0.02 each with this chance, from the run's seed
//   (none of the three) all that match
//
// The same faults run in virtual time and on a real link, and decide the same from the same frames.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>

#include "proto/frame.h"
#include "proto/instant.h"

namespace aoe {
class YamlMap;
}

namespace aoe::harness {

enum class Direction : std::uint8_t { to_target, to_initiator };
std::string_view text(Direction direction);

/// What a match can ask for. `ata` is any ATA command, and `read` and so on one kind of them.
enum class Traffic : std::uint8_t { any, ata, read, write, flush, identify, config };

struct Match {
  std::optional<Direction> direction;
  Traffic traffic = Traffic::any;
};

struct Selector {
  Match match;
  std::optional<std::uint64_t> nth;
  std::optional<std::uint64_t> every;
  std::optional<double> probability;
};

// What each fault does, and the keys it has beyond the selector's.
struct DropSpec {};       // the frame is lost
struct DuplicateSpec {};  // it arrives twice
struct ReorderSpec {
  Duration by{};
};                        // it is held back for `by` (1ms), and others overtake it
struct PartitionSpec {};  // nothing gets through, in the directions that match
struct MacChangeSpec {
  Mac mac;
};  // at once, and no frame: the target's interface takes the address `mac`

struct FaultSpec {
  std::string id;
  Selector selector;
  std::variant<DropSpec, DuplicateSpec, ReorderSpec, PartitionSpec, MacChangeSpec> kind;

  /// Reads the mapping of an `arm` step, and finishes it.
  static FaultSpec parse(YamlMap& map);
};

/// A frame on its way, as faults see it, and what they have decided so far.
struct Passing {
  Direction direction;
  const Frame* frame;  // decoded; null when it is not AoE
  Traffic traffic;     // of the request, for a reply too; any when it is neither ATA nor config
  bool dropped = false;
  unsigned copies = 1;
  Duration delay{};
};

using Random = std::mt19937_64;

class Fault {
 public:
  explicit Fault(std::string id, const Selector& selector)
      : id_(std::move(id)), selector_(selector) {}
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  virtual ~Fault() = default;

  const std::string& id() const { return id_; }
  /// Frames struck so far.
  std::uint64_t hits() const { return hits_; }

  /// Strikes the frame if it is selected. Returns whether it did.
  bool meet(Passing& passing, Random& random);

 private:
  /// The fault's own deed.
  virtual void strike(Passing& passing) = 0;
  bool selects(const Passing& passing, Random& random);

  const std::string id_;
  const Selector selector_;
  std::uint64_t matched_ = 0;
  std::uint64_t hits_ = 0;
};

/// The fault of a spec; null for mac-change, which is the world's to do.
std::unique_ptr<Fault> make_fault(const FaultSpec& spec);

}  // namespace aoe::harness
