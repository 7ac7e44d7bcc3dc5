// The engine of one LUN: AoEr11's server side for one shelf and slot, as a function of frames.
//
// Owns what clients set in a LUN (config string, mask list, reservation: its LunState). Does no
// I/O: a request comes in, an outcome goes out. Its caller, Service, has decoded the frame and
// found that it is a request for this LUN; it has the store do the disk's work, and sends the
// reply. No frame makes it fail.
//
// A request is checked in this order, and the first rule that applies decides:
// 1. its source is a group address: silence, because a reply would go to many stations;
// 2. the administrator's rules do not admit its source, or the mask list does not name it (§3.3):
//    silence, for every command;
// 3. its body breaks a rule of the wire: the AoE error of answer_to(rule) (§2.4);
// 4. config: §3.2; a set of the very string that is there succeeds, so a retransmitted set is
//    harmless;
// 5. mask list: §3.3; an edit stays within what one reply can list at this MTU;
// 6. reserve: §3.4; more addresses than one reply can list at this MTU are error 2;
// 7. ATA from a source that is not on a reservation: error 6, IDENTIFY DEVICE excepted;
// 8. ATA: see ata_device.h; a client that may not write finds a disk that is read-only, one that may not
//    read an aborted command;
// 9. vendor commands: error 1.
// What a client has no right to set (access_list.h) is refused once its request is sound: a config string with
// error 4, an edit of the mask list with MError 1, a reservation with error 6.
// A list or string that was set through a larger MTU may not fit a reply at this one: the answer is
// a mask reply with MError 1, or error 2, and changes only what the request asks for.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/frame.h"
#include "proto/identify.h"
#include "target/lun/access_list.h"
#include "target/lun/ata_device.h"
#include "target/lun/smart.h"
#include "target/store/store.h"
#include "wire/frame_port.h"

namespace aoe::target {

struct LunOptions {
  Address address;                  // exact: no wildcard
  std::uint64_t sectors = 0;        // of 512 bytes
  std::uint16_t buffer_count = 64;  // advertised: messages that may be outstanding
  std::uint16_t firmware = 0;       // advertised: our version
  bool read_only = false;           // writes are aborted
  bool write_cache = true;          // a write may be answered before it is stable
  StoreTraits disk;
  AccessRules access;
  bool announced = true;  // announces itself to all clients that may use it
  FixedText<20> serial;
  FixedText<40> model;
  FixedText<8> revision;      // IDENTIFY's firmware text
  std::string config_string;  // until one is set; at most 1024 bytes

  /// The most requests that wait for the disk, or for stable storage, at a time.
  std::size_t in_flight_max() const { return 4 * std::max<std::size_t>(buffer_count, 1); }
};

/// What clients set in a LUN, and what survives a restart (§3.2 to §3.4).
struct LunState {
  std::string config_string;  // any bytes, at most 1024
  std::vector<Mac> mask;      // at most 255
  std::vector<Mac> reserved;  // at most 255
  /// No client has set the config string: it is that of LunOptions, whatever that becomes.
  bool is_default_string = false;

  bool operator==(const LunState&) const = default;
};

/// Why a request gets no answer (§3.2, §3.3).
enum class Silence : std::uint8_t {
  source_multicast,  // an answer would go to many
  source_denied,     // the administrator's rules do not admit the source
  source_masked,     // the mask list is not empty and does not name the source
  config_mismatch,   // a test or prefix that does not match
};
inline constexpr int silence_count = static_cast<int>(Silence::config_mismatch) + 1;

/// Returns the reason in words: "masked source".
std::string_view text(Silence silence);

/// What a reply says, for the counters.
enum class Verdict : std::uint8_t { success, ata_error, aoe_error };

/// A reply that was encoded into the buffer that the caller gave.
struct ReplyReady {
  std::size_t size;  // bytes
  Verdict verdict = Verdict::success;
  /// The reply says that something was set: it may only be sent once LunState is stable.
  bool says_set = false;
};

/// The reply to an ATA command that the disk carries out, until it has: the caller has the disk do
/// `command`, then calls finish().
struct PendingReply {
  Header header;  // of the reply
  AtaFlags flags;
  std::uint64_t lba = 0;
  std::uint8_t sectors = 0;  // of the request
  DiskCommand command;
  Bytes data;  // of a write or trim; a view into the request
};

using Outcome = std::variant<Silence, ReplyReady, PendingReply>;

/// Returns the size of the longest reply at this MTU, bytes.
constexpr std::size_t reply_size_max(std::size_t mtu) {
  return std::max(ethernet_header_size + mtu, frame_size_min);
}

class Lun {
 public:
  explicit Lun(const LunOptions& options);

  Address address() const { return options_.address; }

  /// Handles a request that arrived on `link`: not a response, and its address covers address().
  /// `reply` has reply_size_max(mtu) bytes.
  Outcome handle(const Frame& request, const Link& link, MutableBytes reply);

  /// Returns the bytes of `reply` into which a read goes, so that no copy is needed; none for other
  /// commands.
  static MutableBytes read_place(const PendingReply& pending, MutableBytes reply);

  /// Encodes the reply to a command that the disk has done or failed: success, an ATA error, or AoE
  /// error 3 where the disk is gone (§2.4, is_gone()). The reply to a failed one carries no data.
  static ReplyReady finish(const PendingReply& pending, std::error_code error, MutableBytes reply);

  /// Encodes the reply to a read that succeeded without its data, which is sent after it. Returns
  /// the head's size.
  static std::size_t finish_head(const PendingReply& pending, Bytes data, MutableBytes head) {
    const AtaReply reply{pending.flags, 0, 0, ata::status_drdy, pending.lba, data};
    return encode_head(pending.header, reply, head);
  }

  /// Encodes the refusal that replaces a reply that says that something was set, where that could
  /// not be made stable: a mask reply with MError 1, else AoE error 3. `reply` has room for 60
  /// bytes.
  static ReplyReady refuse_set(Bytes confirmation, MutableBytes reply);

  LunState state() const;
  /// Restores what state() returned, in this process or an earlier one. A default config string is
  /// replaced by that of options().
  void restore(const LunState& state);
  /// Changes with each change of state().
  std::uint64_t revision() const { return revision_; }

  const LunOptions& options() const { return options_; }
  /// Replaces the options. The address, and what clients have set, stay: the config string changes
  /// if no client has set one.
  void change(const LunOptions& options);

  /// The figures of SMART: Service counts the store's operations here.
  Health& health() { return health_; }

  /// Returns the destinations of announcements (§3.2): the broadcast address, or each MAC that may
  /// use the LUN where a mask list or the administrator's rules name them; none where it is not
  /// announced.
  std::vector<Mac> announce_to() const;
  /// Encodes an announcement, a config reply without a request, into reply_size_max(link.mtu)
  /// bytes. Returns the frame's size; 0 where it does not fit the MTU.
  std::size_t announce(const Link& link, Mac destination, MutableBytes frame) const;

 private:
  struct Exchange;

  bool may(Right right, const Exchange& exchange) const;
  Outcome config(const ConfigRequest& request, const Exchange& exchange);
  Outcome mask(const MaskRequest& request, const Exchange& exchange);
  Outcome reserve(const ReserveRequest& request, const Exchange& exchange);
  Outcome ata(const AtaRequest& request, const Exchange& exchange);
  ReplyReady smart(ata::Smart what, const AtaRequest& request, const Exchange& exchange);
  ReplyReady identify(const AtaRequest& request, const Exchange& exchange) const;

  Bytes config_string() const { return Bytes(config_string_).first(config_string_size_); }
  void set_config_string(Bytes string);
  void take_default_string();
  ConfigReply config_reply(ConfigCommand command, const Link& link) const;

  LunOptions options_;
  AtaDevice device_;
  bool limits_rights_ = false;  // the administrator gives some client less than all rights
  std::array<std::uint8_t, config_string_size_max> config_string_{};
  std::size_t config_string_size_ = 0;
  bool is_default_string_ = true;  // see LunState
  MacSet mask_;
  MacSet reservation_;
  Health health_;
  std::uint64_t revision_ = 0;
};

}  // namespace aoe::target
