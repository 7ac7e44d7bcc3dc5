#include "initiator/cli/transfer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <deque>
#include <list>

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/crc.hpp>

namespace aoe::initiator {
namespace {

using boost::system::error_code;

constexpr std::size_t chunk_size = 1 << 20;
constexpr std::size_t chunks_outstanding = 4;
constexpr std::size_t hole_size = 4096;  // what a file system leaves out at least
constexpr auto progress_interval = std::chrono::milliseconds(100);
constexpr auto answer_limit = std::chrono::milliseconds(500);  // of a disk, after a signal

std::uint64_t sectors_over(std::uint64_t bytes) {
  return (bytes + sector_size - 1) / sector_size;
}

/// A disk from `offset` on, as a source or a sink of chunks.
class DiskEnd final : public Source, public Sink {
 public:
  /// `compare`: see disk_sink().
  DiskEnd(Connection& connection, Disk& disk, std::uint64_t offset, bool compare)
      : connection_(connection), disk_(disk), offset_(offset), compare_(compare) {}

  /// A handler that give_up() has called early.
  template <class Handler>
  auto cancellable(Handler handler) {
    const auto signal = outstanding_.emplace(outstanding_.end());
    return boost::asio::bind_cancellation_slot(signal->slot(),
                                               [this, signal, handler](error_code error) {
                                                 outstanding_.erase(signal);
                                                 handler(error);
                                               });
  }

  void fill(Chunk& chunk, const BeforeWaiting& /*before_waiting*/) override {
    const std::uint64_t begin = begin_of(chunk);
    const auto filled = [this, &chunk, begin](error_code error) {
      chunk.end(Chunk::Stage::filled, outcome(error, "reading", begin));
    };
    disk_.async_read(begin, chunk.buffer, cancellable(filled));
  }

  void store(Chunk& chunk, const BeforeWaiting& /*before_waiting*/) override {
    if (auto kept = keep_margins(chunk); !kept) return chunk.end(Chunk::Stage::stored, kept);
    if (!compare_) return write(chunk);
    const std::uint64_t begin = begin_of(chunk);
    chunk.old.resize(chunk.buffer.size());
    const auto compare = [this, &chunk, begin](error_code error) {
      if (error || chunk.old == chunk.buffer) {
        chunk.end(Chunk::Stage::stored, outcome(error, "reading", begin));
      } else {
        write(chunk);
      }
    };
    disk_.async_read(begin, chunk.old, cancellable(compare));
  }

  Outcome finish() override {
    const auto error = result_of([&](auto done) { disk_.async_flush(done); });
    if (!error) return {};
    return tl::unexpected(fmt::format("{}: flushing: {}", disk_.address(), error.message()));
  }

  Outcome read_back(Chunk& chunk) override { return read_now(begin_of(chunk), chunk.buffer); }

  void give_up() override {
    given_up_ = true;
    for (auto& signal : outstanding_) signal.emit(boost::asio::cancellation_type::all);
  }

 private:
  /// The byte of the disk at which the chunk's buffer begins: a sector's first.
  std::uint64_t begin_of(const Chunk& chunk) const {
    return (offset_ + chunk.position) / sector_size * sector_size;
  }

  Outcome outcome(error_code error, std::string_view doing, std::uint64_t begin) const {
    if (!error) return {};
    return tl::unexpected(fmt::format("{}: {} at sector {}: {}", disk_.address(), doing,
                                      begin / sector_size, error.message()));
  }

  /// Returns when it has read; for what is small.
  Outcome read_now(std::uint64_t begin, MutableBytes into) {
    const auto error = result_of([&](auto done) { disk_.async_read(begin, into, done); });
    return outcome(error, "reading", begin);
  }

  /// Runs the loop until what `begin` begins has ended.
  template <class Begin>
  error_code result_of(Begin begin) {
    if (given_up_) return boost::asio::error::operation_aborted;
    return connection_.result_of([&](auto done) { begin(cancellable(done)); });
  }

  /// Sectors that are only written in part keep the rest of what they hold.
  Outcome keep_margins(Chunk& chunk) {
    const auto head = static_cast<std::size_t>(chunk.data.data() - chunk.buffer.data());
    const std::size_t used = head + chunk.data.size();
    chunk.buffer.resize(sectors_over(used) * sector_size);  // never larger: it stays in place
    const std::size_t tail = chunk.buffer.size() - used;
    std::array<std::uint8_t, sector_size> old;
    if (head > 0) {
      if (auto read = read_now(begin_of(chunk), old); !read) return read;
      std::copy_n(old.begin(), head, chunk.buffer.begin());
    }
    if (tail > 0) {
      const std::uint64_t last = begin_of(chunk) + chunk.buffer.size() - sector_size;
      if (auto read = read_now(last, old); !read) return read;
      std::copy_n(old.end() - static_cast<std::ptrdiff_t>(tail), tail,
                  chunk.buffer.end() - static_cast<std::ptrdiff_t>(tail));
    }
    return {};
  }

  void write(Chunk& chunk) {
    const std::uint64_t begin = begin_of(chunk);
    disk_.async_write(begin, chunk.buffer, cancellable([this, &chunk, begin](error_code error) {
                        chunk.end(Chunk::Stage::stored, outcome(error, "writing", begin));
                      }));
  }

  Connection& connection_;
  Disk& disk_;
  const std::uint64_t offset_;
  const bool compare_;
  std::list<boost::asio::cancellation_signal> outstanding_;  // one for each request
  bool given_up_ = false;
};

/// Returns when the descriptor takes or gives something; false: it is not to be waited for.
bool wait_for(int descriptor, short events, const BeforeWaiting& before_waiting) {
  pollfd poll{descriptor, events, 0};
  if (::poll(&poll, 1, 0) != 0) return true;
  constexpr int signals_looked_for_ms = 100;
  while (before_waiting()) {
    if (::poll(&poll, 1, signals_looked_for_ms) > 0) return true;
  }
  return false;
}

class DescriptorSource final : public Source {
 public:
  DescriptorSource(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}

  void fill(Chunk& chunk, const BeforeWaiting& before_waiting) override {
    std::size_t size = 0;
    while (size < chunk.data.size() && wait_for(descriptor_, POLLIN, before_waiting)) {
      const ssize_t got = ::read(descriptor_, chunk.data.data() + size, chunk.data.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return chunk.end(Chunk::Stage::filled, tl::unexpected(system_message("reading " + name_)));
      }
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    chunk.data = chunk.data.first(size);
    chunk.end(Chunk::Stage::filled, {});
  }

 private:
  const int descriptor_;
  const std::string name_;
};

class DescriptorSink final : public Sink {
 public:
  DescriptorSink(int descriptor, std::string name, const FileOptions& options)
      : descriptor_(descriptor), name_(std::move(name)), options_(options) {
    struct stat status {};
    const bool takes_all =
        ::fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
    // How much poll() promises to take without delay when it says that there is room.
    size_max_ = takes_all ? chunk_size : PIPE_BUF;
  }

  void store(Chunk& chunk, const BeforeWaiting& before_waiting) override {
    Bytes bytes = chunk.data;
    while (!bytes.empty()) {
      const std::size_t hole = options_.sparse ? hole_at_front(bytes) : 0;
      const std::size_t size = hole > 0 ? hole : piece(bytes);
      const auto done = hole > 0 ? skip(hole) : write(bytes.first(size), before_waiting);
      if (!done) return chunk.end(Chunk::Stage::stored, tl::unexpected(done.error()));
      bytes = bytes.subspan(*done);
      if (*done < size) {
        chunk.cut = true;
        chunk.data = chunk.data.first(chunk.data.size() - bytes.size());
        break;
      }
    }
    end_ = options_.start + chunk.position + chunk.data.size();
    chunk.end(Chunk::Stage::stored, {});
  }

  Outcome finish() override {
    // A hole at the end is none until the file is that long.
    const bool whole = !options_.sparse || ::ftruncate(descriptor_, static_cast<off_t>(end_)) == 0;
    if (whole && (!options_.stable || ::fsync(descriptor_) == 0)) return {};
    return tl::unexpected(failure());
  }

  Outcome read_back(Chunk& chunk) override {
    const auto begin = static_cast<off_t>(options_.start + chunk.position);
    const auto length = static_cast<off_t>(chunk.data.size());
    ::posix_fadvise(descriptor_, begin, length, POSIX_FADV_DONTNEED);
    for (std::size_t size = 0; size < chunk.data.size();) {
      const ssize_t got = ::pread(descriptor_, chunk.data.data() + size, chunk.data.size() - size,
                                  begin + static_cast<off_t>(size));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return tl::unexpected(system_message("reading " + name_));
      if (got == 0) return tl::unexpected(name_ + ": ends before what was written");
      size += static_cast<std::size_t>(got);
    }
    return {};
  }

 private:
  /// How far it came: all of it, unless it was interrupted.
  using Written = tl::expected<std::size_t, std::string>;

  std::string failure() const { return system_message("writing to " + name_); }

  static bool is_zero(Bytes block) {
    return std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; });
  }
  /// Zeros in whole blocks.
  static std::size_t hole_at_front(Bytes bytes) {
    std::size_t size = 0;
    while (bytes.size() - size >= hole_size && is_zero(bytes.subspan(size, hole_size))) {
      size += hole_size;
    }
    return size;
  }
  /// What to write in one go: up to the next hole.
  std::size_t piece(Bytes bytes) const {
    if (!options_.sparse) return bytes.size();
    std::size_t size = std::min(hole_size, bytes.size());
    while (bytes.size() - size >= hole_size && !is_zero(bytes.subspan(size, hole_size))) {
      size += hole_size;
    }
    return bytes.size() - size < hole_size ? bytes.size() : size;
  }

  Written skip(std::size_t size) {
    if (::lseek(descriptor_, static_cast<off_t>(size), SEEK_CUR) >= 0) return size;
    return tl::unexpected(failure());
  }

  Written write(Bytes bytes, const BeforeWaiting& before_waiting) {
    std::size_t size = 0;
    while (size < bytes.size() && wait_for(descriptor_, POLLOUT, before_waiting)) {
      const ssize_t written =
          ::write(descriptor_, bytes.data() + size, std::min(bytes.size() - size, size_max_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return tl::unexpected(failure());
      size += static_cast<std::size_t>(written);
    }
    return size;
  }

  const int descriptor_;
  const std::string name_;
  const FileOptions options_;
  std::size_t size_max_;
  std::uint64_t end_ = options_.start;
};

std::uint32_t checksum(Bytes bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

/// One transfer(). The chunks on their way, oldest first.
class Transfer {
 public:
  Transfer(boost::asio::io_context& loop, Source& source, Sink& sink,
           const TransferOptions& options)
      : loop_(loop),
        source_(source),
        sink_(sink),
        options_(options),
        signals_(loop, SIGINT, SIGTERM),
        limit_(loop),
        ticks_(loop) {
    if (options_.progress) tick();
    signals_.async_wait([this](error_code error, int number) {
      if (error) return;
      signal_ = number;
      signals_.clear();
      limit_.expires_after(answer_limit);
      limit_.async_wait([this](error_code cancelled) {
        if (!cancelled) give_up();
      });
    });
    before_waiting_ = [this] {
      wait_for_the_disk();
      loop_.poll();
      return signal_ == 0;
    };
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    signals_.clear();
    wait_for_the_disk();
    limit_.cancel();
    ticks_.cancel();
    loop_.poll();  // the handlers of signals and timers
  }

  tl::expected<Transferred, std::string> run() {
    while (!cut_) {
      if (!chunks_.empty() && chunks_.front().stage == Chunk::Stage::stored) {
        if (auto popped = pop(); !popped) return tl::unexpected(popped.error());
      } else if (Chunk* const next = first(Chunk::Stage::filled)) {
        if (auto begun = store(*next); !begun) return tl::unexpected(begun.error());
      } else if (is_to_begin_more()) {
        begin();
      } else if (!chunks_.empty()) {
        loop_.run_one();
      } else {
        break;
      }
    }
    const auto stable = sink_.finish();
    if (!stable && !given_up_) return tl::unexpected(stable.error());
    bool verified = !options_.verify;
    if (!verified && stable) {
      const auto same = verify();
      if (!same) return tl::unexpected(same.error());
      verified = *same;
    }
    const bool complete = verified && stable && (ended_ || moved_ == options_.length);
    return Transferred{moved_, complete ? 0 : signal_, stable.has_value()};
  }

 private:
  /// Also while nothing moves.
  void tick() {
    options_.progress(shown_);
    ticks_.expires_after(progress_interval);
    ticks_.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  void give_up() {
    given_up_ = true;
    source_.give_up();
    sink_.give_up();
  }

  /// A chunk has failed. After give_up() that is the end of what is copied, and no error.
  Outcome failed(const Chunk& chunk) {
    cut_ = given_up_;
    return given_up_ ? Outcome() : chunk.outcome;
  }

  void wait_for_the_disk() {
    while (std::ranges::any_of(chunks_, [this](const Chunk& chunk) {
      return &chunk != at_hand_ &&
             (chunk.stage == Chunk::Stage::filling || chunk.stage == Chunk::Stage::storing);
    })) {
      loop_.run_one();
    }
  }

  bool is_to_begin_more() const {
    return signal_ == 0 && !ended_ && chunks_.size() < chunks_outstanding &&
           (!options_.length || position_ < *options_.length);
  }

  /// The oldest that is at this stage, unless one before it is not as far.
  Chunk* first(Chunk::Stage stage) {
    const auto found =
        std::ranges::find_if(chunks_, [&](const Chunk& chunk) { return chunk.stage <= stage; });
    return found != chunks_.end() && found->stage == stage ? &*found : nullptr;
  }

  void place(Chunk& chunk, std::uint64_t position, std::size_t size) const {
    const std::size_t head = (options_.offset + position) % sector_size;
    chunk.position = position;
    chunk.buffer.resize(sectors_over(head + size) * sector_size);
    chunk.data = MutableBytes(chunk.buffer).subspan(head, size);
  }

  void begin() {
    const std::size_t head = (options_.offset + position_) % sector_size;
    std::uint64_t size = chunk_size - head;
    if (options_.length) size = std::min(size, *options_.length - position_);
    Chunk& chunk = chunks_.emplace_back(std::exchange(spare_, {}));
    chunk.stage = Chunk::Stage::filling;
    place(chunk, position_, size);
    position_ += size;
    at_hand_ = &chunk;
    source_.fill(chunk, before_waiting_);
    at_hand_ = nullptr;
    ended_ = chunk.stage == Chunk::Stage::filled && chunk.data.size() < size && signal_ == 0;
  }

  Outcome store(Chunk& chunk) {
    if (!chunk.outcome) return failed(chunk);
    if (options_.verify) checksums_.push_back({chunk.data.size(), checksum(chunk.data)});
    if (chunk.data.empty()) {
      chunk.stage = Chunk::Stage::stored;
      return {};
    }
    chunk.stage = Chunk::Stage::storing;
    at_hand_ = &chunk;
    sink_.store(chunk, before_waiting_);
    at_hand_ = nullptr;
    return {};
  }

  Outcome pop() {
    Chunk& chunk = chunks_.front();
    if (!chunk.outcome) return failed(chunk);
    moved_ += chunk.data.size();
    cut_ = chunk.cut;
    spare_ = std::move(chunk);
    chunks_.pop_front();
    shown_ = moved_;
    return {};
  }

  /// False: a signal came before all was read.
  tl::expected<bool, std::string> verify() {
    std::uint64_t position = 0;
    if (options_.verifying) options_.verifying(moved_);
    if (options_.progress) options_.progress(0);
    for (const auto& [size, expected] : checksums_) {
      shown_ = position;
      loop_.poll();  // reading a file back does not run it
      if (signal_ != 0) return false;
      place(spare_, position, size);
      if (size > 0) {
        const auto read = sink_.read_back(spare_);
        if (!read && given_up_) return false;
        if (!read) return tl::unexpected(read.error());
      }
      if (checksum(spare_.data) != expected) {
        return tl::unexpected(fmt::format("verify: between bytes {} and {} is not what was written",
                                          position, position + size));
      }
      position += size;
    }
    return true;
  }

  struct Piece {
    std::size_t size;
    std::uint32_t checksum;
  };

  boost::asio::io_context& loop_;
  Source& source_;
  Sink& sink_;
  const TransferOptions& options_;
  boost::asio::signal_set signals_;
  BeforeWaiting before_waiting_;
  std::deque<Chunk> chunks_;
  const Chunk* at_hand_ = nullptr;  // with a source or sink that has not returned
  Chunk spare_;
  std::uint64_t position_ = 0;  // to begin at
  std::uint64_t moved_ = 0;
  bool ended_ = false;
  bool cut_ = false;
  int signal_ = 0;
  boost::asio::steady_timer limit_;  // after the signal
  bool given_up_ = false;
  boost::asio::steady_timer ticks_;
  std::uint64_t shown_ = 0;  // as progress
  std::vector<Piece> checksums_;
};

}  // namespace

std::unique_ptr<Source> disk_source(Connection& connection, Disk& disk, std::uint64_t offset) {
  return std::make_unique<DiskEnd>(connection, disk, offset, false);
}

std::unique_ptr<Sink> disk_sink(Connection& connection, Disk& disk, std::uint64_t offset,
                                bool compare) {
  return std::make_unique<DiskEnd>(connection, disk, offset, compare);
}

std::unique_ptr<Source> descriptor_source(int descriptor, std::string name) {
  return std::make_unique<DescriptorSource>(descriptor, std::move(name));
}

std::unique_ptr<Sink> descriptor_sink(int descriptor, std::string name,
                                      const FileOptions& options) {
  return std::make_unique<DescriptorSink>(descriptor, std::move(name), options);
}

tl::expected<Transferred, std::string> transfer(boost::asio::io_context& loop, Source& source,
                                                Sink& sink, const TransferOptions& options) {
  return Transfer(loop, source, sink, options).run();
}

}  // namespace aoe::initiator
