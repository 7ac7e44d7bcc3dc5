// Times the codec: decoding, encoding and describing a frame.
#include <array>
#include <vector>

#include <benchmark/benchmark.h>

#include "proto/describe.h"
#include "proto/frame.h"

namespace aoe {
namespace {

constexpr Header header{{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, {0, 2}, 0x8000'0001};

/// A write of two sectors: as long as a frame gets at MTU 1500.
std::vector<std::uint8_t> write_frame() {
  static const std::array<std::uint8_t, 1024> data{};
  AtaRequest request{
      .sectors = 2, .opcode = ata::Opcode::write_sectors_ext, .lba = 1000, .data = data};
  request.flags.extended = request.flags.write = true;
  std::vector<std::uint8_t> frame(ata_header_size + data.size());
  encode(header, request, frame);
  return frame;
}

void decode_write(benchmark::State& state) {
  const auto frame = write_frame();
  for (auto _ : state) benchmark::DoNotOptimize(decode(frame));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_write);

void encode_read_request(benchmark::State& state) {
  AtaRequest request{.sectors = 2, .opcode = ata::Opcode::read_sectors_ext, .lba = 1000};
  request.flags.extended = true;
  std::array<std::uint8_t, frame_size_min> frame;
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode(header, request, frame));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode_read_request);

void describe_write(benchmark::State& state) {
  const auto frame = write_frame();
  std::array<char, description_size_max> room;
  for (auto _ : state) benchmark::DoNotOptimize(describe(frame, room));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(describe_write);

}  // namespace
}  // namespace aoe
