#include "initiator/engine/content_comparison.h"

#include <algorithm>
#include <utility>

#include "initiator/engine/device.h"

namespace aoe::initiator {

ContentComparison::ContentComparison(const Device& device, Paths& paths, Questions& questions,
                                     const Path& candidate, const Path& reference,
                                     const Identity& identity, std::optional<std::uint64_t> written)
    : device_(device),
      paths_(paths),
      questions_(questions),
      candidate_(candidate.serial),
      reference_(reference.serial),
      extended_(identity.lba48 || identity.sectors > ata::lba28_sectors_max),
      sample_(identity.sectors, written) {}

bool ContentComparison::go_on(Instant now) {
  if (reading_) return true;
  const auto candidate = this->candidate();
  const auto reference = this->reference();
  if (!candidate || !reference || !reference->remote->is_member()) return false;
  if (candidate->path->question.is_pending() || reference->path->question.is_pending()) return true;
  reading_ = true;
  ask(*reference->path, std::max(now, sample_.due()));
  sample_.begin(device_.is_changing(sample_.lba(), sample_.sectors()));
  return true;
}

ContentSample::Verdict ContentComparison::take(const Paths::Way& way, const Question& question,
                                               Bytes data, Instant now) {
  constexpr auto undecided = ContentSample::Verdict::undecided;
  if (question.lba != sample_.lba()) return undecided;
  const auto candidate = this->candidate();
  const auto reference = this->reference();
  if (!candidate || !reference) return undecided;
  const bool is_candidate = way.path == candidate->path;
  const bool read = !data.empty();
  skip_ |= !read;
  // One after the other: two commands that are alike would look like one that is repeated.
  if (read && !is_candidate) {
    // One that is being asked something else is compared from the start of this place later.
    reading_ = !candidate->path->question.is_pending();
    ask(*candidate->path, now);
  }
  const auto side = is_candidate ? ContentSample::candidate : ContentSample::reference;
  const auto verdict =
      read ? sample_.read(side, data.first(question.sectors * sector_size), now) : undecided;
  const bool is_asking =
      candidate->path->question.is_pending() || reference->path->question.is_pending();
  if (is_asking || !std::exchange(reading_, false)) return undecided;
  return std::exchange(skip_, false) ? sample_.skip() : verdict;
}

void ContentComparison::ask(Path& path, Instant due) {
  questions_.ask(path, {.kind = Question::Kind::sample,
                        .extended = extended_,
                        .sectors = sample_.sectors(),
                        .lba = sample_.lba(),
                        .due = due});
}

}  // namespace aoe::initiator
