#include "harness/scenario/clauses.h"

#include <algorithm>
#include <array>
#include <utility>

namespace aoe::harness {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> clauses{{
    {"2",
     "Each message stands alone. A server answers requests for its own shelf and slot, or for the "
     "wildcard of either, and nobody else's; it ignores what has flag R. An answer goes to the "
     "request's source, with the server's own address, and copies command and tag."},
    {"2.4",
     "An error is told by flags R and E and a code: 1 unrecognized command, 2 bad argument, 3 "
     "device unavailable, 4 config string present, 5 unsupported version, 6 target is reserved. A "
     "command that a disk fails is no error of AoE's."},
    {"3.1",
     "An ATA command travels with its registers; a frame carries whole sectors, as many as fit. "
     "Success has DRDY and none of BSY, DF, DRQ and ERR. A count of none or of too many is "
     "refused; "
     "beyond the last sector is IDNF; an unknown command is ABRT; a flush makes data stable."},
    {"3.2",
     "A query tells how many messages the server queues (a client has no more outstanding), how "
     "many sectors a command may have, and the config string: read, test, prefix, set where there "
     "is none, force-set. A test that fails is silence."},
    {"3.3",
     "The mask list names who may speak to the server; an empty one admits all. Directives run in "
     "order and stop at a bad one, of which MError tells; the answer lists the whole list."},
    {"3.4",
     "While a reservation is set, ATA commands of others are error 6, IDENTIFY DEVICE excepted. "
     "Set "
     "is for those on the list, or when it is empty; force-set is for all."},
    {"profile/rexmit-timeout",
     "A request is sent again when its timeout has run out: average and deviation of the round "
     "trips as RFC 6298 has it, doubled each time."},
    {"profile/deadsecs",
     "A device that leaves a request unanswered for deadsecs is down, and what waits for it "
     "fails."},
    {"profile/window",
     "No more requests wait than the target has buffers, and fewer after a loss."},
}};

}  // namespace

std::string_view clause_text(std::string_view clause) {
  const auto found = std::ranges::find(clauses, clause, &decltype(clauses)::value_type::first);
  return found == clauses.end() ? std::string_view() : found->second;
}

}  // namespace aoe::harness
