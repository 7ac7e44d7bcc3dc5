#include "wire/live_capture.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "wire/interfaces.h"

namespace aoe {
namespace {

constexpr int snapshot_size = 262144;
constexpr int buffer_size = 16 << 20;
constexpr const char* filter_text = "ether proto 0x88a2 or (vlan and ether proto 0x88a2)";

}  // namespace

struct LiveCapture::Handle {
  std::string interface;
  pcap_t* pcap = nullptr;

  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (pcap != nullptr) pcap_close(pcap);
  }
  tl::unexpected<std::string> failure(const std::string& what) const {
    return tl::unexpected(fmt::format("{}: {}", interface, what));
  }
};

tl::expected<std::unique_ptr<LiveCapture>, std::string> LiveCapture::open(
    const std::string& interface) {
  if (auto found = choose_interfaces({interface}); !found) return tl::unexpected(found.error());
  auto handle = std::make_unique<Handle>();
  handle->interface = interface;
  char error[PCAP_ERRBUF_SIZE] = "";
  handle->pcap = pcap_create(interface.c_str(), error);
  pcap_t* const pcap = handle->pcap;
  if (pcap == nullptr) return handle->failure(error);
  pcap_set_snaplen(pcap, snapshot_size);
  pcap_set_buffer_size(pcap, buffer_size);
  pcap_set_promisc(pcap, 1);
  pcap_set_immediate_mode(pcap, 1);
  pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
  const int status = pcap_activate(pcap);
  if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED)
    return handle->failure(
        "opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)");
  if (status < 0) return handle->failure(pcap_geterr(pcap));
  if (pcap_datalink(pcap) != DLT_EN10MB) return handle->failure("it is no Ethernet interface");
  if (pcap_setnonblock(pcap, 1, error) != 0) return handle->failure(error);
  bpf_program program{};
  if (pcap_compile(pcap, &program, filter_text, 1, PCAP_NETMASK_UNKNOWN) != 0)
    return handle->failure(pcap_geterr(pcap));
  const int filtered = pcap_setfilter(pcap, &program);
  pcap_freecode(&program);
  if (filtered != 0) return handle->failure(pcap_geterr(pcap));
  return std::unique_ptr<LiveCapture>(new LiveCapture(std::move(handle)));
}

LiveCapture::LiveCapture(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
LiveCapture::~LiveCapture() = default;

int LiveCapture::descriptor() const {
  return pcap_get_selectable_fd(handle_->pcap);
}

tl::expected<std::optional<PcapReader::Record>, std::string> LiveCapture::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = pcap_next_ex(handle_->pcap, &header, &bytes);
  if (result == 0) return std::nullopt;
  if (result != 1) return handle_->failure(pcap_geterr(handle_->pcap));
  const bool is_nano = pcap_get_tstamp_precision(handle_->pcap) == PCAP_TSTAMP_PRECISION_NANO;
  return PcapReader::Record{
      .time = std::chrono::seconds(header->ts.tv_sec) +
              std::chrono::nanoseconds(header->ts.tv_usec * (is_nano ? 1 : 1000)),
      .bytes = {bytes, header->caplen},
      .original_size = header->len,
  };
}

std::uint64_t LiveCapture::lost() const {
  pcap_stat counts{};
  if (pcap_stats(handle_->pcap, &counts) != 0) return 0;
  return std::uint64_t{counts.ps_drop} + counts.ps_ifdrop;
}

}  // namespace aoe
