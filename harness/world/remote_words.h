// What the two halves of a remote world say to each other: JSON, a line each (remote_half.h). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "harness/language/fault_spec.h"
#include "harness/language/implementation.h"
#include "wire/frame_port.h"

namespace aoe::harness {

/// The first line of a far half: what it is, and what it has.
struct Greeting {
  std::string version;    // of its program
  Implementation target;  // what it starts: its name, how it was given, and what it can't do
  Link link;              // of its interface
};

/// Returns the greeting of a half of this program.
std::string greeting_line(const Implementation& target, const Link& link);
/// Returns the greeting that a line holds. The error says what the line holds instead, or that the
/// other half is of another version.
tl::expected<Greeting, std::string> greeting_from(std::string_view line);

/// Returns the faults of a disk as a request has them; null: it is whole.
nlohmann::json to_json(const std::optional<DiskFaults>& faults);
/// The inverse. Throws nlohmann::json::exception where it is none.
std::optional<DiskFaults> faults_from(const nlohmann::json& json);

/// Returns what differs in two states of the same sectors, which are much alike: a list of sector
/// numbers, from 0 on, and their new content in hexadecimal digits. Both have the same size, a
/// multiple of a sector's.
nlohmann::json changes_between(Bytes begun, Bytes now);
/// The inverse: puts the changes into the sectors. Throws std::exception where they are none of these
/// sectors.
void apply_changes(const nlohmann::json& changes, MutableBytes sectors);

}  // namespace aoe::harness
