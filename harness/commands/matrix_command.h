// `aoe-harness matrix`: several implementations on one page, from runs that are finished or that it
// makes first, each as `conform` does.
#pragma once

#include <string>
#include <vector>

#include "harness/commands/run_command.h"
#include "harness/report/matrix.h"

namespace aoe::harness {

struct MatrixOptions {
  std::vector<std::string> runs;     // folders of finished ones, or their run.json
  std::vector<Implementation> suts;  // to run first; where there are any, in `run.out`:
                                     // DIR/NAME/… and DIR/index.html, unless told
  bool is_told_world = false;        // else each has the one that fits it
  RunOptions run;                    // how
  std::string html;                  // files to write; "-": standard output; empty: none
  std::string markdown;
  std::string json;
  std::string junit;
};

/// Returns the program's exit status: of the worst run that it made.
int matrix_command(MatrixOptions options);

/// Where a run's report is, seen from the page: a relative path, for the folder may be copied;
/// empty where it is not below it.
std::string page_of_run(const std::string& page, const std::string& run);

}  // namespace aoe::harness
