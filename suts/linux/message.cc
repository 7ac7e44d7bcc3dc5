#include "suts/linux/message.h"

namespace aoe::guest {
namespace {

constexpr std::size_t header_size = 32;

void put(std::string& bytes, std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint64_t take(std::string_view& bytes, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  bytes.remove_prefix(size);
  return value;
}

}  // namespace

std::string encode(const Message& message) {
  std::string bytes;
  bytes.reserve(header_size + message.bytes.size());
  put(bytes, message.bytes.size(), 4);
  put(bytes, message.id, 4);
  put(bytes, message.code, 4);
  put(bytes, message.handle, 4);
  put(bytes, message.offset, 8);
  put(bytes, message.length, 8);
  return bytes + message.bytes;
}

std::optional<Message> MessageReader::next() {
  if (broken_ || stream_.size() < header_size) return std::nullopt;
  std::string_view rest = stream_;
  const std::size_t size = take(rest, 4);
  broken_ = size > message_bytes_max;
  if (broken_ || stream_.size() < header_size + size) return std::nullopt;
  Message message;
  message.id = static_cast<std::uint32_t>(take(rest, 4));
  message.code = static_cast<std::uint32_t>(take(rest, 4));
  message.handle = static_cast<std::uint32_t>(take(rest, 4));
  message.offset = take(rest, 8);
  message.length = take(rest, 8);
  message.bytes = rest.substr(0, size);
  stream_.erase(0, header_size + size);
  return message;
}

}  // namespace aoe::guest
