// libFuzzer target: whatever bytes a file has, its records are within it, their times are possible,
// and their frames have an Ethernet header or are none.

#include <algorithm>
#include <memory>
#include <vector>

#include "base/check.h"
#include "harness/capture/capture_parser.h"
#include "harness/capture/link_layer.h"

namespace aoe::harness {
namespace {

/// Gives each piece in memory of its own, which is gone with the next: so the sanitizer sees who
/// reads a byte beyond it, or keeps one.
class PieceSource final : public ByteSource {
 public:
  explicit PieceSource(Bytes bytes) : bytes_(bytes) {}

  tl::expected<Bytes, std::string> take(std::size_t size) override {
    const Bytes part = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(part.size());
    piece_ = std::make_unique<std::uint8_t[]>(part.size());
    std::ranges::copy(part, piece_.get());
    return Bytes(piece_.get(), part.size());
  }

 private:
  Bytes bytes_;
  std::unique_ptr<std::uint8_t[]> piece_;
};

constexpr std::size_t ethernet_size = 14;
/// Within which times stay far from the limits of nanoseconds.
constexpr std::chrono::nanoseconds latest = std::chrono::hours(24 * 365 * 290);

void look_at(const CaptureRecord& record, std::size_t file_size, std::vector<std::uint8_t>& room) {
  AOE_CHECK(record.bytes.size() <= std::min(file_size, CaptureParser::record_size_max));
  AOE_CHECK(record.time.count() >= 0 && record.time < latest);
  const auto frame = ethernet_frame(record, room);
  AOE_CHECK(is_readable(record.link) || !frame);
  if (!frame) return;
  const bool is_cooked = frame->bytes.data() != record.bytes.data();
  AOE_CHECK(!is_cooked || frame->bytes.size() >= ethernet_size);
  AOE_CHECK(!is_cooked || frame->original_size >= frame->bytes.size());
  AOE_CHECK(is_cooked || frame->has_destination);
  // Every byte can be read.
  static volatile std::uint8_t sum = 0;
  for (const std::uint8_t byte : frame->bytes) sum = static_cast<std::uint8_t>(sum + byte);
}

void run(Bytes bytes) {
  PieceSource source(bytes);
  CaptureParser parser(source);
  const bool begins = CaptureParser::begins(bytes.first(std::min<std::size_t>(bytes.size(), 4)));
  const auto begun = parser.begin();
  AOE_CHECK(begins || !begun);
  if (!begun) {
    AOE_CHECK(!begun.error().empty());
    return;
  }
  std::vector<std::uint8_t> room;
  while (true) {
    const auto record = parser.next();
    AOE_CHECK(record || !record.error().empty());
    if (!record || !*record) break;
    look_at(**record, bytes.size(), room);
  }
  static_cast<void>(parser.dropped());
}

}  // namespace
}  // namespace aoe::harness

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aoe::harness::run({data, size});
  return 0;
}
