#include "target/service/request_log.h"

#include <algorithm>
#include <new>

#include <fmt/format.h>

#include "target/service/timed_trace.h"

namespace aoe::target {

bool RequestLog::admits(Instant now) {
  ++count_;
  if (now >= interval_end_) {
    interval_end_ = now + interval;
    in_interval_ = 0;
  }
  return ++in_interval_ <= per_interval_max;
}

void RequestLog::add(Instant now, Mac client, char arrow, std::string_view text) {
  if (entries_.size() == lines_max) entries_.pop_front();
  try {
    entries_.push_back({count_ - 1, {now, fmt::format("{} {} {}", client, arrow, text)}});
  } catch (const std::bad_alloc&) {
    // The line is missed. What it is about goes on.
  }
}

void RequestLog::request(Instant now, const Frame& request) {
  if (admits(now)) add(now, request.header.source, '>', Described(request).text());
}

void RequestLog::reply(Instant now, Bytes reply) {
  if (!admits(now)) return;
  Mac client;
  std::copy_n(reply.begin(), std::min(reply.size(), client.octets.size()), client.octets.begin());
  add(now, client, '<', Described(reply).text());
}

void RequestLog::unanswered(Instant now, Mac client, std::string_view why) {
  if (admits(now)) add(now, client, '-', why);
}

RequestLog::Lines RequestLog::lines_from(std::uint64_t from, Instant now) {
  asked_ = now;
  Lines found;
  found.next = count_;
  for (const Entry& entry : entries_) {
    if (entry.number >= from) found.lines.push_back(entry.line);
  }
  found.missed = (from < count_ ? count_ - from : 0) - found.lines.size();
  return found;
}

}  // namespace aoe::target
