#include "suts/linux/machine.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "suts/linux/archive.h"
#include "suts/linux/message.h"

namespace aoe::guest {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

/// Each after those that it needs. One that is not in the folder is a part of the kernel itself, which
/// suts/linux/fetch has made sure of. The last one is the agent's to load.
constexpr std::array modules{
    "virtio_ring",    "virtio",   "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
    "virtio_pci",     "failover", "net_failover",          "virtio_net",
    "virtio_console", "aoe"};

/// Emulated on a busy machine, the kernel can't tell how fast its processor's counters are: it gets
/// one clock that is right. It says nothing until the agent is there.
constexpr const char* kernel_command_line =
    "console=ttyS0 quiet panic=-1 clocksource=hpet tsc=unstable noapictimer no_timer_check "
    "mitigations=off apparmor=0 audit=0 ipv6.disable=1";

/// The machine, but for how it begins and what leads out of it.
constexpr const char* machine_words =
    "-name aoe-linux -nodefaults -no-user-config -no-reboot -display none "
    "-machine pc -accel tcg -cpu qemu64 -m 128 -serial stdio "
    "-device virtio-serial-pci -device virtserialport,chardev=agent,nr=1 "
    "-device virtio-net-pci,netdev=card0,romfile= -device virtio-net-pci,netdev=card1,romfile= "
    "-mon monitor,mode=control";

constexpr std::string_view machine_prefix = "machine-";
constexpr std::chrono::seconds boot_patience{180};
constexpr std::chrono::seconds save_patience{60};
constexpr const char* how_to_get_kernel = "suts/linux/fetch gets it";

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

/// The kernel's first root file system.
std::string make_root(const Parts& parts) {
  Archive archive;
  for (const char* folder : {"dev", "modules", "proc", "sys"}) archive.add_folder(folder);
  archive.add_program("init", content_of(parts.agent));
  std::string order;
  for (const std::string name : modules) {
    const std::string path = parts.folder + "/" + name + ".ko";
    if (!fs::exists(path)) continue;
    archive.add_file("modules/" + name + ".ko", content_of(path));
    if (name != "aoe") order += name + "\n";
  }
  archive.add_file("modules/order", order);
  return archive.finish();
}

/// A file as far as it matters whether it is another.
std::string identity_of(const std::string& path) {
  std::error_code error;
  return fmt::format("{} {} {}\n", path, fs::file_size(path, error),
                     fs::last_write_time(path, error).time_since_epoch().count());
}

/// Machines that were made from what is no longer there.
void remove_others(const std::string& machine) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(machine).parent_path(), error)) {
    if (entry.path().filename().string().starts_with(machine_prefix) && entry.path() != machine) {
      fs::remove(entry.path(), error);
    }
  }
}

/// What QEMU can be told: commands and answers, each a line of JSON.
class Monitor {
 public:
  using Result = tl::expected<void, std::string>;

  explicit Monitor(const Descriptor& stream) : stream_(stream) {}

  Result ask(const std::string& command, const nlohmann::json& arguments = {}) {
    nlohmann::json line{{"execute", command}};
    if (!arguments.is_null()) line["arguments"] = arguments;
    (void)!::write(stream_.get(), line.dump().data(), line.dump().size());
    return answer(command);
  }
  /// Gives it a descriptor, under a name.
  Result pass(const std::string& name, const Descriptor& descriptor) {
    std::string line =
        nlohmann::json{{"execute", "getfd"}, {"arguments", {{"fdname", name}}}}.dump();
    iovec bytes{line.data(), line.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = descriptor.get();
    std::memcpy(CMSG_DATA(rights), &number, sizeof number);
    (void)!::sendmsg(stream_.get(), &message, 0);
    return answer("getfd");
  }
  Result await_migration() {
    while (true) {
      if (auto asked = ask("query-migrate"); !asked) return asked;
      const std::string status = answer_.value("status", "");
      if (status == "completed") return {};
      if (status == "failed")
        return tl::unexpected("QEMU can't save the machine: " + answer_.dump());
      ::usleep(50'000);
    }
  }

 private:
  Result answer(const std::string& command) {
    while (true) {
      const std::size_t end = unread_.find('\n');
      if (end == std::string::npos) {
        const std::string piece = receive(stream_, deadline_);
        if (piece.empty()) return tl::unexpected("QEMU does not answer " + command);
        unread_ += piece;
        continue;
      }
      const auto said = nlohmann::json::parse(unread_.substr(0, end), nullptr, false);
      unread_.erase(0, end + 1);
      if (said.contains("error")) {
        return tl::unexpected(fmt::format("QEMU refuses {}: {}", command, said["error"].dump()));
      }
      if (!said.contains("return")) continue;  // a greeting, an event
      answer_ = said["return"];
      return {};
    }
  }

  const Descriptor& stream_;
  const steady_clock::time_point deadline_ = steady_clock::now() + save_patience;
  std::string unread_;
  nlohmann::json answer_;
};

/// One at a time makes what all wait for.
class Lock {
 public:
  explicit Lock(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    while (file_.get() >= 0 && ::flock(file_.get(), LOCK_EX) != 0) {
    }
  }
  bool is_held() const { return file_.get() >= 0; }

 private:
  Descriptor file_;
};

}  // namespace

tl::expected<Parts, std::string> find_parts(const std::string& folder) {
  Parts parts;
  parts.folder = folder.empty() ? (own_folder().parent_path() / "linux").string() : folder;
  parts.agent = (own_folder() / "aoe-linux-agent").string();
  parts.release = content_of(parts.folder + "/release");
  while (parts.release.ends_with('\n')) parts.release.pop_back();
  if (parts.release.empty()) {
    return tl::unexpected(
        fmt::format("{}: there is no kernel: {}", parts.folder, how_to_get_kernel));
  }
  if (::access(parts.agent.c_str(), R_OK) != 0) {
    return tl::unexpected(fmt::format("{}: {}", parts.agent, last_error().message()));
  }
  auto qemu = find_qemu();
  if (!qemu) return tl::unexpected(qemu.error());
  parts.qemu = *std::move(qemu);
  return parts;
}

tl::expected<std::unique_ptr<Machine>, std::string> Machine::start(const Parts& parts) {
  const std::string key = make_root(parts) +
                          fmt::format("{} {}\n", kernel_command_line, machine_words) +
                          identity_of(parts.folder + "/vmlinux") + identity_of(parts.qemu);
  const std::string saved =
      fmt::format("{}/{}{:016x}", parts.folder, machine_prefix, std::hash<std::string>()(key));
  const auto is_saved = [&] { return ::access(saved.c_str(), R_OK) == 0; };
  if (!is_saved()) {
    const Lock lock(parts.folder + "/lock");
    if (!lock.is_held()) return boot(parts);
    if (!is_saved()) {
      auto booted = boot(parts);
      if (!booted) return booted;
      if (auto kept = (*booted)->save(saved); !kept) return tl::unexpected(kept.error());
    }
  }
  std::unique_ptr<Machine> machine(new Machine);
  if (auto launched = machine->launch(parts, saved); !launched)
    return tl::unexpected(launched.error());
  return machine;
}

tl::expected<std::unique_ptr<Machine>, std::string> Machine::boot(const Parts& parts) {
  std::unique_ptr<Machine> machine(new Machine);
  if (auto launched = machine->launch(parts, ""); !launched)
    return tl::unexpected(launched.error());
  if (auto up = machine->await_agent(); !up) return tl::unexpected(up.error());
  return machine;
}

Machine::Result Machine::launch(const Parts& parts, const std::string& from) {
  Stream agent = make_stream();
  std::array<Stream, cards> streams;
  Stream monitor = make_stream();
  const auto number = [](const Descriptor& descriptor) { return std::to_string(descriptor.get()); };
  // The descriptors in them are the ones that QEMU inherits.
  std::istringstream machine(machine_words);
  std::vector<std::string> words{parts.qemu};
  words.insert(words.end(), std::istream_iterator<std::string>(machine), {});
  for (const auto& [name, stream] : {std::pair("agent", &agent), std::pair("monitor", &monitor)}) {
    words.insert(words.end(),
                 {"-chardev", fmt::format("socket,id={},fd={}", name, number(stream->theirs))});
  }
  for (std::size_t card = 0; card < cards; ++card) {
    streams[card] = make_stream();
    words.insert(words.end(), {"-netdev", fmt::format("socket,id=card{},fd={}", card,
                                                      number(streams[card].theirs))});
  }
  Descriptor file;
  if (from.empty()) {
    file = Descriptor(::memfd_create("root", 0));
    const std::string root = make_root(parts);
    if (!write_all(file, root)) return tl::unexpected(last_error().message());
    words.insert(words.end(), {"-kernel", parts.folder + "/vmlinux", "-append", kernel_command_line,
                               "-initrd", "/proc/self/fd/" + number(file)});
  } else {
    file = Descriptor(::open(from.c_str(), O_RDONLY));
    if (file.get() < 0) return tl::unexpected(from + ": " + last_error().message());
    words.insert(words.end(), {"-incoming", "fd:" + number(file)});
  }
  if (auto started = qemu_.start(std::move(words)); !started) return started;
  agent_ = std::move(agent.ours);
  for (std::size_t card = 0; card < cards; ++card) cards_[card] = std::move(streams[card].ours);
  monitor_ = std::move(monitor.ours);
  return {};
}

Machine::Result Machine::await_agent() {
  const auto deadline = steady_clock::now() + boot_patience;
  MessageReader reader;
  while (true) {
    if (reader.next()) return {};
    const std::string piece = receive(agent_, deadline);
    if (piece.empty()) break;
    reader.add(piece);
  }
  return tl::unexpected(
      steady_clock::now() < deadline
          ? std::string("the machine ended before it was up")
          : fmt::format("the machine is not up after {} s", boot_patience.count()));
}

Machine::Result Machine::save(const std::string& file) {
  Monitor monitor(monitor_);
  // Into a file of its own first: nobody finds half of it, and its name needs no quotes.
  const std::string unfinished = fmt::format("{}.{}", file, ::getpid());
  Result saved = monitor.ask("qmp_capabilities");
  if (saved) {
    const Descriptor output(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (output.get() < 0) return tl::unexpected(unfinished + ": " + last_error().message());
    saved = monitor.pass("output", output);
  }
  if (saved) saved = monitor.ask("migrate", {{"uri", "fd:output"}});
  if (saved) saved = monitor.await_migration();
  std::error_code error;
  if (saved) fs::rename(unfinished, file, error);
  if (error) saved = tl::unexpected(file + ": " + error.message());
  if (saved) {
    remove_others(file);
  } else {
    ::unlink(unfinished.c_str());
  }
  return saved;
}

}  // namespace aoe::guest
