#include "harness/report/junit.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "harness/report/text.h"
#include "proto/check.h"

namespace aoe::harness {
namespace {

/// What JUnit knows of outcomes.
enum class Result { success, failure, error, skipped };

Result result_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return Result::success;
    case Outcome::failed:
    case Outcome::unexpected_pass: return Result::failure;
    case Outcome::broken: return Result::error;
    case Outcome::flaky:
    case Outcome::inconclusive:
    case Outcome::unsupported:
    case Outcome::expected_failure: return Result::skipped;
  }
  AOE_CHECK(false && "an outcome without a result");
}

std::size_t count_of(const RunRecord& run, Result result) {
  return static_cast<std::size_t>(std::ranges::count_if(
      run.cases, [&](const CaseRecord& record) { return result_of(record.outcome) == result; }));
}

std::string seconds(Duration duration) {
  return fmt::format("{:.3f}", std::chrono::duration<double>(duration).count());
}

/// "scenarios/loss.yaml" -> "scenarios.loss"; servers take what is before the last dot for a
/// package.
std::string class_of(const CaseRecord& record) {
  std::string name = record.file;
  if (name.ends_with(".yaml")) name.resize(name.size() - 5);
  name.erase(0, name.find_first_not_of("./"));
  std::ranges::replace(name, '.', '_');
  std::ranges::replace(name, '/', '.');
  return name.empty() ? "aoe-harness" : name;
}

std::string message_of(const CaseRecord& record) {
  if (record.failures.empty()) return record.reason;
  const FailureRecord& first = record.failures.front();
  std::string message = fmt::format("expected {}, but: {}", first.expected, first.actual);
  if (record.failures.size() > 1)
    message += fmt::format(" (and {} more)", record.failures.size() - 1);
  return message;
}

std::string element(std::string_view name, std::string_view kind, const CaseRecord& record) {
  return fmt::format("      <{} type=\"{}\" message=\"{}\">{}</{}>\n", name, markup(kind),
                     markup(one_line(message_of(record))), markup(evidence_text(record)), name);
}

std::string result(const CaseRecord& record) {
  switch (result_of(record.outcome)) {
    case Result::success: return {};
    case Result::failure: {
      const bool ruled = !record.failures.empty() && !record.failures.front().rule.empty();
      return element("failure", ruled ? record.failures.front().rule : text(record.outcome),
                     record);
    }
    case Result::error: return element("error", text(record.outcome), record);
    case Result::skipped:
      return fmt::format("      <skipped message=\"{}\"/>\n",
                         markup(one_line(verdict(record) + ": " + record.reason)));
  }
  AOE_CHECK(false && "a result without an element");
}

std::string test_case(const std::string& class_name, const std::string& name, Duration took,
                      const std::string& inside) {
  const std::string open = fmt::format(R"(    <testcase classname="{}" name="{}" time="{}")",
                                       markup(class_name), markup(name), seconds(took));
  return inside.empty() ? open + "/>\n" : open + ">\n" + inside + "    </testcase>\n";
}

}  // namespace

std::string to_junit(const RunRecord& run) {
  const std::size_t tests = run.cases.size() + run.not_run.size();
  const std::size_t failures = count_of(run, Result::failure);
  const std::size_t errors = count_of(run, Result::error);
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"aoe-harness\" tests=\"{0}\" failures=\"{1}\" errors=\"{2}\" "
      "time=\"{3}\">\n"
      "  <testsuite id=\"0\" package=\"aoe\" name=\"aoe-harness {4}\" hostname=\"localhost\""
      " timestamp=\"{5}\" tests=\"{0}\" failures=\"{1}\" errors=\"{2}\" skipped=\"{6}\""
      " time=\"{3}\">\n"
      "    <properties>\n",
      tests, failures, errors, seconds(run.real), markup(run.world),
      markup(run.started.substr(0, run.started.find('Z'))),
      count_of(run, Result::skipped) + run.not_run.size());
  const auto property = [&](std::string_view name, std::string_view value) {
    xml += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, markup(value));
  };
  property("seed", std::to_string(run.seed));
  property("world", run.world);
  property("sut", run.sut);
  property("sut.version", run.sut_version);
  property("aoe-harness.version", run.version);
  xml += "    </properties>\n";
  for (const CaseRecord& record : run.cases)
    xml += test_case(class_of(record), record.id, record.real, result(record));
  for (const std::string& id : run.not_run) {
    xml += test_case("aoe-harness", id, Duration{},
                     "      <skipped message=\"not run: interrupted\"/>\n");
  }
  return xml + "    <system-out/>\n    <system-err/>\n  </testsuite>\n</testsuites>\n";
}

}  // namespace aoe::harness
