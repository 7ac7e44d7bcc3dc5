// A frame of AoEr11 as typed values: decoded from bytes once, at the edge, and encoded back.
//
// Everything here is a view or a small value: decoding copies no data and nothing allocates. A
// decoded frame points into the bytes it was decoded from and lives no longer than they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "proto/address.h"
#include "proto/ata.h"
#include "proto/codes.h"
#include "proto/reject.h"

namespace aoe {

/// §2: what every frame carries.
struct Header {
  Mac destination{};
  Mac source{};
  Address address{};
  std::uint32_t tag = 0;  // chosen by the client, copied by the server

  bool operator==(const Header&) const = default;
};

/// §3.1 AFlags.
struct AtaFlags {
  bool extended = false;      // E: LBA48 (lba0-5), else LBA28 (lba0-2 and four bits of lba3)
  bool device_head = false;   // D: meaningful without E only
  bool asynchronous = false;  // A: the server may answer before the data is stable
  bool write = false;         // W: data goes to the device

  bool operator==(const AtaFlags&) const = default;
};

/// §3.1 request. `data` holds exactly sectors x 512 bytes when flags.write is set, and nothing
/// otherwise.
struct AtaRequest {
  AtaFlags flags{};
  std::uint8_t feature = 0;
  std::uint8_t sectors = 0;
  ata::Opcode opcode{};
  std::uint64_t lba = 0;  // below 2^28, or 2^48 when flags.extended
  Bytes data{};
};

/// §3.1 reply. Decoded, `data` is all that follows the header, padding included: the client knows
/// how much it asked for.
struct AtaReply {
  AtaFlags flags{};
  std::uint8_t error = 0;         // ATA error register
  std::uint8_t sectors_left = 0;  // what is left undone: 0 on success
  std::uint8_t status = 0;        // ATA status register
  std::uint64_t lba = 0;
  Bytes data{};
};

/// §3.2. `string` is at most 1024 bytes.
struct ConfigRequest {
  ConfigCommand command = ConfigCommand::read;
  Bytes string{};
};
struct ConfigReply {
  std::uint16_t buffer_count = 0;  // messages that the server can queue
  std::uint16_t firmware = 0;
  std::uint8_t sector_count = 0;  // most sectors in an ATA command; 0 stands for 2
  ConfigCommand command = ConfigCommand::read;
  Bytes string{};
};

/// §3.3. The command is kept as it came: a server runs directives in order and stops at a bad one.
struct Directive {
  std::uint8_t command = 0;  // DirectiveCommand, or a bad one
  Mac mac{};

  bool operator==(const Directive&) const = default;
};

/// A list in the form it has on the wire, `Size` bytes an entry: a view, nothing is copied.
template <class Entry, std::size_t Size>
class WireList {
 public:
  static constexpr std::size_t entry_size = Size;

  WireList() = default;
  /// `packed` holds a whole number of entries, at most 255.
  explicit WireList(Bytes packed) : packed_(packed) {
    AOE_CHECK(packed.size() % Size == 0 && size() <= 255);
  }
  std::size_t size() const { return packed_.size() / Size; }
  Entry operator[](std::size_t i) const;
  Bytes packed() const { return packed_; }

 private:
  Bytes packed_;
};

using DirectiveList = WireList<Directive, 8>;
using MacList = WireList<Mac, 6>;

template <>
Directive DirectiveList::operator[](std::size_t i) const;
template <>
Mac MacList::operator[](std::size_t i) const;

/// Packs entries into `room` (8 or 6 bytes each, at most 255), and gives the list over it.
DirectiveList pack(std::span<const Directive> directives, MutableBytes room);
MacList pack(std::span<const Mac> macs, MutableBytes room);

struct MaskRequest {
  MaskCommand command = MaskCommand::read;
  DirectiveList directives{};
};
/// Without an error, the whole mask list; with one, the number of directives done before it.
struct MaskReply {
  MaskCommand command = MaskCommand::read;
  MaskError error = MaskError::none;
  std::uint8_t directives_done = 0;  // meaningful with an error only
  DirectiveList list{};              // empty with an error
};

/// §3.4
struct ReserveRequest {
  ReserveCommand command = ReserveCommand::read;
  MacList macs{};
};
struct ReserveReply {
  ReserveCommand command = ReserveCommand::read;
  MacList macs{};
};

/// Commands 240-255: decoded so that a report can name them. Never sent by us but in tests.
struct VendorRequest {
  std::uint8_t command = vendor_command_min;
  Bytes arg{};
};
struct VendorReply {
  std::uint8_t command = vendor_command_min;
  Bytes arg{};
};

/// §2.4: flags R and E. What follows the header is the request's echo at best, and not looked at.
struct ErrorReply {
  std::uint8_t command = 0;  // of the request, known or not
  ErrorCode code{};          // from a peer: any value
};

using Body = std::variant<AtaRequest, AtaReply, ConfigRequest, ConfigReply, MaskRequest, MaskReply,
                          ReserveRequest, ReserveReply, VendorRequest, VendorReply, ErrorReply>;

/// A decoded frame. The header and the first fields are good even where the body is not: that is
/// what a server needs to answer with an error.
struct Frame {
  Header header;
  bool response = false;     // flag R
  std::uint8_t command = 0;  // known or not
  tl::expected<Body, Reject> body;
};

/// Decodes what a network interface received, from the Ethernet header on.
/// Fails outright only for frame_too_short and not_aoe; anything else wrong is in the body's
/// Reject. Reserved fields and flags are ignored, and so are bytes after the last field.
tl::expected<Frame, Reject> decode(Bytes bytes);

/// Encodes into `out` and returns the frame's size, padded with zeros to 60 bytes. Asserts what
/// decode would refuse, and that `out` has room: 60 bytes, or the header plus the body's own data.
/// ATA data that already lies at its place in `out` is left there, so a disk can read straight into
/// a frame.
std::size_t encode(const Header& header, const Body& body, MutableBytes out);

/// As encode(), but leaves ATA data out: the caller sends body.data as a second piece. Padded only
/// where there is no data.
std::size_t encode_head(const Header& header, const Body& body, MutableBytes out);

}  // namespace aoe
