// The veth world: aoe-target as a process, the initiator's engine on a real interface, and a bridge
// of ours between them, in namespaces of their own and in real time.
//
//   [initiator: eth0] ==veth== [bridge with the fault stage] ==veth== [eth0: aoe-target]
//
// The process must be in a network namespace of its own before (enter_network_namespace).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "harness/world/process.h"
#include "harness/world/world.h"
#include "initiator/live_session.h"
#include "wire/network_namespace.h"
#include "wire/packet_port.h"

namespace aoe::harness {

class VethWorld final : public World {
 public:
  struct Options {
    std::string target_program;  // aoe-target
    std::string folder;          // for the image, and for sut.log: what the target prints

    std::string log() const { return folder + "/sut.log"; }
  };

  /// Builds the world and waits until the target is there. The error says what could not be had.
  static tl::expected<std::unique_ptr<VethWorld>, std::string> create(const Scenario& scenario,
                                                                      const Options& options,
                                                                      FaultStage& stage,
                                                                      Exchanges& exchanges);
  ~VethWorld() override;

  Instant now() const override { return initiator::monotonic_now(); }
  Duration slack() const override;
  std::string broken() const override { return broken_; }
  std::uint64_t frames_lost() const override;
  bool run_until(const std::function<bool()>& done, Instant deadline) override;
  void discover(Address whom) override { client_->discover(whom); }
  void submit(const initiator::IoRequest& request, Done done) override {
    client_->submit(request, std::move(done));
  }
  bool is_up(Address device) const override;
  std::string state(Address device) const override;
  void inject(Direction direction, Bytes frame) override {
    pass(direction, frame, Origin::scenario);
  }
  Control set_mac(End end, const Mac& mac) override;
  Control set_link(End end, bool up) override;
  Control set_mtu(End end, std::uint16_t mtu) override;
  Control pause_target(bool paused) override;
  Control kill_target() override;
  Control start_target() override;
  Control set_disk_faults(const std::optional<DiskFaults>& faults) override;
  Control read_store(std::uint64_t offset, MutableBytes into) override;
  FaultStage& stage() override { return stage_; }

 private:
  using Result = tl::expected<void, std::string>;

  struct Held {
    Instant due;
    std::uint64_t order;
    Delivery delivery;
    bool operator>(const Held& other) const {
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  VethWorld(const Scenario& scenario, const Options& options, FaultStage& stage,
            Exchanges& exchanges, NetworkNamespace initiator_side, NetworkNamespace target_side);

  Result build();
  Result make_cable(const std::string& bridge_end, const NetworkNamespace& where, const Mac& mac);
  Result make_image();
  Result start_process();
  Result await_link();
  Result open_client();

  void bridge(Direction direction);
  /// Takes some of the frames that wait; returns how many.
  std::size_t forward(Direction direction);
  /// Takes a frame through the fault stage.
  void pass(Direction direction, Bytes frame, Origin origin);
  /// Changes an end's eth0, as ip(8) has it.
  void change_interface(End end, const std::vector<std::string>& settings);
  void send(Delivery&& delivery);
  void send_due();
  void set_timer();
  void beat();

  const Scenario& scenario_;
  const Options options_;
  FaultStage& stage_;
  Exchanges& exchanges_;
  const NetworkNamespace initiator_side_;
  const NetworkNamespace target_side_;
  const std::string image_;
  int image_fd_ = -1;

  boost::asio::io_context loop_;
  std::unique_ptr<PacketPort> to_initiator_;  // the bridge's ends
  std::unique_ptr<PacketPort> to_target_;
  boost::asio::posix::stream_descriptor from_initiator_;
  boost::asio::posix::stream_descriptor from_target_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer heartbeat_;
  Instant heartbeat_due_{};
  Duration lateness_{};     // the worst so far, of the heartbeat
  std::vector<Held> held_;  // a heap, the next one first
  std::uint64_t next_order_ = 0;
  std::vector<Delivery> leaving_;
  bool target_heard_ = false;
  std::string broken_;

  std::unique_ptr<Process> target_;
  std::unique_ptr<initiator::LiveSession> client_;
};

}  // namespace aoe::harness
