#include "base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/descriptor.h"

namespace aoe {

void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void tell(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

bool write_output(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

int run_main(std::string_view program, const std::function<int()>& work) {
  int status = 1;
  std::string trouble;
  try {
    status = work();
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    trouble = "standard output: " + last_error().message();
  } catch (const std::system_error& error) {
    const bool is_output = std::ferror(stdout) != 0;  // fmt::print throws
    trouble = is_output ? "standard output: " + error.code().message() : error.what();
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  tell(fmt::format("{}: {}\n", program, trouble));
  return status == 0 ? 1 : status;
}

}  // namespace aoe
