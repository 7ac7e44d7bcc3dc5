#include "initiator/mount/outstanding.h"

#include <map>
#include <utility>
#include <vector>

namespace aoe::initiator {

Outstanding::Work Outstanding::add(fuse_req* request, int thread, Instant now) {
  ++waiting_;
  entries_.emplace_back();
  const Work work = std::prev(entries_.end());
  work->request = request;
  work->thread = thread;
  work->begun = now;
  return work;
}

fuse_req* Outstanding::remove(Work work) {
  fuse_req* const request = work->request;
  if (request != nullptr) --waiting_;
  ++removed_;
  entries_.erase(work);
  return request;
}

void Outstanding::give_up(Instant begun_by, const std::function<bool(int)>& is_being_killed,
                          const std::function<void(fuse_req*)>& answer) {
  std::map<int, bool> killed;  // by thread: some have begun thousands
  std::vector<Work> given_up;
  for (Work work = entries_.begin(); work != entries_.end() && work->begun <= begun_by; ++work) {
    if (work->request == nullptr) continue;
    const auto [known, is_new] = killed.try_emplace(work->thread, false);
    if (is_new) known->second = is_being_killed(work->thread);
    if (known->second) given_up.push_back(work);
  }
  for (const Work work : given_up) {
    --waiting_;
    answer(std::exchange(work->request, nullptr));
  }
  for (const Work work : given_up) work->cancel.emit(boost::asio::cancellation_type::total);
}

}  // namespace aoe::initiator
