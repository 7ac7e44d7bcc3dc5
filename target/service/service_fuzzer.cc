// libFuzzer target: for any frames in any order, a service answers with whole replies to the
// sources of requests, and only valid writes and trims change its disks.
//
// The input is a sequence of frames, each after its size (2 bytes, big-endian). The top bit of the
// size says that operations of the slow store end before the frame arrives, and the next bit that
// they fail.

#include <algorithm>
#include <deque>
#include <vector>

#include "base/check.h"
#include "proto/trim.h"
#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

constexpr std::uint64_t disk_sectors = 16;
constexpr std::uint16_t mtu = 1500;
constexpr Mac target_mac{{2, 0, 0, 0, 0, 1}};
constexpr Mac client_mac{{2, 0, 0, 0, 0, 0xc}};
// The address of the golden frames, and two that differ in a bit; the last is the slow store's.
constexpr std::array<Address, 3> addresses{{{0x0102, 3}, {0x0102, 2}, {0x0102, 1}}};

/// A store in memory that keeps operations until finish_one() ends them.
class SlowStore final : public Store {
 public:
  std::uint64_t size() const override { return memory_.size(); }
  StoreTraits traits() const override { return memory_.traits(); }
  void start(Operation& operation) override { waiting_.push_back(&operation); }
  void wait() override { finish_one({}); }

  void finish_one(std::error_code error) {
    Operation& operation = *waiting_.front();
    waiting_.pop_front();
    if (error) {
      operation.done(error);
    } else {
      memory_.start(operation);
    }
  }
  bool is_busy() const { return !waiting_.empty(); }
  MutableBytes bytes() { return memory_.bytes(); }

 private:
  MemoryStore memory_{disk_sectors * sector_size};
  std::deque<Operation*> waiting_;
};

/// Returns whether a valid write or trim names sector `lba`: the rules are spelt again here, apart
/// from the LUN's.
bool may_change(const Frame& request, Address lun, std::uint64_t lba) {
  const auto* ata = request.body ? std::get_if<AtaRequest>(&*request.body) : nullptr;
  if (request.response || ata == nullptr || !ata->flags.write ||
      !request.header.address.covers(lun) || request.header.source.is_multicast()) {
    return false;
  }
  switch (ata->opcode) {
    case ata::Opcode::write_sectors_ext:
    case ata::Opcode::write_dma_ext:
      if (!ata->flags.extended) return false;
      [[fallthrough]];
    case ata::Opcode::write_sectors:
    case ata::Opcode::write_dma:
      return ata->sectors <= sectors_per_frame(mtu) && ata->lba <= lba &&
             lba < ata->lba + ata->sectors && ata->lba + ata->sectors <= disk_sectors;
    case ata::Opcode::data_set_management: {
      if (ata->feature != ata::trim_feature) return false;
      const TrimList ranges(ata->data);
      bool is_named = false;
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        const auto [first, sectors] = ranges[i];
        if (first + sectors > disk_sectors) return false;
        is_named = is_named || (first <= lba && lba < first + sectors);
      }
      return is_named;
    }
    default: return false;
  }
}

class Life {
 public:
  Life() {
    std::tie(port_, client_) = MemoryPort::pair({target_mac, mtu, true}, {client_mac, 9000, true});
    for (const Address address : addresses) {
      LunOptions options;
      options.address = address;
      options.sectors = disk_sectors;
      options.buffer_count = 1;
      options.disk = {512, true, true};
      std::unique_ptr<Store> store;
      if (address == addresses.back()) {
        auto slow = std::make_unique<SlowStore>();
        slow_ = slow.get();
        store = std::move(slow);
        disks_.push_back(slow_->bytes());
      } else {
        auto memory = std::make_unique<MemoryStore>(disk_sectors * sector_size);
        disks_.push_back(memory->bytes());
        store = std::move(memory);
      }
      service_.add(options, std::move(store));
    }
    for (const MutableBytes disk : disks_) {
      std::ranges::fill(disk, std::uint8_t{0x5a});
      before_.emplace_back(disk.begin(), disk.end());
    }
  }
  ~Life() {
    end_operations({});
    check();
    std::uint64_t ended = 0;
    const LunCounters c = service_.counters();
    for (const std::uint64_t silence : c.silences) ended += silence;
    AOE_CHECK(c.requests == c.replies + c.dropped_busy + c.dropped_port + ended);
  }

  void serve(Bytes frame) {
    requests_.emplace_back(frame.begin(), frame.end());
    const Outgoing outgoing{frame, {}};
    client_->send({&outgoing, 1});
    service_.serve(*port_);
    check();
  }

  void end_operations(std::error_code error) {
    while (slow_->is_busy()) slow_->finish_one(error);
    service_.settle();
    check();
  }

 private:
  void check() {
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
      if (std::ranges::equal(disks_[disk], before_[disk])) continue;
      for (std::uint64_t lba = 0; lba < disk_sectors; ++lba) check_sector(disk, lba);
      std::ranges::copy(disks_[disk], before_[disk].begin());
    }
    std::array<Bytes, batch_size> replies;
    for (std::size_t count = 1; count > 0;) {
      count = client_->receive(replies);
      for (const Bytes reply : std::span(replies).first(count)) check_reply(reply);
    }
    // Requests that the slow store has not finished may still have effects.
    if (!slow_->is_busy()) requests_.clear();
  }

  void check_sector(std::size_t disk, std::uint64_t lba) {
    const auto part = [&](Bytes bytes) { return bytes.subspan(lba * sector_size, sector_size); };
    if (std::ranges::equal(part(disks_[disk]), part(before_[disk]))) return;
    AOE_CHECK(std::ranges::any_of(requests_, [&](const auto& bytes) {
      const auto request = decode(bytes);
      return request && may_change(*request, addresses[disk], lba);
    }));
  }

  void check_reply(Bytes bytes) {
    AOE_CHECK(bytes.size() >= frame_size_min && bytes.size() <= ethernet_header_size + mtu);
    const auto reply = decode(bytes);
    AOE_CHECK(reply && reply->response && reply->body);
    const Header& header = reply->header;
    AOE_CHECK(header.source == target_mac && !header.destination.is_multicast());
    AOE_CHECK(std::ranges::find(addresses, header.address) != addresses.end());
    AOE_CHECK(std::ranges::any_of(requests_, [&](const auto& each) {
      const auto request = decode(each);
      return request && !request->response && request->header.tag == header.tag &&
             request->header.source == header.destination && request->command == reply->command &&
             request->header.address.covers(header.address);
    }));
  }

  Service service_;
  SlowStore* slow_ = nullptr;
  std::unique_ptr<MemoryPort> port_;
  std::unique_ptr<MemoryPort> client_;
  std::vector<MutableBytes> disks_;
  std::vector<std::vector<std::uint8_t>> before_;
  std::vector<std::vector<std::uint8_t>> requests_;  // that may still have effects
};

void run(Bytes input) {
  constexpr std::uint16_t ends_operations = 0x8000;
  constexpr std::uint16_t fails_them = 0x4000;
  constexpr int frames_max = 64;  // more frames find nothing new and take long
  Life life;
  for (int frames = 0; frames < frames_max && input.size() >= 2; ++frames) {
    const auto word = static_cast<std::uint16_t>(input[0] << 8 | input[1]);
    input = input.subspan(2);
    if ((word & ends_operations) != 0) {
      life.end_operations((word & fails_them) != 0 ? std::make_error_code(std::errc::io_error)
                                                   : std::error_code{});
    }
    const std::size_t size = std::min<std::size_t>(word & 0x3fff, input.size());
    life.serve(input.first(size));
    input = input.subspan(size);
  }
}

}  // namespace
}  // namespace aoe::target

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aoe::target::run({data, size});
  return 0;
}
