#include "base/log.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/printable.h"
#include "base/signals_blocked.h"

namespace aoe {
namespace {

/// How often a number of lost lines that could not be written is tried again.
constexpr std::chrono::seconds retry_interval{1};

/// The numbers of sd-daemon(3), in the order of LogLevel.
constexpr std::array<int, 4> journal_numbers{3, 4, 6, 7};

bool leads_to_journal(int descriptor) {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(descriptor, &status) == 0 &&
         stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

std::string time_text() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (now - seconds).count());
}

std::string begin_of_line(const Log::Options& options, bool is_journal, LogLevel level) {
  const auto index = static_cast<std::size_t>(level);
  if (is_journal) return fmt::format("<{}>", journal_numbers.at(index));
  return fmt::format("{} {}: {}: ", time_text(), options.program, log_level_names.at(index));
}

}  // namespace

LogLevel log_level_of(std::string_view name) {
  const auto found = std::ranges::find(log_level_names, name);
  AOE_CHECK(found != log_level_names.end());
  return static_cast<LogLevel>(found - log_level_names.begin());
}

/// The queue, and what its thread does. Shared by the Log and the thread, which may outlive it.
class Log::Writer {
 public:
  Writer(const Options& options, bool is_journal) : options_(options), is_journal_(is_journal) {
    // No line takes memory later than here.
    waiting_.reserve(options.size_max);
    lines_.reserve(options.size_max);
  }

  void add(std::string_view begin, std::string_view line) {
    const std::lock_guard lock(mutex_);
    // After one was refused, so are all until the thread takes them: the number stands in its place.
    const bool has_room = waiting_.size() + begin.size() + line.size() < options_.size_max;
    if (refused_ > 0 || (is_started_ && !has_room)) {
      ++refused_;
    } else {
      waiting_.append(begin).append(line).push_back('\n');
    }
    wake_.notify_one();
  }
  void refuse() {
    const std::lock_guard lock(mutex_);
    ++refused_;
    wake_.notify_one();
  }

  void begin() {
    const std::lock_guard lock(mutex_);
    is_started_ = true;
  }

  bool drain(Duration limit) {
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, limit, [this] { return !is_writing_ && !has_work(); });
  }
  void end() {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    wake_.notify_one();
  }

  /// What the thread does until the end.
  void run() {
    while (const auto refused = take()) {
      write_lines();
      if (*refused > 0) lose(*refused, "they came faster than they could be written");
      if (lost_ > 0) say_losses();
    }
  }

 private:
  bool has_work() const { return !waiting_.empty() || refused_ > 0; }

  /// Waits for lines and moves them to lines_. Returns the number of those that were refused; none
  /// when all is written and no more come.
  std::optional<std::uint64_t> take() {
    std::unique_lock lock(mutex_);
    is_writing_ = false;
    if (!has_work()) {
      idle_.notify_all();
      const auto wakes = [this] { return has_work() || is_ending_; };
      if (lost_ == 0) {
        wake_.wait(lock, wakes);
      } else {
        wake_.wait_for(lock, retry_interval, wakes);
      }
      if (!has_work() && is_ending_) return std::nullopt;
    }
    is_writing_ = true;
    lines_.clear();
    std::swap(lines_, waiting_);
    return std::exchange(refused_, 0);
  }

  void write_lines() {
    for (std::size_t at = 0; at < lines_.size();) {
      const std::size_t end = lines_.find('\n', at) + 1;
      const std::string_view line = std::string_view(lines_).substr(at, end - at);
      at = end;
      if (lost_ > 0 && !say_losses()) {
        ++lost_;
      } else if (const int error = write(line)) {
        lose(1, error_of(error).message());
      }
    }
  }

  void lose(std::uint64_t number, std::string why) {
    lost_ += number;
    why_ = std::move(why);
  }

  bool say_losses() {
    const std::string text = fmt::format(
        "{}{} of the log {} lost: {}\n", begin_of_line(options_, is_journal_, LogLevel::warning),
        quantity(lost_, "line"), lost_ == 1 ? "was" : "were", why_);
    if (const int error = write(text)) {
      why_ = error_of(error).message();
      return false;
    }
    lost_ = 0;
    return true;
  }

  /// Writes a line, however long the descriptor takes. Returns 0 or the errno.
  int write(std::string_view line) {
    if (is_cut_) {
      if (const int error = write_all("\n")) return error;
      is_cut_ = false;
    }
    return write_all(line);
  }

  int write_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t size = ::write(options_.descriptor, text.data(), text.size());
      if (size >= 0) {
        text.remove_prefix(static_cast<std::size_t>(size));
        is_cut_ = !text.empty();
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return errno;
      pollfd room{options_.descriptor, POLLOUT, 0};
      if (::poll(&room, 1, -1) < 0 && errno != EINTR) return errno;
    }
    return 0;
  }

  const Options options_;
  const bool is_journal_;

  std::mutex mutex_;              // of those up to is_ending_
  std::condition_variable wake_;  // the thread has work
  std::condition_variable idle_;  // the thread has none
  std::string waiting_;           // whole lines that wait for the thread
  std::uint64_t refused_ = 0;     // lines that found no room since the thread took the others
  bool is_started_ = false;       // there is a thread
  bool is_writing_ = false;       // the thread is at work
  bool is_ending_ = false;

  // The thread's.
  std::string lines_;       // those that are being written
  std::uint64_t lost_ = 0;  // lines of which the log does not say yet that they were lost
  std::string why_;
  bool is_cut_ = false;  // a line was begun that could not be finished
};

Log::Log(const Options& options)
    : options_(options),
      is_journal_(leads_to_journal(options.descriptor)),
      writer_(std::make_shared<Writer>(options, is_journal_)) {
  std::signal(SIGPIPE, SIG_IGN);
}

Log::~Log() {
  writer_->end();
  if (is_started_) drain();
}

void Log::start() {
  if (is_started_) return;
  const SignalsBlocked blocked;
  std::thread([writer = writer_] { writer->run(); }).detach();
  writer_->begin();
  is_started_ = true;
}

void Log::operator()(LogLevel level, std::string_view line) const noexcept {
  if (level > options_.level) return;
  try {
    writer_->add(begin_of_line(options_, is_journal_, level), one_line(line));
  } catch (const std::exception&) {  // no memory
    writer_->refuse();
  }
}

void Log::trace(std::string_view line) const noexcept {
  try {
    writer_->add(is_journal_ ? "<7>" : "", one_line(line));
  } catch (const std::exception&) {
    writer_->refuse();
  }
}

bool Log::drain() const {
  return writer_->drain(options_.patience);
}

}  // namespace aoe
