// A TargetReport in the text exposition format of Prometheus (0.0.4).
//
// Series of a LUN have the label lun="e0.2", and interfaces="eth0,eth1" where it is not served on
// all interfaces; series of a port have interface="eth0".
#pragma once

#include <string>

#include "target/service/report.h"

namespace aoe::target {

std::string prometheus_text(const TargetReport& report);

}  // namespace aoe::target
