#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "initiator/cli/commands.h"

namespace aoe::initiator {
namespace {

using nlohmann::ordered_json;

/// What all targets at an address have: those of one disk, or of two that have it by mistake.
struct Answers {
  std::vector<QueryAnswer> all;
  std::optional<Failed> failure{};  // of the query; what they have is known all the same
};

/// Sends a query, which reaches all targets of the address, and then asks each but the first to answer
/// what it has: `read` is the query for that. Throws Failed where nothing else answers than one failure.
Answers ask_all(Connection& connection, Address device, const Query& query, const Query& read,
                std::string_view silence = {}) {
  Answers answers;
  std::optional<Mac> first;
  try {
    answers.all.push_back(connection.ask(device, query, silence));
    first = answers.all.front().mac;
  } catch (const Failed& failure) {
    if (!connection.client().device(device)) throw;  // nobody is there
    answers.failure = failure;
  }
  const auto others = connection.ask_others(device, read, first);
  answers.all.insert(answers.all.end(), others.begin(), others.end());
  if (answers.failure && answers.all.size() < 2) throw Failed(*answers.failure);
  return answers;
}

/// Prints what the targets have: `facts` and `line` say that of an answer. The lines of several that have
/// different things follow a line that names the target; JSON has the first, and "others".
template <class Facts, class Text>
void print_all(bool json, Address device, const std::vector<QueryAnswer>& answers, Facts facts,
               Text text) {
  if (json) {
    ordered_json whole = {{"device", fmt::format("{}", device)}};
    whole.update(facts(answers.front()));
    whole["others"] = ordered_json::array();
    for (const QueryAnswer& answer : std::span(answers).subspan(1)) {
      whole["others"].push_back(facts(answer));
    }
    return print(whole);
  }
  const bool is_one = std::ranges::all_of(
      answers, [&](const QueryAnswer& answer) { return text(answer) == text(answers.front()); });
  if (is_one) return fmt::print("{}", text(answers.front()));
  for (const QueryAnswer& answer : answers) {
    fmt::print("{} at {}:\n{}", device, answer.mac, text(answer));
  }
}

void print_macs(bool json, Address device, const std::vector<QueryAnswer>& answers) {
  const auto lines = [](const QueryAnswer& answer) {
    std::string text;
    for (const Mac& mac : answer.macs) text += fmt::format("{}\n", mac);
    return text;
  };
  const auto facts = [](const QueryAnswer& answer) {
    ordered_json macs = ordered_json::array();
    for (const Mac& mac : answer.macs) macs.push_back(fmt::format("{}", mac));
    return ordered_json{{"mac", fmt::format("{}", answer.mac)}, {"macs", macs}};
  };
  print_all(json, device, answers, facts, lines);
}

/// Ends a command when what the targets have is printed. Fails where `has_done` does not hold for one.
template <class HasDone>
void finish(Connection& connection, Address device, const Answers& answers, HasDone has_done) {
  std::optional<Failed> failure = answers.failure;
  const auto other = std::ranges::find_if_not(answers.all, has_done);
  if (!failure && other != answers.all.end()) {
    failure.emplace(fmt::format("{} at {}: has not made the change", device, other->mac));
  }
  const auto status = connection.client().device(device);
  if (failure && (!status || status->others().empty())) throw Failed(*failure);
  if (failure) complain(failure->what());
  connection.check_no_other(device, Connection::Reached::all);
}

bool contains(const std::vector<Mac>& macs, Mac mac) {
  return std::ranges::find(macs, mac) != macs.end();
}

/// Returns whether a target that has this string answers the query.
bool matches(const ConfigQuery& query, std::string_view string) {
  return query.command == ConfigCommand::test ? string == query.string
                                              : string.starts_with(query.string);
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return text;
}

/// Throws Failed when the list would have no address of an interface by which the target answers.
void refuse_lockout(Connection& connection, Address device, const MaskChange& change) {
  std::set<Mac> list;
  for (const Mac& mac : connection.ask(device, MaskQuery{}).macs) list.insert(mac);
  for (const Mac& mac : change.remove) list.erase(mac);
  list.insert(change.add.begin(), change.add.end());
  if (list.empty()) return;
  connection.gather(Connection::Gather::answers);
  std::set<std::string> names;
  if (const auto status = connection.client().device(device)) {
    for (const PathStatus& path : status->paths) names.insert(path.interface);
  }
  for (const InterfaceStatus& interface : connection.client().interfaces()) {
    if (names.contains(interface.name) && list.contains(interface.mac)) return;
  }
  throw Failed(
      fmt::format("{}: the mask list would have no address of an interface by which the target "
                  "answers ({}), and it would not answer this machine any more (--force changes "
                  "it all the same)",
                  device, fmt::join(names, ", ")));
}

}  // namespace

std::string read_config_string() {
  std::string text(config_string_size_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  if (std::ferror(stdin) != 0) throw Failed(system_message("reading standard input"));
  return text;
}

void config_command(const CommandOptions& options, Address device, const ConfigQuery& query) {
  const bool conditional =
      query.command == ConfigCommand::test || query.command == ConfigCommand::prefix;
  constexpr std::string_view no_match = "no target's config string matches";
  Connection connection(options);
  Answers answers = ask_all(connection, device, query, ConfigQuery{},
                            conditional ? no_match : std::string_view());
  // Only targets that have such a string should answer.
  if (conditional)
    std::erase_if(answers.all, [&](const auto& a) { return !matches(query, a.string); });
  const bool for_people = ::isatty(STDOUT_FILENO) == 1;
  const auto line = [&](const QueryAnswer& answer) {
    return (for_people ? one_line(answer.string) : answer.string) + "\n";
  };
  const auto facts = [](const QueryAnswer& answer) {
    return ordered_json{{"mac", fmt::format("{}", answer.mac)},
                        {"buffers", answer.buffers},
                        {"sectors", answer.sectors},
                        {"firmware", answer.firmware},
                        {"config", answer.string},
                        {"config-hex", hexadecimal(answer.string)}};
  };
  if (answers.all.empty()) {
    throw answers.failure.value_or(Failed(fmt::format("{}: {}", device, no_match)));
  }
  print_all(options.json, device, answers.all, facts, line);
  const bool sets =
      query.command == ConfigCommand::set || query.command == ConfigCommand::force_set;
  finish(connection, device, answers,
         [&](const QueryAnswer& answer) { return !sets || answer.string == query.string; });
}

/// Discovery, whose replies carry the strings, does for all of them what is a query for each.
void config_of_all_command(const CommandOptions& options, const ConfigQuery& query) {
  using Key = std::tuple<Address, std::string, Mac>;
  Connection connection(options);
  std::map<Key, std::string> found;
  std::size_t answers = 0;
  connection.listen([&](const Event& event) {
    if (event.kind != Event::Kind::config_answer) return;
    ++answers;
    const auto bytes = event.config.string;
    std::string string(bytes.begin(), bytes.end());
    const Key key{event.device, connection.client().interface_name(event.port), event.mac};
    if (matches(query, string)) found[key] = std::move(string);
  });
  connection.gather(Connection::Gather::answers);

  ordered_json list = ordered_json::array();
  for (const auto& [key, string] : found) {
    const auto& [device, interface, mac] = key;
    if (!options.json)
      fmt::print("{:<10} {:<12} {} {}\n", fmt::format("{}", device), interface, mac,
                 one_line(string));
    list.push_back({{"device", fmt::format("{}", device)},
                    {"interface", interface},
                    {"mac", fmt::format("{}", mac)},
                    {"config", string},
                    {"config-hex", hexadecimal(string)}});
  }
  if (options.json) print(list);
  if (answers == 0) throw connection.nothing_found();
  if (found.empty()) throw Failed("no target has such a config string");
}

void mask_command(const CommandOptions& options, Address device, const MaskChange& change) {
  MaskQuery query;
  for (const Mac& mac : change.remove) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::remove), mac});
  }
  for (const Mac& mac : change.add) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::add), mac});
  }
  Connection connection(options);
  if (!query.directives.empty() && !change.force) refuse_lockout(connection, device, change);
  Answers answers = ask_all(connection, device, query, MaskQuery{});
  const QueryAnswer& first = answers.all.front();
  if (first.mask_error != MaskError::none && !answers.failure) {
    answers.failure.emplace(fmt::format("{}: mask list: {} ({} of {} directives done)", device,
                                        text(first.mask_error), first.directives_done,
                                        query.directives.size()));
    if (answers.all.size() == 1) throw Failed(*answers.failure);
  }
  print_macs(options.json, device, answers.all);
  finish(connection, device, answers, [&](const QueryAnswer& answer) {
    return std::ranges::all_of(change.add, [&](Mac mac) { return contains(answer.macs, mac); }) &&
           std::ranges::none_of(change.remove, [&](Mac mac) {
             return contains(answer.macs, mac) && !contains(change.add, mac);
           });
  });
}

void reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query) {
  Connection connection(options);
  const Answers answers = ask_all(connection, device, query, ReserveQuery{});
  print_macs(options.json, device, answers.all);
  finish(connection, device, answers, [&](const QueryAnswer& answer) {
    const auto is_reserved = [&](Mac mac) { return contains(answer.macs, mac); };
    const auto is_wanted = [&](Mac mac) { return contains(query.macs, mac); };
    return query.command == ReserveCommand::read || (std::ranges::all_of(query.macs, is_reserved) &&
                                                     std::ranges::all_of(answer.macs, is_wanted));
  });
}

}  // namespace aoe::initiator
