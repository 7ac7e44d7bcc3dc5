#include <unistd.h>

#include <cstdio>
#include <random>

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include "base/latencies.h"
#include "base/standard_streams.h"
#include "initiator/cli/commands.h"
#include "initiator/cli/interruption.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

/// How long requests that are outstanding in the end may take.
constexpr std::chrono::milliseconds last_answers{500};

/// Keeps options.outstanding requests on their way, each with a buffer of its own.
class Bench {
 public:
  Bench(Connection& connection, Disk& disk, const BenchOptions& options)
      : connection_(connection),
        interruption_(connection.loop()),
        disk_(disk),
        options_(options),
        places_(disk.size() / options.size),
        buffer_(options.size * options.outstanding),
        cancel_(options.outstanding),
        ticks_(connection.loop()) {
    for (std::uint8_t& byte : buffer_) byte = static_cast<std::uint8_t>(random_());
  }

  /// Measures until the time is over, a request fails or a signal comes. Returns the first failure,
  /// if any.
  error_code run() {
    begun_ = steady_clock::now();
    end_ = begun_ + options_.time;
    if (::isatty(STDERR_FILENO) == 1) tick(begun_ + std::chrono::seconds(1));
    for (unsigned i = 0; i < options_.outstanding; ++i) begin(i, steady_clock::now());
    connection_.wait([this] { return outstanding_ == 0 || error_ || interruption_; },
                     options_.time);
    end_ = std::min(end_, steady_clock::now());
    connection_.wait([this] { return outstanding_ == 0; }, last_answers);
    ticks_.cancel();
    seconds_ = std::chrono::duration<double>(steady_clock::now() - begun_).count();
    unanswered_ = outstanding_;
    const error_code error = error_;
    for (auto& cancel : cancel_) cancel.emit(boost::asio::cancellation_type::total);
    connection_.wait([this] { return outstanding_ == 0; });
    return error;
  }

  const Latencies& latencies() const { return latencies_; }
  double seconds() const { return seconds_; }
  /// Requests that were not answered in the end.
  unsigned unanswered() const { return unanswered_; }
  int status() const { return interruption_.status(); }

 private:
  void begin(unsigned index, steady_clock::time_point now) {
    ++outstanding_;
    const std::uint64_t place = options_.random ? random_() % places_ : next_++ % places_;
    const MutableBytes buffer = MutableBytes(buffer_).subspan(index * options_.size, options_.size);
    auto done = boost::asio::bind_cancellation_slot(
        cancel_[index].slot(),
        [this, index, now](error_code error) { completed(index, now, error); });
    if (options_.write) {
      disk_.async_write(place * options_.size, buffer, std::move(done));
    } else {
      disk_.async_read(place * options_.size, buffer, std::move(done));
    }
  }

  void completed(unsigned index, steady_clock::time_point asked, error_code error) {
    --outstanding_;
    const auto now = steady_clock::now();
    if (error && !error_) error_ = error;
    if (!error) latencies_.add(now - asked);
    if (!error_ && now < end_) begin(index, now);
  }

  void tick(steady_clock::time_point at) {
    ticks_.expires_at(at);
    ticks_.async_wait([this, at](error_code error) {
      if (error || at > end_) return;
      const std::uint64_t now = latencies_.count();
      const auto rate = static_cast<double>(now - shown_);
      tell(fmt::format("{:>4} s {:>9.0f} IOPS {:>9.1f} MB/s\n",
                       std::chrono::round<std::chrono::seconds>(at - begun_).count(), rate,
                       rate * static_cast<double>(options_.size) / 1e6));
      shown_ = now;
      tick(at + std::chrono::seconds(1));
    });
  }

  Connection& connection_;
  Interruption interruption_;
  Disk& disk_;
  const BenchOptions& options_;
  const std::uint64_t places_;
  std::vector<std::uint8_t> buffer_;
  std::vector<boost::asio::cancellation_signal> cancel_;
  boost::asio::steady_timer ticks_;
  std::minstd_rand random_{std::random_device()()};
  std::uint64_t next_ = 0;
  unsigned outstanding_ = 0;
  unsigned unanswered_ = 0;
  Latencies latencies_;
  error_code error_;
  std::uint64_t shown_ = 0;
  double seconds_ = 0;
  steady_clock::time_point begun_;
  steady_clock::time_point end_;
};

}  // namespace

int bench_command(const CommandOptions& options, Address device, const BenchOptions& bench) {
  Connection connection(options);
  Disk disk = connection.open_disk(device);
  if (disk.size() < bench.size) {
    throw Failed(fmt::format("{}: has {} bytes, fewer than one request", device, disk.size()));
  }
  const DeviceCounters before = disk.status().counters;
  Bench run(connection, disk, bench);
  if (const error_code error = run.run()) {
    throw Failed(
        fmt::format("{}: {}: {}", device, bench.write ? "writing" : "reading", error.message()));
  }
  const std::uint64_t retransmissions =
      disk.status().counters.retransmissions - before.retransmissions;
  const Latencies& latencies = run.latencies();
  const double iops = static_cast<double>(latencies.count()) / run.seconds();
  const double megabytes = iops * static_cast<double>(bench.size) / 1e6;
  const nlohmann::ordered_json all = {{"device", fmt::format("{}", device)},
                                      {"operation", bench.write ? "write" : "read"},
                                      {"order", bench.random ? "random" : "sequential"},
                                      {"size", bench.size},
                                      {"outstanding", bench.outstanding},
                                      {"seconds", run.seconds()},
                                      {"requests", latencies.count()},
                                      {"unanswered", run.unanswered()},
                                      {"iops", iops},
                                      {"megabytes-per-second", megabytes},
                                      {"latency-us",
                                       {{"p50", microseconds(latencies.percentile(0.5))},
                                        {"p90", microseconds(latencies.percentile(0.9))},
                                        {"p99", microseconds(latencies.percentile(0.99))},
                                        {"p99.9", microseconds(latencies.percentile(0.999))},
                                        {"max", microseconds(latencies.max())}}},
                                      {"retransmissions", retransmissions}};
  if (options.json) {
    print(all);
    if (run.status() == 0) connection.check_alone(device);
    return run.status();
  }
  fmt::print("{}: {} {}s of {} bytes, {} outstanding, in {:.1f} s\n", device,
             bench.random ? "random" : "sequential", bench.write ? "write" : "read", bench.size,
             bench.outstanding, run.seconds());
  fmt::print("{:.0f} IOPS, {:.1f} MB/s, {} retransmissions\n", iops, megabytes, retransmissions);
  fmt::print("latency in us:");
  for (const auto& [name, value] : all["latency-us"].items()) {
    fmt::print(" {} {:.1f}", name, value.get<double>());
  }
  fmt::print("\n");
  if (run.unanswered() > 0) {
    fmt::print("{} requests were not answered in the end\n", run.unanswered());
  }
  if (run.status() == 0) connection.check_alone(device);
  return run.status();
}

}  // namespace aoe::initiator
