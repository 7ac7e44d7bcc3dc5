#include "harness/report/junit.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/judge/coverage.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

/// JUnit's own outcomes.
enum class Result { success, failure, error, skipped };

Result result_of(Outcome outcome) {
  switch (standing_of(outcome)) {
    case Standing::good: return Result::success;
    case Standing::bad: return outcome == Outcome::broken ? Result::error : Result::failure;
    case Standing::doubtful:
    case Standing::excused: return Result::skipped;
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

/// "scenarios/loss.yaml" -> "scenarios.loss": servers show what is before the last dot as a package.
std::string class_of(const CaseRecord& record) {
  std::string name = record.file;
  if (name.ends_with(".yaml")) name.resize(name.size() - 5);
  name.erase(0, name.find_first_not_of("./"));
  std::ranges::replace(name, '.', '_');
  std::ranges::replace(name, '/', '.');
  return name.empty() ? "aoe-harness" : name;
}

std::string element(std::string_view name, std::string_view kind, const CaseRecord& record) {
  const std::string message = record.failures.empty() ? record.reason : first_failure(record);
  return fmt::format("      <{} type=\"{}\" message=\"{}\">{}</{}>\n", name, markup(kind),
                     markup(one_line(message)), markup(evidence_text(record)), name);
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

/// Of several suites, the classes of each begin with what it tests.
std::string suite_of(const RunRecord& run, std::size_t number, bool is_one_of_several) {
  std::string prefix;
  std::string name = "aoe-harness " + run.world;
  if (is_one_of_several) {
    name += " " + run.sut;
    prefix = fmt::format("{}-{}", one_line(run.sut), one_line(run.world));
    std::ranges::replace_if(
        prefix,
        [](char c) { return std::string_view(" ./{}'\"").find(c) != std::string_view::npos; }, '_');
    prefix += '.';
  }
  std::string xml = fmt::format(
      "  <testsuite id=\"{}\" package=\"aoe\" name=\"{}\" hostname=\"localhost\""
      " timestamp=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\""
      " time=\"{}\">\n"
      "    <properties>\n",
      number, markup(one_line(name)), markup(run.started.substr(0, run.started.find('Z'))),
      run.cases.size() + run.not_run.size(), count_of(run, Result::failure),
      count_of(run, Result::error), count_of(run, Result::skipped) + run.not_run.size(),
      seconds(run.real));
  const auto property = [&](std::string_view key, std::string_view value) {
    xml += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", key, markup(value));
  };
  property("seed", std::to_string(run.seed));
  property("world", run.world);
  property("sut", run.sut);
  property("sut.version", run.sut_version);
  if (!run.peer.empty()) {
    property("peer", run.peer);
    property("peer.version", run.peer_version);
  }
  property("aoe-harness.version", run.version);
  if (!run.suite.empty()) {
    const Coverage coverage = coverage_of(run);
    property("verdict", describe(coverage.levels()));
    for (const ClauseCoverage& of : coverage.clauses) {
      property("clause." + of.clause->id, fmt::format("{}: {}", text(of.verdict), describe(of)));
    }
  }
  xml += "    </properties>\n";
  for (const CaseRecord& record : run.cases)
    xml += test_case(prefix + class_of(record), record.id, record.real, result(record));
  for (const std::string& id : run.not_run) {
    xml += test_case(prefix + "aoe-harness", id, Duration{},
                     "      <skipped message=\"not run: interrupted\"/>\n");
  }
  return xml + "    <system-out/>\n    <system-err/>\n  </testsuite>\n";
}

}  // namespace

std::string to_junit(const RunRecord& run) {
  return to_junit(std::vector<const RunRecord*>{&run});
}

std::string to_junit(const std::vector<const RunRecord*>& runs) {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  Duration real{};
  std::size_t number = 0;
  std::string suites;
  for (const RunRecord* run : runs) {
    tests += run->cases.size() + run->not_run.size();
    failures += count_of(*run, Result::failure);
    errors += count_of(*run, Result::error);
    real += run->real;
    suites += suite_of(*run, number++, runs.size() > 1);
  }
  return fmt::format(
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<testsuites name=\"aoe-harness\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
             "time=\"{}\">\n",
             tests, failures, errors, seconds(real)) +
         suites + "</testsuites>\n";
}

}  // namespace aoe::harness
