// See mixed_plain.cpp.

#include "check.hpp"

#include <fusewire.hpp>

int calls_plainly(const fusewire::breaker& orders, int (*function)());

static int answers() { return 4; }
static int fails() { throw 4; }

int main() {
    const fusewire::breaker orders("orders");
    CHECK(calls_plainly(orders, answers) == 4 && orders.try_call(answers).value() == 4);
    int caught = 0;
    try {
        (void)orders.try_call(&fails);
    } catch (int number) {
        caught = number;
    }
    CHECK(caught == 4 && orders.snapshot().failures() == 1 && orders.snapshot().success() == 2);
    orders.trip();
    CHECK(calls_plainly(orders, answers) == -1);
}
