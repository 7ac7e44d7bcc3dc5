// The messages between the host and the agent in the guest: requests and answers in a byte stream.
//
//   size (4)  of the bytes at the end
//   id (4)    chosen by the host; the answer has the same
//   code (4)  an Operation; of an answer an errno, 0 for success
//   handle (4)  of an open file
//   offset (8) length (8)
//   bytes
//
// All numbers are little-endian. Answers come in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aoe::guest {

enum class Operation : std::uint32_t {
  set_interface = 1,  // handle: of ethN; bytes = MAC, offset = MTU, length = 1: up, 0: down
  load_aoe,           // bytes = the module's parameters: "aoe_deadsecs=5 aoe_maxout=16"
  status,             // bytes = a path. Answer: handle = FileKind, length = size
  list,               // bytes = a folder's path. Answer: bytes = names, each with a zero at its end
  open,               // bytes = a path, length = flags of open(2). Answer: handle
  read,               // handle, offset, length. Answer: bytes, fewer at the end
  write,              // handle, offset, bytes. Answer: length
  sync,               // handle
  close,              // handle
};

enum class FileKind : std::uint32_t { folder = 1, file, disk };

/// The most bytes of a message: what FUSE moves at once, and the header.
inline constexpr std::size_t message_bytes_max = 1 << 20;

struct Message {
  std::uint32_t id = 0;
  std::uint32_t code = 0;
  std::uint32_t handle = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string bytes{};

  bool operator==(const Message&) const = default;
};

std::string encode(const Message& message);

/// Splits a stream into messages.
class MessageReader {
 public:
  /// Adds bytes that came, in pieces of any size.
  void add(std::string_view piece) { stream_.append(piece); }
  /// Returns the next message that is complete, or nothing.
  std::optional<Message> next();
  /// Whether a message claimed to be larger than any may be: the rest of the stream is useless.
  bool is_broken() const { return broken_; }

 private:
  std::string stream_;
  bool broken_ = false;
};

}  // namespace aoe::guest
