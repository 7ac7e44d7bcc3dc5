// A TargetReport as Prometheus reads it (text exposition format 0.0.4).
//
// Series carry the label lun="e0.2", and interfaces="eth0,eth1" where the LUN is not on all of
// them; those of ports interface="eth0".
#pragma once

#include <string>

#include "target/service/report.h"

namespace aoe::target {

std::string prometheus_text(const TargetReport& report);

}  // namespace aoe::target
