// What a device shares with the others of its engine. The engine owns it all.
#pragma once

#include "base/trace.h"
#include "initiator/engine/identify_pace.h"
#include "initiator/engine/parameters.h"
#include "initiator/engine/port_table.h"
#include "initiator/engine/tag_table.h"

namespace aoe::initiator {

struct Shared {
  const Parameters& parameters;
  const PortTable& ports;
  TagTable& tags;
  const Trace& trace;
  IdentifyPace& pace;
};

}  // namespace aoe::initiator
