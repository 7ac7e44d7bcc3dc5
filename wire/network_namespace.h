// Network namespaces: private networks, from which no frame reaches a real one.
//
// Needs no root: a process without the privilege first enters a new user namespace, for which it
// must have one thread only.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/descriptor.h"

namespace aoe {

/// Moves this process into a new network namespace, which contains only lo. The error says what the
/// kernel refused.
tl::expected<void, std::string> enter_network_namespace();

/// A second network namespace beside the process's own. The kernel removes it after this object and
/// all sockets, interfaces and processes in it are gone.
class NetworkNamespace {
 public:
  /// Needs the privileges that enter_network_namespace() gives.
  static tl::expected<NetworkNamespace, std::string> create();

  /// A name by which ip(8) finds it: `ip link set eth0 netns NAME`.
  std::string name() const;

  /// Moves the thread into the namespace for the lifetime of this object: sockets opened and
  /// processes started meanwhile belong to it.
  class Visit {
   public:
    explicit Visit(const NetworkNamespace& where);
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit();

   private:
    Descriptor home_;
  };

 private:
  explicit NetworkNamespace(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace aoe
