// The C face of the client library (aoe.h): what is thrown or returned becomes errno and a text.

#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#pragma GCC visibility push(default)
#include "initiator/client/aoe.h"
#pragma GCC visibility pop

#include "initiator/client/blocking_disk.h"
#include "wire/interfaces.h"

namespace {

using namespace aoe;
using namespace aoe::initiator;

thread_local std::string error_text;

constexpr std::chrono::seconds wait_default{3};

std::chrono::seconds wait_of(const aoe_options* options) {
  const bool is_given = options != nullptr && options->wait > 0;
  return is_given ? std::chrono::seconds(options->wait) : wait_default;
}

tl::expected<Client::Options, OpenError> client_options(const aoe_options* given) {
  Client::Options options;
  if (given == nullptr) return options;
  if (given->deadsecs > 0) options.parameters.deadsecs = std::chrono::seconds(given->deadsecs);
  const std::string_view list = given->interfaces == nullptr ? "" : given->interfaces;
  if (list.empty()) return options;
  const auto names = parse_some_interfaces(list);
  if (!names) {
    const auto invalid = make_error_code(boost::system::errc::invalid_argument);
    return tl::unexpected(OpenError{invalid, "", "interfaces: " + names.error()});
  }
  options.interfaces = *names;
  return options;
}

int fail(int error, std::string text) {
  error_text = std::move(text);
  errno = error;
  return -1;
}

int fail(const OpenError& error) {
  return fail(error.code.default_error_condition().value(), error.text);
}

/// Calls `call`, whose result is returned, and turns what it throws into errno.
template <class Call>
int guarded(Call call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return fail(ENOMEM, "out of memory");
  } catch (const std::exception& error) {
    return fail(EIO, error.what());
  }
  return -1;
}

}  // namespace

struct aoe_disk {
  std::string name;
  std::unique_ptr<BlockingDisk> disk;

  int result(const char* what, const boost::system::error_code& error) const {
    if (!error) return 0;
    return fail(error.default_error_condition().value(),
                fmt::format("{}: {}: {}", name, what, error.message()));
  }
};

aoe_disk* aoe_open(const char* device, const aoe_options* options) {
  aoe_disk* opened = nullptr;
  guarded([&] {
    const std::string name = device == nullptr ? "" : device;
    const auto address = parse_address(name);
    if (!address || !address->is_exact()) {
      return fail(EINVAL, fmt::format("\"{}\" is no disk: eSHELF.SLOT, as in e0.2", name));
    }
    const auto client = client_options(options);
    if (!client) return fail(client.error());
    auto disk = BlockingDisk::open(*client, *address, wait_of(options));
    if (!disk) return fail(disk.error());
    (*disk)->start();
    opened = new aoe_disk{name, *std::move(disk)};
    return 0;
  });
  return opened;
}

void aoe_close(aoe_disk* disk) {
  delete disk;
}

uint64_t aoe_size(aoe_disk* disk) {
  return disk->disk->status().size();
}

int aoe_read(aoe_disk* disk, uint64_t offset, void* into, size_t size) {
  return guarded([&] {
    const MutableBytes bytes(static_cast<std::uint8_t*>(into), size);
    return disk->result("reading", disk->disk->read(offset, bytes));
  });
}

int aoe_write(aoe_disk* disk, uint64_t offset, const void* from, size_t size) {
  return guarded([&] {
    const Bytes bytes(static_cast<const std::uint8_t*>(from), size);
    return disk->result("writing", disk->disk->write(offset, bytes));
  });
}

int aoe_flush(aoe_disk* disk) {
  return guarded([&] { return disk->result("flushing", disk->disk->flush()); });
}

int aoe_trim(aoe_disk* disk, uint64_t offset, uint64_t length) {
  return guarded([&] { return disk->result("trimming", disk->disk->trim(offset, length)); });
}

int aoe_discover(const aoe_options* options, void (*found)(void* user, const aoe_found* disk),
                 void* user) {
  return guarded([&] {
    boost::asio::io_context loop;
    const auto given = client_options(options);
    if (!given) return fail(given.error());
    auto client = Client::open(loop, *given);
    if (!client) return fail(client.error());
    loop.run_for(wait_of(options));
    int count = 0;
    for (const DeviceStatus& device : client->devices()) {
      if (!device.is_up()) continue;
      const std::string name = fmt::format("{}", device.address);
      const std::string model(device.identity->model.view());
      const std::string serial(device.identity->serial.view());
      const aoe_found it{name.c_str(), device.size(), model.c_str(), serial.c_str()};
      found(user, &it);
      ++count;
    }
    return count;
  });
}

const char* aoe_error() {
  return error_text.c_str();
}

const char* aoe_version() {
  return AOE_VERSION;
}
