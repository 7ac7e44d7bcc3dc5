#include "proto/describe.h"

#include <fmt/format.h>

#include "proto/frame.h"

namespace aoe {
namespace {

/// Appends to a bounded line; what does not fit is cut.
class Line {
 public:
  explicit Line(std::span<char> room)
      : room_(room.first(std::min(room.size(), description_size_max))) {}

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    const auto free = room_.size() - size_;
    const auto result =
        fmt::format_to_n(room_.data() + size_, free, format, std::forward<Args>(args)...);
    size_ += std::min(free, result.size);
  }
  std::string_view view() const { return {room_.data(), size_}; }

 private:
  std::span<char> room_;
  std::size_t size_ = 0;
};

void add(Line& line, const Reject& r) {
  line.add("{} (offset {}: have {}, need {})", text(r.rule), r.offset, r.have, r.need);
}

std::string_view command_name(std::uint8_t command) {
  if (command >= vendor_command_min) return "vendor command";
  switch (Command{command}) {
    case Command::ata: return "ATA";
    case Command::config: return "config";
    case Command::mask: return "mask";
    case Command::reserve: return "reserve";
  }
  return "unknown command";
}

struct DescribeBody {
  Line& line;

  void operator()(const AtaRequest& r) const {
    line.add("{}", ata::name(r.opcode));
    if (ata::name(r.opcode) == "ATA") line.add(" {:02x}", static_cast<unsigned>(r.opcode));
    line.add(" lba {}+{}", r.lba, r.sectors);
    if (r.feature != 0) line.add(" feature {:02x}", r.feature);
    if (r.flags.asynchronous) line.add(" async");
  }
  void operator()(const AtaReply& r) const {
    if ((r.status & ata::status_failed) == 0 && (r.status & ata::status_drdy) != 0) {
      line.add("ATA reply ok");
    } else {
      line.add("ATA reply status {:02x} error {:02x}", r.status, r.error);
    }
    line.add(" lba {} left {}", r.lba, r.sectors_left);
  }
  void operator()(const ConfigRequest& r) const {
    line.add("config {}", text(r.command));
    add_string(r.string);
  }
  void operator()(const ConfigReply& r) const {
    line.add("config reply buffers {} sectors {} firmware {:04x}", r.buffer_count, r.sector_count,
             r.firmware);
    add_string(r.string);
  }
  void operator()(const MaskRequest& r) const {
    if (r.command == MaskCommand::read) {
      line.add("mask read");
    } else {
      line.add("mask edit, {} directives", r.directives.size());
    }
  }
  void operator()(const MaskReply& r) const {
    if (r.error == MaskError::none) {
      line.add("mask reply, {} addresses", r.list.size());
    } else {
      line.add("mask reply error {} after {} directives", text(r.error), r.directives_done);
    }
  }
  void operator()(const ReserveRequest& r) const {
    switch (r.command) {
      case ReserveCommand::read: line.add("reserve read"); return;
      case ReserveCommand::set: line.add("reserve set, {} addresses", r.macs.size()); return;
      case ReserveCommand::force_set:
        line.add("reserve force-set, {} addresses", r.macs.size());
        return;
    }
  }
  void operator()(const ReserveReply& r) const {
    line.add("reserve reply, {} addresses", r.macs.size());
  }
  void operator()(const VendorRequest& r) const { line.add("vendor command {}", r.command); }
  void operator()(const VendorReply& r) const { line.add("vendor command {} reply", r.command); }
  void operator()(const ErrorReply& r) const {
    line.add("error {} ({}) to {}", static_cast<unsigned>(r.code), text(r.code),
             command_name(r.command));
  }

 private:
  void add_string(Bytes string) const {
    constexpr std::size_t shown_max = 32;
    if (string.empty()) return;
    line.add(" \"");
    for (const std::uint8_t c : string.first(std::min(string.size(), shown_max))) {
      line.add("{}", c >= ' ' && c <= '~' ? static_cast<char>(c) : '?');
    }
    line.add("{}\" ({})", string.size() > shown_max ? "..." : "", string.size());
  }
};

}  // namespace

std::string_view describe(const Reject& reject, std::span<char> room) {
  Line line(room);
  add(line, reject);
  return line.view();
}

std::string_view describe(const Frame& frame, std::span<char> room) {
  Line line(room);
  line.add("{} ", frame.header.address);
  std::visit(DescribeBody{line}, *frame.body);
  line.add(" tag {:08x}", frame.header.tag);
  return line.view();
}

std::string_view describe(Bytes bytes, std::span<char> room) {
  const auto frame = decode(bytes);
  if (frame && frame->body) return describe(*frame, room);
  Line line(room);
  if (!frame) {
    line.add("bad frame, {} bytes: ", bytes.size());
    add(line, frame.error());
    return line.view();
  }
  const std::string_view side = frame->response ? "reply" : "request";
  if (frame->body.error().rule == Rule::unknown_command) {
    line.add("{} unknown command {} {}, {} bytes", frame->header.address, frame->command, side,
             bytes.size());
  } else {
    line.add("{} bad ", frame->header.address);
    if (frame->command <= static_cast<std::uint8_t>(Command::reserve)) {
      line.add("{}", command_name(frame->command));
    } else {
      line.add("command {}", frame->command);
    }
    line.add(" {}, {} bytes: ", side, bytes.size());
    add(line, frame->body.error());
  }
  line.add(" tag {:08x}", frame->header.tag);
  return line.view();
}

}  // namespace aoe
