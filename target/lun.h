// The engine of one LUN: AoEr11's server side for one shelf and slot, as a function of frames.
//
// It owns what a LUN remembers (config string, mask list, reservation) and does no I/O: a request
// comes in, an outcome goes out. Its caller (Service) has decoded the frame, found that it is a
// request for this LUN, does the disk's work, and sends the reply. Never fails, whatever the frame
// holds.
//
// A request meets these, in this order, and the first that applies decides:
// 1. its source is a group address: silence, for a reply would reach a crowd that never asked;
// 2. the mask list does not name its source: silence, whatever the command (§3.3);
// 3. its body breaks a rule of the wire: the AoE error of answer_to(rule) (§2.4);
// 4. config: §3.2; a set of the very string that is there succeeds, so a retransmitted set is
//    harmless;
// 5. mask list: §3.3; an edit stays within what one reply can list at this MTU;
// 6. reserve: §3.4; more addresses than one reply can list at this MTU are error 2;
// 7. ATA from a source that is not on a reservation: error 6, IDENTIFY DEVICE excepted;
// 8. ATA: see ata_device.h;
// 9. vendor commands: error 1.
// Where a list or string was set through a larger MTU and its reply does not fit this one: a mask
// reply with MError 1, or error 2. Nothing is changed then that was not asked for.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/frame.h"
#include "proto/identify.h"
#include "target/access_list.h"
#include "target/ata_device.h"
#include "wire/frame_port.h"

namespace aoe::target {

struct LunOptions {
  Address address;                  // exact: no wildcard
  std::uint64_t sectors = 0;        // of 512 bytes
  std::uint16_t buffer_count = 64;  // advertised: messages that may be outstanding
  std::uint16_t firmware = 0;       // advertised: our version
  bool read_only = false;           // writes are aborted
  FixedText<20> serial;
  FixedText<40> model;
  FixedText<8> revision;      // IDENTIFY's firmware text
  std::string config_string;  // at first; at most 1024 bytes
};

/// Why a request gets no answer (§3.2, §3.3).
enum class Silence : std::uint8_t {
  source_multicast,  // an answer would go to many
  source_masked,     // the mask list is not empty and does not name the source
  config_mismatch,   // a test or prefix that does not match
};
inline constexpr int silence_count = static_cast<int>(Silence::config_mismatch) + 1;

/// What a reply says, for whoever counts.
enum class Verdict : std::uint8_t { success, ata_error, aoe_error };

/// A reply lies encoded in the buffer that the caller gave.
struct ReplyReady {
  std::size_t size;  // bytes
  Verdict verdict = Verdict::success;
};

/// What a reply needs once the disk has done its part.
struct PendingReply {
  Header header;  // of the reply
  AtaFlags flags;
  std::uint64_t lba = 0;
  std::uint8_t sectors = 0;  // transferred: 0 for a flush
  bool is_read = false;
};

/// The disk's part of a request; the caller performs it, then calls finish().
struct DiskWork {
  using Kind = DiskAction;
  Kind kind;
  std::uint64_t lba = 0;
  std::uint8_t sectors = 0;
  Bytes data;  // of a write; a view into the request
  PendingReply pending;
};

using Outcome = std::variant<Silence, ReplyReady, DiskWork>;

/// The room that replies need at this MTU, bytes.
constexpr std::size_t reply_size_max(std::size_t mtu) {
  return std::max(ethernet_header_size + mtu, frame_size_min);
}

class Lun {
 public:
  explicit Lun(const LunOptions& options);

  Address address() const { return options_.address; }

  /// Handles a request that arrived on `link`: not a response, and covering address(). `reply` has
  /// room for the longest reply at this MTU: 14 + mtu bytes, and 60 at least.
  Outcome handle(const Frame& request, const Link& link, MutableBytes reply);

  /// The bytes of `reply` into which a DiskWork::read goes, so that no copy is needed.
  static MutableBytes read_place(const PendingReply& pending, MutableBytes reply);

  /// Encodes the reply to a request whose disk work is over: success, or an ATA error for `failed`.
  /// A failed operation never carries data. Returns the frame's size.
  static std::size_t finish(const PendingReply& pending, bool failed, MutableBytes reply);

  /// §3.2: to whom to announce this LUN: everyone (the broadcast address), or each MAC of a mask
  /// list.
  std::vector<Mac> announce_to() const;
  /// Encodes the unasked config reply into reply_size_max(link.mtu) bytes. Returns the frame's
  /// size; 0 where it does not fit the MTU.
  std::size_t announce(const Link& link, Mac destination, MutableBytes frame) const;

 private:
  struct Exchange;

  Outcome config(const ConfigRequest& request, const Exchange& exchange);
  Outcome mask(const MaskRequest& request, const Exchange& exchange);
  Outcome reserve(const ReserveRequest& request, const Exchange& exchange);
  Outcome ata(const AtaRequest& request, const Exchange& exchange) const;
  ReplyReady identify(const AtaRequest& request, const Exchange& exchange) const;

  Bytes config_string() const { return Bytes(config_string_).first(config_string_size_); }
  void set_config_string(Bytes string);
  ConfigReply config_reply(ConfigCommand command, const Link& link) const;

  LunOptions options_;
  AtaDevice device_;
  std::array<std::uint8_t, config_string_size_max> config_string_{};
  std::size_t config_string_size_ = 0;
  MaskList mask_;
  Reservation reservation_;
};

}  // namespace aoe::target
