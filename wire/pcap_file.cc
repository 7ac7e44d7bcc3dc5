#include "wire/pcap_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "base/check.h"
#include "base/descriptor.h"

namespace aoe {
namespace {

constexpr int snapshot_size_max = 262144;

std::string message(const std::string& path, int error) {
  return fmt::format("{}: {}", path, std::generic_category().message(error));
}

/// Empties an open file if that loses nothing but a capture: pcap in either byte order and
/// resolution, or pcapng. Returns why it does not; "" for success, and for what has no length.
std::string empty(int descriptor) {
  const auto system_error = [] { return std::generic_category().message(errno); };
  constexpr const char* refusal = "not a capture; it is not overwritten";
  struct stat status;
  if (::fstat(descriptor, &status) != 0) return system_error();
  if (S_ISBLK(status.st_mode)) return refusal;
  if (!S_ISREG(status.st_mode) || status.st_size == 0) return "";
  constexpr std::array<std::uint32_t, 5> magics{0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
                                                0x0a0d0d0a};
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor);
  const Descriptor reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::uint32_t magic = 0;
  const ssize_t count = ::read(reader.get(), &magic, sizeof(magic));
  if (count < 0) return system_error();
  if (std::ranges::find(magics, magic) == magics.end()) return refusal;
  return ::ftruncate(descriptor, 0) == 0 ? "" : system_error();
}

/// A stream of its own, for libpcap closes what it is given.
std::FILE* open_standard_input() {
  const int copy = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? nullptr : ::fdopen(copy, "rb");
}

}  // namespace

// The file is opened here and not by libpcap, whose own messages name it only sometimes.
tl::expected<std::unique_ptr<PcapReader>, std::string> PcapReader::open(const std::string& given) {
  const bool is_standard = given == "-";
  const std::string path = is_standard ? "standard input" : given;
  std::FILE* file = is_standard ? open_standard_input() : std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return tl::unexpected(message(path, errno));
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* const pcap =
      pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
  if (pcap == nullptr) {
    std::fclose(file);
    return tl::unexpected(fmt::format("{}: {}", path, error));
  }
  std::unique_ptr<PcapReader> reader(new PcapReader(path, pcap));
  if (pcap_datalink(pcap) != DLT_EN10MB)
    return tl::unexpected(fmt::format("{}: not an Ethernet capture", path));
  return reader;
}

PcapReader::PcapReader(std::string path, pcap* opened)
    : path_(std::move(path)), pcap_(opened, pcap_close) {}

tl::expected<std::optional<PcapReader::Record>, std::string> PcapReader::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = pcap_next_ex(pcap_.get(), &header, &bytes);
  if (result == PCAP_ERROR_BREAK) return std::nullopt;
  if (result != 1) return tl::unexpected(fmt::format("{}: {}", path_, pcap_geterr(pcap_.get())));
  // libpcap keeps nanoseconds in tv_usec when it is asked for that precision.
  return Record{
      .time =
          std::chrono::seconds(header->ts.tv_sec) + std::chrono::nanoseconds(header->ts.tv_usec),
      .bytes = {bytes, header->caplen},
      .original_size = header->len,
  };
}

tl::expected<std::unique_ptr<PcapWriter>, std::string> PcapWriter::create(const std::string& path) {
  // To be appended to: opening it changes nothing yet.
  std::FILE* file = std::fopen(path.c_str(), "abe");
  if (file == nullptr) return tl::unexpected(message(path, errno));
  if (const std::string why = empty(::fileno(file)); !why.empty()) {
    std::fclose(file);
    return tl::unexpected(fmt::format("{}: {}", path, why));
  }
  pcap_t* const format = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, snapshot_size_max,
                                                              PCAP_TSTAMP_PRECISION_NANO);
  AOE_CHECK(format != nullptr);
  std::unique_ptr<PcapWriter> writer(new PcapWriter(path, format, pcap_dump_fopen(format, file)));
  if (writer->dumper_ == nullptr)  // libpcap has closed the file
    return tl::unexpected(fmt::format("{}: {}", path, pcap_geterr(writer->pcap_.get())));
  return writer;
}

PcapWriter::PcapWriter(std::string path, pcap* format, pcap_dumper* opened)
    : path_(std::move(path)), pcap_(format, pcap_close), dumper_(opened, pcap_dump_close) {}

void PcapWriter::write(CaptureTime time, Bytes head, Bytes data) {
  if (error_ != 0) return;
  Bytes frame = head;
  if (!data.empty()) {
    joined_.assign(head.begin(), head.end());
    joined_.insert(joined_.end(), data.begin(), data.end());
    frame = joined_;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<decltype(header.ts.tv_sec)>(seconds.count());
  header.ts.tv_usec = static_cast<decltype(header.ts.tv_usec)>((time - seconds).count());
  header.len = static_cast<bpf_u_int32>(frame.size());
  header.caplen = std::min<bpf_u_int32>(header.len, snapshot_size_max);
  errno = 0;
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, frame.data());
  if (std::ferror(pcap_dump_file(dumper_.get())) != 0) error_ = errno != 0 ? errno : EIO;
}

tl::expected<void, std::string> PcapWriter::flush() {
  if (error_ == 0 && pcap_dump_flush(dumper_.get()) != 0) error_ = errno != 0 ? errno : EIO;
  if (error_ != 0) return tl::unexpected(message(path_, error_));
  return {};
}

}  // namespace aoe
