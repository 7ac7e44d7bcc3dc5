#include "wire/receive_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "base/check.h"
#include "base/descriptor.h"
#include "proto/codes.h"

namespace aoe {
namespace {

/// Where the kernel puts a frame: its Ethernet header ends at a multiple of TPACKET_ALIGNMENT.
constexpr std::size_t frame_offset = TPACKET_ALIGN(TPACKET2_HDRLEN + 16) - ethernet_header_size;

constexpr std::size_t block_size_min = 64 << 10;
constexpr std::size_t size_max = 8 << 20;

template <class Value>
bool set_option(int socket, int option, const Value& value) {
  return ::setsockopt(socket, SOL_PACKET, option, &value, sizeof value) == 0;
}

}  // namespace

ReceiveRing::ReceiveRing(int socket, std::size_t frame_size, std::size_t slots)
    : socket_(socket),
      frame_size_(frame_size),
      slot_size_(TPACKET_ALIGN(frame_offset + frame_size)),
      block_size_(std::max(block_size_min, std::bit_ceil(slot_size_))),
      slots_per_block_(block_size_ / slot_size_),
      blocks_(std::clamp<std::size_t>((slots + slots_per_block_ - 1) / slots_per_block_, 1,
                                      size_max / block_size_)),
      slots_(blocks_ * slots_per_block_) {}

ReceiveRing::ReceiveRing(ReceiveRing&& other) noexcept
    : socket_(other.socket_),
      frame_size_(other.frame_size_),
      slot_size_(other.slot_size_),
      block_size_(other.block_size_),
      slots_per_block_(other.slots_per_block_),
      blocks_(other.blocks_),
      slots_(other.slots_),
      memory_(std::exchange(other.memory_, nullptr)),
      next_(other.next_),
      held_(other.held_) {}

tl::expected<ReceiveRing, std::error_code> ReceiveRing::open(int socket, std::size_t frame_size,
                                                             std::size_t slots) {
  ReceiveRing ring(socket, frame_size, slots);
  if (const std::error_code error = ring.make()) return tl::unexpected(error);
  return ring;
}

std::error_code ReceiveRing::make() {
  const int version = TPACKET_V2;
  if (!set_option(socket_, PACKET_VERSION, version)) return last_error();
  tpacket_req wanted{.tp_block_size = static_cast<unsigned>(block_size_),
                     .tp_block_nr = static_cast<unsigned>(blocks_),
                     .tp_frame_size = static_cast<unsigned>(slot_size_),
                     .tp_frame_nr = static_cast<unsigned>(slots_)};
  if (!set_option(socket_, PACKET_RX_RING, wanted)) return last_error();
  const std::error_code error = map();
  if (error) set_option(socket_, PACKET_RX_RING, tpacket_req{});
  return error;
}

std::error_code ReceiveRing::map() {
  void* const memory =
      ::mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket_, 0);
  if (memory == MAP_FAILED) return last_error();
  memory_ = static_cast<std::uint8_t*>(memory);
  return {};
}

bool ReceiveRing::close() {
  // The kernel refuses while the memory is mapped, here or in a child.
  ::munmap(memory_, size());
  if (set_option(socket_, PACKET_RX_RING, tpacket_req{})) {
    memory_ = nullptr;
    return true;
  }
  AOE_CHECK(!map());  // the memory is there
  return false;
}

ReceiveRing::~ReceiveRing() {
  if (memory_ == nullptr) return;
  ::munmap(memory_, size());
  set_option(socket_, PACKET_RX_RING, tpacket_req{});
}

tpacket2_hdr* ReceiveRing::slot(std::size_t number) const {
  if (number >= slots_) number -= slots_;
  return reinterpret_cast<tpacket2_hdr*>(memory_ + number / slots_per_block_ * block_size_ +
                                         number % slots_per_block_ * slot_size_);
}

bool ReceiveRing::has_frame() const {
  const std::atomic_ref status(slot(next_)->tp_status);
  return held_ < slots_ && (status.load(std::memory_order_acquire) & TP_STATUS_USER) != 0;
}

std::size_t ReceiveRing::receive(std::span<Bytes> frames, std::uint64_t& too_long) {
  for (; held_ > 0; --held_) {
    std::atomic_ref(slot(next_ + slots_ - held_)->tp_status)
        .store(TP_STATUS_KERNEL, std::memory_order_release);
  }
  std::size_t count = 0;
  while (count < frames.size() && has_frame()) {
    const tpacket2_hdr* const header = slot(next_);
    next_ = next_ + 1 == slots_ ? 0 : next_ + 1;
    ++held_;
    if (header->tp_snaplen < header->tp_len) {
      ++too_long;
    } else {
      frames[count++] = {reinterpret_cast<const std::uint8_t*>(header) + header->tp_mac,
                         header->tp_snaplen};
    }
  }
  return count;
}

}  // namespace aoe
