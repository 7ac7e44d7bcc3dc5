// nbdkit-aoe-plugin: an AoE disk for nbdkit, which serves it as NBD.
//
//   nbdkit aoe e0.2 interface=eth0
//
// The disk is opened before nbdkit goes to the background and becomes another user, so that errors
// are seen and packet sockets can be opened. nbdkit calls from as many threads as there are
// requests outstanding, and each waits for its own (BlockingDisk).
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "initiator/client/blocking_disk.h"
#include "wire/interfaces.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

namespace aoe::initiator {
namespace {

using boost::system::error_code;

constexpr int failed = -1;

struct Settings {
  std::optional<Address> device;
  Client::Options options;
  std::chrono::seconds wait{3};
};

// Not destroyed in the process that nbdkit forks from, where cleanup() is not called.
Settings& settings = *new Settings;
BlockingDisk* disk = nullptr;  // all connections share it

int complain(const std::string& what) {
  nbdkit_error("%s", what.c_str());
  return failed;
}

/// No exception crosses nbdkit's C.
template <class Action>
int guard(Action action) noexcept {
  try {
    return action();
  } catch (const std::exception& error) {
    nbdkit_error("%s", error.what());
    nbdkit_set_error(ENOMEM);
    return failed;
  }
}

/// `Number` is an integer, or a duration.
template <class Number>
int parse(const char* key, const char* value, unsigned low, unsigned high, Number& into) {
  unsigned number = 0;
  if (nbdkit_parse_unsigned(key, value, &number) != 0) return failed;
  if (number < low || number > high) {
    return complain(fmt::format("{}={}: expected {} to {}", key, value, low, high));
  }
  into = Number(number);
  return 0;
}

int set(std::string_view key, const char* value) {
  Parameters& parameters = settings.options.parameters;
  if (key == "device") {
    settings.device = parse_address(value);
    if (settings.device && settings.device->is_exact()) return 0;
    return complain(fmt::format("device={}: not a device name such as e0.2", value));
  }
  if (key == "interface") {
    const auto names = parse_some_interfaces(value);
    if (!names) return complain(fmt::format("interface={}: {}", value, names.error()));
    std::ranges::copy(*names, std::back_inserter(settings.options.interfaces));
    return 0;
  }
  if (key == "deadsecs") return parse("deadsecs", value, 0, 1'000'000, parameters.deadsecs);
  if (key == "maxout") return parse("maxout", value, 1, 65535, parameters.maxout);
  if (key == "wait") return parse("wait", value, 1, 86400, settings.wait);
  if (key == "profile") {
    const std::string_view name = value;
    parameters.profile = name == "linux" ? Profile::linux_driver : Profile::rfc6298;
    if (name == "linux" || name == "rfc6298") return 0;
    return complain(fmt::format("profile={}: expected rfc6298 or linux", value));
  }
  return complain(fmt::format("{}: no such parameter", key));
}

int config(const char* key, const char* value) {
  return guard([&] { return set(key, value); });
}

int config_complete() {
  if (settings.device) return 0;
  nbdkit_error("device is missing: e0.2, or device=e0.2");
  return failed;
}

int get_ready() {
  return guard([] {
    auto opened =
        BlockingDisk::open(settings.options, *settings.device, settings.wait,
                           [](const std::string& what) { nbdkit_error("%s", what.c_str()); });
    if (!opened) return complain(opened.error().text);
    disk = opened->release();
    return 0;
  });
}

int after_fork() {
  return guard([] {
    disk->start();
    return 0;
  });
}

void cleanup() {
  delete std::exchange(disk, nullptr);
}

void* open_connection(int) {
  return disk;
}

std::int64_t get_size(void*) {
  return static_cast<std::int64_t>(disk->status().size());
}

int can_trim(void*) {
  const auto identity = disk->status().identity;
  return identity && identity->trim;
}

/// Whether zeros can be made without writing them.
int can_fast_zero(void*) {
  const auto identity = disk->status().identity;
  return identity && identity->trim && identity->trimmed_reads_zero;
}

/// One engine keeps the requests of all connections in order, and nothing is cached: a flush on one
/// connection covers what was completed on another.
int can_multi_conn(void*) {
  return 1;
}

int block_size(void*, std::uint32_t* minimum, std::uint32_t* preferred, std::uint32_t* maximum) {
  constexpr std::uint32_t page = 4096;
  const auto identity = disk->status().identity;
  *minimum = sector_size;
  *preferred = std::max(page, identity ? identity->physical_sector_size : page);
  *maximum = 0xffffffff;
  return 0;
}

/// Returns one of the few errors that NBD knows.
int error_number(const error_code& error, bool is_write) {
  switch (completion_of(error).error) {
    case IoError::none: return 0;
    case IoError::invalid: return EINVAL;
    case IoError::out_of_range: return is_write ? ENOSPC : EINVAL;
    case IoError::unsupported: return EOPNOTSUPP;
    case IoError::cancelled: return ESHUTDOWN;
    case IoError::no_such_device:
    case IoError::device_down:
    case IoError::timeout:
    case IoError::ata_error:
    case IoError::aoe_error: return EIO;
  }
  return EIO;
}

/// Carries out a request, and reports its error.
template <class Begin>
int carry_out(const char* what, std::uint64_t offset, Begin begin, bool is_write = true) {
  return guard([&] {
    const error_code error = disk->wait_for(begin);
    if (!error) return 0;
    nbdkit_error("e%u.%u: %s at %llu: %s", settings.device->shelf, settings.device->slot, what,
                 static_cast<unsigned long long>(offset), error.message().c_str());
    nbdkit_set_error(error_number(error, is_write));
    return failed;
  });
}

int pread(void*, void* into, std::uint32_t count, std::uint64_t offset, std::uint32_t) {
  const MutableBytes bytes(static_cast<std::uint8_t*>(into), count);
  const auto read = [&](Disk& open, auto done) { open.async_read(offset, bytes, done); };
  return carry_out("reading", offset, read, false);
}

int pwrite(void*, const void* from, std::uint32_t count, std::uint64_t offset, std::uint32_t) {
  const Bytes bytes(static_cast<const std::uint8_t*>(from), count);
  const auto write = [&](Disk& open, auto done) { open.async_write(offset, bytes, done); };
  return carry_out("writing", offset, write);
}

int flush(void*, std::uint32_t) {
  return carry_out("flushing", 0, [](Disk& open, auto done) { open.async_flush(done); });
}

int trim(void*, std::uint32_t count, std::uint64_t offset, std::uint32_t) {
  const auto trim = [&](Disk& open, auto done) { open.async_trim(offset, count, done); };
  return carry_out("trimming", offset, trim);
}

/// Where it can't trim, nbdkit writes zeros instead, unless the client only wants what is fast.
int zero(void* connection, std::uint32_t count, std::uint64_t offset, std::uint32_t flags) {
  if ((flags & NBDKIT_FLAG_MAY_TRIM) != 0 && can_fast_zero(connection) == 1) {
    return trim(connection, count, offset, flags);
  }
  nbdkit_set_error(EOPNOTSUPP);
  return failed;
}

nbdkit_plugin make_plugin() {
  nbdkit_plugin plugin{};
  plugin.name = "aoe";
  plugin.longname = "ATA over Ethernet";
  plugin.version = AOE_VERSION;
  plugin.description = "Serves an ATA over Ethernet disk; the kernel's aoe driver is not needed.";
  plugin.magic_config_key = "device";
  plugin.config_help =
      "[device=]eSHELF.SLOT  (required) The disk, as in e0.2.\n"
      "interface=IF          Use this interface; may be given again (default: all).\n"
      "deadsecs=N            Seconds until a silent disk is down, 0: never (default 180).\n"
      "maxout=N              Most unanswered commands for each target (default 128).\n"
      "profile=NAME          rfc6298 (default), or linux: the Linux driver's timing.\n"
      "wait=N                Seconds to wait for the disk at the start (default 3).";
  plugin.config = config;
  plugin.config_complete = config_complete;
  plugin.get_ready = get_ready;
  plugin.after_fork = after_fork;
  plugin.cleanup = cleanup;
  plugin.open = open_connection;
  plugin.get_size = get_size;
  plugin.can_flush = [](void*) { return 1; };
  // A write is stable once it has been flushed: nbdkit does that.
  plugin.can_fua = [](void*) { return NBDKIT_FUA_EMULATE; };
  plugin.can_trim = can_trim;
  plugin.can_fast_zero = can_fast_zero;
  // To be read by nbdkit takes it into the target's memory.
  plugin.can_cache = [](void*) { return NBDKIT_CACHE_EMULATE; };
  plugin.can_multi_conn = can_multi_conn;
  plugin.block_size = block_size;
  plugin.pread = pread;
  plugin.pwrite = pwrite;
  plugin.flush = flush;
  plugin.trim = trim;
  plugin.zero = zero;
  return plugin;
}

nbdkit_plugin plugin = make_plugin();

}  // namespace
}  // namespace aoe::initiator

using aoe::initiator::plugin;
NBDKIT_REGISTER_PLUGIN(plugin)
