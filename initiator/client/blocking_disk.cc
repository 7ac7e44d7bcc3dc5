#include "initiator/client/blocking_disk.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace aoe::initiator {
namespace {

std::string serial(const DeviceStatus& status) {
  return status.identity ? std::string(status.identity->serial.view()) : "";
}

}  // namespace

tl::expected<std::unique_ptr<BlockingDisk>, OpenError> BlockingDisk::open(
    const Client::Options& options, Address address, std::chrono::seconds limit,
    Complain complain) {
  std::unique_ptr<BlockingDisk> result(new BlockingDisk(address, std::move(complain)));
  auto client = Client::open(result->loop_, options);
  if (!client) return tl::unexpected(client.error());
  result->client_ = *std::move(client);

  std::optional<error_code> opened;
  result->client_->async_open(address, limit, [&](error_code error, Disk disk) {
    opened = error;
    if (error) return;
    result->status_ = disk.status();
    result->disk_ = std::move(disk);
  });
  while (!opened) result->loop_.run_one();
  if (*opened) {
    return tl::unexpected(
        OpenError{*opened, fmt::format("{}", address), result->client_->why_not_up(address)});
  }
  result->client_->listen([self = result.get()](const Event& event) { self->happened(event); });
  result->loop_.notify_fork(boost::asio::execution_context::fork_prepare);
  return result;
}

void BlockingDisk::start() {
  loop_.notify_fork(boost::asio::execution_context::fork_child);
  // Signals are for the other threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { loop_.run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BlockingDisk::~BlockingDisk() {
  const auto close = [this] {
    disk_.reset();
    client_.reset();
  };
  if (thread_.joinable()) {
    boost::asio::post(loop_, close);
    thread_.join();
  } else {
    close();
  }
}

void BlockingDisk::reopen() {
  if (!client_) return;
  // It is looked at before it is opened: closing it would discover it again, without an end.
  const auto devices = client_->devices();
  const auto now = std::ranges::find(devices, address_, &DeviceStatus::address);
  if (now == devices.end() || !now->is_up()) return;
  if (serial(*now) != serial(status_) || now->sectors != status_.sectors) return refuse(*now);
  disk_ = client_->open_disk(address_);
  if (!disk_) return;
  complaint_.clear();
  status_ = *now;
}

void BlockingDisk::take_size() {
  if (!disk_) return;
  const DeviceStatus now = disk_->status();
  if (serial(now) != serial(status_)) return refuse(now);
  status_ = now;
}

void BlockingDisk::refuse(const DeviceStatus& now) {
  disk_.reset();
  client_->forget(address_);  // so that it is identified again
  std::string complaint =
      fmt::format("{}: another disk answers: serial \"{}\" and {} sectors, not \"{}\" and {}",
                  address_, serial(now), now.sectors, serial(status_), status_.sectors);
  if (complaint == complaint_) return;
  complaint_ = std::move(complaint);
  if (complain_) complain_(complaint_);
}

void BlockingDisk::happened(const Event& event) {
  if (event.device != address_) return;
  // A device that is down comes up again only when nobody holds it open.
  if (event.kind == Event::Kind::device_down) {
    boost::asio::post(loop_, [this] { disk_.reset(); });
  } else if (event.kind == Event::Kind::device_up) {
    boost::asio::post(loop_, [this] { reopen(); });
  } else if (event.kind == Event::Kind::device_resized) {
    boost::asio::post(loop_, [this] { take_size(); });
  }
}

DeviceStatus BlockingDisk::status() {
  DeviceStatus status;
  std::binary_semaphore done(0);
  boost::asio::post(loop_, [&] {
    status = status_;
    done.release();
  });
  done.acquire();
  return status;
}

}  // namespace aoe::initiator
