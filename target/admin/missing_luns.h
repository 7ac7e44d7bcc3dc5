// The LUNs of a configuration that can't be served now, because an image or a server is not there or
// what clients set can't be read, and when each is tried again.
//
// Owned by the Daemon and used by its thread. Reads no clock.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/instant.h"
#include "target/service/definition.h"

namespace aoe::target {

class MissingLuns {
 public:
  /// The time until the next try doubles from the first to the last.
  static constexpr std::chrono::seconds first_interval{1};
  static constexpr std::chrono::seconds last_interval{10};

  struct Missing {
    LunDefinition definition;
    std::string why;  // a line that names the object: "disk3.img: No such file or directory"
    Duration interval;
    Instant due;
  };

  /// Notes that a LUN can't be served. Returns whether that is news: it was not missing, or for another
  /// reason.
  bool note(const LunDefinition& lun, const std::string& why, Instant now);
  /// The LUN is served, or has left the configuration.
  void forget(Address lun) { missing_.erase(lun); }
  /// Forgets those that are not in this configuration, and takes over the others' definitions.
  void follow(const std::vector<LunDefinition>& luns);

  /// Returns whether a LUN is missing, with the same store.
  bool contains(const LunDefinition& lun) const;
  std::vector<LunDefinition> due(Instant now) const;
  /// When the next one is due; `never` where none is missing.
  Instant deadline() const;
  const std::map<Address, Missing>& all() const { return missing_; }

 private:
  std::map<Address, Missing> missing_;
};

}  // namespace aoe::target
