// What is there with exceptions and without them: the forms that give values.

#include "check.hpp"

#include <fusewire.hpp>

#include <cstring>
#include <memory>
#include <thread>

using namespace std::chrono_literals;
using fusewire::breaker;
using fusewire::options;
using fusewire::outcome;
using fusewire::permit;
using fusewire::status;

static breaker made(const options& how) {
    auto built = breaker::try_create("orders", how);
    CHECK(built);
    return *std::move(built);
}

static breaker opens_after(std::uint32_t failures, const fusewire::manual_clock* clock = nullptr) {
    options how;
    how.failure_threshold = failures;
    how.recovery_timeout = 10s;
    how.clock = clock;
    return made(how);
}

static_assert(!std::is_copy_constructible_v<permit> && !std::is_copy_assignable_v<permit>);
static_assert(std::is_nothrow_move_constructible_v<permit> && std::is_nothrow_move_assignable_v<permit>);
static_assert(std::is_nothrow_copy_constructible_v<breaker> && std::is_nothrow_move_constructible_v<breaker>);
static_assert(std::is_nothrow_copy_constructible_v<fusewire::error>);
static_assert(std::is_nothrow_copy_constructible_v<fusewire::rejected>);
static_assert(!std::is_copy_constructible_v<fusewire::registry> && std::is_nothrow_move_constructible_v<fusewire::registry>);

TEST("a call gives its answer and counts as a success") {
    const breaker orders = opens_after(3);
    const auto answer = orders.try_call([] { return 42; });
    CHECK(answer && *answer == 42 && answer.status() == status::ok);
    CHECK(orders.try_call([] {}));
    CHECK(orders.snapshot().success() == 2);
}

TEST("answers that only move, and references, come through") {
    const breaker orders = opens_after(3);
    auto owned = orders.try_call([] { return std::make_unique<int>(7); });
    CHECK(owned && **owned == 7);
    const std::unique_ptr<int> taken = std::move(owned).value();
    CHECK(*taken == 7);

    int place = 1;
    const auto same = orders.try_call([&]() -> int& { return place; });
    CHECK(same && &same->get() == &place);
}

struct counter {
    int count = 0;
    int operator()() { return ++count; }
};

TEST("any callable can be called, where it is and as it is") {
    const breaker orders = opens_after(3);
    counter counts;
    CHECK(*orders.try_call(counts) == 1 && counts.count == 1);
    CHECK(*orders.try_call(counter{4}) == 5);
    CHECK(*orders.try_call(&std::rand) >= 0);
    CHECK(**orders.try_call([owned = std::make_unique<int>(3)]() mutable { return std::move(owned); }) == 3);
}

TEST("a call that is turned away has not run, and says why and until when") {
    fusewire::manual_clock clock;
    const breaker orders = opens_after(1, &clock);
    CHECK(orders.try_acquire()->failure("io") == status::ok);

    bool has_run = false;
    const auto answer = orders.try_call([&] { return has_run = true; });
    CHECK(!answer && !has_run && answer.status() == status::rejected);
    CHECK(answer.rejection() != nullptr && answer.error() == nullptr);
    CHECK(answer.rejection()->reason() == fusewire::reason::open);
    CHECK(answer.rejection()->retry_after() == 10s);
    CHECK(answer.value_or(true));
    CHECK(orders.message(*answer.rejection()).find("orders") != std::string::npos);
    CHECK(orders.last_failure(*answer.rejection())->error_type == "io");

    clock.advance(4s);
    CHECK(orders.try_acquire().rejection()->retry_after() == 6s);
    CHECK(orders.snapshot().rejected() == 2 && orders.snapshot().rejected(fusewire::reason::open) == 2);
}

TEST("a rejection without a time says nothing of one") {
    const breaker orders = opens_after(1);
    CHECK(orders.try_set_mode(fusewire::mode::forced_open));
    CHECK(orders.try_acquire().rejection()->reason() == fusewire::reason::forced_open);
    CHECK(!orders.try_acquire().rejection()->retry_after());
}

TEST("an answer that holds an error is a failure") {
    const breaker orders = opens_after(100);
    CHECK(orders.try_call([] { return std::error_code(); }));
    CHECK(orders.try_call([] { return std::make_error_code(std::errc::timed_out); }));
    CHECK(orders.snapshot().failures() == 1);

    const breaker inner = opens_after(1);
    CHECK(inner.try_trip());
    const fusewire::result<int> answer = orders.try_call([&] { return inner.try_call([] { return 1; }); });
    CHECK(answer.status() == status::rejected);
    CHECK(orders.snapshot().failures() == 2 && orders.snapshot().success() == 1);
}

TEST("a rule says what an answer is") {
    const breaker orders = opens_after(100);
    const auto by_status = fusewire::on_result([](int code) -> fusewire::verdict {
        if (code == 404) return outcome::ignored;
        if (code >= 500) return {outcome::failure, "http_" + std::to_string(code)};
        return outcome::success;
    });
    for (const int code : {200, 404, 503, 500}) CHECK(*orders.try_call([=] { return code; }, by_status) == code);
    const fusewire::snapshot seen = orders.snapshot();
    CHECK(seen.success() == 1 && seen.ignored() == 1 && seen.failures() == 2);
    CHECK(seen.last_failure()->error_type == "http_500");
}

TEST("a rule's odd words do not lose the outcome") {
    const breaker orders = opens_after(100);
    const auto answers = [&](fusewire::verdict by) {
        CHECK(orders.try_call([] { return 1; }, fusewire::on_result([&](int) { return by; })));
    };
    answers({outcome::failure, "\xff"});
    answers({outcome::failure, std::string("a\0b", 3)});
    CHECK(orders.snapshot().failures() == 2 && orders.snapshot().last_failure()->error_type == "a");
    answers(static_cast<outcome>(77));
    CHECK(orders.snapshot().ignored() == 1);
}

TEST("a permit settles once, in each of its ways") {
    const breaker orders = opens_after(100);
    auto settled = orders.try_acquire();
    CHECK(settled->is_pending() && settled->success() == status::ok && !settled->is_pending());
    CHECK(settled->success() == status::already_settled && settled->failure() == status::already_settled);
    CHECK(orders.try_acquire()->ignore() == status::ok);
    CHECK(orders.try_acquire()->abandon() == status::ok);
    CHECK(orders.try_acquire()->settle(outcome::failure, 5ms, "io") == status::ok);
    CHECK(orders.record(outcome::failure, "dns") == status::ok);
    const fusewire::snapshot seen = orders.snapshot();
    CHECK(seen.success() == 1 && seen.ignored() == 2 && seen.failures() == 2);
}

TEST("a failure of any type is counted, no outcome is none") {
    const breaker orders = opens_after(100);
    auto given = orders.try_acquire();
    CHECK(given->settle(static_cast<outcome>(9), std::nullopt) == status::invalid_value && given->is_pending());
    CHECK(given->failure("a\xff") == status::ok);
    CHECK(orders.snapshot().last_failure()->error_type == "a\xef\xbf\xbd");
    const std::string_view part = std::string_view("timeout and more").substr(0, 7);
    CHECK(orders.try_acquire()->failure(part) == status::ok);
    CHECK(orders.snapshot().last_failure()->error_type == "timeout");
    CHECK(orders.try_acquire()->failure(std::string(1000, 'x')) == status::ok);
    CHECK(orders.snapshot().last_failure()->error_type == std::string(64, 'x'));
}

TEST("a dropped permit is ignored, and a failure when its call lasted too long") {
    fusewire::manual_clock clock;
    options how;
    how.document = R"({"cancelled_after": "2s"})";
    how.clock = &clock;
    const breaker orders = made(how);
    { const auto dropped = orders.try_acquire(); }
    CHECK(orders.snapshot().ignored() == 1);
    {
        const auto dropped = orders.try_acquire();
        clock.advance(2s);
    }
    CHECK(orders.snapshot().failures() == 1 && orders.snapshot().last_failure()->error_type == "timeout");
    CHECK(orders.snapshot().last_failure()->at == 2s);
}

TEST("a permit that moves is settled by who has it") {
    const breaker orders = opens_after(100);
    permit first = *orders.try_acquire();
    permit second = std::move(first);
    CHECK(!first.is_pending() && first.success() == status::invalid_permit);
    std::thread([&, third = std::move(second)]() mutable { CHECK(third.success() == status::ok); }).join();
    CHECK(orders.snapshot().success() == 1 && orders.snapshot().ignored() == 0);

    permit fourth = *orders.try_acquire();
    fourth = *orders.try_acquire();
    CHECK(orders.snapshot().ignored() == 1);
    permit& itself = fourth;
    fourth = std::move(itself);
    CHECK(fourth.is_pending() && fourth.success() == status::ok);
}

TEST("a copy is another handle of the same breaker, which outlives the first") {
    auto first = std::make_unique<breaker>(opens_after(1));
    breaker second = *first;
    CHECK(second == *first && second.get() != first->get());
    first.reset();
    CHECK(second.name() == "orders" && second.try_call([] { return 1; }));
    breaker other = opens_after(1);
    CHECK(second != other);
    other = second;
    CHECK(second == other);
    const breaker& itself = other;
    other = itself;
    CHECK(second == other);
}

TEST("a permit outlives a move of its breaker") {
    breaker first = opens_after(100);
    auto given = first.try_acquire();
    const breaker second = std::move(first);
    CHECK(given->success() == status::ok && second.snapshot().success() == 1);
}

TEST("what was moved from says so") {
    breaker first = opens_after(1);
    const breaker second = std::move(first);
    CHECK(first.try_acquire().status() == status::null_argument);
    CHECK(first.try_call([] { return 1; }).status() == status::null_argument);
    CHECK(first.try_trip().status() == status::null_argument);
    CHECK(first.try_subscribe().status() == status::null_argument);
    CHECK(first.record(outcome::success) == status::null_argument);
    CHECK(first.name().empty() && first.snapshot_json().empty() && to_string(first.state()) == "unknown");
    first = second;
    CHECK(first == second);
}

TEST("shadow marks what it would reject") {
    const breaker orders = opens_after(1);
    CHECK(orders.try_set_mode(fusewire::mode::shadow, {"operator", "trial"}) && orders.try_trip());
    auto given = orders.try_acquire();
    CHECK(given->would_reject() == fusewire::reason::open);
    CHECK(given->success() == status::ok && !given->would_reject());
    CHECK(orders.snapshot().would_reject() == 1 && orders.mode() == fusewire::mode::shadow);
}

TEST("names are the library's") {
    CHECK(to_string(fusewire::state::half_open) == "half_open");
    CHECK(to_string(fusewire::mode::automatic) == "auto");
    CHECK(to_string(outcome::ignored) == "ignored");
    CHECK(to_string(fusewire::reason::half_open_full) == "half_open_full");
    CHECK(to_string(fusewire::cause::probe_failed) == "probe_failed");
    CHECK(to_string(fusewire::cause::none) == "none" && to_string(static_cast<fusewire::state>(9)) == "unknown");
    CHECK(!to_string(status::already_settled).empty() && is_error(status::name) && !is_error(status::late));
    CHECK(fusewire::version() == FUSEWIRE_VERSION && fusewire::is_served());
    CHECK(fusewire::schema().find("failure_threshold") != std::string::npos);
}
