#include "harness/judge/record.h"

#include <algorithm>
#include <concepts>
#include <limits>
#include <set>
#include <stdexcept>
#include <type_traits>

#include <fmt/format.h>
#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "harness/judge/coverage.h"

namespace aoe::harness {

// The fields of each type, in the order of the file. A time's key is its name with "_ns" behind it.
BOOST_DESCRIBE_STRUCT(LadderLine, (),
                      (at, frame, to_target, what, fate, struck, guilty, gap_before, bytes))
BOOST_DESCRIBE_STRUCT(SectorRecord, (), (lba, expected, actual))
BOOST_DESCRIBE_STRUCT(FailureRecord, (),
                      (where, rule, clause, field, expected, actual, ladder, sectors))
BOOST_DESCRIBE_STRUCT(StepRecord, (), (began, ended, where, word, text, met))
BOOST_DESCRIBE_STRUCT(DueRecord, (), (where, what, since, earliest, latest, came))
BOOST_DESCRIBE_STRUCT(Incident, (), (at, frame, text))
BOOST_DESCRIBE_STRUCT(CaseRecord, (),
                      (id, title, file, clauses, tags, level, seed, outcome, reason, failures,
                       notes, tries, tries_passed, took, real, requests, frames, retransmissions,
                       struck, steps, dues, samples, incidents, yaml, log, folder, reproduce))
BOOST_DESCRIBE_STRUCT(ProbeRecord, (), (ability, has, asked, answered))
BOOST_DESCRIBE_STRUCT(RunRecord, (),
                      (version, started, seed, world, sut, sut_version, peer, peer_version, suite,
                       part, parts, probes, slack, interrupted, not_run, real, cases))

namespace {

using Json = nlohmann::ordered_json;

/// Of the file, so that a reader of another day can tell.
constexpr std::uint32_t format = 6;

constexpr std::array<std::string_view, outcomes> outcome_texts{
    "PASS", "FAIL", "FLAKY", "INCONCLUSIVE", "UNSUPPORTED", "ERROR", "XFAIL", "XPASS"};

/// Calls the archive, a Writer or a Reader, for each field.
template <typename Archive, typename Record>
void fields(Archive& archive, Record& record) {
  using Members =
      boost::describe::describe_members<std::remove_const_t<Record>, boost::describe::mod_public>;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    auto& value = record.*member.pointer;
    using Value = std::remove_cvref_t<decltype(value)>;
    const bool is_time =
        std::same_as<Value, Duration> || std::same_as<Value, std::optional<Duration>>;
    archive(std::string(member.name) + (is_time ? "_ns" : ""), value);
  });
}

class Writer {
 public:
  template <typename T>
  void operator()(const std::string& key, const T& value) {
    json_[key] = to_json(value);
  }
  Json take() { return std::move(json_); }

 private:
  template <typename T>
  static Json to_json(const T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string> ||
                  std::same_as<T, Json>) {
      return value;
    } else {
      Writer writer;
      fields(writer, value);
      return writer.take();
    }
  }
  static Json to_json(Duration duration) { return duration.count(); }
  static Json to_json(const std::optional<Duration>& duration) {
    return duration ? Json(duration->count()) : Json(nullptr);
  }
  static Json to_json(Outcome outcome) { return text(outcome); }
  /// Samples are many, and their keys would be most of the file.
  static Json to_json(const Sample& sample) {
    return {sample.at.count(), sample.outstanding, sample.window, sample.rto.count()};
  }
  template <typename T>
  static Json to_json(const std::vector<T>& list) {
    Json json = Json::array();
    for (const T& item : list) json.push_back(to_json(item));
    return json;
  }

  Json json_ = Json::object();
};

/// Thrown inside read() only.
struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Reader {
 public:
  /// `path` leads to the object: "cases[3]"; empty for the whole.
  Reader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) fail(path_, "an object", object_);
  }

  template <typename T>
  void operator()(const std::string& key, T& value) {
    const std::string path = path_.empty() ? key : path_ + "." + key;
    const auto found = object_.find(key);
    if (found == object_.end()) throw Malformed(path + ": is missing");
    known_.insert(key);
    read(*found, path, value);
  }

  /// One that is made of the others.
  void ignore(const char* key) { known_.insert(key); }

  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (!known_.contains(key)) {
        throw Malformed(fmt::format("{}unknown key '{}'", path_.empty() ? "" : path_ + ": ",
                                    key.substr(0, 80)));
      }
    }
  }

 private:
  [[noreturn]] static void fail(const std::string& path, std::string_view kind, const Json& json) {
    throw Malformed(fmt::format("{}expected {}, got {} {}", path.empty() ? "" : path + ": ", kind,
                                json.is_array() || json.is_object() ? "an" : "a",
                                json.type_name()));
  }

  static void read(const Json& json, const std::string& path, std::string& value) {
    if (!json.is_string()) fail(path, "a string", json);
    value = json.get<std::string>();
  }
  static void read(const Json& json, const std::string& path, bool& value) {
    if (!json.is_boolean()) fail(path, "true or false", json);
    value = json.get<bool>();
  }
  template <std::unsigned_integral T>
  static void read(const Json& json, const std::string& path, T& value) {
    if (!json.is_number_unsigned()) fail(path, "an integer of 0 or more", json);
    const auto number = json.get<std::uint64_t>();
    if (number > std::numeric_limits<T>::max()) throw Malformed(path + ": is too large");
    value = static_cast<T>(number);
  }
  static void read(const Json& json, const std::string& path, Duration& value) {
    if (!json.is_number_integer()) fail(path, "an integer", json);
    constexpr auto most = static_cast<std::uint64_t>(Duration::max().count());
    if (json.is_number_unsigned() && json.get<std::uint64_t>() > most)
      throw Malformed(path + ": is too large");
    value = Duration(json.get<std::int64_t>());
  }
  static void read(const Json& json, const std::string& path, std::optional<Duration>& value) {
    if (!json.is_null()) read(json, path, value.emplace());
  }
  static void read(const Json& json, const std::string& path, Outcome& value) {
    std::string word;
    read(json, path, word);
    const auto* found = std::ranges::find(outcome_texts, word);
    if (found == outcome_texts.end())
      throw Malformed(fmt::format("{}: no outcome is called '{}'", path, word.substr(0, 80)));
    value = static_cast<Outcome>(found - outcome_texts.begin());
  }
  template <typename T>
  static void read(const Json& json, const std::string& path, std::vector<T>& list) {
    if (!json.is_array()) fail(path, "a list", json);
    list.resize(json.size());
    for (std::size_t i = 0; i < list.size(); ++i)
      read(json[i], fmt::format("{}[{}]", path, i), list[i]);
  }
  static void read(const Json& json, const std::string& path, Sample& sample) {
    if (!json.is_array() || json.size() != 4)
      throw Malformed(path + ": expected [at_ns, outstanding, window, rto_ns]");
    read(json[0], path + "[0]", sample.at);
    read(json[1], path + "[1]", sample.outstanding);
    read(json[2], path + "[2]", sample.window);
    read(json[3], path + "[3]", sample.rto);
  }
  template <typename T>
  requires std::is_class_v<T>
  static void read(const Json& json, const std::string& path, T& value) {
    Reader reader(json, path);
    fields(reader, value);
    reader.finish();
  }

  const Json& object_;
  const std::string path_;
  std::set<std::string> known_;
};

constexpr const char* verdicts_key = "clauses";

Json clause_verdicts_of(const RunRecord& run) {
  Json list = Json::array();
  for (const ClauseCoverage& coverage : coverage_of(run).clauses) {
    Json cases = Json::array();
    for (const std::size_t i : coverage.cases) cases.push_back(run.cases[i].id);
    list.push_back({{"id", coverage.clause->id},
                    {"level", text(coverage.clause->level)},
                    {"verdict", text(coverage.verdict)},
                    {"cases", std::move(cases)}});
  }
  return list;
}

template <typename Record>
std::string to_text(const Record& record) {
  Writer writer;
  writer("format", format);
  fields(writer, record);
  if constexpr (std::same_as<Record, RunRecord>) writer(verdicts_key, clause_verdicts_of(record));
  return writer.take().dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <typename Record>
tl::expected<Record, std::string> from_text(const std::string& text) {
  if (text.size() > json_size_max)
    return tl::unexpected(fmt::format("{} bytes, {} are the most", text.size(), json_size_max));
  try {
    const Json json = Json::parse(text);
    Reader reader(json, "");
    std::uint32_t version = 0;
    reader("format", version);
    if (version != format)
      throw Malformed(fmt::format("format: expected {}, got {}", format, version));
    Record record;
    fields(reader, record);
    if constexpr (std::same_as<Record, RunRecord>) reader.ignore(verdicts_key);
    reader.finish();
    return record;
  } catch (const Json::parse_error& error) {
    return tl::unexpected(fmt::format("byte {}: this is no JSON", error.byte));
  } catch (const Malformed& error) {
    return tl::unexpected(std::string(error.what()));
  }
}

}  // namespace

std::string to_hex(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string_view text(Outcome outcome) {
  AOE_CHECK(static_cast<std::size_t>(outcome) < outcomes);
  return outcome_texts[static_cast<std::size_t>(outcome)];
}

Counts count(const RunRecord& run) {
  Counts counts{};
  for (const CaseRecord& record : run.cases) ++counts[static_cast<std::size_t>(record.outcome)];
  return counts;
}

std::string describe(const Counts& counts) {
  const auto of = [&](Outcome outcome) { return counts[static_cast<std::size_t>(outcome)]; };
  std::string text = fmt::format("{} passed, {} failed", of(Outcome::passed), of(Outcome::failed));
  const auto add = [&](Outcome outcome, const std::string& words) {
    if (of(outcome) > 0) text += fmt::format(", {} {}", of(outcome), words);
  };
  add(Outcome::flaky, "flaky");
  add(Outcome::inconclusive, "inconclusive");
  add(Outcome::unsupported, "unsupported");
  add(Outcome::broken, of(Outcome::broken) == 1 ? "error" : "errors");
  add(Outcome::expected_failure, "failed as expected");
  add(Outcome::unexpected_pass, "passed unexpectedly");
  return text;
}

std::string to_json(const RunRecord& run) {
  return to_text(run);
}

std::string to_json(const CaseRecord& record) {
  return to_text(record);
}

tl::expected<RunRecord, std::string> run_from_json(const std::string& json) {
  return from_text<RunRecord>(json);
}

tl::expected<CaseRecord, std::string> case_from_json(const std::string& json) {
  return from_text<CaseRecord>(json);
}

}  // namespace aoe::harness
