// Requests, waits for a slot, and what is changed by hand.

#include "check.hpp"

#include <fusewire.hpp>

#include <thread>

using namespace std::chrono_literals;
using fusewire::breaker;
using fusewire::priority;
using fusewire::reason;
using fusewire::request;
using fusewire::status;

static breaker of(const char* document, const fusewire::manual_clock* clock = nullptr) {
    fusewire::options how;
    how.document = document;
    how.clock = clock;
    auto built = breaker::try_create("orders", how);
    CHECK(built);
    return *std::move(built);
}

static const char one_slot[] = R"({"bulkhead": {"max_concurrent": 1, "max_queue": 4, "queue_timeout": "1h"}})";

TEST("a call says how much it matters") {
    const breaker orders = of(R"({"priority": {"min": "normal"}})");
    CHECK(orders.try_call_with(request{priority::high}, [] { return 1; }));
    const auto shed = orders.try_call_with(request{priority::bulk}, [] { return 1; });
    CHECK(shed.rejection() != nullptr && shed.rejection()->reason() == reason::shed);
    CHECK(orders.try_call_with({}, [] {}));
    const auto snapshot = orders.snapshot();
    CHECK(snapshot.admitted(priority::high) == 1 && snapshot.refused(priority::bulk) == 1);
    CHECK(snapshot.min_priority() == priority::normal && !snapshot.slots() && !snapshot.rate());
    CHECK(to_string(priority::critical) == "critical" && to_string(reason::queue_timeout) == "queue_timeout");
}

TEST("a request that cannot be is an error that names its field") {
    const breaker orders = of(R"({"rate_limit": {"burst": 5}})");
    request dear;
    dear.cost = 6;
    const auto answer = orders.try_call_with(dear, [] { return 1; });
    CHECK(answer.error() != nullptr && answer.status() == status::invalid_value);
    CHECK(answer.error()->key() == "cost" && answer.error()->value() == "6" && !answer.error()->allowed().empty());
    dear.cost = 5;
    CHECK(orders.try_acquire(dear));
}

TEST("a priority that was passed on is read") {
    CHECK(*fusewire::try_parse_priority("critical") == priority::critical);
    CHECK(*fusewire::try_parse_priority("30") == priority::low);
    const auto wrong = fusewire::try_parse_priority("urgent");
    CHECK(wrong.error() != nullptr && wrong.error()->key() == "priority");
    CHECK(fusewire::try_parse_priority(std::string_view("a\0b", 3)).status() == status::invalid_value);
}

TEST("a paced permit says how long to wait") {
    const fusewire::manual_clock clock;
    const breaker orders = of(R"({"rate_limit": {"algorithm": "leaky_bucket", "rate": 100}})", &clock);
    const auto first = orders.try_acquire(), second = orders.try_acquire(request{priority::low});
    CHECK(first && first->wait() == 0ns);
    CHECK(second && second->wait() == 10ms && !second->is_bypassed());
    request soon;
    soon.deadline = 15ms;
    const auto late = orders.try_acquire(soon);
    CHECK(late.rejection() != nullptr && late.rejection()->reason() == reason::rate_limited);
}

TEST("a call is made at its turn") {
    const breaker orders = of(R"({"rate_limit": {"algorithm": "leaky_bucket", "rate": 1000}})");
    for (int i = 0; i < 3; i++) {
        CHECK(orders.try_call([] { return 1; }));
        CHECK(orders.try_call_with({}, [] {}));
    }
    CHECK(orders.snapshot().success() == 6);
}

TEST("a call that bypasses an open breaker is marked") {
    const breaker orders = of(R"({"priority": {"open_bypass": "critical"}})");
    CHECK(orders.try_trip());
    auto passes = orders.try_acquire(request{priority::critical});
    CHECK(passes && passes->is_bypassed() && orders.snapshot().bypassed() == 1);
    CHECK(orders.try_acquire(request{priority::high}).rejection()->reason() == reason::open);
}

TEST("a thread waits for a slot, for as long as it says") {
    const breaker orders = of(one_slot);
    auto taken = orders.try_acquire();
    CHECK(taken && orders.snapshot().slots_taken(priority::normal) == 1);
    CHECK(orders.try_acquire_wait({}, 1ms).status() == status::timed_out);
    CHECK(orders.snapshot().queued(priority::normal) == 0);
    std::thread waits([&] { CHECK(orders.try_acquire_wait(request{priority::high})); });
    while (orders.snapshot().queued(priority::high) == 0) std::this_thread::yield();
    CHECK(taken->success() == status::ok);
    waits.join();
    CHECK(orders.snapshot().slots_taken(priority::high) == 0 && *orders.snapshot().slots() == 1);
}

TEST("what is around the machine is changed by hand") {
    const breaker orders =
        of(R"({"bulkhead": {"max_concurrent": 4}, "priority": {}, "rate_limit": {"rate": 10, "burst": 3}})");
    const fusewire::by ann{"ann", "load"};
    CHECK(*orders.try_set_min_priority(priority::low, ann) && !*orders.try_set_min_priority(priority::low));
    CHECK(*orders.try_set_slots(fusewire::slots{2, {}}.reserve(priority::critical, 1), ann));
    CHECK(*orders.try_set_rate(20, ann) && !*orders.try_set_rate(20));
    CHECK(orders.try_set_limit(3).error()->key() == "concurrency_limit");
    CHECK(orders.try_set_slots(fusewire::slots{0, {}}).error()->key() == "max_concurrent");
    const auto snapshot = orders.snapshot();
    CHECK(snapshot.slots() == 2u && snapshot.slots_reserved(priority::critical) == 1);
    CHECK(*snapshot.rate() > 19.5 && *snapshot.rate() < 20.5 && snapshot.rate_available() == 3u);
    CHECK(*of(R"({"concurrency_limit": {}})").try_set_limit(7));
}

TEST("a breaker that was closed for good stays so") {
    const breaker orders = of("{}");
    CHECK(*orders.try_close_for_good({"ann"}) && !*orders.try_close_for_good());
    CHECK(orders.try_reset());
    CHECK(orders.try_call([] { return 1; }).rejection()->reason() == reason::closed);
}

#if FUSEWIRE_HAS_EXCEPTIONS
TEST("the forms that throw do the same, and throw what is wrong") {
    const breaker orders = of(one_slot);
    CHECK(orders.call_with(request{priority::high}, [] { return 7; }) == 7);
    {
        const auto taken = orders.acquire(request{priority::low});
        try {
            orders.call_with({}, [] {});
            CHECK(false);
        } catch (const fusewire::rejected& why) {
            CHECK(why.reason() == reason::bulkhead_full && why.breaker() == "orders");
        }
        try {
            (void)orders.acquire_wait({}, 0ns);
            CHECK(false);
        } catch (const fusewire::error& why) {
            CHECK(why.status() == status::timed_out);
        }
    }
    CHECK(orders.acquire_wait().is_pending());
    try {
        (void)orders.acquire(request{priority::low, 0});
        CHECK(false);
    } catch (const fusewire::error& why) {
        CHECK(why.key() == "cost" && why.status() == status::invalid_value);
    }
    CHECK(fusewire::parse_priority("high") == priority::high);
    CHECK(orders.set_slots({3, {}}) && orders.close_for_good());
    const breaker others = of(R"({"rate_limit": {}, "priority": {}, "concurrency_limit": {}})");
    CHECK(others.set_rate(3) && others.set_min_priority(priority::high) && others.set_limit(4));
}
#endif
