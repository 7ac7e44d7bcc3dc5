// A completion handler without its type: the client library's templates pass it to code that is
// compiled once. Not for users of the library.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

namespace aoe::initiator {

/// A handler that takes an error_code and `Results...`. It is called once, on its associated
/// executor: the loop's, unless its user chose another.
template <class... Results>
class Operation {
 public:
  virtual ~Operation() = default;

  /// Calls the handler, at once if its executor is the loop's. The caller is in the loop, and not
  /// in the function that began the operation.
  virtual void complete(boost::system::error_code error, Results... results) = 0;
  /// Calls the handler later, not from within this call.
  virtual void complete_later(boost::system::error_code error, Results... results) = 0;
};

template <class Handler, class... Results>
class HandlerOperation final : public Operation<Results...> {
 public:
  using Loop = boost::asio::io_context::executor_type;

  HandlerOperation(Handler handler, const Loop& loop)
      : executor_(boost::asio::get_associated_executor(handler, loop)),
        handler_(std::move(handler)) {
    // The loop has work anyway, for as long as there is a client.
    if (!is(executor_, loop)) work_.emplace(executor_);
  }

  void complete(boost::system::error_code error, Results... results) override {
    if (!work_) {
      std::move(handler_)(error, std::move(results)...);
    } else {
      boost::asio::dispatch(executor_, bind(error, std::move(results)...));
    }
  }
  void complete_later(boost::system::error_code error, Results... results) override {
    boost::asio::post(executor_, bind(error, std::move(results)...));
  }

 private:
  using Executor = boost::asio::associated_executor_t<Handler, Loop>;

  static bool is(const Executor& executor, const Loop& loop) {
    if constexpr (std::is_same_v<Executor, Loop>) {
      return executor == loop;
    } else {
      return false;
    }
  }

  auto bind(boost::system::error_code error, Results... results) {
    return [handler = std::move(handler_), error, ... results = std::move(results)]() mutable {
      std::move(handler)(error, std::move(results)...);
    };
  }

  const Executor executor_;
  std::optional<boost::asio::executor_work_guard<Executor>> work_;  // none: it is the loop's
  Handler handler_;
};

}  // namespace aoe::initiator
