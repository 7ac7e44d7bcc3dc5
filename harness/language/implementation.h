// An implementation under test: a program that is a target or an initiator, and how to start it.
//
// A command is a template. In a target's, these are replaced:
//
//   {shelf} {slot}     the address that it must have
//   {interface}        where it must serve
//   {image}            the disk: a file
//   {buffers}          how many commands it must take at once
//   {mac} {mtu}        the interface's
//   {state}            a folder in which to keep what clients set
//
// In an initiator's: {interface} {mac} {mtu}, {dir} (an empty folder, to mount on), {shelf} {slot}
// {device} (such as e1.1), {deadsecs} and {maxout}; where a command carries out one request, {lba} and
// {count}, too. Known ones are described in suts/*.yaml.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/instant.h"

namespace aoe::harness {

struct Implementation {
  enum class Role : std::uint8_t { target, initiator };
  /// How an initiator is used: by a file that is its disk, by a command for each request, or by
  /// requests to a program that stays (world/command_initiator.h).
  enum class Use : std::uint8_t { file, requests, session };

  std::string name{};   // "vblade"; the command itself, where a person gave that
  std::string given{};  // what --sut said
  Role role = Role::target;
  std::string command{};
  std::string version{};  // the command that prints it; empty: there is none
  // Of an initiator with a file: the disk's file, a file that says "up" when it is there (empty: when
  // the file is), and one that searches for disks when it is written to (empty: there is none).
  std::string device{};
  std::string state{};
  std::string
      discover{};  // by requests: the command that succeeds where the disk is; empty: a read
  Duration ready_within = std::chrono::seconds(10);  // until it can be asked to search
  // Of an initiator by requests: the command that carries out one of each. Empty: it has none.
  std::string read{};
  std::string write{};
  std::string flush{};
  // Of an initiator with a session: the command of the program that takes requests by lines.
  std::string session{};
  std::size_t at_once = 1;                   // requests that either is given at a time
  std::optional<Duration> request_within{};  // then one is ended; nothing: derived from deadsecs
  /// The faults that can't happen to it, by their word, what it does not have that a scenario may
  /// require (abilities.h), and why.
  std::map<std::string, std::string> cannot{};

  Use use() const {
    if (!session.empty()) return Use::session;
    return read.empty() ? Use::file : Use::requests;
  }
  /// Returns whether one of its commands has the placeholder.
  bool takes(std::string_view placeholder) const;
};

/// "target", "initiator".
std::string_view text(Implementation::Role role);

/// The one that --sut means: the name of one that is known, a file that describes one ("my.yaml"),
/// or a command with placeholders. Errors: "vblabe: no such implementation; did you mean 'vblade'?
/// …", "{disk}: no such placeholder; there are {shelf}, …".
tl::expected<Implementation, std::string> find_implementation(const std::string& name_or_command);

/// Our own target: what is tested unless anything else is asked for.
Implementation our_target();

/// The descriptions in suts/, by name.
const std::map<std::string, std::string>& known_implementations();

/// What those are known to do wrong (suts/NAME.expected.yaml, judge/expectations.h), by name.
const std::map<std::string, std::string>& known_expectations();

/// From a description. The error is one line: "vblade.yaml:3:10: …".
tl::expected<Implementation, std::string> parse_implementation(const std::string& yaml,
                                                               const std::string& file);

using Placeholders = std::map<std::string, std::string>;

/// The words of a command, with placeholders replaced. Quotes keep words together, as in a shell;
/// nothing else is special. The error names a placeholder that is unknown, or a quote that is open.
tl::expected<std::vector<std::string>, std::string> expand(std::string_view command,
                                                           const Placeholders& values);

/// The words of a command in which braces mean nothing. The error names a quote that is open.
tl::expected<std::vector<std::string>, std::string> words_of(std::string_view command);

/// A program's path: itself if it has a slash; else beside this program, which is how one that was
/// built with it is found; else on PATH or where an ordinary user's PATH does not lead.
std::string find_program(const std::string& name);

}  // namespace aoe::harness
