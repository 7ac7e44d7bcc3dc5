#include "harness/commands/check_command.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/whole_file.h"
#include "harness/run/exit_status.h"
#include "wire/pcap_file.h"

namespace aoe::harness {

int check_command(CheckOptions options) {
  auto reader = PcapReader::open(options.report.file);
  if (!reader) {
    complain(reader.error());
    return exit_environment;
  }
  std::error_code error;
  CaptureCheck check(std::filesystem::temp_directory_path(error).string());
  while (true) {
    const auto record = (*reader)->next();
    if (!record) options.report.cut_off = record.error();
    if (!record || !*record) break;
    check.add({(*record)->time, (*record)->bytes, (*record)->original_size});
  }
  check.finish();
  if (!options.html.empty()) {
    if (auto written = write_whole(options.html, capture_html(check, options.report)); !written) {
      complain(written.error());
      return exit_environment;
    }
  }
  if (options.json) {
    fmt::print("{}", capture_json(check, options.report));
  } else {
    fmt::print("{}{}", findings_text(check, options.report), summary_text(check, options.report));
  }
  return count_findings(check, options.report.level).empty() ? exit_passed : exit_failed;
}

}  // namespace aoe::harness
