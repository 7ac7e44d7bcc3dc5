#include "initiator/testing/test_target.h"

#include <algorithm>

#include "initiator/testing/test_words.h"
#include "proto/trim.h"

namespace aoe::initiator {

TestTarget::TestTarget(Address address, std::size_t sectors)
    : address_(address), disk_(sectors * sector_size) {
  resize(sectors);
}

void TestTarget::resize(std::uint64_t sectors) {
  identity_ = a_disk(sectors, Addressing::lba48, Cache::flush_ext);
  identity_.trim = true;
  identity_.trim_blocks_max = 1;
  build_identify(identity_, block_);
}

void TestTarget::set_serial(std::string_view serial) {
  identity_.serial = serial;
  build_identify(identity_, block_);
}

std::optional<std::vector<std::uint8_t>> TestTarget::answer(Bytes request, const Mac& mac) {
  const auto frame = decode(request);
  if (!frame || !frame->body || frame->response || !frame->header.address.covers(address_)) {
    return std::nullopt;
  }
  const Header& asked = frame->header;
  if (asked.destination != mac && asked.destination != Mac::broadcast()) return std::nullopt;
  const Header header{asked.source, mac, address_, asked.tag};
  if (std::holds_alternative<ConfigRequest>(*frame->body)) return frame_of(header, offer);
  return frame_of(header, answer_ata(std::get<AtaRequest>(*frame->body)));
}

std::vector<std::uint8_t> TestTarget::announcement(const Mac& mac) const {
  return frame_of({Mac::broadcast(), mac, address_, 0}, offer);
}

std::vector<std::uint8_t> TestTarget::sectors(std::uint64_t lba, std::size_t count) const {
  const Bytes bytes = Bytes(disk_).subspan(lba * sector_size, count * sector_size);
  return {bytes.begin(), bytes.end()};
}

Body TestTarget::answer_ata(const AtaRequest& request) {
  AtaReply reply{.flags = request.flags, .status = ata::status_drdy, .lba = request.lba};
  if (request.opcode == ata::Opcode::identify_device) {
    reply.data = block_;
    return reply;
  }
  if (request.opcode == ata::Opcode::flush_cache_ext) {
    ++flushes_;
    return reply;
  }
  if (request.sectors > offer.sector_count) return ErrorReply{0, ErrorCode::bad_argument};
  if (request.opcode == ata::Opcode::data_set_management) {
    ++changes_;
    const TrimList ranges(request.data);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const auto place =
          MutableBytes(disk_).subspan(ranges[i].lba * sector_size, ranges[i].sectors * sector_size);
      std::ranges::fill(place, std::uint8_t{0});
    }
    return reply;
  }
  const std::size_t size = request.sectors * sector_size;
  if (request.sectors == 0 || request.lba * sector_size + size > disk_.size()) {
    reply.error = ata::error_idnf;
    reply.status = ata::status_drdy | ata::status_err;
    return reply;
  }
  const MutableBytes place = MutableBytes(disk_).subspan(request.lba * sector_size, size);
  if (request.opcode == ata::Opcode::write_sectors_ext) {
    ++changes_;
    std::ranges::copy(request.data, place.begin());
  } else if (request.opcode == ata::Opcode::read_sectors_ext) {
    reply.data = place;
  } else {
    return ErrorReply{0, ErrorCode::bad_argument};
  }
  return reply;
}

}  // namespace aoe::initiator
