// Network namespaces: networks of one's own, in which frames harm nobody.
//
// Needs no root: without it, a process enters a user namespace of its own first. For a process of
// one thread.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace aoe {

/// Moves this process into a new network namespace, where there is nothing but lo. The error says
/// what the kernel refuses.
tl::expected<void, std::string> enter_network_namespace();

/// A network namespace beside the one that the process is in. It lasts for as long as this object,
/// and the sockets, interfaces and processes in it, do.
class NetworkNamespace {
 public:
  /// Needs the privileges that enter_network_namespace() gives.
  static tl::expected<NetworkNamespace, std::string> create();
  NetworkNamespace(NetworkNamespace&& other) noexcept;
  NetworkNamespace& operator=(NetworkNamespace&&) = delete;
  ~NetworkNamespace();

  /// A name by which ip(8) finds it: `ip link set eth0 netns NAME`.
  std::string name() const;

  /// Being inside, for as long as this object lives: what is opened and started then belongs there.
  class Visit {
   public:
    explicit Visit(const NetworkNamespace& where);
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit();

   private:
    int home_;
  };

 private:
  explicit NetworkNamespace(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace aoe
