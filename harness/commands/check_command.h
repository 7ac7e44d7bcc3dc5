// `aoe-harness check`: lints a capture of anybody's initiators and targets.
#pragma once

#include <string>

#include "harness/report/capture_report.h"

namespace aoe::harness {

struct CheckOptions {
  CaptureReportOptions report;  // its file: the capture, "-": standard input
  bool json = false;
  std::string html;  // where the page goes; empty: nowhere
};

/// Returns the program's exit status: 0 nothing found, 1 something, 3 it can't be read.
int check_command(CheckOptions options);

}  // namespace aoe::harness
