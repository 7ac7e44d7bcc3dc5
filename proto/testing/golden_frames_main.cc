// aoe-golden-frames: hands the golden frames to other programs, and reads theirs.
//
//   aoe-golden-frames --write FILE     one capture of all golden frames; their values on stdout
//   aoe-golden-frames --decode FILE    the values of every frame of a capture, as decoded here
//   aoe-golden-frames --corpus DIR     one file a frame, to start a fuzzer from; as --sized-corpus,
//                                      its size goes before it (2 bytes, the higher first)
//
// Values are a JSON array, one object a frame, the same for --write (from the value that was
// encoded) and for --decode (from what was decoded).

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pcap/pcap.h>
#include <nlohmann/json.hpp>

#include "proto/testing/golden_frames.h"

namespace aoe {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(Bytes bytes) {
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

Json flags(const AtaFlags& flags) {
  return {{"extended", flags.extended},
          {"device_head", flags.device_head},
          {"asynchronous", flags.asynchronous},
          {"write", flags.write}};
}

Json entry(const Mac& mac) {
  return fmt::format("{}", mac);
}
Json entry(const Directive& directive) {
  return {{"command", directive.command}, {"mac", entry(directive.mac)}};
}
template <class Entry, std::size_t Size>
Json list(const WireList<Entry, Size>& entries) {
  Json json = Json::array();
  for (std::size_t i = 0; i < entries.size(); ++i) json.push_back(entry(entries[i]));
  return json;
}

/// The kind of a body, and its fields by the names that they have in frame.h.
struct BodyFields {
  Json operator()(const AtaRequest& r) const {
    return {{"kind", "ata request"}, {"flags", flags(r.flags)}, {"feature", r.feature},
            {"sectors", r.sectors},  {"opcode", r.opcode},      {"lba", r.lba},
            {"data", hex(r.data)}};
  }
  Json operator()(const AtaReply& r) const {
    return {{"kind", "ata reply"}, {"flags", flags(r.flags)},
            {"error", r.error},    {"sectors_left", r.sectors_left},
            {"status", r.status},  {"lba", r.lba},
            {"data", hex(r.data)}};
  }
  Json operator()(const ConfigRequest& r) const {
    return {{"kind", "config request"}, {"ccmd", r.command}, {"string", hex(r.string)}};
  }
  Json operator()(const ConfigReply& r) const {
    return {{"kind", "config reply"}, {"buffer_count", r.buffer_count},
            {"firmware", r.firmware}, {"sector_count", r.sector_count},
            {"ccmd", r.command},      {"string", hex(r.string)}};
  }
  Json operator()(const MaskRequest& r) const {
    return {{"kind", "mask request"}, {"mcmd", r.command}, {"directives", list(r.directives)}};
  }
  Json operator()(const MaskReply& r) const {
    return {{"kind", "mask reply"},
            {"mcmd", r.command},
            {"merror", r.error},
            {"directives_done", r.directives_done},
            {"directives", list(r.list)}};
  }
  Json operator()(const ReserveRequest& r) const {
    return {{"kind", "reserve request"}, {"rcmd", r.command}, {"macs", list(r.macs)}};
  }
  Json operator()(const ReserveReply& r) const {
    return {{"kind", "reserve reply"}, {"rcmd", r.command}, {"macs", list(r.macs)}};
  }
  Json operator()(const VendorRequest& r) const {
    return {{"kind", "vendor request"}, {"arg", hex(r.arg)}};
  }
  Json operator()(const VendorReply& r) const {
    return {{"kind", "vendor reply"}, {"arg", hex(r.arg)}};
  }
  Json operator()(const ErrorReply& r) const {
    return {{"kind", "error reply"}, {"error", r.code}};
  }
};

Json header_fields(const Header& header, bool response, std::uint8_t command) {
  return {{"destination", fmt::format("{}", header.destination)},
          {"source", fmt::format("{}", header.source)},
          {"shelf", header.address.shelf},
          {"slot", header.address.slot},
          {"tag", header.tag},
          {"response", response},
          {"command", command}};
}

Json fields(const Reject& reject) {
  return {{"rule", text(reject.rule)},
          {"offset", reject.offset},
          {"have", reject.have},
          {"need", reject.need}};
}

Json values(const GoldenFrame& golden) {
  Json json{{"name", golden.name}};
  json.update(
      header_fields(golden.header, (golden.bytes[14] & flag_response) != 0, golden.bytes[19]));
  json.update(std::visit(BodyFields{}, golden.body));
  return json;
}

Json values(Bytes bytes) {
  const auto frame = decode(bytes);
  if (!frame) return {{"reject", fields(frame.error())}};
  Json json = header_fields(frame->header, frame->response, frame->command);
  if (frame->body) {
    json.update(std::visit(BodyFields{}, *frame->body));
  } else {
    json["reject"] = fields(frame->body.error());
  }
  return json;
}

void print(const Json& json) {
  fmt::print("{}\n", json.dump(1));
}

[[noreturn]] void fail(const std::string& path, std::string_view why) {
  fmt::print(stderr, "aoe-golden-frames: {}: {}\n", path, why);
  std::exit(1);
}

std::vector<std::uint8_t> encoded(const GoldenFrame& golden) {
  std::vector<std::uint8_t> bytes(golden.bytes.size());
  bytes.resize(encode(golden.header, golden.body, bytes));
  return bytes;
}

void write_golden(const std::string& path) {
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> capture(pcap_open_dead(DLT_EN10MB, 65535),
                                                               pcap_close);
  const std::unique_ptr<pcap_dumper_t, decltype(&pcap_dump_close)> file(
      pcap_dump_open(capture.get(), path.c_str()), pcap_dump_close);
  if (!file) fail(path, pcap_geterr(capture.get()));
  Json json = Json::array();
  for (const GoldenFrame& golden : golden_frames()) {
    const auto bytes = encoded(golden);
    pcap_pkthdr header{};
    header.ts.tv_sec = static_cast<time_t>(json.size());  // a frame a second, from 1970 on
    header.caplen = header.len = static_cast<bpf_u_int32>(bytes.size());
    pcap_dump(reinterpret_cast<u_char*>(file.get()), &header, bytes.data());
    json.push_back(values(golden));
  }
  if (pcap_dump_flush(file.get()) != 0) fail(path, "cannot be written");
  print(json);
}

void decode_file(const std::string& path) {
  char why[PCAP_ERRBUF_SIZE];
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> capture(pcap_open_offline(path.c_str(), why),
                                                               pcap_close);
  if (!capture) fail(path, why);
  Json json = Json::array();
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int result = 0;
  while ((result = pcap_next_ex(capture.get(), &header, &data)) == 1) {
    json.push_back(values(Bytes(data, header->caplen)));
  }
  if (result != PCAP_ERROR_BREAK) fail(path, pcap_geterr(capture.get()));
  print(json);
}

void write_corpus(const std::string& directory, bool sized) {
  std::filesystem::create_directories(directory);
  for (std::size_t i = 0; i < golden_frames().size(); ++i) {
    const auto path = fmt::format("{}/golden-{:02}", directory, i);
    const auto bytes = encoded(golden_frames()[i]);
    std::ofstream file(path, std::ios::binary);
    if (sized) file << static_cast<char>(bytes.size() >> 8) << static_cast<char>(bytes.size());
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) fail(path, "cannot be written");
  }
}

}  // namespace
}  // namespace aoe

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[1] : "";
  const std::string path = argc == 3 ? argv[2] : "";
  if (what == "--write") {
    aoe::write_golden(path);
  } else if (what == "--decode") {
    aoe::decode_file(path);
  } else if (what == "--corpus" || what == "--sized-corpus") {
    aoe::write_corpus(path, what == "--sized-corpus");
  } else {
    fmt::print(stderr,
               "usage: aoe-golden-frames --write|--decode FILE\n"
               "       aoe-golden-frames --corpus|--sized-corpus FOLDER\n");
    return 2;
  }
  return 0;
}
