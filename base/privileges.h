// Privileges of a program: what it gives up once all is open, as whom it goes on, and its limit of
// descriptors.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include <tl/expected.hpp>

namespace aoe {

/// A user of this machine.
struct User {
  std::string name;
  uid_t id = 0;
  gid_t group = 0;  // the primary one
};

/// Finds a user by name or number. Error: "aoe: no such user".
tl::expected<User, std::string> find_user(const std::string& name);

/// Has this process, all its threads, go on as another user, in that one's primary group and no other;
/// the calling thread keeps its permitted capabilities until drop_privileges(). Does nothing where it is that
/// user already. Error: "aoe: Operation not permitted (it takes root to become another user)".
tl::expected<void, std::string> become(const User& user);

/// Drops all capabilities of this thread, and of threads that it starts later, except CAP_NET_RAW
/// (which opens packet sockets on interfaces that appear later) and the right to NetAdminRaised, and
/// prevents gaining new ones. Returns false if the kernel refused.
bool drop_privileges();

/// While it is there, this thread has CAP_NET_ADMIN, which lets the buffers of a socket exceed
/// net.core.rmem_max, if it may have it: drop_privileges() leaves that in reserve, for interfaces that
/// appear later.
class NetAdminRaised {
 public:
  NetAdminRaised();
  NetAdminRaised(const NetAdminRaised&) = delete;
  NetAdminRaised& operator=(const NetAdminRaised&) = delete;
  ~NetAdminRaised();

 private:
  bool was_raised_ = false;
};

/// Raises the soft limit of open descriptors to the hard limit, because each LUN takes one or two.
void raise_descriptor_limit();

/// Returns the soft limit of open descriptors: each is a number below it, as a rule the least that is
/// free.
std::size_t descriptor_limit();

/// Returns the text of an error; where this process has too many descriptors, with its limit: "Too
/// many open files (the limit is 1024; LimitNOFILE= of systemd or ulimit -n raises it)".
std::string text_with_descriptor_limit(const std::error_code& error);
/// Returns whether a text has that of an error for want of descriptors.
bool names_descriptor_limit(std::string_view text);

}  // namespace aoe
