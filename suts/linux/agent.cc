// The only program of the guest, its init: makes the kernel's interfaces available, and does with
// files what the host asks for, each request in a thread of its own. Static: there is nothing else.
//
// The host hears from it first: a message with the kernel's release, when everything is there but
// the aoe module.
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <set>
#include <sstream>
#include <thread>

#include "base/descriptor.h"
#include "suts/linux/message.h"

namespace aoe::guest {
namespace {

constexpr const char* channel_path = "/dev/vport0p1";
constexpr const char* modules = "/modules/";
constexpr std::align_val_t page{4096};  // what direct I/O asks of memory
constexpr std::size_t piece_size = 64 << 10;

/// What an operation ends with when it fails.
struct Failed {
  int error;
};

template <class Result>
Result must(Result result) {
  if (result < 0) throw Failed{errno};
  return result;
}

/// The machine is of no use: the host sees it end, and why on its console.
[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "agent: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);  // the kernel panics, and the machine with it
}

void load(const std::string& module, const std::string& parameters) {
  const Descriptor file(must(::open((modules + module + ".ko").c_str(), O_RDONLY | O_CLOEXEC)));
  must(::syscall(SYS_finit_module, file.get(), parameters.c_str(), 0));
}

void control_interface(std::uint32_t card, unsigned long request, ifreq& what) {
  const Descriptor socket(must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  std::snprintf(what.ifr_name, sizeof what.ifr_name, "eth%u", card);
  must(::ioctl(socket.get(), request, &what));
}

Message set_interface(const Message& wanted) {
  ifreq what{};
  if (wanted.bytes.size() != 6) throw Failed{EINVAL};
  what.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::ranges::copy(wanted.bytes, what.ifr_hwaddr.sa_data);
  control_interface(wanted.handle, SIOCSIFHWADDR, what);
  what = {};
  what.ifr_mtu = static_cast<int>(wanted.offset);
  control_interface(wanted.handle, SIOCSIFMTU, what);
  what = {};
  what.ifr_flags = wanted.length != 0 ? IFF_UP : 0;
  control_interface(wanted.handle, SIOCSIFFLAGS, what);
  return {};
}

/// The disks that the kernel has announced. The kernel still reads a disk that it has not
/// announced, to look for partitions, and the disk can't be opened meanwhile. With udev no program
/// sees that.
class AnnouncedDisks {
 public:
  /// Listens from now on, in a thread of its own.
  void listen() {
    const int socket = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    kernel.nl_groups = 1;
    if (socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) != 0) {
      give_up("listening to the kernel");
    }
    std::thread([this, socket] {
      std::vector<char> event(piece_size);
      while (true) {
        const ssize_t size = ::recv(socket, event.data(), event.size(), 0);
        if (size > 0) hear({event.data(), static_cast<std::size_t>(size)});
      }
    }).detach();
  }
  /// "etherd/e1.1"
  bool has(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return names_.contains(name);
  }

 private:
  /// Lines that end with a zero: "ACTION=add", "SUBSYSTEM=block", "DEVNAME=etherd/e1.1".
  void hear(const std::string& event) {
    const auto value = [&](const std::string& key) {
      const std::size_t at = event.find('\0' + key + '=');
      return at == std::string::npos ? "" : std::string(event.c_str() + at + key.size() + 2);
    };
    if (value("SUBSYSTEM") != "block") return;
    const std::lock_guard lock(mutex_);
    if (value("ACTION") == "add") names_.insert(value("DEVNAME"));
    if (value("ACTION") == "remove") names_.erase(value("DEVNAME"));
  }

  mutable std::mutex mutex_;
  std::set<std::string> names_;
};

AnnouncedDisks announced_disks;

/// A disk's, or its folder's, before it was announced: then it is not there.
bool is_early(const std::string& path, const struct stat& found) {
  static const std::string devices = "/dev/";
  static const std::string folders = "/sys/block/";
  if (S_ISBLK(found.st_mode)) return !announced_disks.has(path.substr(devices.size()));
  if (!path.starts_with(folders)) return false;
  std::string name = path.substr(folders.size());
  name = name.substr(0, name.find('/'));
  std::ranges::replace(name, '!', '/');
  return !name.empty() && !announced_disks.has(name);
}

Message status(const std::string& path) {
  struct stat found {};
  must(::stat(path.c_str(), &found));
  if (is_early(path, found)) throw Failed{ENOENT};
  Message answer;
  FileKind kind = FileKind::file;
  if (S_ISDIR(found.st_mode)) kind = FileKind::folder;
  if (S_ISREG(found.st_mode)) answer.length = static_cast<std::uint64_t>(found.st_size);
  if (S_ISBLK(found.st_mode)) {
    kind = FileKind::disk;
    // Not by opening it: a last close changes the state of a device in the driver.
    std::ifstream size("/sys/dev/block/" + std::to_string(major(found.st_rdev)) + ":" +
                       std::to_string(minor(found.st_rdev)) + "/size");
    size >> answer.length;
    answer.length *= 512;
  }
  answer.handle = static_cast<std::uint32_t>(kind);
  return answer;
}

Message list(const std::string& path) {
  Message answer;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    answer.bytes += entry.path().filename().string() + '\0';
  }
  if (error) throw Failed{error.value()};
  return answer;
}

Message open_file(const Message& wanted) {
  const int flags = static_cast<int>(wanted.length) & (O_ACCMODE | O_DIRECT | O_NONBLOCK);
  Message answer;
  answer.handle = static_cast<std::uint32_t>(must(::open(wanted.bytes.c_str(), flags | O_CLOEXEC)));
  return answer;
}

/// Memory for a transfer that may be direct.
class Pages {
 public:
  explicit Pages(std::size_t size)
      : bytes_(static_cast<char*>(::operator new(std::max<std::size_t>(size, 1), page))) {}
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::operator delete(bytes_, page); }
  char* get() const { return bytes_; }

 private:
  char* const bytes_;
};

bool has_no_offsets(int error) {
  return error == ESPIPE;
}

Message read_file(const Message& wanted) {
  const int file = static_cast<int>(wanted.handle);
  const std::size_t size = std::min<std::uint64_t>(wanted.length, message_bytes_max);
  const Pages pages(size);
  ssize_t got = ::pread(file, pages.get(), size, static_cast<off_t>(wanted.offset));
  if (got < 0 && has_no_offsets(errno)) got = ::read(file, pages.get(), size);
  Message answer;
  answer.bytes.assign(pages.get(), static_cast<std::size_t>(must(got)));
  return answer;
}

Message write_file(const Message& wanted) {
  const int file = static_cast<int>(wanted.handle);
  const std::size_t size = wanted.bytes.size();
  const Pages pages(size);
  std::ranges::copy(wanted.bytes, pages.get());
  ssize_t written = ::pwrite(file, pages.get(), size, static_cast<off_t>(wanted.offset));
  if (written < 0 && has_no_offsets(errno)) written = ::write(file, pages.get(), size);
  Message answer;
  answer.length = static_cast<std::uint64_t>(must(written));
  return answer;
}

Message carry_out(const Message& wanted) {
  switch (static_cast<Operation>(wanted.code)) {
    case Operation::set_interface: return set_interface(wanted);
    case Operation::load_aoe: load("aoe", wanted.bytes); return {};
    case Operation::status: return status(wanted.bytes);
    case Operation::list: return list(wanted.bytes);
    case Operation::open: return open_file(wanted);
    case Operation::read: return read_file(wanted);
    case Operation::write: return write_file(wanted);
    case Operation::sync: must(::fsync(static_cast<int>(wanted.handle))); return {};
    case Operation::close: must(::close(static_cast<int>(wanted.handle))); return {};
  }
  throw Failed{ENOSYS};
}

/// The stream to the host.
class Channel {
 public:
  explicit Channel(int file) : file_(file) {}

  void send(const Message& message) {
    const std::string bytes = encode(message);
    const std::lock_guard lock(mutex_);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t taken = ::write(file_, bytes.data() + sent, bytes.size() - sent);
      if (taken < 0) give_up("writing to the host");
      sent += static_cast<std::size_t>(taken);
    }
  }
  Message receive() {
    while (true) {
      if (auto message = reader_.next()) return *std::move(message);
      if (reader_.is_broken()) give_up("a message of the host");
      const ssize_t got = ::read(file_, piece_.data(), piece_.size());
      if (got <= 0) give_up("reading from the host");
      reader_.add({piece_.data(), static_cast<std::size_t>(got)});
    }
  }

 private:
  const int file_;
  std::mutex mutex_;
  MessageReader reader_;
  std::vector<char> piece_ = std::vector<char>(piece_size);
};

/// As many threads as there are requests at once; none has to wait for another.
class Workers {
 public:
  explicit Workers(Channel& channel) : channel_(channel) {}

  void add(Message wanted) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(wanted));
    if (waiting_.size() > idle_) {
      ++idle_;
      std::thread([this] { work(); }).detach();
    }
    more_.notify_one();
  }

 private:
  void work() {
    while (true) {
      Message wanted;
      {
        std::unique_lock lock(mutex_);
        more_.wait(lock, [this] { return !waiting_.empty(); });
        --idle_;
        wanted = std::move(waiting_.front());
        waiting_.pop_front();
      }
      channel_.send(answer(wanted));
      const std::lock_guard lock(mutex_);
      ++idle_;
    }
  }
  static Message answer(const Message& wanted) {
    Message answer;
    try {
      answer = carry_out(wanted);
    } catch (const Failed& failed) {
      answer.code = static_cast<std::uint32_t>(failed.error);
    }
    answer.id = wanted.id;
    return answer;
  }

  Channel& channel_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Message> waiting_;
  std::size_t idle_ = 0;  // threads that wait, or are about to
};

void mount(const char* type, const char* where) {
  if (::mount(type, where, type, 0, nullptr) != 0) give_up(where);
}

int serve() {
  mount("proc", "/proc");
  mount("sysfs", "/sys");
  mount("devtmpfs", "/dev");
  mount("debugfs", "/sys/kernel/debug");
  announced_disks.listen();
  std::ifstream order("/modules/order");
  for (std::string module; std::getline(order, module);) {
    try {
      load(module, "");
    } catch (const Failed& failed) {
      errno = failed.error;
      give_up(module);
    }
  }
  std::ofstream("/proc/sys/kernel/printk") << "8\n";  // from now on the console shows all
  const int file = ::open(channel_path, O_RDWR | O_CLOEXEC);
  if (file < 0) give_up(channel_path);
  Channel channel(file);
  utsname kernel{};
  ::uname(&kernel);
  channel.send({.bytes = kernel.release});
  Workers workers(channel);
  while (true) workers.add(channel.receive());
}

}  // namespace
}  // namespace aoe::guest

int main() {
  return aoe::guest::serve();
}
