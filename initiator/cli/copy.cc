#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/progress.h"
#include "base/standard_streams.h"
#include "initiator/cli/commands.h"
#include "initiator/cli/transfer.h"

namespace aoe::initiator {
namespace {

constexpr int exit_signal = 128;

struct stat status_of(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) status = {};
  return status;
}

/// The bytes that are known to come: of a regular file, from where it is read next.
std::optional<std::uint64_t> known_size(int descriptor) {
  const struct stat status = status_of(descriptor);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  const off_t at = ::lseek(descriptor, 0, SEEK_CUR);
  if (at < 0) return std::nullopt;
  return status.st_size > at ? static_cast<std::uint64_t>(status.st_size - at) : 0;
}

/// A file, or standard input or output.
struct File {
  std::string name;
  Descriptor owned;  // none of a standard stream
  int descriptor = -1;
};

File open_file(const std::string& name, int flags) {
  if (name == "-" && flags == O_RDONLY) return {"standard input", {}, STDIN_FILENO};
  if (name == "-") return {"standard output", {}, STDOUT_FILENO};
  Descriptor file(::open(name.c_str(), flags | O_CLOEXEC, 0666));
  if (file.get() < 0) throw Failed(system_message(name));
  const int number = file.get();
  return {name, std::move(file), number};
}

/// Opens the file or device that a copy goes to, and empties a file unless it is to be kept. Throws
/// Failed, with nothing changed, where another program has it locked, as aoe-target does with the
/// images that it serves, or where a device is mounted.
File open_destination(const std::string& name, bool keep) {
  struct stat status {};
  const bool is_device = ::stat(name.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  File file = open_file(name, O_RDWR | (is_device ? O_EXCL : O_CREAT));
  if (name == "-" || !S_ISREG(status_of(file.descriptor).st_mode)) return file;
  if (::flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw Failed(name + ": in use by another program");
  }
  if (!keep && ::ftruncate(file.descriptor, 0) != 0) throw Failed(system_message(name));
  return file;
}

/// A new file is there after a crash only once its folder is stable.
void sync_folder_of(const std::string& name) {
  std::string folder = std::filesystem::path(name).parent_path();
  if (folder.empty()) folder = ".";
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) throw Failed(system_message(folder));
}

/// Returns the bytes between `offset` and the end of the range, or the disk's if it has no length.
std::uint64_t room(const Disk& disk, std::uint64_t offset, std::optional<std::uint64_t> length) {
  const std::uint64_t size = disk.size();
  if (offset > size || length.value_or(0) > size - offset) {
    const std::string part = length ? fmt::format(" + length {}", *length) : "";
    throw Failed(fmt::format("{}: offset {}{} lies beyond its end at {} bytes", disk.address(),
                             offset, part, size));
  }
  return length.value_or(size - offset);
}

/// One copy, whatever it is between. Throws Failed.
class Copy {
 public:
  Copy(Connection& connection, const CopyOptions& options)
      : connection_(connection), options_(options), offset_(options.offset) {}

  Transferred disk_to_file(Disk& disk, const std::string& name) {
    std::uint64_t length = room(disk, offset_, options_.length);
    const File file = open_destination(name, options_.resume);
    const struct stat status = status_of(file.descriptor);
    const bool regular = S_ISREG(status.st_mode) && name != "-";
    FileOptions file_options{.sparse = regular,
                             .stable = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)};
    if (options_.resume) {
      if (!regular) throw Failed(name + ": only a file can be resumed");
      const auto size = static_cast<std::uint64_t>(status.st_size);
      if (size > length) {
        throw Failed(fmt::format("{}: is longer than the {} bytes to copy", name, length));
      }
      file_options.start = size == length ? size : size / sector_size * sector_size;
      if (::lseek(file.descriptor, static_cast<off_t>(file_options.start), SEEK_SET) < 0) {
        throw Failed(system_message(name));
      }
      offset_ += file_options.start;
      length -= file_options.start;
    }
    const auto source = disk_source(connection_, disk, offset_);
    const auto sink = descriptor_sink(file.descriptor, file.name, file_options);
    const Transferred moved = move(*source, *sink, length, length);
    if (regular) sync_folder_of(name);
    return moved;
  }

  Transferred file_to_disk(const std::string& name, Disk& disk) {
    const std::uint64_t available = room(disk, offset_, options_.length);
    const File file = open_file(name, O_RDONLY);
    const Failed too_long(
        fmt::format("{}: the input is longer than the {} bytes from {} to its end", disk.address(),
                    available, offset_));
    const bool whole = !options_.length;
    const auto known = known_size(file.descriptor);
    if (whole && known.value_or(0) > available) throw too_long;

    const auto source = descriptor_source(file.descriptor, file.name);
    const auto sink = disk_sink(connection_, disk, offset_, options_.resume);
    const Transferred moved =
        move(*source, *sink, available,
             known ? std::optional(std::min(*known, available)) : options_.length);
    if (moved.signal != 0) return moved;
    if (!whole && moved.moved < available) {
      throw Failed(fmt::format("the input ended after {} of {} bytes; they are written",
                               moved.moved, available));
    }
    if (whole && moved.moved == available) {
      std::uint8_t one_more;
      const ssize_t got = ::read(file.descriptor, &one_more, 1);
      if (got < 0) throw Failed("reading " + system_message(file.name));
      if (got > 0) throw too_long;
    }
    return moved;
  }

  Transferred disk_to_disk(Disk& from, Disk& to) {
    const std::uint64_t length = room(from, offset_, options_.length);
    room(to, offset_, length);
    const auto source = disk_source(connection_, from, offset_);
    const auto sink = disk_sink(connection_, to, offset_, options_.resume);
    return move(*source, *sink, length, length);
  }

  double seconds() const { return seconds_; }

 private:
  /// `expected`: for the progress line.
  Transferred move(Source& source, Sink& sink, std::uint64_t length,
                   std::optional<std::uint64_t> expected) {
    Progress progress(expected, !options_.quiet);
    auto moved =
        transfer(connection_.loop(), source, sink,
                 {.offset = offset_,
                  .length = length,
                  .progress = [&](std::uint64_t bytes) { progress.show(bytes); },
                  .verifying = [&](std::uint64_t bytes) { progress.begin("verifying", bytes); },
                  .verify = options_.verify});
    seconds_ = progress.seconds();
    return or_fail(std::move(moved));
  }

  Connection& connection_;
  const CopyOptions& options_;
  std::uint64_t offset_;  // on the disk
  double seconds_ = 0;
};

}  // namespace

int copy_command(const CommandOptions& options, const std::string& source,
                 const std::string& destination, const CopyOptions& copy) {
  const auto from_address = parse_address(source);
  const auto to_address = parse_address(destination);
  if (!from_address && !to_address) {
    throw Refused("copy: neither source nor destination is a device name such as e0.2");
  }
  if (from_address == to_address) throw Refused("copy: source and destination are the same");
  if (destination == "-" && (copy.verify || copy.resume)) {
    throw Refused(copy.verify ? "--verify: standard output can't be read back"
                              : "--resume: standard output has no earlier copy");
  }
  Connection connection(options);
  std::optional<Disk> from;
  std::optional<Disk> to;
  if (from_address) from = connection.open_disk(*from_address);
  if (to_address) to = connection.open_disk(*to_address);

  Copy copying(connection, copy);
  const Transferred moved = from && to ? copying.disk_to_disk(*from, *to)
                            : from     ? copying.disk_to_file(*from, destination)
                                       : copying.file_to_disk(source, *to);
  if (moved.signal != 0) {
    complain(fmt::format("interrupted after {} bytes{}{}", moved.moved,
                         copy.verify ? ", not verified" : "",
                         moved.stable ? "" : ", which may not be stable"));
    return exit_signal + moved.signal;
  }
  if (!copy.quiet) {
    std::uint64_t retransmissions = 0;
    for (const auto* disk : {&from, &to}) {
      if (*disk) retransmissions += (*disk)->status().counters.retransmissions;
    }
    tell(fmt::format("{} bytes in {:.3f} s, {:.1f} MB/s, {} retransmissions{}\n", moved.moved,
                     copying.seconds(), static_cast<double>(moved.moved) / 1e6 / copying.seconds(),
                     retransmissions, copy.verify ? ", verified" : ""));
  }
  for (const auto& address : {from_address, to_address}) {
    if (address) connection.check_alone(*address);
  }
  return 0;
}

}  // namespace aoe::initiator
