#include "wire/pcap_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "base/check.h"

namespace aoe {
namespace {

constexpr int snapshot_size_max = 262144;

struct PcapCloser {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};
using Pcap = std::unique_ptr<pcap_t, PcapCloser>;

struct DumperCloser {
  void operator()(pcap_dumper_t* dumper) const { pcap_dump_close(dumper); }
};
using Dumper = std::unique_ptr<pcap_dumper_t, DumperCloser>;

std::string message(const std::string& path, int error) {
  return fmt::format("{}: {}", path, std::generic_category().message(error));
}

/// A stream of its own, for libpcap closes what it is given.
std::FILE* open_standard_input() {
  const int copy = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? nullptr : ::fdopen(copy, "rb");
}

}  // namespace

struct PcapReader::File {
  std::string path;
  Pcap pcap;
};

// The file is opened here and not by libpcap, whose own messages name it only sometimes.
tl::expected<std::unique_ptr<PcapReader>, std::string> PcapReader::open(const std::string& given) {
  const bool is_standard = given == "-";
  const std::string path = is_standard ? "standard input" : given;
  std::FILE* file = is_standard ? open_standard_input() : std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return tl::unexpected(message(path, errno));
  char error[PCAP_ERRBUF_SIZE];
  Pcap pcap(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error));
  if (pcap == nullptr) {
    std::fclose(file);
    return tl::unexpected(fmt::format("{}: {}", path, error));
  }
  if (pcap_datalink(pcap.get()) != DLT_EN10MB)
    return tl::unexpected(fmt::format("{}: not an Ethernet capture", path));
  auto opened = std::make_unique<File>(File{path, std::move(pcap)});
  return std::unique_ptr<PcapReader>(new PcapReader(std::move(opened)));
}

PcapReader::PcapReader(std::unique_ptr<File> file) : file_(std::move(file)) {}
PcapReader::~PcapReader() = default;

tl::expected<std::optional<PcapReader::Record>, std::string> PcapReader::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = pcap_next_ex(file_->pcap.get(), &header, &bytes);
  if (result == PCAP_ERROR_BREAK) return std::nullopt;
  if (result != 1)
    return tl::unexpected(fmt::format("{}: {}", file_->path, pcap_geterr(file_->pcap.get())));
  // libpcap keeps nanoseconds in tv_usec when it is asked for that precision.
  return Record{
      .time =
          std::chrono::seconds(header->ts.tv_sec) + std::chrono::nanoseconds(header->ts.tv_usec),
      .bytes = {bytes, header->caplen},
      .original_size = header->len,
  };
}

struct PcapWriter::File {
  std::string path;
  Pcap pcap;
  Dumper dumper;
  int error = 0;  // errno of the first write that failed
  std::vector<std::uint8_t> joined;
};

tl::expected<std::unique_ptr<PcapWriter>, std::string> PcapWriter::create(const std::string& path) {
  Pcap pcap(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, snapshot_size_max,
                                                 PCAP_TSTAMP_PRECISION_NANO));
  AOE_CHECK(pcap != nullptr);
  std::FILE* file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return tl::unexpected(message(path, errno));
  Dumper dumper(pcap_dump_fopen(pcap.get(), file));
  if (dumper == nullptr)  // libpcap has closed the file
    return tl::unexpected(fmt::format("{}: {}", path, pcap_geterr(pcap.get())));
  auto created = std::make_unique<File>();
  created->path = path;
  created->pcap = std::move(pcap);
  created->dumper = std::move(dumper);
  return std::unique_ptr<PcapWriter>(new PcapWriter(std::move(created)));
}

PcapWriter::PcapWriter(std::unique_ptr<File> file) : file_(std::move(file)) {}
PcapWriter::~PcapWriter() = default;

void PcapWriter::write(CaptureTime time, Bytes head, Bytes data) {
  File& file = *file_;
  if (file.error != 0) return;
  Bytes frame = head;
  if (!data.empty()) {
    file.joined.assign(head.begin(), head.end());
    file.joined.insert(file.joined.end(), data.begin(), data.end());
    frame = file.joined;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<decltype(header.ts.tv_sec)>(seconds.count());
  header.ts.tv_usec = static_cast<decltype(header.ts.tv_usec)>((time - seconds).count());
  header.len = static_cast<bpf_u_int32>(frame.size());
  header.caplen = std::min<bpf_u_int32>(header.len, snapshot_size_max);
  errno = 0;
  pcap_dump(reinterpret_cast<u_char*>(file.dumper.get()), &header, frame.data());
  if (std::ferror(pcap_dump_file(file.dumper.get())) != 0) file.error = errno != 0 ? errno : EIO;
}

tl::expected<void, std::string> PcapWriter::flush() {
  File& file = *file_;
  if (file.error == 0 && pcap_dump_flush(file.dumper.get()) != 0)
    file.error = errno != 0 ? errno : EIO;
  if (file.error != 0) return tl::unexpected(message(file.path, file.error));
  return {};
}

}  // namespace aoe
