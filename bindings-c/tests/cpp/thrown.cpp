// What is there with exceptions alone.

#include "check.hpp"

#include <fusewire.hpp>

#include <string>

#include <pthread.h>

#if FUSEWIRE_HAS_EXCEPTIONS

using namespace std::chrono_literals;
using fusewire::breaker;
using fusewire::options;
using fusewire::outcome;

namespace shop {
struct not_found : std::runtime_error {
    using runtime_error::runtime_error;
};
struct gone : not_found {
    using not_found::not_found;
};
}  // namespace shop

static options opens_after(std::uint32_t failures) {
    options how;
    how.failure_threshold = failures;
    return how;
}

// What a function throws, or an empty text.
template <class Exception, class Function>
static std::string thrown_by(Function&& function) {
    try {
        function();
    } catch (const Exception& thrown) {
        return thrown.what();
    }
    return {};
}

TEST("a call gives its answer") {
    const breaker orders("orders", opens_after(3));
    int place = 1;
    CHECK(orders.call([] { return std::string("receipt"); }) == "receipt");
    CHECK(&orders.call([&]() -> int& { return place; }) == &place);
    orders.call([] {});
    CHECK(orders.snapshot().success() == 3);
}

TEST("an exception is a failure under the name of its type, and reaches the caller as it is") {
    const breaker orders("orders", opens_after(100));
    const auto type_of_failure = [&] { return orders.snapshot().last_failure()->error_type; };
    CHECK(thrown_by<shop::gone>([&] { orders.call([]() -> int { throw shop::gone("no such order"); }); }) == "no such order");
    CHECK(type_of_failure() == "shop::gone");
    CHECK(thrown_by<std::out_of_range>([&] { (void)orders.try_call([] { (void)std::string().at(3); }); }) != "");
    CHECK(type_of_failure() == "std::out_of_range");
    try {
        orders.call([] { throw 7; });
    } catch (int number) {
        CHECK(number == 7);
    }
    CHECK(type_of_failure() == "int" && orders.snapshot().failures() == 3);
}

TEST("rules say what an exception is: the first that matches") {
    const breaker orders("orders", opens_after(100));
    const auto calls = [&](auto thrown) {
        return thrown_by<decltype(thrown)>([&] {
            orders.call([&] { throw thrown; },
                        fusewire::on_exception<shop::gone>([](const shop::gone&) { return outcome::success; }),
                        fusewire::on_exception<shop::not_found>([](const auto&) { return outcome::ignored; }),
                        fusewire::on_exception<std::exception>([](const std::exception& e) {
                            return fusewire::verdict(outcome::failure, e.what());
                        }));
        });
    };
    CHECK(calls(shop::gone("gone")) == "gone" && orders.snapshot().success() == 1);
    CHECK(calls(shop::not_found("none")) == "none" && orders.snapshot().ignored() == 1);
    CHECK(calls(std::logic_error("bug")) == "bug" && orders.snapshot().last_failure()->error_type == "bug");
}

TEST("a rule that throws is as good as none") {
    const breaker orders("orders", opens_after(100));
    const auto breaks = [](const auto&) -> fusewire::verdict { throw 1; };
    CHECK(orders.call([] { return 5; }, fusewire::on_result(breaks)) == 5);
    CHECK(orders.snapshot().success() == 1);
    CHECK(thrown_by<shop::gone>([&] {
              orders.call([] { throw shop::gone("x"); }, fusewire::on_exception<shop::gone>(breaks));
          }) == "x");
    CHECK(orders.snapshot().last_failure()->error_type == "shop::gone");
}

TEST("a rule for answers leaves exceptions alone, and the other way round") {
    const breaker orders("orders", opens_after(100));
    const auto result = fusewire::on_result([](int) { return outcome::ignored; });
    const auto exception = fusewire::on_exception<int>([](int) { return outcome::ignored; });
    CHECK(orders.call([] { return 1; }, exception, result) == 1);
    CHECK(thrown_by<shop::gone>([&] { orders.call([]() -> int { throw shop::gone("x"); }, result, exception); }) == "x");
    CHECK(orders.snapshot().ignored() == 1 && orders.snapshot().failures() == 1);
}

TEST("a call that is turned away throws what says why, and may outlive the breaker") {
    std::exception_ptr kept;
    {
        fusewire::manual_clock clock;
        options how = opens_after(1);
        how.clock = &clock;
        const breaker orders("orders", how);
        orders.acquire().failure("io");
        try {
            orders.call([] { CHECK(false); });
        } catch (...) {
            kept = std::current_exception();
        }
        CHECK(thrown_by<fusewire::rejected>([&] { (void)orders.acquire(); }) != "");
    }
    try {
        std::rethrow_exception(kept);
    } catch (const fusewire::rejected& turned_away) {
        const fusewire::rejected copy = turned_away;
        CHECK(copy.breaker() == "orders" && copy.reason() == fusewire::reason::open && copy.retry_after() == 60s);
        CHECK(std::string(copy.what()).find("orders") != std::string::npos);
        CHECK(copy.rejection().reason() == fusewire::reason::open);
    }
}

TEST("a result's value throws what came in its place") {
    const breaker orders("orders");
    CHECK(orders.try_call([] { return 3; }).value() == 3);
    orders.trip();
    CHECK(thrown_by<fusewire::rejected>([&] { (void)orders.try_call([] { return 3; }).value(); }) != "");
    CHECK(thrown_by<fusewire::error>([&] { (void)breaker::try_create("").value(); }) != "");
}

TEST("errors are thrown with what was wrong and what is allowed") {
    options wrong;
    wrong.recovery_timeout = 1us;
    try {
        const breaker orders("orders", wrong);
        CHECK(false);
    } catch (const fusewire::error& error) {
        const fusewire::error copy = error;
        CHECK(copy.status() == fusewire::status::config && copy.key() == "recovery_timeout");
        CHECK(copy.value() == "\"1000ns\"" && !copy.allowed().empty());
        CHECK(std::string(copy.what()).find("recovery_timeout") != std::string::npos);
    }
    const breaker orders("orders");
    CHECK(thrown_by<fusewire::error>([&] { orders.trip(0s); }) != "");
    CHECK(thrown_by<fusewire::error>([&] { orders.set_mode(static_cast<fusewire::mode>(9)); }) != "");
    CHECK(thrown_by<fusewire::error>([&] { orders.reset({"\xff"}); }) != "");
    CHECK(thrown_by<fusewire::error>([&] { orders.half_open({"\xff"}); }) != "");
    CHECK(thrown_by<fusewire::error>([&] { (void)orders.subscribe(0); }) != "");
    CHECK(thrown_by<fusewire::error>([&] { orders.reconfigure("[]"); }) != "");
    const fusewire::registry services{fusewire::manual_clock()};
    services.get_or_create("orders");
    CHECK(thrown_by<fusewire::error>([&] { services.get_or_create("orders", wrong); }) != "");
    CHECK(services.reconfigure("orders", R"({"failure_threshold": 2})"));
    breaker moved = orders;
    const breaker taken = std::move(moved);
    CHECK(thrown_by<fusewire::error>([&] { moved.call([] {}); }) != "");
}

TEST("a permit that an exception drops was given up") {
    const breaker orders("orders", opens_after(1));
    CHECK(thrown_by<shop::gone>([&] {
              const fusewire::permit given = orders.acquire();
              throw shop::gone("x");
          }) == "x");
    CHECK(orders.snapshot().ignored() == 1 && orders.state() == fusewire::state::closed);
}

#if defined(__GLIBCXX__)
TEST("a thread that is cancelled gives its call up") {
    static const breaker orders("orders", opens_after(1));
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, [](void*) -> void* {
              orders.call([] {
                  pthread_cancel(pthread_self());
                  pthread_testcancel();
              });
              return nullptr;
          }, nullptr) == 0);
    void* end = nullptr;
    CHECK(pthread_join(thread, &end) == 0 && end == PTHREAD_CANCELED);
    CHECK(orders.snapshot().ignored() == 1 && orders.snapshot().failures() == 0);
}
#endif

#endif
