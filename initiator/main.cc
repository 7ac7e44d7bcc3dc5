// aoe-initiator: finds ATA over Ethernet disks, and reads and writes them without a kernel driver.
#include "base/standard_streams.h"
#include "initiator/cli/connection.h"
#include "initiator/command_line.h"

namespace aoe::initiator {
namespace {

int run(int argc, char** argv) {
  try {
    return CommandLine().run(argc, argv);
  } catch (const Refused& error) {
    complain(error.what());
    return exit_usage;
  } catch (const AnotherDisk& error) {
    complain(error.what());
    return exit_another_disk;
  }
}

}  // namespace
}  // namespace aoe::initiator

int main(int argc, char** argv) {
  aoe::occupy_standard_streams();
  return aoe::run_main("aoe-initiator", [=] { return aoe::initiator::run(argc, argv); });
}
