// How a breaker is built, what is refused, and what is done by hand and read.

#include "check.hpp"

#include <fusewire.hpp>

#include <thread>

using namespace std::chrono_literals;
using fusewire::breaker;
using fusewire::options;
using fusewire::status;
using fusewire::window;

static bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST("options are the keys of the document") {
    options how;
    how.document = R"({"backoff": {"kind": "linear"}, "failure_threshold": 9})";
    how.half_open_max_calls = 4;
    how.success_threshold = 2;
    how.recovery_timeout = 1500ms;
    how.slow_call_duration = 20ms;
    how.mode = fusewire::mode::shadow;
    how.failure_threshold = 7;
    const auto orders = breaker::try_create("orders", how);
    CHECK(orders);
    const std::string document = orders->document();
    for (const char* part : {R"("kind":"linear")", R"("failure_threshold":7)", R"("half_open_max_calls":4)",
                             R"("success_threshold":2)", "1500", R"("mode":"shadow")"}) {
        CHECK(holds(document, part));
    }
}

TEST("a window judges by rates") {
    fusewire::manual_clock clock;
    options how;
    how.clock = &clock;
    how.slow_call_duration = 1s;
    how.window = window{window::kind::count, 10, {}, 4, 0.5, 0.75};
    const auto orders = breaker::try_create("orders", how);
    CHECK(orders && orders->snapshot().window_total() == 0 && !orders->snapshot().window_failure_rate());
    CHECK(!orders->snapshot().consecutive_failures());
    for (int i = 0; i < 3; i++) {
        CHECK(orders->try_acquire()->settle(fusewire::outcome::success, 1s) == status::ok);
    }
    CHECK(orders->state() == fusewire::state::closed);
    orders->record(fusewire::outcome::success);
    CHECK(orders->state() == fusewire::state::open);
    CHECK(orders->snapshot().last()->cause == fusewire::cause::slow_call_rate);
    CHECK(orders->snapshot().window_slow_call_rate() == 0.75 && orders->snapshot().window_slow() == 3);

    how.window = window{window::kind::adaptive, {}, 30s, {}, {}, {}};
    CHECK(breaker::try_create("orders", how)->snapshot().window_baseline() == 0.01);
    how.window = window{{}, {}, {}, 4, {}, {}};
    how.document = R"({"window": {"kind": "time", "period": "30s"}})";
    const std::string document = breaker::try_create("orders", how)->document();
    CHECK(holds(document, R"("kind":"time")") && holds(document, R"("min_calls":4)"));
}

// What the library refuses of a value that was written, in its words.
static void refused(const options& how, std::string_view key, std::string_view value) {
    const auto built = breaker::try_create("orders", how);
    CHECK(built.status() == status::config && built.rejection() == nullptr);
    CHECK(built.error()->key() == key);
    CHECK(built.error()->value() == value);
    CHECK(!built.error()->allowed().empty());
    CHECK(holds(built.error()->what(), key) && built.error()->message() == built.error()->what());
}

template <class Value>
static void refused(std::optional<Value> options::*field, Value written, std::string_view key, std::string_view value) {
    options how;
    how.document = R"({"ramp": {}})";
    how.*field = written;
    refused(how, key, value);
}

TEST("what is out of range is refused, what is 0 or negative too") {
    refused<std::uint32_t>(&options::failure_threshold, 0, "failure_threshold", "0");
    refused<std::uint32_t>(&options::failure_threshold, 2'000'000, "failure_threshold", "2000000");
    refused<std::uint32_t>(&options::half_open_max_calls, 0, "half_open_max_calls", "0");
    refused<std::uint32_t>(&options::success_threshold, 0, "success_threshold", "0");
    refused<std::chrono::nanoseconds>(&options::recovery_timeout, 0ns, "recovery_timeout", "\"0ns\"");
    refused<std::chrono::nanoseconds>(&options::recovery_timeout, -5ns, "recovery_timeout", "\"-5ns\"");
    refused<std::chrono::nanoseconds>(&options::slow_call_duration, 1ns, "slow_call_duration", "\"1ns\"");

    options how;
    for (const auto kind : {window::kind::count, window::kind::time, window::kind::adaptive}) {
        how.window = window{kind, {}, {}, 0, {}, {}};
        refused(how, "window.min_calls", "0");
        how.window = window{kind, {}, {}, {}, 0.0, {}};
        refused(how, "window.failure_rate", "0");
        how.window = window{kind, {}, {}, {}, -0.5, {}};
        refused(how, "window.failure_rate", "-0.5");
    }
    how.window = window{window::kind::count, 0, {}, {}, {}, {}};
    refused(how, "window.size", "0");
    how.window = window{window::kind::time, {}, 0s, {}, {}, {}};
    refused(how, "window.period", "\"0ns\"");
}

TEST("a wrong name or document is refused") {
    CHECK(breaker::try_create("").status() == status::name);
    CHECK(breaker::try_create("a\nb").status() == status::name);
    CHECK(breaker::try_create("\xff").status() == status::not_utf8);
    const auto cut = breaker::try_create(std::string_view("a\0b", 3));
    CHECK(cut.status() == status::invalid_value && !cut.error()->message().empty());
    options how;
    how.document = std::string_view("{}\0", 3);
    CHECK(breaker::try_create("orders", how).status() == status::invalid_value);
    how.document = R"({"failure_treshold": 3})";
    refused(how, "failure_treshold", "3");
    const std::string longest(255, 'n');
    CHECK(breaker::try_create(longest)->name() == longest);
    CHECK(breaker::try_create(longest + "n").status() == status::name);
    const std::string long_document = "{" + std::string(5000, ' ') + "}";
    how.document = long_document;
    CHECK(breaker::try_create("orders", how));
}

TEST("a breaker goes through its states, and tells of it") {
    fusewire::manual_clock clock;
    options how;
    how.failure_threshold = 2;
    how.recovery_timeout = 10s;
    how.half_open_max_calls = 1;
    how.clock = &clock;
    const breaker orders = *breaker::try_create("orders", how);
    const fusewire::subscription events = *orders.try_subscribe(2);
    CHECK(events.wait_for(0ns) == status::timed_out && !events.next());

    clock.advance(1s);
    orders.record(fusewire::outcome::failure);
    CHECK(orders.snapshot().consecutive_failures() == 1 && !orders.snapshot().last());
    orders.record(fusewire::outcome::failure, "io");
    CHECK(orders.snapshot().retry_after() == 10s && orders.snapshot().opened() == 1);
    clock.set(11s);
    CHECK(orders.state() == fusewire::state::half_open);
    CHECK(orders.snapshot().stored_state() == fusewire::state::open);
    orders.poll();
    CHECK(orders.snapshot().stored_state() == fusewire::state::half_open);
    auto probe = orders.try_acquire();
    CHECK(orders.snapshot().half_open_in_flight() == 1);
    CHECK(orders.try_acquire().rejection()->reason() == fusewire::reason::half_open_full);
    CHECK(probe->success() == status::ok && orders.state() == fusewire::state::closed);

    CHECK(events.wait() == status::ok && events.missed() == 1);
    const auto first = events.next();
    CHECK(first && first->generation == 1 && first->breaker == "orders" && first->at == 1s);
    CHECK(first->from == fusewire::state::closed && first->to == fusewire::state::open);
    CHECK(first->cause == fusewire::cause::failure_threshold && first->failures == 2 && !first->actor && !first->reason);
    CHECK(first->mode == fusewire::mode::automatic);
    CHECK(events.next()->cause == fusewire::cause::recovery_timeout && !events.next());
}

TEST("by hand it is told who did it and why") {
    const breaker orders = *breaker::try_create("orders");
    const fusewire::subscription events = *orders.try_subscribe();
    CHECK(orders.try_trip(30s, {"ann", "maintenance"}));
    CHECK(orders.snapshot().retry_after() > 0s && orders.snapshot().retry_after() <= 30s);
    CHECK(orders.try_half_open({"ann"}) && orders.try_reset());
    CHECK(*events.next()->actor == "ann" && *events.next()->actor == "ann" && !events.next()->reason);

    const auto wrong = orders.try_trip(0s);
    CHECK(wrong.status() == status::config && !wrong.error()->allowed().empty());
    CHECK(orders.try_trip(std::nullopt, {"\xff"}).status() == status::not_utf8);
    CHECK(orders.try_reset({std::string_view("a\0b", 3)}).status() == status::invalid_value);
    CHECK(orders.try_set_mode(static_cast<fusewire::mode>(9)).status() == status::invalid_value);
    CHECK(!events.next());
}

TEST("new rules are swapped in") {
    const breaker orders = *breaker::try_create("orders");
    CHECK(*orders.try_reconfigure(R"({"failure_threshold": 1})", {"ann", "tighter"}));
    CHECK(!*orders.try_reconfigure(R"({"failure_threshold": 1})"));
    const auto wrong = orders.try_reconfigure("{");
    CHECK(wrong.status() == status::config);
    orders.record(fusewire::outcome::failure);
    CHECK(orders.state() == fusewire::state::open);
}

TEST("a thread waits for events until it is let go") {
    const breaker orders = *breaker::try_create("orders");
    const fusewire::subscription events = *orders.try_subscribe();
    CHECK(orders.try_subscribe(0).status() == status::invalid_value);
    int seen = 0;
    std::thread reader([&] {
        while (events.wait() == status::ok) {
            while (events.next()) seen++;
        }
    });
    CHECK(orders.try_trip() && orders.try_reset());
    events.close();
    reader.join();
    CHECK(seen == 2 && events.wait() == status::subscription_closed);
}

TEST("a registry has one breaker of a name") {
    fusewire::manual_clock clock;
    const auto services = fusewire::registry::try_create(&clock, {1ms, 1s});
    CHECK(services);
    options how;
    how.failure_threshold = 1;
    const auto orders = services->try_get_or_create("orders", how);
    CHECK(orders && *services->try_get_or_create("orders", how) == *orders && *services->find("orders") == *orders);
    const auto conflict = services->try_get_or_create("orders");
    CHECK(conflict.status() == status::conflict);
    CHECK(holds(std::string(conflict.error()->allowed()), R"("failure_threshold":1)"));
    CHECK(!services->find("none") && !services->find(std::string_view("a\0b", 3)));

    orders->record(fusewire::outcome::failure, "io");
    CHECK(orders->snapshot().retry_after() == 60s);
    CHECK(services->try_get_or_create("accounts") && services->size() == 2);
    const auto all = services->breakers();
    CHECK(all.size() == 2 && all[0].name() == "accounts" && all[1] == *orders);
    CHECK(holds(services->metrics(), "service=\"orders\",error_type=\"io\"") && holds(services->metrics(), "# EOF"));
    CHECK(holds(std::string(fusewire::metrics_content_type()), "openmetrics"));

    CHECK(*services->try_reconfigure("orders", R"({"failure_threshold": 2})"));
    CHECK(services->try_reconfigure("none", "{}").status() == status::unknown_breaker);
    CHECK(holds(services->snapshots_json(), "\"accounts\""));
    CHECK(services->remove("orders") && !services->remove("orders") && services->size() == 1);
    CHECK(orders->name() == "orders");
    CHECK(fusewire::registry::try_create(nullptr, {2s, 1s}).status() == status::config);
}

TEST("a plain registry works, and can be moved") {
    fusewire::registry first;
    CHECK(first.try_get_or_create("orders"));
    const fusewire::registry second = std::move(first);
    CHECK(second.size() == 1 && first.size() == 0 && first.metrics().empty());
    CHECK(first.try_get_or_create("orders").status() == status::null_argument);
}
