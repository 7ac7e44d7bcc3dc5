#include "harness/capture/capture_reader.h"

#include <fmt/format.h>

namespace aoe::harness {

tl::expected<std::unique_ptr<CaptureReader>, std::string> CaptureReader::open(
    const std::string& path, FileSource::Idle idle) {
  auto source = FileSource::open(path, std::move(idle));
  if (!source) return tl::unexpected(source.error());
  const std::string name = path == "-" ? "standard input" : path;
  std::unique_ptr<CaptureReader> reader(new CaptureReader(name, std::move(*source)));
  if (const auto begun = reader->parser_.begin(); !begun)
    return tl::unexpected(fmt::format("{}: {}", name, begun.error()));
  if (const auto link = reader->parser_.link(); link && !is_readable(*link)) {
    return tl::unexpected(
        fmt::format("{}: {} is neither Ethernet nor Linux' \"any\"", name, link_name(*link)));
  }
  return reader;
}

tl::expected<std::optional<CaptureReader::Record>, std::string> CaptureReader::next() {
  const auto record = parser_.next();
  if (!record) return tl::unexpected(fmt::format("{}: {}", name_, record.error()));
  if (!*record) return std::nullopt;
  return Record{
      .time = (*record)->time, .link = (*record)->link, .frame = ethernet_frame(**record, room_)};
}

}  // namespace aoe::harness
