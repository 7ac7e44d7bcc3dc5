#include "wire/interfaces.h"

#include <fnmatch.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <libmnl/libmnl.h>

namespace aoe {
namespace {

constexpr std::size_t netlink_buffer_size = 32768;

struct NetlinkCloser {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, NetlinkCloser>;

std::string message(const char* what, int error) {
  return fmt::format("{}: {}", what, std::generic_category().message(error));
}

struct Parsed {
  Interface interface;
  bool whole = false;  // the message says all there is to know
};

std::string text_of(const nlattr* attribute) {
  if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return {};
  return mnl_attr_get_str(attribute);
}

/// The altnames of a link.
int parse_property(const nlattr* attribute, void* data) {
  if (mnl_attr_get_type(attribute) != IFLA_ALT_IFNAME) return MNL_CB_OK;
  static_cast<Interface*>(data)->altnames.push_back(text_of(attribute));
  return MNL_CB_OK;
}

/// The kinds of a link and of its master.
int parse_kind(const nlattr* attribute, void* data) {
  Interface& interface = *static_cast<Interface*>(data);
  if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) interface.kind = text_of(attribute);
  if (mnl_attr_get_type(attribute) == IFLA_INFO_SLAVE_KIND)
    interface.master_kind = text_of(attribute);
  return MNL_CB_OK;
}

/// One attribute of a link, into the Parsed that `data` points to.
int parse_attribute(const nlattr* attribute, void* data) {
  Parsed& parsed = *static_cast<Parsed*>(data);
  const std::size_t size = mnl_attr_get_payload_len(attribute);
  switch (mnl_attr_get_type(attribute)) {
    case IFLA_IFNAME:
      if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return MNL_CB_ERROR;
      parsed.interface.name = mnl_attr_get_str(attribute);
      break;
    case IFLA_MTU:
      if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0) return MNL_CB_ERROR;
      parsed.interface.link.mtu =
          static_cast<std::uint16_t>(std::min<std::uint32_t>(mnl_attr_get_u32(attribute), 65535));
      parsed.whole = true;
      break;
    case IFLA_ADDRESS: {
      Mac& mac = parsed.interface.link.mac;
      if (size != mac.octets.size()) break;  // not Ethernet's kind of address
      const auto* octets = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
      std::copy_n(octets, size, mac.octets.begin());
      break;
    }
    case IFLA_MASTER:
      if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0) return MNL_CB_ERROR;
      parsed.interface.master_index = static_cast<int>(mnl_attr_get_u32(attribute));
      break;
    case IFLA_LINKINFO: return mnl_attr_parse_nested(attribute, parse_kind, &parsed.interface);
    case IFLA_PROP_LIST: return mnl_attr_parse_nested(attribute, parse_property, &parsed.interface);
    default: break;
  }
  return MNL_CB_OK;
}

/// Masters that take the frames of their ports. Others, a VRF for one, leave them.
bool takes_frames(std::string_view kind) {
  constexpr std::array<std::string_view, 4> kinds{"bridge", "bond", "team", "openvswitch"};
  return std::ranges::find(kinds, kind) != kinds.end();
}

/// What an RTM_NEWLINK or RTM_DELLINK says of an interface; nothing where it is about something
/// else. Bridges report their ports coming and going with the same two messages, of their own
/// family, and wireless drivers send events that say nothing of the link.
std::optional<Interface> parse(const nlmsghdr* notice) {
  if (mnl_nlmsg_get_payload_len(notice) < sizeof(ifinfomsg)) return std::nullopt;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(notice));
  if (info->ifi_family != AF_UNSPEC) return std::nullopt;
  Parsed parsed;
  parsed.interface.index = info->ifi_index;
  parsed.interface.ethernet = info->ifi_type == ARPHRD_ETHER;
  constexpr unsigned up = unsigned{IFF_UP} | unsigned{IFF_LOWER_UP} | unsigned{IFF_RUNNING};
  parsed.interface.link.up = (info->ifi_flags & up) == up;
  if (mnl_attr_parse(notice, sizeof(ifinfomsg), parse_attribute, &parsed) < 0 || !parsed.whole)
    return std::nullopt;
  if (!takes_frames(parsed.interface.master_kind)) {
    parsed.interface.master_index = 0;
    parsed.interface.master_kind.clear();
  }
  return std::move(parsed.interface);
}

int collect(const nlmsghdr* notice, void* data) {
  if (notice->nlmsg_type != RTM_NEWLINK) return MNL_CB_OK;
  if (auto interface = parse(notice))
    static_cast<std::vector<Interface>*>(data)->push_back(*std::move(interface));
  return MNL_CB_OK;
}

/// One dump of all links. Fails with EINTR where interfaces came or went meanwhile.
tl::expected<std::vector<Interface>, int> dump_links() {
  const Netlink socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return tl::unexpected(errno);

  std::vector<char> buffer(netlink_buffer_size);
  constexpr unsigned sequence = 1;
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = sequence;
  mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0)
    return tl::unexpected(errno);

  std::vector<Interface> interfaces;
  const unsigned port = mnl_socket_get_portid(socket.get());
  for (int state = MNL_CB_OK; state > MNL_CB_STOP;) {
    const ssize_t size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (size < 0) return tl::unexpected(errno);
    state = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence, port, collect,
                       &interfaces);
    if (state < 0) return tl::unexpected(errno);
  }
  std::ranges::sort(interfaces, {}, &Interface::index);
  for (Interface& interface : interfaces) {
    if (!interface.is_port()) continue;
    const auto master = std::ranges::find(interfaces, interface.master_index, &Interface::index);
    if (master != interfaces.end()) interface.master = master->name;
  }
  return interfaces;
}

}  // namespace

tl::expected<std::vector<Interface>, std::string> list_interfaces() {
  constexpr int attempts_max = 100;
  for (int attempt = 1;; ++attempt) {
    auto interfaces = dump_links();
    if (interfaces) return *std::move(interfaces);
    if (interfaces.error() != EINTR || attempt == attempts_max)
      return tl::unexpected(message("listing network interfaces", interfaces.error()));
  }
}

bool is_glob(const std::string& pattern) {
  return pattern.find_first_of("*?[") != std::string::npos;
}

bool could_be_interface(std::string_view name) {
  const auto is_wrong = [](char c) {
    return c == '/' || c == ' ' || c == '\x7f' || (c & 0xe0) == 0;
  };
  return !name.empty() && name != "." && name != ".." && name.size() <= interface_name_size_max &&
         std::ranges::none_of(name, is_wrong);
}

tl::expected<std::vector<std::string>, std::string> parse_interfaces(std::string_view list) {
  using namespace std::string_view_literals;
  constexpr std::string_view separators = " \t\r\n,\0"sv;
  std::vector<std::string> names;
  while (true) {
    const std::size_t begin = list.find_first_not_of(separators);
    if (begin == std::string_view::npos) return names;
    list.remove_prefix(begin);
    const std::string_view name = list.substr(0, list.find_first_of(separators));
    if (!could_be_interface(name)) {
      return tl::unexpected(fmt::format("'{}' is not the name of an interface", name));
    }
    names.emplace_back(name);
    list.remove_prefix(name.size());
  }
}

tl::expected<std::vector<std::string>, std::string> parse_some_interfaces(std::string_view list) {
  auto names = parse_interfaces(list);
  if (names && names->empty()) {
    return tl::unexpected(fmt::format("'{}' names no interface", list));
  }
  return names;
}

bool Interface::is_called(std::string_view wanted) const {
  return name == wanted || std::ranges::find(altnames, wanted) != altnames.end();
}

std::string why_left_out(const Interface& interface, Scope scope) {
  if (interface.is_port()) {
    return fmt::format("a port of the {} {}, which gets its frames", interface.master_kind,
                       interface.master);
  }
  // A card may have any name.
  const bool is_local = interface.kind == "bridge" || interface.kind == "veth";
  if (scope == Scope::everywhere || !is_local) return {};
  constexpr std::array names{"docker*", "br-????????????", "podman*", "cni*", "lxcbr*",
                             "lxdbr*",  "virbr*",          "veth*",   "cali*"};
  const bool is_known = std::ranges::any_of(
      names, [&](const char* known) { return fnmatch(known, interface.name.c_str(), 0) == 0; });
  return is_known ? "a network of containers or virtual machines" : "";
}

bool matches(const Interface& interface, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    if (!is_glob(pattern)) return interface.is_called(pattern);
    return interface.ethernet && fnmatch(pattern.c_str(), interface.name.c_str(), 0) == 0;
  });
}

bool matches(const Interface& interface, const std::vector<std::string>& patterns, Scope scope) {
  if (!patterns.empty()) return matches(interface, patterns);
  return interface.ethernet && why_left_out(interface, scope).empty();
}

tl::expected<std::vector<Interface>, std::string> choose_interfaces(
    const std::vector<std::string>& names) {
  const auto all = list_interfaces();
  if (!all) return tl::unexpected(all.error());

  std::vector<Interface> chosen;
  for (const std::string& name : names) {
    const auto found = std::ranges::find_if(*all, [&](const auto& i) { return i.is_called(name); });
    if (found == all->end()) return tl::unexpected(fmt::format("{}: no such interface", name));
    if (std::ranges::find(chosen, *found) == chosen.end()) chosen.push_back(*found);
  }
  return chosen;
}

std::vector<std::string> find_unmatched(const std::vector<Interface>& interfaces,
                                        const std::vector<std::string>& patterns) {
  std::vector<std::string> unmatched;
  std::ranges::copy_if(patterns, std::back_inserter(unmatched), [&](const std::string& pattern) {
    return std::ranges::none_of(interfaces, [&](const auto& i) { return matches(i, {pattern}); });
  });
  return unmatched;
}

std::string unmatched_text(const std::string& pattern) {
  return pattern + (is_glob(pattern) ? ": matches no interface yet" : ": no such interface yet");
}

struct InterfaceMonitor::Socket {
  Netlink netlink;
  std::vector<char> buffer = std::vector<char>(netlink_buffer_size);
  std::map<int, Interface> known;  // by index
  std::deque<Change> waiting;
  bool notices_lost = false;

  ssize_t read() { return mnl_socket_recvfrom(netlink.get(), buffer.data(), buffer.size()); }
  void take(const nlmsghdr* notice);
  bool start_over();
};

void InterfaceMonitor::Socket::take(const nlmsghdr* notice) {
  auto interface = parse(notice);
  if (!interface) return;
  const int index = interface->index;
  if (const auto master = known.find(interface->master_index); master != known.end())
    interface->master = master->second.name;
  if (notice->nlmsg_type == RTM_DELLINK) {
    if (const auto gone = known.extract(index))
      waiting.push_back({.interface = gone.mapped(), .removed = true});
  } else if (notice->nlmsg_type == RTM_NEWLINK) {
    const auto [place, is_new] = known.try_emplace(index);
    if (!is_new && place->second == *interface) return;
    place->second = *std::move(interface);
    waiting.push_back({.interface = place->second, .removed = false});
  }
}

/// Takes the state of all interfaces in place of the notices that are lost. False where the kernel
/// would not give it: to be tried again.
bool InterfaceMonitor::Socket::start_over() {
  // Notices that still wait are older than the lost ones, so older than the list.
  while (read() >= 0 || errno == ENOBUFS || errno == ENOSPC) {
  }
  const auto listed = list_interfaces();
  if (!listed) return false;
  auto gone = std::exchange(known, {});
  for (const Interface& interface : *listed) {
    gone.erase(interface.index);
    known.emplace(interface.index, interface);
  }
  for (const auto& [index, interface] : gone)
    waiting.push_back({.interface = interface, .removed = true});
  for (const Interface& interface : *listed)
    waiting.push_back({.interface = interface, .removed = false});
  return true;
}

tl::expected<std::unique_ptr<InterfaceMonitor>, std::string> InterfaceMonitor::open() {
  auto socket = std::make_unique<Socket>();
  socket->netlink.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket->netlink == nullptr ||
      mnl_socket_bind(socket->netlink.get(), RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
    return tl::unexpected(message("watching network interfaces", errno));
  const auto listed = list_interfaces();
  if (!listed) return tl::unexpected(listed.error());
  for (const Interface& interface : *listed) socket->known.emplace(interface.index, interface);
  return std::unique_ptr<InterfaceMonitor>(new InterfaceMonitor(std::move(socket)));
}

InterfaceMonitor::InterfaceMonitor(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
InterfaceMonitor::~InterfaceMonitor() = default;

int InterfaceMonitor::descriptor() const {
  return mnl_socket_get_fd(socket_->netlink.get());
}

std::optional<InterfaceMonitor::Change> InterfaceMonitor::next() {
  Socket& s = *socket_;
  while (s.waiting.empty()) {
    if (s.notices_lost) {
      s.notices_lost = !s.start_over();
      if (s.notices_lost) return std::nullopt;
      continue;
    }
    const ssize_t size = s.read();
    if (size >= 0) {
      int left = static_cast<int>(size);
      const auto* notice = reinterpret_cast<const nlmsghdr*>(s.buffer.data());
      for (; mnl_nlmsg_ok(notice, left); notice = mnl_nlmsg_next(notice, &left)) s.take(notice);
    } else if (errno == EAGAIN) {
      return std::nullopt;
    } else {
      s.notices_lost = true;  // ENOBUFS: the queue overflowed; ENOSPC: longer than the buffer
    }
  }
  Change change = std::move(s.waiting.front());
  s.waiting.pop_front();
  return change;
}

}  // namespace aoe
