#include "harness/world/veth_world.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "harness/data/pattern.h"
#include "wire/interfaces.h"

namespace aoe::harness {
namespace {

using boost::asio::posix::stream_descriptor;
using std::chrono::milliseconds;

constexpr Mac initiator_mac{{0x02, 0, 0, 0, 0, 0x01}};
constexpr Mac target_mac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr Duration heartbeat = milliseconds(5);
constexpr Duration target_patience = std::chrono::seconds(10);
constexpr Duration link_patience = std::chrono::seconds(10);

std::chrono::steady_clock::time_point on_steady_clock(Instant instant) {
  return std::chrono::steady_clock::time_point(instant.time_since_epoch());
}

tl::expected<void, std::string> ip(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ip");
  return run_program(arguments);
}

std::string system_message(const std::string& what) {
  return fmt::format("{}: {}", what, std::generic_category().message(errno));
}

std::string last_line(const std::string& path) {
  std::ifstream file(path);
  std::string last = "nothing";
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

tl::expected<std::unique_ptr<VethWorld>, std::string> VethWorld::create(const Scenario& scenario,
                                                                        const Options& options,
                                                                        FaultStage& stage,
                                                                        Exchanges& exchanges) {
  auto initiator_side = NetworkNamespace::create();
  if (!initiator_side) return tl::unexpected(initiator_side.error());
  auto target_side = NetworkNamespace::create();
  if (!target_side) return tl::unexpected(target_side.error());
  std::unique_ptr<VethWorld> world(new VethWorld(
      scenario, options, stage, exchanges, *std::move(initiator_side), *std::move(target_side)));
  if (auto built = world->build(); !built) return tl::unexpected(built.error());
  return world;
}

VethWorld::VethWorld(const Scenario& scenario, const Options& options, FaultStage& stage,
                     Exchanges& exchanges, NetworkNamespace initiator_side,
                     NetworkNamespace target_side)
    : scenario_(scenario),
      options_(options),
      stage_(stage),
      exchanges_(exchanges),
      initiator_side_(std::move(initiator_side)),
      target_side_(std::move(target_side)),
      image_(options.folder + "/target.img"),
      from_initiator_(loop_),
      from_target_(loop_),
      timer_(loop_),
      heartbeat_(loop_) {}

VethWorld::~VethWorld() {
  client_.reset();
  target_.reset();
  // The descriptors belong to the ports.
  if (from_initiator_.is_open()) from_initiator_.release();
  if (from_target_.is_open()) from_target_.release();
  for (const char* end : {"initiator", "target"}) (void)ip({"link", "del", end});
  if (image_fd_ >= 0) ::close(image_fd_);
  ::unlink(image_.c_str());
}

VethWorld::Result VethWorld::build() {
  if (auto made = make_cable("initiator", initiator_side_, initiator_mac); !made) return made;
  if (auto made = make_cable("target", target_side_, target_mac); !made) return made;
  PacketPort::Options promiscuous;
  promiscuous.promiscuous = true;
  for (auto [name, port] :
       {std::pair("initiator", &to_initiator_), std::pair("target", &to_target_)}) {
    auto opened = PacketPort::open(name, promiscuous);
    if (!opened) return tl::unexpected(opened.error());
    *port = *std::move(opened);
  }
  from_initiator_.assign(to_initiator_->descriptor());
  from_target_.assign(to_target_->descriptor());
  if (auto made = make_image(); !made) return made;
  bridge(Direction::to_target);
  bridge(Direction::to_initiator);
  heartbeat_due_ = now() + heartbeat;
  beat();
  if (auto started = start_process(); !started) return started;
  if (auto up = await_link(); !up) return up;
  if (auto opened = open_client(); !opened) return opened;
  lateness_ = {};  // all of it was our own, and is over
  return {};
}

VethWorld::Result VethWorld::make_cable(const std::string& bridge_end,
                                        const NetworkNamespace& where, const Mac& mac) {
  const std::string mtu = std::to_string(scenario_.given.mtu);
  if (auto made = ip({"link", "add", "name", bridge_end, "mtu", mtu, "type", "veth", "peer", "name",
                      "eth0", "mtu", mtu, "netns", where.name()});
      !made) {
    return made;
  }
  if (auto up = ip({"link", "set", bridge_end, "up"}); !up) return up;
  const NetworkNamespace::Visit inside(where);
  return ip({"link", "set", "eth0", "address", fmt::format("{}", mac), "up"});
}

VethWorld::Result VethWorld::make_image() {
  image_fd_ = ::open(image_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (image_fd_ < 0) return tl::unexpected(system_message(image_));
  constexpr std::uint64_t piece = 2048;  // sectors
  const std::uint64_t sectors = scenario_.target.sectors;
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t lba = 0; lba < sectors; lba += piece) {
    bytes.assign(std::min(piece, sectors - lba) * sector_size, 0);
    if (scenario_.target.fill_pattern) fill_pattern(lba, 0, bytes);
    for (Bytes rest = bytes; !rest.empty();) {
      const ssize_t written = ::write(image_fd_, rest.data(), rest.size());
      if (written < 0) return tl::unexpected(system_message(image_));
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
  }
  return {};
}

VethWorld::Result VethWorld::start_process() {
  const TargetRole& role = scenario_.target;
  {
    const NetworkNamespace::Visit inside(target_side_);
    auto started = Process::start(
        {options_.target_program, "--no-state", "--shelf", std::to_string(role.address.shelf),
         "--slot", std::to_string(role.address.slot), "--buffers", std::to_string(role.buffers),
         "--interface", "eth0", image_},
        options_.log());
    if (!started) return tl::unexpected(started.error());
    target_ = *std::move(started);
  }
  const Instant deadline = now() + target_patience;
  const auto settled = [this] { return target_heard_ || !target_->is_running(); };
  if (run_until(settled, deadline) && target_heard_) return {};
  return tl::unexpected(fmt::format(
      "{} {}; it said: {}", options_.target_program,
      target_->is_running() ? fmt::format("sent nothing in {}", describe(target_patience))
                            : target_->end(),
      last_line(options_.log())));
}

/// The kernel may take a second to notice a carrier: not a second of the initiator's.
VethWorld::Result VethWorld::await_link() {
  const auto is_up = [this] {
    const NetworkNamespace::Visit inside(initiator_side_);
    const auto found = choose_interfaces({"eth0"});
    return found && found->front().link.up;
  };
  if (run_until(is_up, now() + link_patience)) return {};
  return tl::unexpected(
      fmt::format("the initiator's eth0 is not up after {}", describe(link_patience)));
}

VethWorld::Result VethWorld::open_client() {
  const NetworkNamespace::Visit inside(initiator_side_);
  initiator::Parameters parameters;
  parameters.deadsecs = scenario_.given.deadsecs;
  parameters.maxout = scenario_.given.maxout;
  parameters.early_retransmission = false;  // RtoModel knows of timeouts only
  auto client = initiator::LiveSession::open(loop_, parameters, {"eth0"});
  if (!client) return tl::unexpected(client.error());
  client_ = *std::move(client);
  client_->listen([this](const initiator::Event& event) {
    if (event.kind != initiator::Event::Kind::device_down) return;
    while (forward(Direction::to_target) > 0) {  // what it sent before it gave up
    }
    exchanges_.abandon(event.device);
  });
  return {};
}

void VethWorld::bridge(Direction direction) {
  auto& readable = direction == Direction::to_target ? from_initiator_ : from_target_;
  readable.async_wait(stream_descriptor::wait_read,
                      [this, direction](const boost::system::error_code& error) {
                        if (error) return;
                        forward(direction);
                        bridge(direction);
                      });
}

std::size_t VethWorld::forward(Direction direction) {
  PacketPort& from = direction == Direction::to_target ? *to_initiator_ : *to_target_;
  std::array<Bytes, batch_size> frames;
  const std::size_t count = from.receive(frames);
  target_heard_ |= direction == Direction::to_initiator && count > 0;
  for (const Bytes frame : std::span(frames).first(count)) pass(direction, frame, Origin::end);
  return count;
}

void VethWorld::pass(Direction direction, Bytes frame, Origin origin) {
  leaving_.clear();
  stage_.enter(direction, frame, now(), leaving_, origin);
  for (Delivery& delivery : leaving_) {
    if (delivery.delay == Duration{}) {
      send(std::move(delivery));
      continue;
    }
    held_.push_back({now() + delivery.delay, next_order_++, std::move(delivery)});
    std::ranges::push_heap(held_, std::greater<>());
    set_timer();
  }
}

void VethWorld::send(Delivery&& delivery) {
  PacketPort& to = delivery.direction == Direction::to_target ? *to_target_ : *to_initiator_;
  stage_.leave(delivery, now());
  const Outgoing frame{delivery.bytes, {}};
  to.send({&frame, 1});
  stage_.recycle(std::move(delivery));
}

void VethWorld::send_due() {
  while (!held_.empty() && held_.front().due <= now()) {
    std::ranges::pop_heap(held_, std::greater<>());
    send(std::move(held_.back().delivery));
    held_.pop_back();
  }
  set_timer();
}

void VethWorld::set_timer() {
  if (held_.empty()) return;
  timer_.expires_at(on_steady_clock(held_.front().due));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send_due();
  });
}

/// A timer that notices how late it is: as late as anything else in this process may be. And
/// whether the target still lives.
void VethWorld::beat() {
  heartbeat_.expires_at(on_steady_clock(heartbeat_due_));
  heartbeat_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    lateness_ = std::max(lateness_, now() - heartbeat_due_);
    exchanges_.allow(slack());
    heartbeat_due_ = now() + heartbeat;
    if (target_ != nullptr && broken_.empty() && !target_->is_running()) {
      broken_ =
          fmt::format("the target {}; it said: {}", target_->end(), last_line(options_.log()));
    }
    beat();
  });
}

std::uint64_t VethWorld::frames_lost() const {
  std::uint64_t lost = 0;
  for (const PacketPort* port : {to_initiator_.get(), to_target_.get()}) {
    const PortCounters counters = port->counters();
    lost += counters.receive_dropped + counters.send_dropped;
  }
  return lost;
}

Duration VethWorld::slack() const {
  return milliseconds(20) + 2 * lateness_;
}

bool VethWorld::run_until(const std::function<bool()>& done, Instant deadline) {
  while (!done()) {
    if (loop_.run_one_until(on_steady_clock(deadline)) > 0) continue;
    // What came while this process stood still came in time.
    constexpr int handlers_max = 1000;
    for (int i = 0; i < handlers_max && !done() && loop_.poll_one() > 0; ++i) {
    }
    return done();
  }
  return true;
}

bool VethWorld::is_up(Address device) const {
  const initiator::Device* found = client_->engine().find(device);
  return found != nullptr && found->state() == initiator::DeviceState::up;
}

std::string VethWorld::state(Address device) const {
  const initiator::Device* found = client_->engine().find(device);
  return found == nullptr ? std::string() : std::string(initiator::text(found->state()));
}

void VethWorld::change_interface(End end, const std::vector<std::string>& settings) {
  std::vector<std::string> arguments{"link", "set", "eth0"};
  arguments.insert(arguments.end(), settings.begin(), settings.end());
  const NetworkNamespace::Visit inside(end == End::target ? target_side_ : initiator_side_);
  if (auto changed = ip(arguments); !changed) broken_ = changed.error();
}

Control VethWorld::set_mac(End end, const Mac& mac) {
  if (end == End::initiator) exchanges_.port_changed(now());
  change_interface(end, {"address", fmt::format("{}", mac)});
  return {};
}

Control VethWorld::set_link(End end, bool up) {
  if (end == End::initiator) exchanges_.port_changed(now());
  change_interface(end, {up ? "up" : "down"});
  return {};
}

Control VethWorld::set_mtu(End end, std::uint16_t mtu) {
  change_interface(end, {"mtu", std::to_string(mtu)});
  return {};
}

Control VethWorld::pause_target(bool) {
  return tl::unexpected(Unsupported{"the veth world can't pause its target"});
}

Control VethWorld::kill_target() {
  return tl::unexpected(Unsupported{"the veth world can't kill its target"});
}

Control VethWorld::start_target() {
  return tl::unexpected(Unsupported{"the veth world can't start its target again"});
}

Control VethWorld::set_disk_faults(const std::optional<DiskFaults>&) {
  return tl::unexpected(Unsupported{"the veth world's disk has no faults"});
}

Control VethWorld::read_store(std::uint64_t offset, MutableBytes into) {
  const ssize_t got = ::pread(image_fd_, into.data(), into.size(), static_cast<off_t>(offset));
  AOE_CHECK(got == static_cast<ssize_t>(into.size()));
  return {};
}

}  // namespace aoe::harness
