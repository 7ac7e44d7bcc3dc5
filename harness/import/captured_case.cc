#include "harness/import/captured_case.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "harness/capture/capture_reader.h"
#include "harness/judge/capture_check.h"
#include "harness/judge/frame_rules.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

/// Of a rule and level; `--frame` finds all of them.
constexpr std::size_t findings_kept = 64;
constexpr std::size_t cases_max = 32;
/// Of a rule, clause and end: the first may not be there whole.
constexpr std::size_t alike_max = 4;
/// Requests before the one that is about the finding: of ATA, and the others, which may have set
/// what the answer depends on.
constexpr std::size_t ata_requests_max = 256;
constexpr std::size_t other_requests_max = 1024;

using Failed = tl::unexpected<NoCase>;

/// A request for what lies beyond is no sign of a disk that large: 4 TiB.
constexpr std::uint64_t likely_sectors_max = std::uint64_t{1} << 33;

using Kind = std::tuple<std::string, std::string, bool>;
Kind kind_of(const CapturedCase& one) {
  return {one.finding.rule, one.finding.clause, one.at_target};
}

tl::expected<std::unique_ptr<CaptureCheck>, NoCase> check_file(const std::string& path,
                                                               bool keeps_all) {
  const auto reader = CaptureReader::open(path);
  if (!reader) return Failed(NoCase{true, reader.error()});
  std::error_code error;
  auto check = std::make_unique<CaptureCheck>(
      CaptureCheckOptions{.folder = std::filesystem::temp_directory_path(error).string(),
                          .findings_kept = keeps_all ? 0 : findings_kept,
                          .leaves_out_copies = true});
  while (true) {
    const auto record = (*reader)->next();
    if (!record || !*record) break;  // what comes before damage is good
    if (const auto& frame = (*record)->frame) {
      check->add({(*record)->time, frame->bytes, frame->original_size, frame->has_destination});
    } else {
      check->add_unreadable();
    }
  }
  check->set_dropped((*reader)->dropped());
  check->finish();
  if (check->counts().aoe == 0) return Failed(NoCase{true, path + ": no frame of AoE is in it"});
  return check;
}

/// Queries that may all have been refused.
constexpr std::size_t queries_max = 16;
using Telling = std::vector<FrameId>;

/// Chooses frames of the check's ledger for one finding, by their numbers.
class Chooser {
 public:
  Chooser(const CaptureCheck& check, const Finding& finding)
      : check_(check), ledger_(check.ledger()), finding_(finding), about_(finding.frame()) {}

  /// The station of the target that it is about, as far as that is known. Called after choose().
  StationId target() const { return target_; }

  bool at_target() const {
    return ledger_[about_].direction == Direction::to_initiator || finding_.rule == "unanswered";
  }

  /// The requests in their order; the last one is the one that the finding is about. Empty: it is
  /// about a reply without one.
  tl::expected<std::vector<FrameId>, std::string> choose(CapturedCase& chosen) {
    const auto request = request_of_finding();
    if (!request && ledger_[about_].command != static_cast<std::uint8_t>(Command::config))
      return tl::unexpected(
          fmt::format("frame {} answers no request that is in it", check_.number(about_)));
    const auto [source, destination] = check_.ends(request.value_or(about_));
    const bool to_one =
        request && destination != no_station && !check_.station(destination).mac.is_multicast();
    initiator_ = request ? source : no_station;
    target_ = to_one ? destination : no_station;
    if (ledger_[about_].direction == Direction::to_initiator && !to_one)
      target_ = check_.ends(about_).first;
    describe(chosen, request);
    if (!request) return std::vector<FrameId>{};
    return requests_until(*request);
  }

  /// What may tell what the device is like, in its order: a request and its answer, or an
  /// announcement. Called after choose().
  std::vector<Telling> telling(Address device) const {
    std::deque<Telling> queries;
    Telling identify;
    for (FrameId id = 0; id < ledger_.size(); ++id) {
      const LedgerEntry& entry = ledger_[id];
      const bool is_query = entry.command == static_cast<std::uint8_t>(Command::config);
      const bool is_identify =
          entry.kind == FrameKind::ata_request && entry.opcode == ata::Opcode::identify_device;
      Telling found;
      if (entry.direction == Direction::to_initiator) {
        if (is_query && !entry.answers && is_of(id, device)) found = {id};
      } else if (const auto answer =
                     is_query || is_identify ? check_.answer_to(id) : std::nullopt) {
        if (is_of(*answer, device)) found = {id, *answer};
      }
      if (found.empty()) continue;
      if (is_identify) {
        identify = std::move(found);
        continue;
      }
      queries.push_back(std::move(found));
      if (queries.size() > queries_max) queries.pop_front();
    }
    std::vector<Telling> all(queries.begin(), queries.end());
    if (!identify.empty()) all.push_back(std::move(identify));
    return all;
  }

  /// An exchange of the same ends after the request that got no answer, the last one; empty: the
  /// finding is about anything else, or there is none.
  Telling after() const {
    if (finding_.rule != "unanswered") return {};
    for (FrameId id = ledger_.size(); --id > about_;) {
      if (ledger_[id].direction != Direction::to_target || check_.ends(id).first != initiator_)
        continue;
      const FrameId answer = check_.answer_to(id).value_or(id);
      const bool is_of_target = target_ == no_station || check_.ends(answer).first == target_;
      if (answer != id && is_of_target) return {id, answer};
    }
    return {};
  }

  /// Requests that show it only with the last one.
  std::vector<FrameId> together(FrameId last) const {
    std::vector<FrameId> found;
    if (finding_.rule == "tag-in-use") {
      for (const FrameId id : finding_.frames) {
        if (id != last) found.push_back(id);
      }
    }
    if (finding_.rule != "buffers-exceeded") return found;
    const Instant now = ledger_[last].sent;
    for (FrameId id = last; id-- > 0 && now - ledger_[id].sent < waits_max;) {
      const LedgerEntry& entry = ledger_[id];
      const bool waited = entry.answered > now && entry.kind == FrameKind::ata_request;
      if (waited && check_.ends(id) == check_.ends(last) && !entry.repeats) found.push_back(id);
    }
    std::ranges::reverse(found);
    return found;
  }

 private:
  static constexpr Duration waits_max = std::chrono::seconds(60);

  std::optional<FrameId> request_of_finding() const {
    const LedgerEntry& entry = ledger_[about_];
    if (entry.direction == Direction::to_target) return about_;
    for (const FrameId id : finding_.frames) {
      if (ledger_[id].direction == Direction::to_target) return id;
    }
    if (entry.answers) return *entry.answers;
    // The one that waits, and got no answer with its own tag; the answer to it that nobody reads.
    const auto [source, destination] = check_.ends(about_);
    for (FrameId id = about_; id-- > 0;) {
      const LedgerEntry& request = ledger_[id];
      if (request.direction != Direction::to_target || entry.sent - request.sent > waits_max)
        continue;
      if (check_.answer_to(id) == about_) return id;
      const bool fits = request.command == entry.command && request.answered == never &&
                        request.address.covers(entry.address) &&
                        (destination == no_station || check_.ends(id).first == destination);
      if (fits && (request.tag == entry.tag || finding_.rule == "unasked-reply")) return id;
    }
    return std::nullopt;
  }

  /// Is the reply the device's?
  bool is_of(FrameId reply, Address device) const {
    return ledger_[reply].address == device &&
           (target_ == no_station || check_.ends(reply).first == target_);
  }

  bool is_of_target(StationId station) const {
    return station == no_station || target_ == no_station || station == target_ ||
           check_.station(station).mac.is_multicast();
  }

  void describe(CapturedCase& chosen, std::optional<FrameId> request) const {
    const Address asked = ledger_[request.value_or(about_)].address;
    // A frame may go to, or come from, an address that is not the device's.
    const DeviceAccount* device = nullptr;
    for (const DeviceAccount& each : check_.devices()) {
      const bool is_there = each.station && (target_ == no_station || *each.station == target_);
      if (!is_there || !each.address.is_exact()) continue;
      const auto rank = [&](const DeviceAccount& one) {
        return std::tuple(one.answered > 1 && one.address == asked, one.answered);
      };
      if (device == nullptr || rank(each) > rank(*device)) device = &each;
    }
    chosen.device = device != nullptr ? device->address : asked;
    if (device != nullptr) {
      chosen.buffers = device->buffers;
      chosen.sectors_max = device->sectors;
      chosen.capacity = device->capacity;
    }
    if (initiator_ != no_station) chosen.initiator = check_.station(initiator_).mac;
    const StationId station = target_ != no_station ? target_
                              : device != nullptr   ? *device->station
                                                    : no_station;
    if (station != no_station) chosen.target = check_.station(station).mac;
  }

  std::vector<FrameId> requests_until(FrameId last) const {
    std::vector<FrameId> requests{last};
    std::size_t of_ata = 0;
    std::size_t others = 0;
    const auto is_full = [&] { return of_ata > ata_requests_max && others > other_requests_max; };
    for (FrameId id = last; id-- > 0 && !is_full();) {
      const LedgerEntry& entry = ledger_[id];
      if (entry.direction != Direction::to_target || entry.kind == FrameKind::bad) continue;
      const auto [source, destination] = check_.ends(id);
      const bool is_ata = entry.command == static_cast<std::uint8_t>(Command::ata);
      if (!is_of_target(destination) || (is_ata && source != initiator_)) continue;
      if (++(is_ata ? of_ata : others) > (is_ata ? ata_requests_max : other_requests_max)) continue;
      requests.push_back(id);
    }
    std::ranges::reverse(requests);
    return requests;
  }

  const CaptureCheck& check_;
  const Ledger& ledger_;
  const Finding& finding_;
  const FrameId about_;
  StationId initiator_ = no_station;
  StationId target_ = no_station;
};

/// A case with the frames that it still has to get the bytes of.
struct Planned {
  CapturedCase result;
  std::vector<FrameId> requests;
  std::vector<Telling> telling;
  std::map<FrameId, std::vector<FrameId>> replies;  // by request
  std::optional<FrameId> announcement;
  Telling after;
};

struct FetchedFrame {
  std::vector<std::uint8_t> bytes;
  bool has_destination = true;
};
using Fetched = std::map<std::uint64_t, FetchedFrame>;  // by number

/// The bytes of frames. Those that the capture cut short are not there.
tl::expected<Fetched, NoCase> fetch(const std::string& path,
                                    const std::set<std::uint64_t>& numbers) {
  const auto reader = CaptureReader::open(path);
  if (!reader) return Failed(NoCase{true, reader.error()});
  Fetched fetched;
  std::vector<std::uint8_t> room;
  for (std::uint64_t number = 1; !numbers.empty() && number <= *numbers.rbegin(); ++number) {
    const auto record = (*reader)->next();
    if (!record || !*record) break;
    if (!numbers.contains(number) || !(*record)->frame) continue;
    const EthernetFrame& frame = *(*record)->frame;
    const Untagged untagged =
        untag({(*record)->time, frame.bytes, frame.original_size, frame.has_destination}, room);
    if (untagged.bytes.size() < untagged.original_size) continue;
    fetched[number] = {{untagged.bytes.begin(), untagged.bytes.end()}, frame.has_destination};
  }
  return fetched;
}

/// Which replies each of these requests got: those that the tracker matched, and the one that the
/// finding is about, whatever is wrong with it.
void add_replies(const CaptureCheck& check, const Finding& finding, Planned& planned) {
  const Ledger& ledger = check.ledger();
  const std::set<FrameId> asked(planned.requests.begin(), planned.requests.end());
  for (const FrameId request : planned.requests) {
    if (const auto first = check.answer_to(request)) planned.replies[request].push_back(*first);
  }
  const FrameId about = finding.frame();
  const FrameId end = std::max(about, planned.requests.empty() ? about : planned.requests.back());
  const FrameId begin = planned.requests.empty() ? end : planned.requests.front();
  for (FrameId id = begin; id <= end; ++id) {
    const auto request = ledger[id].answers;
    if (!request || !asked.contains(*request) || check.answer_to(*request) == id) continue;
    planned.replies[*request].push_back(id);
  }
  if (ledger[about].direction != Direction::to_initiator || planned.requests.empty()) return;
  auto& replies = planned.replies[planned.requests.back()];
  if (std::ranges::find(replies, about) == replies.end()) replies.push_back(about);
}

/// Sectors that the requests show to exist, and what IDENTIFY says.
void learn_disk(CapturedCase& result) {
  for (const CapturedRequest& request : result.requests) {
    const auto asked = decode(request.bytes);
    const auto* ata = asked && asked->body ? std::get_if<AtaRequest>(&*asked->body) : nullptr;
    if (ata == nullptr) continue;
    // What is wrong is rarely that there is no such sector.
    const bool is_last = &request == &result.requests.back();
    const bool is_likely = ata->lba + ata->sectors <= likely_sectors_max;
    if (is_last && !result.capacity && moves_sectors(ata->opcode) && is_likely)
      result.used = std::max(result.used, ata->lba + ata->sectors);
    if (request.replies.empty()) continue;
    const auto told = decode(request.replies.front().bytes);
    const auto* reply = told && told->body ? std::get_if<AtaReply>(&*told->body) : nullptr;
    if (reply == nullptr || !is_success(*reply)) continue;
    const bool is_possible = ata->lba + ata->sectors <= result.capacity.value_or(UINT64_MAX);
    if (moves_sectors(ata->opcode) && ata->sectors > 0 && is_possible)
      result.used = std::max(result.used, ata->lba + ata->sectors);
  }
  for (const CapturedBytes& frame : result.telling) {
    const auto told = decode(frame.bytes);
    const auto* reply = told && told->body ? std::get_if<AtaReply>(&*told->body) : nullptr;
    const auto identity = reply != nullptr ? parse_identify(reply->data) : tl::unexpected(Reject{});
    if (identity) result.lba48 = identity->lba48;
  }
}

void add_numbers(const CaptureCheck& check, const Planned& planned,
                 std::set<std::uint64_t>& numbers) {
  for (const FrameId id : planned.requests) numbers.insert(check.number(id));
  for (const Telling& one : planned.telling) {
    for (const FrameId id : one) numbers.insert(check.number(id));
  }
  for (const auto& [request, replies] : planned.replies) {
    for (const FrameId id : replies) numbers.insert(check.number(id));
  }
  if (planned.announcement) numbers.insert(check.number(*planned.announcement));
  for (const FrameId id : planned.after) numbers.insert(check.number(id));
}

/// Whom a frame of a capture without destinations went to: the other end of its exchange, else of
/// the case.
Mac peer_of(const CaptureCheck& check, const CapturedCase& result, FrameId id) {
  const LedgerEntry& entry = check.ledger()[id];
  const bool is_request = entry.direction == Direction::to_target;
  const auto other = is_request ? check.answer_to(id) : entry.answers;
  const StationId station = other ? check.ends(*other).first : no_station;
  if (station != no_station) return check.station(station).mac;
  return is_request ? result.target : result.initiator;
}

/// Fills in the bytes. The error says which frame is not there whole.
tl::expected<CapturedCase, std::string> complete(const CaptureCheck& check, const Fetched& fetched,
                                                 Planned planned) {
  CapturedCase& result = planned.result;
  const auto take = [&](FrameId id, CapturedBytes& into) {
    const auto found = fetched.find(check.number(id));
    into.number = check.number(id);
    into.at = check.at(id);
    if (found == fetched.end()) return false;
    into.bytes = found->second.bytes;
    if (!found->second.has_destination)
      layout::set<Field::destination>(into.bytes, peer_of(check, result, id));
    return true;
  };
  std::map<FrameId, std::size_t> places;
  const auto cut = [&](FrameId id) {
    return tl::unexpected(fmt::format("only a part of frame {} is in it", check.number(id)));
  };
  for (const FrameId id : planned.requests) {
    CapturedRequest request;
    if (!take(id, request)) {
      if (id == planned.requests.back()) return cut(id);
      continue;
    }
    for (const FrameId reply : planned.replies[id]) {
      if (take(reply, request.replies.emplace_back())) continue;
      if (id == planned.requests.back()) return cut(reply);
      request.replies.pop_back();
    }
    places[id] = result.requests.size();
    result.requests.push_back(std::move(request));
  }
  for (const FrameId id : planned.after) {
    if (!take(id, result.after.emplace_back())) result.after.pop_back();
  }
  if (planned.announcement && !take(*planned.announcement, result.announcement.emplace()))
    return cut(*planned.announcement);
  if (!planned.requests.empty()) {
    for (const FrameId id : Chooser(check, result.finding).together(planned.requests.back())) {
      if (places.contains(id)) result.together.push_back(places[id]);
    }
  }
  bool has_query = false;
  bool has_identity = false;
  for (const Telling& one : std::views::reverse(planned.telling)) {  // the last of each counts
    std::vector<CapturedBytes> frames(one.size());
    bool is_whole = true;
    for (std::size_t i = 0; i < one.size(); ++i) is_whole = take(one[i], frames[i]) && is_whole;
    const auto told = is_whole ? decode(frames.back().bytes) : tl::unexpected(Reject{});
    if (!told || !told->body) continue;
    const bool is_query = std::holds_alternative<ConfigReply>(*told->body);
    const bool is_identity = std::holds_alternative<AtaReply>(*told->body);
    if ((!is_query || has_query) && (!is_identity || has_identity)) continue;
    (is_query ? has_query : has_identity) = true;
    std::ranges::move(frames, std::back_inserter(result.telling));
  }
  learn_disk(result);
  return std::move(planned.result);
}

}  // namespace

tl::expected<std::vector<CapturedCase>, NoCase> read_captured_cases(const std::string& path,
                                                                    const CaptureChoice& choice) {
  const auto check = check_file(path, choice.frame.has_value());
  if (!check) return Failed(check.error());
  std::vector<const Finding*> findings;
  for (const Finding& finding : (*check)->findings().kept()) {
    const bool is_at_target = Chooser(**check, finding).at_target();
    if (choice.at_target && *choice.at_target != is_at_target) continue;
    const bool is_wanted = choice.frame ? (*check)->number(finding.frame()) == *choice.frame
                                        : level_of(finding) != Level::info;
    const bool is_of_rule = choice.rule.empty() || choice.rule == finding.rule;
    if (is_wanted && is_of_rule) findings.push_back(&finding);
  }
  std::ranges::stable_sort(findings, {}, [](const Finding* one) { return level_of(*one); });
  std::vector<Planned> planned;
  std::map<Kind, std::size_t> of_kind;
  std::map<std::pair<Address, StationId>, std::optional<std::vector<Telling>>> told;
  std::set<std::uint64_t> numbers;
  std::string why;
  for (const Finding* const finding : findings) {
    Planned plan;
    Chooser chooser(**check, *finding);
    plan.result.finding = *finding;
    plan.result.frame = (*check)->number(finding->frame());
    plan.result.at_target = chooser.at_target();
    std::size_t& alike = of_kind[kind_of(plan.result)];
    if (alike == alike_max || planned.size() == cases_max) continue;
    auto requests = chooser.choose(plan.result);
    if (!requests) {
      why = requests.error();
      continue;
    }
    ++alike;
    plan.requests = *std::move(requests);
    auto& telling = told[{plan.result.device, chooser.target()}];
    if (!telling) telling = chooser.telling(plan.result.device);
    plan.telling = *telling;
    plan.after = chooser.after();
    if (plan.requests.empty()) plan.announcement = finding->frame();
    add_replies(**check, *finding, plan);
    add_numbers(**check, plan, numbers);
    planned.push_back(std::move(plan));
  }
  const auto fetched = fetch(path, numbers);
  if (!fetched) return Failed(fetched.error());
  std::vector<CapturedCase> cases;
  std::set<Kind> taken;
  for (Planned& plan : planned) {
    if (taken.contains(kind_of(plan.result))) continue;
    auto whole = complete(**check, *fetched, std::move(plan));
    if (!whole) {
      why = whole.error();
      continue;
    }
    taken.insert(kind_of(*whole));
    cases.push_back(*std::move(whole));
  }
  if (!cases.empty()) return cases;
  if (!why.empty()) return Failed(NoCase{false, fmt::format("{}: {}", path, why)});
  if (choice.frame) {
    return Failed(NoCase{false, fmt::format("{}: nothing is wrong with frame {} (aoe-harness check "
                                            "lists what is)",
                                            path, *choice.frame)});
  }
  return Failed(NoCase{
      false, fmt::format("{}: nothing wrong is found in it{}", path,
                         (*check)->findings().size() == 0
                             ? ""
                             : ", but what may happen to any frame (--frame N takes that, too)")});
}

}  // namespace aoe::harness
