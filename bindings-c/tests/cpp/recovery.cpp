// Calls that are made step by step, hedges, caches and features.

#include "check.hpp"

#include <fusewire.hpp>

using namespace std::chrono_literals;
using fusewire::breaker;
using fusewire::ending;
using fusewire::outcome;
using fusewire::priority;
using fusewire::request;
using fusewire::rung_kind;
using fusewire::status;
using fusewire::step_kind;

static breaker of(const char* document, const fusewire::manual_clock& clock) {
    fusewire::options how;
    how.document = document;
    how.clock = &clock;
    auto built = breaker::try_create("orders", how);
    CHECK(built);
    return *std::move(built);
}

static const char fixed[] = R"({"timeout": "2s", "fallback": ["breaker:mirror", "empty"],
    "retry": {"max_attempts": 2, "backoff": {"kind": "fixed", "base": "100ms", "jitter": 0}}})";

TEST("a call is tried again after its wait, and then answered by a rung") {
    fusewire::manual_clock clock;
    const breaker orders = of(fixed, clock);
    auto call = orders.try_begin();
    CHECK(call && call->try_next()->kind() == step_kind::call && call->try_next()->timeout() == 2s);
    CHECK(call->failure("connection_reset") == status::ok && call->failure("connection_reset") == status::wrong_step);
    const auto pause = call->try_next();
    CHECK(pause->kind() == step_kind::wait && pause->wait() == 100ms && !pause->outcome() && !pause->rejection());
    clock.advance(100ms);
    CHECK(call->try_next()->attempt() == 2);
    CHECK(call->settle(ending{outcome::failure, "odd", 503, {}, 20ms}) == status::ok);
    auto rung = call->try_next();
    CHECK(rung->kind() == step_kind::use && rung->rung() == "breaker:mirror" && rung->rung_kind() == rung_kind::breaker);
    CHECK(call->answered(false) == status::ok && call->try_next()->rung_kind() == rung_kind::named);
    CHECK(call->answered(true) == status::ok && call->answered(true) == status::wrong_step);
    const auto done = call->try_next();
    CHECK(done->kind() == step_kind::done && done->outcome() == outcome::success && done->rung() == "empty");
    CHECK(done->error_type() == "odd" && done->attempt() == 2 && orders.snapshot().failures() == 2);
}

TEST("attempts that are dropped or assigned to give their call up, and move with it") {
    fusewire::manual_clock clock;
    const breaker orders = of(R"({"bulkhead": {"max_concurrent": 1}})", clock);
    {
        auto call = orders.try_begin();
        CHECK(call->try_next()->kind() == step_kind::call);
        fusewire::attempts moved = *std::move(call);
        CHECK(call->try_next().status() == status::not_begun && call->success() == status::not_begun);
        CHECK(moved.try_next()->attempt() == 1 && orders.snapshot().slots_taken(priority::normal) == 1);
        auto other = orders.try_begin();
        moved = *std::move(other);
        CHECK(orders.snapshot().slots_taken(priority::normal) == 0);
        CHECK(moved.try_next_wait(0ns)->kind() == step_kind::call);
    }
    CHECK(orders.snapshot().slots_taken(priority::normal) == 0 && orders.snapshot().ignored() == 2);
}

TEST("a request tells method, deadline, key and feature") {
    fusewire::manual_clock clock;
    const breaker orders = of(fixed, clock);
    request asked;
    asked.method = "POST";
    asked.deadline = 500ms;
    auto call = orders.try_begin(asked);
    CHECK(call->try_next()->timeout() == 500ms);
    CHECK(call->settle(ending{outcome::failure, "timeout", 0, {}, {}, true}) == status::ok);
    CHECK(call->try_next()->outcome() == outcome::failure);
    asked.method = "GET";
    asked.once = true;
    auto only = orders.try_begin(asked);
    CHECK(only->try_next() && only->settle(ending{outcome::failure, "timeout", 0, {}, {}, true}) == status::ok &&
          only->try_next()->kind() == step_kind::done);
    asked.feature = "search";
    CHECK(orders.try_begin(asked).error()->key() == "feature" && orders.try_acquire(asked).error()->key() == "feature");
    asked.feature = std::string_view("a\0b", 3);
    CHECK(orders.try_begin(asked).status() == status::invalid_value);
    CHECK(orders.try_acquire(asked).status() == status::invalid_value);
    CHECK(orders.try_acquire()->timeout() == 2s && orders.snapshot().timeout() == 2s);
    CHECK(orders.snapshot().retry_budget() == 10u);
}

TEST("a call that is turned away says why") {
    fusewire::manual_clock clock;
    const breaker orders = of("{}", clock);
    CHECK(orders.try_trip());
    auto call = orders.try_begin();
    const auto done = call->try_next();
    CHECK(done->kind() == step_kind::done && !done->outcome());
    CHECK(done->rejection()->reason() == fusewire::reason::open && done->rejection()->retry_after() == 60s);
}

TEST("a hedge that answers first is the attempt from there on") {
    fusewire::manual_clock clock;
    const breaker orders = of(R"({"hedge": {"after": "50ms"}})", clock);
    auto call = orders.try_begin();
    CHECK(!call->hedge_after() && !call->hedge() && call->try_next()->kind() == step_kind::call);
    CHECK(call->hedge_after() == 50ms);
    clock.advance(50ms);
    auto hedge = call->hedge();
    CHECK(hedge && call->hedge_won(*hedge) == status::ok && !hedge->is_pending());
    CHECK(call->success() == status::ok && orders.snapshot().success() == 1 && orders.snapshot().ignored() == 1);
}

TEST("a first attempt that fails while a hedge goes on is a failure whoever answers") {
    fusewire::manual_clock clock;
    const breaker orders = of(R"({"hedge": {"after": "50ms"}, "retry": {"on": []}})", clock);
    auto call = orders.try_begin();
    CHECK(call->try_next()->kind() == step_kind::call);
    clock.advance(50ms);
    auto hedge = call->hedge();
    const ending timed_out{outcome::failure, "timeout", 0, {}, {}, true};
    CHECK(hedge && call->primary_failed(ending{outcome::success}) == status::invalid_value);
    CHECK(call->primary_failed(timed_out) == status::ok && orders.snapshot().failures() == 1);
    CHECK(call->primary_failed(timed_out) == status::wrong_step && !call->hedge_after());
    CHECK(call->hedge_won(*hedge) == status::ok && call->success() == status::ok);
    CHECK(orders.snapshot().success() == 1 && orders.snapshot().failures() == 1 && orders.snapshot().ignored() == 0);
}

TEST("answers lie where the breaker says, and calls of a key are made as one") {
    fusewire::manual_clock clock;
    const breaker orders = of(R"({"cache": {"mode": "read_through", "coalesce": true}})", clock);
    CHECK(!orders.cache_fresh("a"));
    const auto kept = orders.cache_store("a");
    CHECK(kept && !kept->replaces && orders.cache_fresh("a")->version == kept->version);
    clock.advance(300s);
    CHECK(!orders.cache_fresh("a") && orders.cache_any("a")->at == kept->at);
    const auto leader = orders.flight_join("a"), other = orders.flight_join("a", priority::low);
    CHECK(leader->leads && !other->leads);
    CHECK(orders.flight_land(leader->ticket) == std::vector<std::uint64_t>{other->ticket});
    CHECK(orders.flight_leave(leader->ticket).empty());
    CHECK(orders.cache_store("b") && orders.cache_vacant().places.empty() && orders.cache_vacant().end == 2);
    CHECK(orders.try_reconfigure(R"({"cache": {"max_entries": 1}})") && orders.cache_vacant().places.size() == 1);
    CHECK(orders.try_reconfigure("{}") && orders.cache_vacant().end == 0);
}

TEST("a feature is read by its name") {
    fusewire::manual_clock clock;
    const breaker orders = of(R"({"features": {"search": {}}})", clock);
    CHECK(orders.try_feature("search")->state == fusewire::feature_state::enabled);
    CHECK(!orders.try_feature("search")->health && orders.try_feature("cart").error()->key() == "feature");
    CHECK(to_string(fusewire::feature_state::testing) == "testing");
    CHECK(orders.try_set_utilisation(0.5) && orders.try_set_utilisation(2).error()->key() == "utilisation");
}

#if FUSEWIRE_HAS_EXCEPTIONS
TEST("the forms that throw do the same, step by step") {
    fusewire::manual_clock clock;
    const breaker orders = of(fixed, clock);
    auto call = orders.begin();
    CHECK(call.next().kind() == step_kind::call && call.next_wait(0ns).attempt() == 1);
    CHECK(call.abandon() == status::ok);
    try {
        (void)call.next();
        CHECK(false);
    } catch (const fusewire::error& why) {
        CHECK(why.status() == status::not_begun);
    }
    orders.set_utilisation(1);
}
#endif
