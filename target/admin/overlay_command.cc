#include "target/admin/overlay_command.h"

#include <sys/stat.h>

#include <chrono>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "base/check.h"
#include "base/instant.h"
#include "base/printable.h"
#include "base/progress.h"
#include "target/service/report.h"
#include "target/store/overlay_change.h"

namespace aoe::target {
namespace {

/// What a command prints, or its error.
using Told = tl::expected<std::string, std::string>;

tl::expected<File, std::string> open_file(const std::string& path, FileUse use) {
  if (path.find("://") != path.npos) {
    return tl::unexpected(path + ": neither a file nor a block device, which this command needs");
  }
  auto file = File::open(path, {.use = use});
  if (!file && file.error().ends_with("in use by another process")) {
    return tl::unexpected(file.error() + "; no target may serve it meanwhile");
  }
  return file;
}

tl::expected<OverlayFile, std::string> open_delta(const std::string& path, FileUse use) {
  auto file = open_file(path, use);
  if (!file) return tl::unexpected(file.error());
  return OverlayFile::open(*std::move(file), boot_id());
}

/// Shows how far a command is, a few times a second.
class OverlayMeter {
 public:
  explicit OverlayMeter(const OverlayFile& delta) : line_(delta.header.part.length, true) {}

  OverlayProgress progress() {
    return [this](std::uint64_t bytes) {
      const Instant now = monotonic_now();
      if (now < next_) return;
      next_ = now + std::chrono::milliseconds(200);
      line_.show(bytes);
    };
  }

 private:
  Progress line_;
  Instant next_{};
};

std::string blocks_text(std::uint64_t blocks) {
  return fmt::format("{} ({} bytes)", quantity(blocks, "block"), blocks * overlay_block_size);
}

std::string time_text(std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return "of no known time";
  const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  return fmt::format("last changed {:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

/// What `overlay info` shows.
struct OverlayInfo {
  const OverlayFile& delta;
  std::uint64_t own_blocks = 0;
  std::uint64_t occupied = 0;  // bytes of the delta on its disk
  std::string base = {};       // a file that it was compared with; none where empty
  BaseMatch match = BaseMatch::none;

  std::string_view match_text() const {
    switch (match) {
      case BaseMatch::none: return "not its base";
      case BaseMatch::same_time: return "its base, by its time";
      case BaseMatch::same_content: return "its base, by a look at 256 of its blocks";
    }
    AOE_CHECK(false && "a match without words");
  }

  std::string state() const {
    if (delta.header.is_committing()) {
      return "its commit into its base was interrupted; do aoe-target overlay commit again";
    }
    if (delta.lost_blocks == 0) return "clean";
    return fmt::format(
        "the machine went down before a flush: {} not whole and not counted",
        delta.lost_blocks == 1 ? "1 block is" : fmt::format("{} blocks are", delta.lost_blocks));
  }

  std::string text() const {
    const OverlayHeader& header = delta.header;
    std::string text = fmt::format(
        "{}: an overlay of version {}\n"
        "  base:    {} bytes, {}\n"
        "  disk:    {} bytes, from byte {} of the base on\n"
        "  blocks:  {} of {} are its own, {} bytes; the file occupies {} bytes\n"
        "  state:   {}\n",
        escaped(delta.file.path()), header.version, header.base_size,
        time_text(header.base_changed_at), header.part.length, header.part.offset, own_blocks,
        delta.blocks(), own_blocks * overlay_block_size, occupied, state());
    if (!base.empty()) text += fmt::format("  {}: {}\n", escaped(base), match_text());
    return text;
  }

  std::string json() const {
    const OverlayHeader& header = delta.header;
    nlohmann::ordered_json json{{"overlay", escaped(delta.file.path())},
                                {"version", header.version},
                                {"base",
                                 {{"size", header.base_size},
                                  {"changed_at", header.base_changed_at},
                                  {"offset", header.part.offset},
                                  {"length", header.part.length}}},
                                {"blocks", delta.blocks()},
                                {"own_blocks", own_blocks},
                                {"own_bytes", own_blocks * overlay_block_size},
                                {"occupied_bytes", occupied},
                                {"clean", delta.lost_blocks == 0},
                                {"lost_blocks", delta.lost_blocks},
                                {"committing", header.is_committing()}};
    if (!base.empty()) {
      json["is_base"] = match != BaseMatch::none;
      json["by"] = match == BaseMatch::none        ? ""
                   : match == BaseMatch::same_time ? "time"
                                                   : "content";
    }
    return json.dump() + '\n';
  }
};

Told show(const OverlayArguments& arguments) {
  const auto delta = open_delta(arguments.delta, FileUse::read);
  if (!delta) return tl::unexpected(delta.error());
  OverlayInfo info{.delta = *delta};
  for (std::uint64_t block = 0; block < delta->blocks(); ++block) {
    if (delta->has(block)) ++info.own_blocks;
  }
  struct stat status;
  if (::fstat(delta->file.descriptor(), &status) == 0) {
    info.occupied = static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  if (!arguments.base.empty()) {
    const auto base = open_file(arguments.base, FileUse::read);
    if (!base) return tl::unexpected(base.error());
    const auto match = delta->match(*base);
    if (!match) return tl::unexpected(match.error());
    info.base = arguments.base;
    info.match = *match;
  }
  return arguments.json ? info.json() : info.text();
}

Told run_adopt(const OverlayArguments& arguments, OverlayFile& delta, const File& base) {
  if (const auto adopted = adopt_base(delta, base); !adopted) {
    return tl::unexpected(adopted.error());
  }
  return fmt::format(
      "{}: its base is {} now. Where that differs from the former base, clients see the "
      "difference, "
      "except in the overlay's own blocks.\n",
      arguments.delta, arguments.base);
}

Told run_rebase(const OverlayArguments& arguments, OverlayFile& delta, const File& old_base) {
  const auto new_base = open_file(arguments.new_base, FileUse::read);
  if (!new_base) return tl::unexpected(new_base.error());
  OverlayMeter meter(delta);
  const auto copied = rebase(delta, old_base, *new_base, meter.progress());
  if (!copied) return tl::unexpected(copied.error());
  return fmt::format("{}: its base is {} now; {} that differ were kept\n", arguments.delta,
                     arguments.new_base, blocks_text(*copied));
}

Told run_commit(const OverlayArguments& arguments, OverlayFile& delta, const File& base) {
  OverlayMeter meter(delta);
  const auto moved = commit(delta, base, meter.progress());
  if (!moved) return tl::unexpected(moved.error());
  return fmt::format("{}: {} moved into {}\n", arguments.delta, blocks_text(*moved),
                     arguments.base);
}

Told run_compact(const OverlayArguments& arguments, OverlayFile& delta, const File& base) {
  OverlayMeter meter(delta);
  const auto removed = compact(delta, base, meter.progress());
  if (!removed) return tl::unexpected(removed.error());
  return fmt::format("{}: {} equal to the base's taken out\n", arguments.delta,
                     blocks_text(*removed));
}

Told change(const OverlayArguments& arguments) {
  auto delta = open_delta(arguments.delta, FileUse::sole);
  if (!delta) return tl::unexpected(delta.error());
  const bool writes_base = arguments.action == OverlayAction::commit;
  const auto base = open_file(arguments.base, writes_base ? FileUse::sole : FileUse::read);
  if (!base) return tl::unexpected(base.error());
  switch (arguments.action) {
    case OverlayAction::info: break;
    case OverlayAction::adopt: return run_adopt(arguments, *delta, *base);
    case OverlayAction::rebase: return run_rebase(arguments, *delta, *base);
    case OverlayAction::commit: return run_commit(arguments, *delta, *base);
    case OverlayAction::compact: return run_compact(arguments, *delta, *base);
  }
  AOE_CHECK(false && "not a change");
}

}  // namespace

int run_overlay(const OverlayArguments& arguments, std::FILE* out, std::FILE* errors) {
  const Told told = arguments.action == OverlayAction::info ? show(arguments) : change(arguments);
  if (told) {
    std::fwrite(told->data(), 1, told->size(), out);
  } else {
    std::fputs(fmt::format("aoe-target: {}\n", escaped(told.error())).c_str(), errors);
  }
  return told ? 0 : 1;
}

}  // namespace aoe::target
