#include "suts/ipxe/firmware.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/codes.h"

namespace aoe::guest {
namespace {

using std::chrono::steady_clock;

/// The machine, but for what leads out of it. iPXE and what it boots share the upper half of the
/// memory: with less than this the first overwrites the other.
constexpr const char* machine_words =
    "-name aoe-ipxe -nodefaults -no-user-config -no-reboot -display none "
    "-machine pc,graphics=off -accel tcg -m 128 "
    "-serial chardev:console -serial chardev:agent";

/// What iPXE does first: it opens the card, which gives PXE's entry point something to be about, and
/// boots the agent.
constexpr const char* first_commands = "ifopen net0 && imgexec <INITRD>";

constexpr std::chrono::seconds boot_patience{60};
constexpr std::chrono::hours patience{24};  // the caller may end this process long before

// The orders of agent.s.
constexpr char greeting = 'R';
constexpr std::uint8_t execute_order = 0xe5;
constexpr std::uint8_t read_order = 0x42;
constexpr std::uint8_t write_order = 0x43;
constexpr std::uint64_t buffer_segment = 0x2000;

std::string little_endian(std::uint64_t number, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(number >> 8 * i & 0xff);
  return bytes;
}

/// An order with INT 13h's disk address packet.
std::string transfer_order(std::uint8_t order, std::uint64_t lba, std::size_t sectors) {
  return little_endian(order, 1) + little_endian(16, 2) + little_endian(sectors, 2) +
         little_endian(buffer_segment << 16, 4) + little_endian(lba, 8);
}

}  // namespace

tl::expected<FirmwareParts, std::string> find_firmware(const std::string& folder) {
  const std::string from = folder.empty() ? (own_folder().parent_path() / "ipxe").string() : folder;
  FirmwareParts parts;
  parts.image = from + "/ipxe.lkrn";
  parts.agent = (own_folder() / "aoe-ipxe-agent").string();
  std::ifstream file(from + "/release");
  std::getline(file, parts.release);
  if (parts.release.empty() || ::access(parts.image.c_str(), R_OK) != 0)
    return tl::unexpected(fmt::format("{}: there is no iPXE: suts/ipxe/fetch gets it", from));
  if (::access(parts.agent.c_str(), R_OK) != 0)
    return tl::unexpected(fmt::format("{}: {}", parts.agent, last_error().message()));
  auto qemu = find_qemu();
  if (!qemu) return tl::unexpected(qemu.error());
  parts.qemu = *std::move(qemu);
  return parts;
}

Firmware::Firmware()
    : card_(make_stream()), agent_(make_stream()), mailbox_(::memfd_create("mailbox", 0)) {
  AOE_CHECK(::ftruncate(mailbox_.get(), 1 << 16) == 0);
}

Firmware::Result Firmware::start(const FirmwareParts& parts, Mac address) {
  const auto number = [](const Descriptor& descriptor) { return std::to_string(descriptor.get()); };
  const Descriptor console(::dup(STDERR_FILENO));
  std::istringstream machine(machine_words);
  std::vector<std::string> words{parts.qemu};
  words.insert(words.end(), std::istream_iterator<std::string>(machine), {});
  words.insert(
      words.end(),
      {"-add-fd", fmt::format("fd={},set=1", number(console)),  //
       "-drive",
       fmt::format("file=/proc/self/fd/{},format=raw,if=virtio,file.locking=off", number(mailbox_)),
       "-chardev", "file,id=console,path=/dev/fdset/1,append=on", "-chardev",
       "socket,id=agent,fd=" + number(agent_.theirs), "-netdev",
       "socket,id=card,fd=" + number(card_.theirs),  //
       "-device", fmt::format("virtio-net-pci,netdev=card,romfile=,mac={}", address), "-kernel",
       parts.image, "-initrd",
       parts.agent,  //
       "-append", first_commands});
  if (auto started = qemu_.start(std::move(words)); !started) return started;
  agent_.theirs = Descriptor();
  card_.theirs = Descriptor();
  const std::string said = receive(agent_.ours, steady_clock::now() + boot_patience);
  if (said.empty())
    return tl::unexpected(fmt::format("iPXE has not booted the agent after {} s, or has ended",
                                      boot_patience.count()));
  if (said.front() != greeting)
    return tl::unexpected(std::string("the agent does not greet as it should"));
  return {};
}

Firmware::Result Firmware::execute(std::string_view command) {
  return order(little_endian(execute_order, 1) + std::string(command) + '\0', command);
}

tl::expected<std::string, std::string> Firmware::read(std::uint64_t lba, std::size_t sectors) {
  if (auto done = order(transfer_order(read_order, lba, sectors), "INT 13h, read"); !done)
    return tl::unexpected(done.error());
  std::string bytes(sectors * sector_size, '\0');
  if (::pread(mailbox_.get(), bytes.data(), bytes.size(), 0) != std::ssize(bytes))
    return tl::unexpected("the mailbox: " + last_error().message());
  return bytes;
}

Firmware::Result Firmware::write(std::uint64_t lba, std::string_view bytes) {
  if (::pwrite(mailbox_.get(), bytes.data(), bytes.size(), 0) != std::ssize(bytes))
    return tl::unexpected("the mailbox: " + last_error().message());
  return order(transfer_order(write_order, lba, bytes.size() / sector_size), "INT 13h, write");
}

Firmware::Result Firmware::order(const std::string& bytes, std::string_view what) {
  const bool sent = write_all(agent_.ours, bytes);
  const std::string said = sent ? receive(agent_.ours, steady_clock::now() + patience) : "";
  if (said.empty()) return tl::unexpected(std::string("the machine has ended"));
  const auto status = static_cast<std::uint8_t>(said.front());
  if (status == 0) return {};
  return tl::unexpected(fmt::format("{}: status {:02x}", what, status));
}

}  // namespace aoe::guest
