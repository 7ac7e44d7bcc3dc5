#include "initiator/mount/shown_disks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace aoe::initiator {

void ShownDisks::update() {
  Disks disks;
  for (const DeviceStatus& device : client_->devices()) {
    if (!device.identity) continue;
    const auto known = disks_.find(device.address);
    disks[device.address] = known == disks_.end() ? std::vector<Partition>{} : known->second;
  }
  disks_ = std::move(disks);
}

std::shared_ptr<OpenDisk> ShownDisks::open(Address address) {
  if (client_ == nullptr) return nullptr;
  const auto status = client_->device(address);
  if (!status || !status->is_up()) return nullptr;
  if (auto disk = find_open(address)) return disk;
  auto disk = client_->open_disk(address);
  if (!disk) return nullptr;
  auto opened = std::make_shared<OpenDisk>(loop_, *std::move(disk));
  open_[address] = opened;
  return opened;
}

std::shared_ptr<OpenDisk> ShownDisks::find_open(Address address) const {
  const auto known = open_.find(address);
  return known == open_.end() ? nullptr : known->second.lock();
}

void ShownDisks::let_go() {
  for (const auto& [address, known] : open_) {
    if (const auto disk = known.lock()) disk->let_go();
  }
  client_ = nullptr;
}

bool ShownDisks::is_loading(Address address) const {
  return std::ranges::find(loadings_, address, &Loading::address) != loadings_.end();
}

void ShownDisks::load_partitions(Address address) {
  const auto loading = std::ranges::find(loadings_, address, &Loading::address);
  if (loading != loadings_.end()) {
    loading->again = true;
    return;
  }
  auto disk = open(address);
  if (disk == nullptr) return;
  auto reader = PartitionReader::make(disk->size());
  if (!reader) {
    return listener_.trouble(fmt::format("{}: partitions: {}", address, reader.error().message()));
  }
  loadings_.push_back({address, std::move(disk), *std::move(reader)});
  load_more(std::prev(loadings_.end()));
}

void ShownDisks::load_more(Place loading) {
  const PartitionReader::Place place = loading->reader.next();
  if (place.size == 0) return loaded(loading);
  loading->disk->bytes().read(
      place.start, place.size,
      [this, loading, keep_disk = loading->disk](boost::system::error_code error, Bytes bytes) {
        const std::error_code trouble = error ? std::error_code(error) : loading->reader.add(bytes);
        if (!trouble) return load_more(loading);
        listener_.trouble(fmt::format("{}: partitions: {}", loading->address, trouble.message()));
        loadings_.erase(loading);
        listener_.loaded();
      });
}

void ShownDisks::loaded(Place loading) {
  const Address address = loading->address;
  const bool again = loading->again;
  const auto disk = disks_.find(address);
  if (disk != disks_.end()) disk->second = loading->reader.partitions();
  loadings_.erase(loading);
  if (again) load_partitions(address);
  listener_.loaded();
}

}  // namespace aoe::initiator
