// Compares the content of a remote target with that of a member: reads the same places of both
// (content_sample.h), one after the other, while I/O goes on.
//
// A device compares one pair at a time. The comparison is over when it has a verdict, or one of the
// two paths that it reads by is gone. Owned by the device's Membership, which calls it for each answer
// to Question::Kind::sample, and draws the conclusion. Does no I/O and reads no clock.
#pragma once

#include <cstdint>
#include <optional>

#include "initiator/engine/content_sample.h"
#include "initiator/engine/paths.h"
#include "initiator/engine/questions.h"

namespace aoe::initiator {

class ContentComparison {
 public:
  /// Two disks of this size. `written`: a place where something was written lately.
  ContentComparison(const Device& device, Paths& paths, Questions& questions, const Path& candidate,
                    const Path& reference, const Identity& identity,
                    std::optional<std::uint64_t> written);

  /// Returns whether both paths still exist.
  bool is_possible() const { return candidate() && reference(); }
  /// Returns whether it reads by this path.
  bool involves(const Path& path) const {
    return path.serial == candidate_ || path.serial == reference_;
  }
  /// Returns the path to the target that is to be found out about; nothing when it is gone.
  std::optional<Paths::Way> candidate() const { return paths_.find(candidate_); }
  /// Returns the first sector of the last place that was compared: once there is a verdict.
  std::uint64_t lba_last() const { return sample_.lba_last(); }

  /// Reads on, as soon as both paths are free. Returns false when there is nothing left to compare
  /// with.
  bool go_on(Instant now);
  /// A write or trim goes out.
  void note_write(std::uint64_t lba, std::uint64_t sectors) { sample_.note_write(lba, sectors); }
  /// Takes what is in the sectors that a path which it involves was asked for; no data: they can't be
  /// read.
  ContentSample::Verdict take(const Paths::Way& way, const Question& question, Bytes data,
                              Instant now);

 private:
  std::optional<Paths::Way> reference() const { return paths_.find(reference_); }
  void ask(Path& path, Instant due);

  const Device& device_;  // knows what it is writing
  Paths& paths_;
  Questions& questions_;
  const std::uint64_t candidate_;  // paths, by serial number
  const std::uint64_t reference_;
  const bool extended_;  // reads with LBA48
  ContentSample sample_;
  bool reading_ = false;
  bool skip_ = false;  // one of them can't read this place
};

}  // namespace aoe::initiator
