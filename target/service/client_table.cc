#include "target/service/client_table.h"

#include <algorithm>

namespace aoe::target {
namespace {

bool is_free(const Client& client) {
  return client.requests == 0;
}

bool is(const Client& client, Mac mac, Address lun) {
  return client.mac == mac && client.lun == lun && !is_free(client);
}

}  // namespace

ClientTable::Set& ClientTable::set_of(Mac mac, Address lun) {
  std::uint64_t key = std::uint64_t{lun.shelf} << 8 | lun.slot;
  for (const std::uint8_t octet : mac.octets) key = key << 8 ^ key >> 56 ^ octet;
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
  return sets_[(key * odd >> 32) % sets_.size()];
}

Client* ClientTable::enter(Mac mac, Address lun, Instant now) {
  if (sets_.empty()) sets_.resize(size_max / ways);
  Set& set = set_of(mac, lun);
  Client* place = nullptr;
  for (Client& client : set) {
    if (is(client, mac, lun)) return &client;
    const bool may_go = is_free(client) || now - client.last_seen >= idle_min;
    if (may_go && (place == nullptr || client.requests < place->requests)) place = &client;
  }
  if (place == nullptr) return nullptr;
  *place = {};
  place->mac = mac;
  place->lun = lun;
  return place;
}

ClientCounters& ClientTable::look_up(Mac mac, Address lun) {
  if (sets_.empty()) return others_;
  Set& set = set_of(mac, lun);
  const auto found = std::ranges::find_if(set, [&](const Client& c) { return is(c, mac, lun); });
  return found == set.end() ? others_ : *found;
}

std::vector<Client> ClientTable::clients() const {
  std::vector<Client> clients;
  for (const Set& set : sets_) {
    for (const Client& client : set) {
      if (!is_free(client)) clients.push_back(client);
    }
  }
  return clients;
}

void ClientTable::forget(const FramePort& port) {
  for (Set& set : sets_) {
    for (Client& client : set) {
      if (client.port == &port) client.port = nullptr;
    }
  }
}

void ClientTable::forget(Address lun) {
  for (Set& set : sets_) {
    for (Client& client : set) {
      if (client.lun == lun) client = {};
    }
  }
  last_ = nullptr;
}

void ClientTable::clear() {
  sets_.clear();
  others_ = {};
  last_ = nullptr;
}

}  // namespace aoe::target
