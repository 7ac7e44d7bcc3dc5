// What only a queue over io_uring does; disk_queue_test.cc has what all queues do.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/testing/test_folder.h"
#include "target/store/disk_queue.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Kind = Operation::Kind;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out = Descriptor(ends[0]);
    in = Descriptor(ends[1]);
  }
  Descriptor out, in;
};

// A thread that waits for a page of a disk that does not answer can't be interrupted. Neither can one
// that waits for the end of its vfork(2).
TEST(RingQueue, EndsOperationsWhileTheThreadThatStartedThemIsStuck) {
  const auto queue = make_ring_queue();
  if (!queue) GTEST_SKIP() << "the kernel refuses io_uring";
  const Pipe slow_file;
  const Pipe is_stuck;
  const Pipe until;
  std::array<std::uint8_t, 4> back{};
  std::uint8_t byte = 0;
  TestOperation read;
  read.kind = Kind::read;
  read.descriptor = slow_file.out.get();
  read.into = back;
  std::thread starter([&] {
    queue->start(read);
    queue->submit();
    if (::vfork() == 0) {
      static_cast<void>(::write(is_stuck.in.get(), &byte, 1));
      static_cast<void>(::read(until.out.get(), &byte, 1));
      ::_exit(0);
    }
  });
  EXPECT_EQ(::read(is_stuck.out.get(), &byte, 1), 1);
  EXPECT_EQ(::write(slow_file.in.get(), "done", 4), 4);
  pollfd poll{queue->descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&poll, 1, 10'000), 1);
  EXPECT_EQ(::write(until.in.get(), &byte, 1), 1);
  starter.join();
  while (!read.result) queue->wait();
  EXPECT_TRUE(read.result && !*read.result);
  EXPECT_EQ(std::string(back.begin(), back.end()), "done");
}

/// A page for which each thread that touches it waits, the kernel's too, until it is given.
class WithheldPage {
 public:
  WithheldPage() : fault_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))) {
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    bytes_ = {static_cast<std::uint8_t*>(memory), size};
    uffdio_api api{};
    api.api = UFFD_API;
    uffdio_register registered{};
    registered.range = range();
    registered.mode = UFFDIO_REGISTER_MODE_MISSING;
    is_withheld_ = ::ioctl(fault_.get(), UFFDIO_API, &api) == 0 &&
                   ::ioctl(fault_.get(), UFFDIO_REGISTER, &registered) == 0;
  }
  WithheldPage(const WithheldPage&) = delete;
  WithheldPage& operator=(const WithheldPage&) = delete;
  ~WithheldPage() { ::munmap(bytes_.data(), size); }

  bool is_withheld() const { return is_withheld_; }
  MutableBytes bytes() const { return bytes_; }
  /// Returns once someone waits for it.
  bool is_wanted() const {
    pollfd poll{fault_.get(), POLLIN, 0};
    return ::poll(&poll, 1, 10'000) == 1;
  }
  void give() const {
    uffdio_zeropage page{};
    page.range = range();
    EXPECT_EQ(::ioctl(fault_.get(), UFFDIO_ZEROPAGE, &page), 0);
  }

 private:
  static constexpr std::size_t size = 4096;
  uffdio_range range() const { return {reinterpret_cast<std::uintptr_t>(bytes_.data()), size}; }

  Descriptor fault_;
  MutableBytes bytes_;
  bool is_withheld_ = false;
};

TEST(RingQueue, HoldsUpNoDiskWhileItWaitsToBeginAnOperationOnAnother) {
  const auto queue = make_ring_queue();
  const WithheldPage page;
  if (!queue || !page.is_withheld()) GTEST_SKIP() << "the kernel refuses io_uring or userfaultfd";
  TestFolder folder;
  const Descriptor file(::open(folder.make_image(8192).c_str(), O_RDWR | O_CLOEXEC));
  std::array<std::uint8_t, 512> back{};
  std::array<TestOperation, 2> reads;
  for (std::uint64_t disk = 0; disk < 2; ++disk) {
    reads[disk].kind = Kind::read;
    reads[disk].descriptor = file.get();
    reads[disk].disk = disk + 1;
    reads[disk].into = disk == 0 ? page.bytes() : MutableBytes(back);
  }
  queue->start(reads[0]);
  queue->submit();
  ASSERT_TRUE(page.is_wanted());
  queue->start(reads[1]);
  queue->wait();
  EXPECT_FALSE(reads[0].result);
  EXPECT_TRUE(reads[1].result && !*reads[1].result);
  page.give();
  queue->wait();
  EXPECT_TRUE(reads[0].result && !*reads[0].result);
}

/// Answers calls of one kind in the kernel's place: those of the thread that installs it, and of the
/// threads that it starts.
class CallFilter {
 public:
  /// Installs it. Returns false where the kernel refuses.
  bool install(std::uint32_t call) {
    std::array<sock_filter, 4> code{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    sock_fprog program{.len = code.size(), .filter = code.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    calls_ = Descriptor(static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                                   SECCOMP_FILTER_FLAG_NEW_LISTENER, &program)));
    return calls_.get() >= 0;
  }
  /// Answers the next call with an error, or leaves it to the kernel. Returns false where none comes.
  bool answer(int error) const {
    pollfd poll{calls_.get(), POLLIN, 0};
    seccomp_notif call{};
    if (::poll(&poll, 1, 10'000) != 1 ||
        ::ioctl(calls_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      return false;
    }
    seccomp_notif_resp response{};
    response.id = call.id;
    response.error = -error;
    response.flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    return ::ioctl(calls_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
  }

 private:
  Descriptor calls_;
};

TEST(DiskQueues, RefuseOperationsWhereNoThreadIsToBeHad) {
  for (const auto make : {make_ring_queue, make_thread_queue}) {
    const auto queue = make();
    if (!queue) continue;
    CallFilter filter;
    std::promise<bool> is_installed;
    std::array<std::uint8_t, 512> back{};
    TestOperation read;
    read.kind = Kind::read;
    read.into = back;
    std::thread starter([&] {
      const bool installed = filter.install(SYS_clone3);
      is_installed.set_value(installed);
      if (!installed) return;
      queue->start(read);
      queue->submit();
    });
    if (!is_installed.get_future().get()) {
      starter.join();
      GTEST_SKIP() << "no seccomp";
    }
    EXPECT_TRUE(filter.answer(EAGAIN));
    starter.join();
    queue->wait();
    EXPECT_EQ(read.result, error_of(EAGAIN));
  }
}

TEST(RingQueue, TriesAgainWhereTheKernelIsShortOfMemory) {
  auto queue = make_ring_queue();
  TestFolder folder;
  const Descriptor file(::open(folder.make_image(8192).c_str(), O_RDWR | O_CLOEXEC));
  std::array<std::uint8_t, 512> back{};
  TestOperation read;
  read.kind = Kind::read;
  read.descriptor = file.get();
  read.into = back;
  CallFilter filter;
  bool is_installed = false;
  // The thread of the disk is started here, and has the filter too.
  std::thread starter([&] {
    is_installed = queue && filter.install(SYS_io_uring_enter);
    if (!is_installed) return;
    queue->start(read);
    queue->submit();
  });
  starter.join();
  if (!is_installed) GTEST_SKIP() << "no seccomp, or no io_uring";
  for (const int error : {ENOMEM, EAGAIN, EBUSY, ENOMEM}) EXPECT_TRUE(filter.answer(error));
  std::atomic<bool> is_over = false;
  std::thread kernel([&] {
    while (filter.answer(0) && !is_over) continue;
  });
  while (!read.result) queue->wait();
  EXPECT_TRUE(read.result && !*read.result);
  is_over = true;
  queue.reset();
  kernel.join();
}

}  // namespace
}  // namespace aoe::target
