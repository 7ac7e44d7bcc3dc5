// aoe-load: keeps a number of reads or writes outstanding against AoE LUNs and prints how fast they
// were answered, as one line of JSON.
//
// A closed loop: each reply is followed at once by the next request, for random aligned sectors of
// the LUNs in turn. The generator never sleeps, it polls its socket: of the two wake-ups that a
// request may cost, only the target's is measured. With --sleep it waits in poll(2) as other
// programs do, for comparison with an initiator. A request that has no reply for 200 ms
// (--patience) is sent again, and counted.
//
// With --touch it writes each page of the disk once before it measures, so that a target which
// writes through a mapping takes its page faults before. With --verify it writes sectors, reads
// them back and compares them. With --discover it sends one broadcast query instead, and counts the
// targets that answer.
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/check.h"
#include "base/latencies.h"
#include "proto/frame.h"
#include "wire/packet_port.h"

namespace aoe {

/// By this CLI11 converts the words of the command line.
static bool lexical_cast(const std::string& word, Address& lun) {
  const auto parsed = parse_address(word);
  if (!parsed) throw CLI::ValidationError(word + ": not a LUN like e0.2");
  lun = *parsed;
  return true;
}

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct Arguments {
  std::string interface;
  bool write = false;
  bool verify = false;
  bool touch = false;
  bool sleep = false;
  std::uint8_t sectors = 2;
  std::size_t outstanding = 64;
  std::uint64_t disk_sectors = 2048;
  double seconds = 5;
  std::uint64_t seed = 1;
  int core = -1;
  std::size_t discover = 0;
  int patience = 200;  // milliseconds until a request without a reply is sent again
  std::vector<Address> luns;
};

/// The content of a sector written with --verify. It depends on the LBA only, so that two requests
/// for one sector need no order.
void fill_sector(std::uint64_t lba, std::uint64_t seed, MutableBytes sector) {
  std::uint64_t word = (lba + 1) * 0x9e37'79b9'7f4a'7c15 ^ seed;
  for (std::size_t at = 0; at < sector.size(); at += sizeof word) {
    word = word * 6364136223846793005 + 1442695040888963407;
    std::memcpy(&sector[at], &word, sizeof word);
  }
}

class Load {
 public:
  Load(PacketPort& port, const Arguments& arguments, std::vector<Mac> targets);

  void run();
  void print() const;

 private:
  /// An unanswered request. The lower half of its tag is its index in requests_.
  struct Request {
    std::uint32_t tag = 0;
    std::uint64_t lba = 0;
    std::size_t lun = 0;
    bool is_write = false;
    Clock::time_point first_sent;
    Clock::time_point sent;
    std::vector<std::uint8_t> head;
    std::vector<std::uint8_t> data;
  };

  void prepare_next(Request& request);
  void encode_request(Request& request);
  void queue(Request& request, Clock::time_point now);
  void send_queued();
  /// Returns whether a frame had arrived.
  bool receive();
  void sleep() const;
  void answered(Request& request, const AtaReply& reply, Clock::time_point now);
  void retransmit(Clock::time_point now);

  PacketPort& port_;
  const Arguments& arguments_;
  const milliseconds patience_{arguments_.patience};
  const std::vector<Mac> targets_;
  std::mt19937_64 random_;
  std::vector<Request> requests_;
  std::vector<Outgoing> queued_;
  std::size_t next_lun_ = 0;
  std::uint64_t touch_next_;  // sector; disk_sectors when all is touched

  bool is_measuring_ = false;
  nanoseconds measured_{};
  Latencies latencies_;
  std::uint64_t requests_done_ = 0;
  std::uint64_t retransmissions_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t mismatches_ = 0;
  nanoseconds idle_{};  // time spent polling while nothing had arrived
};

Load::Load(PacketPort& port, const Arguments& arguments, std::vector<Mac> targets)
    : port_(port),
      arguments_(arguments),
      targets_(std::move(targets)),
      random_(arguments.seed),
      requests_(arguments.outstanding),
      touch_next_(arguments.touch ? 0 : arguments.disk_sectors) {
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    Request& request = requests_[i];
    request.tag = static_cast<std::uint32_t>(i);
    request.head.resize(frame_size_min);
    if (!arguments.write && !arguments.verify && !arguments.touch) continue;
    request.data.resize(arguments.sectors * sector_size);
    for (auto& byte : request.data) byte = static_cast<std::uint8_t>(random_());
  }
}

void Load::prepare_next(Request& request) {
  const std::uint64_t places = arguments_.disk_sectors / arguments_.sectors;
  if (touch_next_ < places * arguments_.sectors) {
    constexpr std::uint64_t page = 4096 / sector_size;
    request.lba = touch_next_;
    request.lun = next_lun_++ % arguments_.luns.size();
    request.is_write = true;
    if (request.lun + 1 == arguments_.luns.size()) {
      touch_next_ += std::max<std::uint64_t>(page, arguments_.sectors);
    }
  } else if (arguments_.verify && request.is_write) {
    request.is_write = false;  // what was written is read back
  } else {
    request.lba = random_() % places * arguments_.sectors;
    request.lun = next_lun_++ % arguments_.luns.size();
    request.is_write = arguments_.write || arguments_.verify;
  }
  for (std::size_t i = 0; arguments_.verify && request.is_write && i < arguments_.sectors; ++i) {
    fill_sector(request.lba + i, arguments_.seed + request.lun,
                MutableBytes(request.data).subspan(i * sector_size, sector_size));
  }
  request.tag += 1 << 16;
  encode_request(request);
}

void Load::encode_request(Request& request) {
  const Header header{targets_[request.lun], port_.link().mac, arguments_.luns[request.lun],
                      request.tag};
  AtaRequest body{
      .flags = {.extended = true, .write = request.is_write},
      .sectors = arguments_.sectors,
      .opcode = request.is_write ? ata::Opcode::write_sectors_ext : ata::Opcode::read_sectors_ext,
      .lba = request.lba};
  if (request.is_write) body.data = request.data;
  encode_head(header, body, request.head);
}

void Load::queue(Request& request, Clock::time_point now) {
  request.sent = now;
  if (request.is_write) {
    queued_.push_back({Bytes(request.head).first(ata_header_size), request.data});
  } else {
    queued_.push_back({request.head, {}});
  }
}

void Load::send_queued() {
  if (!queued_.empty()) port_.send(queued_);
  queued_.clear();
}

void Load::run() {
  const std::chrono::duration<double> seconds(arguments_.seconds);
  const auto length = std::chrono::duration_cast<nanoseconds>(seconds);
  const auto start = Clock::now();
  for (Request& request : requests_) {
    prepare_next(request);
    request.first_sent = start;
    queue(request, start);
  }
  send_queued();
  auto measure_from = start;
  auto look_for_losses = start + patience_;
  for (auto now = start; !is_measuring_ || now < measure_from + length;) {
    const bool arrived = receive();
    if (!arrived && arguments_.sleep) sleep();
    const auto before = std::exchange(now, Clock::now());
    if (is_measuring_) {
      measured_ = now - measure_from;
      if (!arrived) idle_ += now - before;
    } else if (touch_next_ + arguments_.sectors > arguments_.disk_sectors &&
               now >= start + length / 10) {
      is_measuring_ = true;
      measure_from = now;
    }
    if (now < look_for_losses) continue;
    retransmit(now);
    look_for_losses = now + patience_ / 10;
  }
}

bool Load::receive() {
  std::array<Bytes, batch_size> frames;
  const std::size_t count = port_.receive(frames);
  if (count == 0) return false;
  const auto now = Clock::now();
  for (const Bytes bytes : std::span(frames).first(count)) {
    const auto frame = decode(bytes);
    if (!frame || !frame->response || !frame->body) continue;
    const std::size_t place = frame->header.tag & 0xffff;
    if (place >= requests_.size() || requests_[place].tag != frame->header.tag) continue;
    if (const auto* reply = std::get_if<AtaReply>(&*frame->body)) {
      answered(requests_[place], *reply, now);
    } else {
      answered(requests_[place], AtaReply{.status = ata::status_err}, now);
    }
  }
  send_queued();
  return true;
}

/// Waits until a frame arrives, or a request may be due to be sent again.
void Load::sleep() const {
  pollfd waiting{port_.descriptor(), POLLIN, 0};
  ::poll(&waiting, 1, static_cast<int>(milliseconds(patience_).count() / 10));
}

void Load::answered(Request& request, const AtaReply& reply, Clock::time_point now) {
  const std::size_t size = request.is_write ? 0 : arguments_.sectors * sector_size;
  const bool failed = (reply.status & ata::status_failed) != 0 || reply.data.size() < size;
  errors_ += failed;
  if (arguments_.verify && !request.is_write && !failed) {
    mismatches_ += !std::ranges::equal(reply.data.first(size), request.data);
  }
  if (is_measuring_) {
    ++requests_done_;
    latencies_.add(now - request.first_sent);
  }
  prepare_next(request);
  request.first_sent = now;
  queue(request, now);
}

void Load::retransmit(Clock::time_point now) {
  for (Request& request : requests_) {
    if (now - request.sent < patience_) continue;
    ++retransmissions_;
    queue(request, now);
  }
  send_queued();
}

void Load::print() const {
  const auto microseconds = [](Duration duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
  };
  const double seconds = std::chrono::duration<double>(measured_).count();
  const double rate = static_cast<double>(requests_done_) / seconds;
  fmt::print(
      R"({{"requests_per_s": {:.0f}, "mb_per_s": {:.1f}, "p50_us": {:.2f}, "p99_us": {:.2f}, )"
      R"("retransmissions": {}, "errors": {}, "mismatches": {}, "idle": {:.2f}}})"
      "\n",
      rate, rate * static_cast<double>(arguments_.sectors * sector_size) / 1e6,
      microseconds(latencies_.percentile(0.5)), microseconds(latencies_.percentile(0.99)),
      retransmissions_, errors_, mismatches_,
      std::chrono::duration<double>(idle_).count() / seconds);
}

/// Sends a broadcast query for `address`.
void send_query(PacketPort& port, Address address) {
  std::array<std::uint8_t, frame_size_min> query;
  const std::size_t size =
      encode({Mac::broadcast(), port.link().mac, address, 1}, ConfigRequest{}, query);
  const Outgoing frame{Bytes(query).first(size), {}};
  port.send({&frame, 1});
}

/// Calls `user` with the header of each config reply, until it returns true or the time is over.
template <class User>
bool collect_answers(PacketPort& port, Clock::time_point until, User user) {
  while (Clock::now() < until) {
    std::array<Bytes, batch_size> frames;
    const std::size_t count = port.receive(frames);
    for (const Bytes bytes : std::span(frames).first(count)) {
      const auto frame = decode(bytes);
      // Announcements carry tag 0.
      if (!frame || !frame->body || frame->header.tag != 1) continue;
      if (!std::holds_alternative<ConfigReply>(*frame->body)) continue;
      if (user(frame->header)) return true;
    }
  }
  return false;
}

std::optional<Mac> find(PacketPort& port, Address lun, milliseconds patience) {
  std::optional<Mac> found;
  for (int tries = 0; tries < 5 && !found; ++tries) {
    send_query(port, lun);
    collect_answers(port, Clock::now() + patience, [&](const Header& header) {
      if (header.address != lun) return false;
      found = header.source;
      return true;
    });
  }
  return found;
}

int discover(PacketPort& port, const Arguments& arguments) {
  std::set<Address> seen;
  std::size_t answers = 0;
  const auto start = Clock::now();
  auto last = start;
  const auto length = std::chrono::duration<double>(arguments.seconds);
  send_query(port, Address::everyone());
  collect_answers(port, start + std::chrono::duration_cast<nanoseconds>(length),
                  [&](const Header& header) {
                    ++answers;
                    if (seen.insert(header.address).second) last = Clock::now();
                    return seen.size() >= arguments.discover;
                  });
  fmt::print(R"({{"luns": {}, "answers": {}, "last_ms": {:.2f}}})"
             "\n",
             seen.size(), answers, std::chrono::duration<double, std::milli>(last - start).count());
  return 0;
}

void describe(CLI::App& app, Arguments& arguments) {
  const auto number = [&app](const char* name, auto& value, auto low, auto high, const char* help) {
    app.add_option(name, value, help)->option_text("N")->check(CLI::Range(low, high));
  };
  app.add_option("--interface", arguments.interface, "Send on this interface")
      ->option_text("IF")
      ->required();
  app.add_flag("--write", arguments.write, "Write (default: read)");
  app.add_flag("--verify", arguments.verify, "Write each place, read it back and compare");
  number("--sectors", arguments.sectors, 1, 255, "Sectors of 512 bytes a request (default 2)");
  number("--outstanding", arguments.outstanding, 1, 4096,
         "Requests that are unanswered at any moment (default 64)");
  number("--disk-sectors", arguments.disk_sectors, std::uint64_t{1}, ata::lba48_sectors_max,
         "Sectors of each LUN that are used (default 2048)");
  number("--seconds", arguments.seconds, 0.01, 3600.0,
         "Measure for so long (default 5), after a tenth of that unmeasured");
  app.add_option("--seed", arguments.seed, "Of the sequence of places (default 1)")
      ->option_text("N");
  number("--core", arguments.core, 0, CPU_SETSIZE - 1, "Run on this core (default: any)");
  app.add_flag("--sleep", arguments.sleep, "Sleep until something arrives");
  app.add_flag("--touch", arguments.touch, "First write to each 4 KiB of the disk once");
  number("--patience", arguments.patience, 1, 60'000,
         "Send a request again after so many milliseconds (default 200)");
  number("--discover", arguments.discover, 1, 1 << 24,
         "Send one broadcast query; wait for the answers of N LUNs");
  app.add_option("LUN", arguments.luns, "Such as e0.2")->option_text(" ");
  app.footer("Example: aoe-load --interface veth0 --core 1 --disk-sectors 2097152 e0.2");
  app.callback([&arguments] {
    if (arguments.luns.empty() && arguments.discover == 0) {
      throw CLI::ValidationError("no LUN was named");
    }
    if (arguments.disk_sectors < arguments.sectors) {
      throw CLI::ValidationError("--disk-sectors is less than --sectors");
    }
  });
}

int fail(const std::string& what, int status) {
  fmt::print(stderr, "aoe-load: {}\n", what);
  return status;
}

int run(const Arguments& arguments) {
  if (arguments.core >= 0) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<std::size_t>(arguments.core), &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0) {
      return fail(fmt::format("core {}: there is none", arguments.core), 1);
    }
  }
  const auto port = PacketPort::open(arguments.interface);
  if (!port) return fail(port.error(), 1);
  if (arguments.discover > 0) return discover(**port, arguments);
  const std::size_t frame_size = ata_header_size + arguments.sectors * sector_size;
  if (frame_size > (*port)->link().frame_size_max()) {
    return fail(
        fmt::format("{}: {} sectors do not fit its MTU", arguments.interface, arguments.sectors),
        1);
  }
  std::vector<Mac> targets;
  for (const Address lun : arguments.luns) {
    const auto mac = find(**port, lun, milliseconds(arguments.patience));
    if (!mac) return fail(fmt::format("{}: nobody answers", lun), 1);
    targets.push_back(*mac);
  }
  Load load(**port, arguments, std::move(targets));
  load.run();
  load.print();
  return 0;
}

}  // namespace
}  // namespace aoe

int main(int argc, char** argv) {
  CLI::App app("Keeps requests outstanding against AoE LUNs and prints one line of JSON.",
               "aoe-load");
  aoe::Arguments arguments;
  aoe::describe(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return aoe::fail(error.what(), 2);
  }
  return aoe::run(arguments);
}
