#include "target/store/guarded_copy.h"

#include <unistd.h>

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <functional>

#include "base/check.h"

namespace aoe::target {
namespace {

/// The call that a thread is in the middle of.
struct Guard {
  sigjmp_buf escape;
  Bytes mapping;
};

#ifdef __SANITIZE_THREAD__
constexpr int saves_signal_mask = 1;  // ThreadSanitizer blocks all signals while a handler runs
#else
constexpr int saves_signal_mask = 0;
#endif

thread_local Guard* volatile current = nullptr;
struct sigaction former_action;

void on_bus_error(int signal, siginfo_t* info, void*) {
  Guard* const guard = current;
  if (guard != nullptr && info->si_code > 0) {
    const auto* at = static_cast<const std::uint8_t*>(info->si_addr);
    const std::uint8_t* begin = guard->mapping.data();
    const std::uint8_t* end = begin + guard->mapping.size();
    constexpr std::less<> before;
    if (!before(at, begin) && before(at, end)) siglongjmp(guard->escape, 1);
  }
  sigaction(SIGBUS, &former_action, nullptr);
  raise(signal);
}

void install_handler() {
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  // SA_NODEFER: the handler is left by a jump that restores no signal mask, which would cost each
  // copy a system call.
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  AOE_CHECK(sigaction(SIGBUS, &action, &former_action) == 0);
}

/// Does `work`, which may fault in `mapping` and holds nothing that needs a destructor. Returns false
/// if it did.
template <typename Work>
bool guarded(Bytes mapping, Work work) {
  static const bool installed = (install_handler(), true);
  static_cast<void>(installed);
  Guard guard;
  guard.mapping = mapping;
  // Nothing between here and the jump needs a destructor.
  if (sigsetjmp(guard.escape, saves_signal_mask) != 0) {
    current = nullptr;
    return false;
  }
  current = &guard;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  work();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  current = nullptr;
  return true;
}

}  // namespace

bool guarded_copy(Bytes from, MutableBytes into, Bytes mapping) {
  AOE_CHECK(from.size() == into.size());
  if (from.empty()) return true;
  return guarded(mapping, [&] { std::memcpy(into.data(), from.data(), from.size()); });
}

bool guarded_or(std::uint8_t& byte, std::uint8_t bits, Bytes mapping) {
  return guarded(mapping, [&] { std::atomic_ref(byte).fetch_or(bits); });
}

bool guarded_touch(Bytes part, Bytes mapping) {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return guarded(mapping, [&] {
    for (std::size_t at = 0; at < part.size();) {
      static_cast<void>(*static_cast<const volatile std::uint8_t*>(&part[at]));
      // The next page begins at the next multiple of its size.
      at += page - reinterpret_cast<std::uintptr_t>(&part[at]) % page;
    }
  });
}

}  // namespace aoe::target
